"""Tasks as wire texts (`server/well_known/wire`), given their records. `tasks` of the codec calls this."""

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.artifact_wire import artifacts_wire, producer_wire
from server.apis.kfp.codec.history import error_message
from server.well_known.wire import SIZES, entries, filled, moment, number, sized, tags, value, varint, written
from storage.documents import enums, histories, parameters
from storage.documents.parameters import NO_VALUE
from storage.documents.plain import integer_of
from storage.documents.tasks import StatusMetadata, TypeAttributes, read_pods
from storage.model import ChildTask, LinkedArtifact, Task

DESCRIPTIONS_KEPT = 1_024
DESCRIBED_CHARACTERS = 2_048
"""Of how long a column's parameters descriptions are kept: texts in it may have megabytes."""

_Task = run_pb2.PipelineTask

shown_columns = attrgetter(
    "id",
    "run_id",
    "parent_task_id",
    "name",
    "display_name",
    "type",
    "state",
    "created_at",
    "finished_at",
    "cache_fingerprint",
    "scope_path",
    "pods",
    "status_metadata",
    "state_history",
    "type_attributes",
    "input_parameters",
    "output_parameters",
)
"""Returns all columns of a task that are shown."""

_NAME, _DISPLAY_NAME, _ID, _RUN_ID, _FINGERPRINT, _PARENT_ID, _SCOPE_PATH = tags(
    _Task, "name", "display_name", "task_id", "run_id", "cache_fingerprint", "parent_task_id", "scope_path"
)
_PODS, _CREATED_AT, _ENDED_AT, _STATE, _STATUS, _HISTORY, _TYPE, _ATTRIBUTES, _CHILDREN, _INPUTS, _OUTPUTS = tags(
    _Task,
    "pods",
    "create_time",
    "end_time",
    "state",
    "status_metadata",
    "state_history",
    "type",
    "type_attributes",
    "child_tasks",
    "inputs",
    "outputs",
)
_POD_NAME, _POD_UID, _POD_TYPE = tags(_Task.TaskPod, "name", "uid", "type")
_MESSAGE, _PROPERTIES = tags(_Task.StatusMetadata, "message", "custom_properties")
_UPDATED_AT, _ENTRY_STATE, _ERROR = tags(_Task.TaskStatus, "update_time", "state", "error")
_INDEX, _COUNT, _DOWNLOAD = tags(_Task.TypeAttributes, "iteration_index", "iteration_count", "download_to_workspace")
_CHILD_ID, _CHILD_NAME = tags(_Task.ChildTask, "task_id", "name")
(_PARAMETERS,) = tags(_Task.InputOutputs, "parameters")
_VALUE, _IO_TYPE, _KEY, _PRODUCER = tags(_Task.InputOutputs.IOParameter, "value", "type", "parameter_key", "producer")


def task_wire(task: Task, artifacts: Sequence[LinkedArtifact], children: Sequence[ChildTask], *, basic: bool) -> str:
    """Return a PipelineTask as clients see it; with artifacts and children in their order."""
    (
        id,
        run_id,
        parent_id,
        name,
        display_name,
        type,
        state,
        created_at,
        finished_at,
        fingerprint,
        scope_path,
        pods,
        status,
        history,
        attributes,
        input_parameters,
        output_parameters,
    ) = shown_columns(task)
    inputs = outputs = ""
    if not basic:
        if artifacts:
            inputs, outputs = artifacts_wire(artifacts)
        if input_parameters is not None:
            inputs = _parameters(input_parameters) + inputs
        if output_parameters is not None:
            outputs = _parameters(output_parameters) + outputs
    return (
        f"{filled(_NAME, name)}{filled(_DISPLAY_NAME, display_name)}{filled(_ID, id)}{filled(_RUN_ID, run_id)}"
        f"{'' if pods is None else _pods(pods)}{filled(_FINGERPRINT, fingerprint)}"
        f"{sized(_CREATED_AT, moment(created_at)) if created_at > 0 else ''}"
        f"{sized(_ENDED_AT, moment(finished_at)) if finished_at is not None and finished_at > 0 else ''}"
        f"{number(_STATE, state)}{'' if status is None else _status(status)}"
        f"{'' if history is None else _history(history)}{number(_TYPE, type)}"
        f"{'' if attributes is None else _attributes(attributes)}"
        f"{'' if parent_id is None else written(_PARENT_ID, parent_id)}{_children(children) if children else ''}"
        f"{sized(_INPUTS, inputs)}{sized(_OUTPUTS, outputs)}{filled(_SCOPE_PATH, scope_path)}"
    )


def _parameters(text: str) -> str:
    pieces = []
    describe = _known_description if len(text) <= DESCRIBED_CHARACTERS else _description
    for parameter in parameters.read_from_text(text):
        plain, producer = parameter.value, parameter.producer
        if producer is None:
            rest = describe(parameter.type, parameter.key, None, None)
        else:
            rest = describe(parameter.type, parameter.key, producer.task_name, producer.iteration)
        content = rest if plain is NO_VALUE else f"{sized(_VALUE, value(plain))}{rest}"
        pieces.append(f"{_PARAMETERS}{SIZES[len(content)]}{content}")
    return "".join(pieces)


def _description(type: str | int, key: str, task_name: str | None, iteration: str | int | None) -> str:
    """Return all of a parameter but its value, given as it is stored; those of many tasks are the same."""
    producer = "" if task_name is None else sized(_PRODUCER, producer_wire(task_name, integer_of(iteration)))
    return f"{number(_IO_TYPE, enums.IO_TYPES.number_of(type))}{filled(_KEY, key)}{producer}"


_known_description = lru_cache(DESCRIPTIONS_KEPT)(_description)


def _pods(text: str) -> str:
    pieces = []
    for pod in read_pods(text):
        type = number(_POD_TYPE, enums.POD_TYPES.number_of(pod.type))
        pieces.append(sized(_PODS, f"{filled(_POD_NAME, pod.name)}{filled(_POD_UID, pod.uid)}{type}"))
    return "".join(pieces)


def _status(text: str) -> str:
    stored = StatusMetadata.from_text(text)
    if stored is None:
        return ""
    properties = entries(_PROPERTIES, stored.custom_properties) if stored.custom_properties else ""
    return sized(_STATUS, f"{filled(_MESSAGE, stored.message)}{properties}")


def _history(text: str) -> str:
    pieces = []
    for state, time, error in histories.read_from_text(text, enums.TASK_STATES):
        written_time = "" if time is None else sized(_UPDATED_AT, moment(time))
        written_error = (
            "" if error is None else sized(_ERROR, error_message(error).SerializeToString().decode("latin-1"))
        )
        pieces.append(sized(_HISTORY, f"{written_time}{number(_ENTRY_STATE, state)}{written_error}"))
    return "".join(pieces)


def _attributes(text: str) -> str:
    stored = TypeAttributes.from_text(text)
    if stored is None:
        return ""
    index, count, download = stored.iteration_index, stored.iteration_count, stored.download_to_workspace
    return sized(
        _ATTRIBUTES,
        f"{'' if index is None else _INDEX + varint(index)}{'' if count is None else _COUNT + varint(count)}"
        f"{'' if download is None else _DOWNLOAD + varint(download)}",
    )


def _children(children: Sequence[ChildTask]) -> str:
    return "".join(
        [sized(_CHILDREN, f"{filled(_CHILD_ID, child.id)}{filled(_CHILD_NAME, child.name)}") for child in children]
    )
