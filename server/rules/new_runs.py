"""CreateRun: required fields of a new run, the values it starts with, and storing it. Nothing is executed."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from server.errors import NotFound
from server.rules import checks
from server.rules.field_limits import MAX_BYTES, MAX_CHARACTERS
from server.rules.runs import append_state
from server.rules.unusable import UnusableValue, check_enum, optional_column
from storage.contract import ReadTx, WriteTx
from storage.documents.runs import plugins_to_text
from storage.errors import AlreadyExists
from storage.ids import new_id
from storage.model import PipelineVersion, Run, RunState, StorageState, default_experiment

PLUGIN_COUNT = 32
PLUGIN_BYTES = 64 * 1024
PLUGIN_DEPTH = 16

_PLUGINS = "run.plugins_input"
_STORAGE_STATES = frozenset(state.value for state in StorageState)
_RECURRING = uuid.UUID("6d0c2f0e-6a53-4c1b-9d5e-2f8b5f3a7c41")  # what ids of runs of recurring runs are derived from


class VersionReference(NamedTuple):
    """The pipeline version that a new run names, or the pipeline whose latest version it is to have."""

    pipeline_id: str = ""
    pipeline_version_id: str = ""


class NewRun(NamedTuple):
    """What a client says of a new run; what is empty or None was not sent.

    A version is named by its id alone or by a reference, never by both.
    """

    run_id: str = ""
    experiment_id: str = ""
    display_name: str = ""
    description: str = ""
    service_account: str = ""
    recurring_run_id: str = ""
    storage_state: int = 0
    pipeline_version_id: str | None = None
    version_reference: VersionReference | None = None
    has_plugins_output: bool = False

    @property
    def version(self) -> VersionReference | None:
        """The version that is named, in either form."""
        if self.pipeline_version_id is not None:
            return VersionReference(pipeline_version_id=self.pipeline_version_id)
        return self.version_reference

    def check(self) -> None:
        """Raise InvalidArgument or UnusableValue for what is missing, too long or unknown.

        Raises NotFound for what cannot be the id of an experiment.
        """
        checks.require(self.display_name, "run.display_name is required")
        checks.require(not self.has_plugins_output, "run.plugins_output is for the server to set")
        checks.max_characters("run.display_name", self.display_name, MAX_CHARACTERS["Run.display_name"])
        checks.max_bytes("run.run_id", self.run_id, MAX_BYTES["Run.run_id"])
        checks.max_bytes("run.recurring_run_id", self.recurring_run_id, MAX_BYTES["Run.recurring_run_id"])
        checks.max_characters("run.service_account", self.service_account, MAX_CHARACTERS["Run.service_account"])
        checks.max_bytes("run.description", self.description, checks.TEXT_BYTES)
        check_enum("run.storage_state", self.storage_state, _STORAGE_STATES)
        checks.no_nul("run.experiment_id", self.experiment_id)
        checks.no_nul("run.pipeline_version_id", self.pipeline_version_id or "")
        if self.version_reference is not None:
            for name, id in self.version_reference._asdict().items():
                checks.no_nul(f"run.pipeline_version_reference.{name}", id)
        if self.experiment_id:
            checks.known_id("experiment", self.experiment_id)

    def check_version(self) -> None:
        """Raise InvalidArgument when a version is named without any id, or with one that is too long."""
        version = self.version
        if version is None:
            return
        checks.require(any(version), "the pipeline version reference names neither a pipeline nor a version")
        for name, id in version._asdict().items():
            limit = MAX_BYTES[f"PipelineVersionReference.{name}"]
            checks.max_bytes("run.pipeline_version_reference", id, limit)


class RunStart(NamedTuple):
    """When a new run is to start and has ended, None for times not sent, and the JSON texts it is started with, as stored."""

    scheduled_at: int | None = None
    finished_at: int | None = None
    runtime_config: str | None = None
    plugins_input: str | None = None
    pipeline_spec: str | None = None


def check_plugin_count(count: int) -> None:
    """Raise UnusableValue for settings of more plugins than PLUGIN_COUNT."""
    if count > PLUGIN_COUNT:
        raise UnusableValue(f"{_PLUGINS} has more than {PLUGIN_COUNT} plugins")


def plugins_input_text(plugins: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the settings of plugins as they are stored, or None if there are none.

    Raises UnusableValue over PLUGIN_BYTES bytes or PLUGIN_DEPTH levels, and for a value that cannot be stored.
    """
    if any(_depth(settings) > PLUGIN_DEPTH for settings in plugins.values()):
        raise UnusableValue(f"{_PLUGINS} is nested more than {PLUGIN_DEPTH} levels deep")
    text = optional_column(plugins_to_text(plugins), _PLUGINS)
    if text is not None and len(text.encode()) > PLUGIN_BYTES:
        raise UnusableValue(f"{_PLUGINS} is larger than {PLUGIN_BYTES} bytes")
    return text


