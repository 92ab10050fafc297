"""Tasks as the REST door writes them in JSON, given their records. `tasks` of the codec calls this.

The fields are those of `task_wire`, in the same order.
"""

from collections.abc import Sequence
from functools import lru_cache

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.artifact_json import IO_TYPES, artifacts_json, producer_json
from server.apis.kfp.codec.history import error_message
from server.apis.kfp.codec.task_wire import DESCRIBED_CHARACTERS, DESCRIPTIONS_KEPT, shown_columns
from server.well_known.json_text import entries, enum_names, moment, quoted, value
from storage.documents import enums, histories, parameters
from storage.documents.parameters import NO_VALUE
from storage.documents.plain import Plain, integer_of
from storage.documents.tasks import StatusMetadata, TypeAttributes, read_pods
from storage.model import ChildTask, LinkedArtifact, Task

_STATES = enum_names(run_pb2.PipelineTask.TaskState)
_TYPES = enum_names(run_pb2.PipelineTask.TaskType)
_POD_TYPES = enum_names(run_pb2.PipelineTask.TaskPodType)


class NoJson(Exception):
    """A task has what only a message can be made of: details of an error."""


def task_json(task: Task, artifacts: Sequence[LinkedArtifact], children: Sequence[ChildTask], *, basic: bool) -> str:
    """Return a PipelineTask as clients see it. Raises NoJson, and ValueError for what JSON cannot express."""
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
    inputs, outputs = artifacts_json(artifacts) if artifacts and not basic else ([], [])
    fields = [
        f'"name":{quoted(name)}' if name else "",
        f'"display_name":{quoted(display_name)}' if display_name else "",
        f'"task_id":{quoted(id)}' if id else "",
        f'"run_id":{quoted(run_id)}' if run_id else "",
        "" if pods is None else _pods(pods),
        f'"cache_fingerprint":{quoted(fingerprint)}' if fingerprint else "",
        f'"create_time":{moment(created_at)}' if created_at > 0 else "",
        f'"end_time":{moment(finished_at)}' if finished_at is not None and finished_at > 0 else "",
        f'"state":{_STATES[state]}' if state else "",
        "" if status is None else _status(status),
        "" if history is None else _history(history),
        f'"type":{_TYPES[type]}' if type else "",
        "" if attributes is None else _attributes(attributes),
        "" if parent_id is None else f'"parent_task_id":{quoted(parent_id)}',
        _children(children) if children else "",
        f'"inputs":{_values("" if basic else input_parameters, inputs)}',
        f'"outputs":{_values("" if basic else output_parameters, outputs)}',
        f'"scope_path":{quoted(scope_path)}' if scope_path else "",
    ]
    return _object(fields)


def _object(fields: Sequence[str]) -> str:
    return f"{{{','.join(filter(None, fields))}}}"


def _list(name: str, items: Sequence[str]) -> str:
    return f'"{name}":[{",".join(items)}]' if items else ""


def _values(text: str | None, artifacts: Sequence[str]) -> str:
    """Return inputs or outputs."""
    return _object([_list("parameters", _parameters(text)) if text else "", _list("artifacts", artifacts)])


def _parameters(text: str) -> Sequence[str]:
    pieces = []
    describe = _known_description if len(text) <= DESCRIBED_CHARACTERS else _description
    for parameter in parameters.read_from_text(text):
        plain, producer = parameter.value, parameter.producer
        if producer is None:
            rest = describe(parameter.type, parameter.key, None, None)
        else:
            rest = describe(parameter.type, parameter.key, producer.task_name, producer.iteration)
        if plain is NO_VALUE:
            pieces.append(f"{{{rest}}}")
        else:
            pieces.append(f'{{"value":{value(plain)},{rest}}}' if rest else f'{{"value":{value(plain)}}}')
    return pieces


def _description(type: str | int, key: str, task_name: str | None, iteration: str | int | None) -> str:
    """Return all fields of a parameter but its value, given as they are stored; those of many tasks are the same."""
    number = enums.IO_TYPES.number_of(type)
    return _object(
        [
            f'"type":{IO_TYPES[number]}' if number else "",
            f'"parameter_key":{quoted(key)}' if key else "",
            "" if task_name is None else f'"producer":{producer_json(task_name, integer_of(iteration))}',
        ]
    )[1:-1]


_known_description = lru_cache(DESCRIPTIONS_KEPT)(_description)


def _pods(text: str) -> str:
    pieces = []
    for pod in read_pods(text):
        number = enums.POD_TYPES.number_of(pod.type)
        type = f'"type":{_POD_TYPES[number]}' if number else ""
        name, uid = pod.name, pod.uid
        pieces.append(_object([f'"name":{quoted(name)}' if name else "", f'"uid":{quoted(uid)}' if uid else "", type]))
    return _list("pods", pieces)


def _status(text: str) -> str:
    stored = StatusMetadata.from_text(text)
    if stored is None:
        return ""
    message, properties = stored.message, stored.custom_properties
    fields = [
        f'"message":{quoted(message)}' if message else "",
        f'"custom_properties":{entries(properties)}' if properties else "",
    ]
    return f'"status_metadata":{_object(fields)}'


def _history(text: str) -> str:
    pieces = []
    for state, time, error in histories.read_from_text(text, enums.TASK_STATES):
        fields = [
            "" if time is None else f'"update_time":{moment(time)}',
            f'"state":{_STATES[state]}' if state else "",
            "" if error is None else f'"error":{_error(error)}',
        ]
        pieces.append(_object(fields))
    return _list("state_history", pieces)


def _error(error: dict[str, Plain]) -> str:
    status = error_message(error)
    if status.details:
        raise NoJson
    code, message = status.code, status.message
    return _object([f'"code":{code}' if code else "", f'"message":{quoted(message)}' if message else ""])


def _attributes(text: str) -> str:
    stored = TypeAttributes.from_text(text)
    if stored is None:
        return ""
    index, count, download = stored.iteration_index, stored.iteration_count, stored.download_to_workspace
    fields = [
        "" if index is None else f'"iteration_index":"{index}"',
        "" if count is None else f'"iteration_count":"{count}"',
        "" if download is None else f'"download_to_workspace":{value(download)}',
    ]
    return f'"type_attributes":{_object(fields)}'


def _children(children: Sequence[ChildTask]) -> str:
    return _list(
        "child_tasks",
        [
            _object(
                [
                    f'"task_id":{quoted(child.id)}' if child.id else "",
                    f'"name":{quoted(child.name)}' if child.name else "",
                ]
            )
            for child in children
        ],
    )
