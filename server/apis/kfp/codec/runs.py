"""Runs: record → Run, and the stored texts of what a run is started with. Services call this.

Which view shows what is decided by the services; this module only leaves out what it is told to.
"""

from typing import Any

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.history import add_history
from server.rules.unusable import UnusableValue, check_text, column, optional_column
from server.well_known.times import set_time
from server.well_known.values import plain_values, set_struct, set_values
from storage.documents import enums
from storage.documents.plain import compact, object_of
from storage.documents.runs import RuntimeConfig, plugins_from_text, plugins_to_text
from storage.model import Run

PLUGIN_COUNT = 32
PLUGIN_BYTES = 64 * 1024
PLUGIN_DEPTH = 16

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
        spec = object_of(run.pipeline_spec) if with_spec or not from_version else None
        if spec is not None:
            set_struct(message.pipeline_spec, spec)
        _set_runtime_config(message, run.runtime_config)
    add_history(message.state_history, run.state_history, enums.RUN_STATES)
    for name, settings in plugins_from_text(run.plugins_input).items():
        set_struct(message.plugins_input[name], settings)
    return message  # type: ignore[no-any-return]


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


def runtime_config_text(run: run_pb2.Run) -> str | None:
    """Return the runtime_config of a request as it is kept, None when parameters and root are empty.

    Raises UnusableValue for what cannot be kept.
    """
    config = run.runtime_config
    parameters = plain_values(config.parameters, "run.runtime_config.parameters")
    return optional_column(RuntimeConfig(parameters, config.pipeline_root).to_text(), "run.runtime_config")


def pipeline_spec_text(run: run_pb2.Run) -> str | None:
    """Return the pipeline_spec of a request as it is kept, None when there is none.

    A struct that holds a pipeline_spec and no platform_spec with anything in it is kept as the spec it holds, since
    that is what readers are given. Raises UnusableValue for what cannot be kept.
    """
    if not run.HasField("pipeline_spec"):
        return None
    plain = plain_values(run.pipeline_spec.fields, "run.pipeline_spec")
    inner = plain.get("pipeline_spec")
    if isinstance(inner, dict) and not plain.get("platform_spec"):
        plain = inner
    return column(compact(plain), "run.pipeline_spec")


def plugins_input_text(run: run_pb2.Run) -> str | None:
    """Return the plugins_input of a request as it is kept, None when there is none.

    Raises UnusableValue over PLUGIN_COUNT plugins, PLUGIN_BYTES bytes or PLUGIN_DEPTH levels, and for what cannot be
    kept.
    """
    field = "run.plugins_input"
    if not run.plugins_input:
        return None
    if len(run.plugins_input) > PLUGIN_COUNT:
        raise UnusableValue(f"{field} has more than {PLUGIN_COUNT} plugins")
    plain = {name: plain_values(settings.fields, field) for name, settings in run.plugins_input.items()}
    if any(_depth(settings) > PLUGIN_DEPTH for settings in plain.values()):
        raise UnusableValue(f"{field} is nested more than {PLUGIN_DEPTH} levels deep")
    text = optional_column(plugins_to_text(plain), field)
    if text is not None and len(text.encode()) > PLUGIN_BYTES:
        raise UnusableValue(f"{field} is larger than {PLUGIN_BYTES} bytes")
    return text


def check_run_text(run: run_pb2.Run) -> None:
    """Raise UnusableValue when a text of a request that becomes a column of its own contains NUL."""
    check_text("run.run_id", run.run_id)
    check_text("run.experiment_id", run.experiment_id)
    check_text("run.display_name", run.display_name)
    check_text("run.description", run.description)
    check_text("run.service_account", run.service_account)
    check_text("run.recurring_run_id", run.recurring_run_id)
    check_text("run.pipeline_version_id", run.pipeline_version_id)
    check_text("run.pipeline_version_reference.pipeline_id", run.pipeline_version_reference.pipeline_id)
    check_text("run.pipeline_version_reference.pipeline_version_id", run.pipeline_version_reference.pipeline_version_id)


def _set_runtime_config(message: run_pb2.Run, text: str | None) -> None:
    config = RuntimeConfig.from_text(text)
    if config is None:
        return
    message.runtime_config.pipeline_root = config.pipeline_root
    set_values(message.runtime_config.parameters, config.parameters)


def _depth(plain: object) -> int:
    if isinstance(plain, dict):
        return 1 + max(map(_depth, plain.values()), default=0)
    if isinstance(plain, list):
        return 1 + max(map(_depth, plain), default=0)
    return 0