def new_run(new: NewRun, start: RunStart, *, run_id: str, service_account: str, now: int) -> Run:
    """Return the record of a new run, PENDING; the id and the service account are those of runs that bring none."""
    pipeline_id, pipeline_version_id = new.version or VersionReference()
    is_archived = new.storage_state == StorageState.ARCHIVED
    return Run(
        id=new.run_id or _recurring_run_id(new) or run_id,
        experiment_id=new.experiment_id,
        display_name=new.display_name,
        description=new.description,
        created_at=now,
        scheduled_at=start.scheduled_at or now,
        finished_at=start.finished_at,
        updated_at=now,
        storage_state=(StorageState.ARCHIVED if is_archived else StorageState.AVAILABLE).name,
        state=RunState.PENDING.name,
        state_history=append_state("[]", RunState.PENDING.name, now),
        service_account=new.service_account or service_account,
        recurring_run_id=new.recurring_run_id,
        pipeline_id=pipeline_id,
        pipeline_version_id=pipeline_version_id,
        runtime_config=start.runtime_config,
        plugins_input=start.plugins_input,
        pipeline_spec=start.pipeline_spec,
    )


async def keep_run(tx: WriteTx, run: Run, *, namespace: str) -> Run:
    """Store a new run, in the default experiment of the namespace when it names none; return it as it is stored.

    The run that a recurring run made under this name before is returned instead. Raises RowNotFound and AlreadyExists.
    """
    experiment_id = run.experiment_id or await tx.experiments.ensure_default(
        replace(default_experiment(new_id(), created_at=run.created_at), namespace=namespace)
    )
    experiment = await tx.experiments.get(experiment_id)
    earlier_run = await _earlier_run(tx, run)
    if earlier_run is not None:
        return earlier_run
    new = replace(run, experiment_id=experiment.id, namespace=experiment.namespace)
    try:
        await tx.runs.create(new)
    except AlreadyExists:
        earlier_run = await _earlier_run(tx, run)
        if earlier_run is None:
            raise
        return earlier_run
    return new


async def known_before(tx: ReadTx, run: Run) -> Run | None:
    """Return the run that keep_run would return instead of a new one; raises RowNotFound for an unknown experiment.

    Both are reported before anything about the version that a run names.
    """
    if run.experiment_id:
        await tx.experiments.get(run.experiment_id)
    return await _earlier_run(tx, run)


def with_version(run: Run, version: PipelineVersion) -> Run:
    """Return a new run with the specification of its version: the run owns its copy, whatever becomes of the version."""
    return replace(
        run,
        pipeline_id=version.pipeline_id,
        pipeline_version_id=version.id,
        pipeline_spec=version.pipeline_spec,
    )


async def version_of(tx: ReadTx, run: Run) -> PipelineVersion:
    """Return the version that a new run names, itself or by its pipeline. Raises NotFound, RowNotFound and InvalidArgument."""
    if run.pipeline_version_id:
        version = await tx.pipeline_versions.get(run.pipeline_version_id)
        is_consistent = run.pipeline_id in ("", version.pipeline_id)
        checks.require(is_consistent, f"pipeline version {version.id!r} is not of pipeline {run.pipeline_id!r}")
        return version
    latest = await tx.pipeline_versions.find_latest(run.pipeline_id)
    if latest is None:
        raise NotFound(f"pipeline {run.pipeline_id!r} has no version")
    return latest


async def _earlier_run(tx: ReadTx, run: Run) -> Run | None:
    """Return the run that a recurring run made under this name before, if any."""
    if not run.recurring_run_id:
        return None
    return await tx.runs.find_recurring(run.recurring_run_id, run.display_name)


def _recurring_run_id(new: NewRun) -> str:
    """Return the id of a run of a recurring run, empty for others: two calls that start one at once must meet in one id."""
    if not new.recurring_run_id:
        return ""
    return str(uuid.uuid5(_RECURRING, f"{len(new.recurring_run_id)}:{new.recurring_run_id}{new.display_name}"))


def _depth(plain: object) -> int:
    if isinstance(plain, dict):
        return 1 + max(map(_depth, plain.values()), default=0)
    if isinstance(plain, list):
        return 1 + max(map(_depth, plain), default=0)
    return 0
