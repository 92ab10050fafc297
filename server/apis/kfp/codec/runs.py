"""Runs: request → NewRun and RunStart, and record → Run. Services call this.

Which view shows what is decided by the services; this module only leaves out what it is told to.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.history import add_history
from server.calls.apart import APART_BYTES, written_apart
from server.calls.fragments import Fragments
from server.calls.listings import size_of
from server.rules.new_runs import NewRun, RunStart, VersionReference, check_plugin_count, plugins_input_text
from server.rules.unusable import column, optional_column
from server.well_known.times import microseconds, set_time
from server.well_known.values import plain_values, set_struct, set_values
from storage.documents import enums
from storage.documents.plain import compact, object_of
from storage.documents.runs import RuntimeConfig, plugins_from_text
from storage.model import Run

RUN_SIZE = size_of("pipeline_spec", "runtime_config", "plugins_input", "state_history", "description")
"""Returns the size of what can be large in a run."""

_specs = Fragments[bytes](3 / 16)
"""Specifications of pipelines, serialized, by their column: the runs of a pipeline have the same."""

_SPEC = "run.pipeline_spec"
_STATE_NUMBERS = dict(run_pb2.RuntimeState.items())
_STORAGE_STATE_NUMBERS = dict(run_pb2.Run.StorageState.items())


def run_message(
    run: Run,
    target: run_pb2.Run | None = None,
    *,
    with_spec: bool,
    with_settings: bool = True,
    task_count: int | None = None,
) -> run_pb2.Run:
    """Return a run as clients see it; an unfinished one has finished at the epoch.

    with_spec shows the stored pipeline spec of a run from a pipeline version, which otherwise only names the version;
    without settings neither pipeline_spec nor runtime_config is shown.
    """
    message: Any = basic_run_message(run, target, task_count=task_count)
    message.description = run.description
    message.service_account = run.service_account
    from_version = bool(run.pipeline_id or run.pipeline_version_id)
    if with_settings:
        if run.pipeline_spec is not None and (with_spec or not from_version):
            _set_spec(message, run.pipeline_spec)
        _set_runtime_config(message, run.runtime_config)
    add_history(message.state_history, run.state_history, enums.RUN_STATES)
    for name, settings in plugins_from_text(run.plugins_input).items():
        set_struct(message.plugins_input[name], settings)
    return message  # type: ignore[no-any-return]


def write_run(
    run: Run,
    target: run_pb2.Run,
    *,
    with_spec: bool,
    with_settings: bool = True,
    task_count: int | None = None,
) -> Awaitable[None] | None:
    """Write a run as clients see it into an empty message; one that is large is written when the result is awaited."""
    if RUN_SIZE(run) > APART_BYTES:
        return written_apart(
            target, run_message, run, with_spec=with_spec, with_settings=with_settings, task_count=task_count
        )
    run_message(run, target, with_spec=with_spec, with_settings=with_settings, task_count=task_count)
    return None


def basic_run_message(run: Run, target: run_pb2.Run | None = None, *, task_count: int | None = None) -> run_pb2.Run:
    """Return the ids, names, states, times and the number of tasks of a run."""
    message: Any = run_pb2.Run() if target is None else target
    message.experiment_id = run.experiment_id
    message.run_id = run.id
    message.display_name = run.display_name
    message.recurring_run_id = run.recurring_run_id
    if task_count is not None:
        message.task_count = task_count
    message.storage_state = _STORAGE_STATE_NUMBERS.get(run.storage_state, 0)
    message.state = _STATE_NUMBERS.get(run.state, 0)
    set_time(message.created_at, run.created_at)
    set_time(message.scheduled_at, run.scheduled_at)
    set_time(message.finished_at, run.finished_at or 0)
    if run.pipeline_id or run.pipeline_version_id:
        message.pipeline_version_reference.pipeline_id = run.pipeline_id
        message.pipeline_version_reference.pipeline_version_id = run.pipeline_version_id
    return message  # type: ignore[no-any-return]


def new_run(run: run_pb2.Run) -> NewRun:
    """Return what CreateRun says of a run, but for what it is started with."""
    source = run.WhichOneof("pipeline_source")
    reference = run.pipeline_version_reference
    return NewRun(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        display_name=run.display_name,
        description=run.description,
        service_account=run.service_account,
        recurring_run_id=run.recurring_run_id,
        storage_state=run.storage_state,
        pipeline_version_id=run.pipeline_version_id if source == "pipeline_version_id" else None,
        version_reference=(
            VersionReference(reference.pipeline_id, reference.pipeline_version_id)
            if source == "pipeline_version_reference"
            else None
        ),
        has_plugins_output=bool(run.plugins_output),
    )


def pipeline_spec(run: run_pb2.Run) -> dict[str, Any] | None:
    """Return the pipeline_spec of a request, or None if there is none. Raises UnusableValue for a value that cannot be stored."""
    if run.WhichOneof("pipeline_source") != "pipeline_spec":
        return None
    return plain_values(run.pipeline_spec.fields, _SPEC)


def run_start(run: run_pb2.Run, spec: Mapping[str, Any] | None) -> RunStart:
    """Return what a run is started with, with its specification as `pipeline_spec` returns it.

    Raises UnusableValue for a value that cannot be stored.
    """
    return RunStart(
        scheduled_at=_time(run, "scheduled_at"),
        finished_at=_time(run, "finished_at"),
        runtime_config=_runtime_config_text(run),
        plugins_input=_plugins_input_text(run),
        pipeline_spec=_spec_text(spec),
    )


def _time(run: run_pb2.Run, field: str) -> int | None:
    time = getattr(run, field)
    return microseconds(time, f"run.{field}") if run.HasField(field) and time.seconds else None


def _runtime_config_text(run: run_pb2.Run) -> str | None:
    """Return the runtime_config as it is stored, None when parameters and root are empty."""
    config = run.runtime_config
    parameters = plain_values(config.parameters, "run.runtime_config.parameters")
    return optional_column(RuntimeConfig(parameters, config.pipeline_root).to_text(), "run.runtime_config")


def _plugins_input_text(run: run_pb2.Run) -> str | None:
    plugins = run.plugins_input
    if not plugins:
        return None
    check_plugin_count(len(plugins))
    return plugins_input_text(
        {name: plain_values(settings.fields, "run.plugins_input") for name, settings in plugins.items()}
    )


def _spec_text(spec: Mapping[str, Any] | None) -> str | None:
    """Return a specification as it is stored.

    A struct that holds a pipeline_spec and no platform_spec with anything in it is stored as the spec it holds, since
    that is what readers are given.
    """
    if spec is None:
        return None
    inner = spec.get("pipeline_spec")
    is_wrapped = isinstance(inner, dict) and not spec.get("platform_spec")
    return column(compact(inner if is_wrapped else spec), _SPEC)


def _set_spec(message: run_pb2.Run, text: str) -> None:
    data = _specs.get(text)
    if data is not None:
        message.pipeline_spec.SetInParent()  # it may be empty
        message.pipeline_spec.MergeFromString(data)
    elif (spec := object_of(text)) is not None:
        set_struct(message.pipeline_spec, spec)
        _specs.keep(text, message.pipeline_spec.SerializeToString())


def _set_runtime_config(message: run_pb2.Run, text: str | None) -> None:
    config = RuntimeConfig.from_text(text)
    if config is None:
        return
    message.runtime_config.pipeline_root = config.pipeline_root
    set_values(message.runtime_config.parameters, config.parameters)
