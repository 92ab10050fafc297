"""Tasks: request → record (create and update, by the rules of CreateTask and UpdateTask) and record → PipelineTask.

Services call this. Where an enum field of a message is written, the message is Any: the wire takes every number, the
stubs only the names known today.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lineal.v2beta1 import run_pb2

from server.codec.grouping import add_artifacts
from server.codec.history import add_history, append_state, history_text, plain_history
from server.codec.json_columns import column_text, enum_name, enum_of, integer_of, json_list, json_object, text_of
from server.codec.parameters import add_parameters, merge_parameters, parameters_text
from server.codec.times import microseconds, set_time
from server.codec.unusable import check_text
from server.codec.values import plain_values, set_values
from storage.digests import logical_key
from storage.model import ChildTask, LinkedArtifact, Task

_STATE_NUMBERS = dict(run_pb2.PipelineTask.TaskState.items())
_STATE_NAMES = {number: name for name, number in _STATE_NUMBERS.items()}
_TYPE_NAMES = {number: name for name, number in run_pb2.PipelineTask.TaskType.items()}
_POD_TYPE_NUMBERS = dict(run_pb2.PipelineTask.TaskPodType.items())
_POD_TYPE_NAMES = {number: name for name, number in _POD_TYPE_NUMBERS.items()}


def task_message(
    task: Task, *, artifacts: Sequence[LinkedArtifact] = (), children: Sequence[ChildTask] = (), basic: bool = False
) -> run_pb2.PipelineTask:
    """Return a task as clients see it, with the artifacts linked to it and its children, in their order.

    inputs and outputs are always present; basic leaves them empty.
    """
    message: Any = run_pb2.PipelineTask(
        name=task.name,
        display_name=task.display_name,
        task_id=task.id,
        run_id=task.run_id,
        cache_fingerprint=task.cache_fingerprint,
        parent_task_id=task.parent_task_id,
        scope_path=task.scope_path,
    )
    message.state = task.state
    message.type = task.type
    if task.created_at > 0:
        set_time(message.create_time, task.created_at)
    if task.finished_at is not None and task.finished_at > 0:
        set_time(message.end_time, task.finished_at)
    _add_pods(message.pods, task.pods)
    _set_status_metadata(message, task.status_metadata)
    if task.state_history is not None:
        add_history(message.state_history, task.state_history, numbers=_STATE_NUMBERS)
    _set_type_attributes(message, task.type_attributes)
    for child in children:
        message.child_tasks.add(task_id=child.id, name=child.name)
    message.inputs.SetInParent()
    message.outputs.SetInParent()
    if not basic:
        add_parameters(message.inputs.parameters, task.input_parameters)
        add_parameters(message.outputs.parameters, task.output_parameters)
        if artifacts:
            add_artifacts(message, artifacts)
    return message  # type: ignore[no-any-return]


def task_from_request(task: run_pb2.PipelineTask, *, task_id: str, run_id: str, namespace: str, now: int) -> Task:
    """Return the record that CreateTask makes of a request. Raises UnusableValue for what cannot be kept."""
    _check_scalars(task)
    state, names = task.state, _STATE_NAMES
    has_create_time = task.HasField("create_time") and task.create_time.seconds != 0
    parent_task_id = task.parent_task_id or None
    history = append_state(
        plain_history(task.state_history, "task.state_history", names=names),
        state,
        now=now,
        names=names,
        numbers=_STATE_NUMBERS,
    )
    return Task(
        id=task_id,
        run_id=run_id,
        namespace=namespace,
        created_at=microseconds(task.create_time, "task.create_time") if has_create_time else now,
        updated_at=now,
        started_at=None if has_create_time else now,
        finished_at=_end_time(task),
        parent_task_id=parent_task_id,
        name=task.name,
        display_name=task.display_name,
        type=task.type,
        state=state,
        cache_fingerprint=task.cache_fingerprint,
        scope_path=task.scope_path,
        logical_key=logical_key(
            run_id=run_id,
            parent_task_id=parent_task_id,
            scope_path=task.scope_path,
            name=task.name,
            type=task.type,
            iteration_index=(
                task.type_attributes.iteration_index if task.type_attributes.HasField("iteration_index") else None
            ),
        ),
        pods=_pods_text(task),
        status_metadata=_status_metadata_text(task),
        state_history=history_text(history, "task.state_history"),
        type_attributes=_type_attributes_text(task),
        input_parameters=parameters_text(task.inputs.parameters, "task.inputs.parameters"),
        output_parameters=parameters_text(task.outputs.parameters, "task.outputs.parameters"),
    )


def merge_task(task: Task, update: run_pb2.PipelineTask, now: int) -> Task:
    """Return the record after UpdateTask: what the update leaves empty stays, parameters are merged, the history grows.

    Raises UnusableValue for what cannot be kept.
    """
    _check_scalars(update)
    finished_at = _end_time(update)
    history = json_list(task.state_history)
    new_history = append_state(history, update.state, now=now, names=_STATE_NAMES, numbers=_STATE_NUMBERS)
    return replace(
        task,
        updated_at=now,
        name=update.name or task.name,
        display_name=update.display_name or task.display_name,
        cache_fingerprint=update.cache_fingerprint or task.cache_fingerprint,
        parent_task_id=(update.parent_task_id or None if update.HasField("parent_task_id") else task.parent_task_id),
        state=update.state or task.state,
        state_history=(
            task.state_history if new_history is history else history_text(new_history, "task.state_history")
        ),
        type=update.type or task.type,
        finished_at=task.finished_at if finished_at is None else finished_at,
        pods=_pods_text(update) or task.pods,
        status_metadata=_status_metadata_text(update) or task.status_metadata,
        type_attributes=_type_attributes_text(update) or task.type_attributes,
        input_parameters=merge_parameters(
            task.input_parameters, update.inputs.parameters, field="task.inputs.parameters"
        ),
        output_parameters=merge_parameters(
            task.output_parameters, update.outputs.parameters, field="task.outputs.parameters"
        ),
    )


def append_task_state(history: str | None, state: int, now: int) -> str | None:
    """Return a stored history of a task with {now, state} at its end, unless state is 0 or that of the last entry."""
    entries = json_list(history)
    new_entries = append_state(entries, state, now=now, names=_STATE_NAMES, numbers=_STATE_NUMBERS)
    return history if new_entries is entries else history_text(new_entries, "task.state_history")


def _check_scalars(task: run_pb2.PipelineTask) -> None:
    check_text("task.name", task.name)
    check_text("task.display_name", task.display_name)
    check_text("task.cache_fingerprint", task.cache_fingerprint)
    check_text("task.scope_path", task.scope_path)
    check_text("task.parent_task_id", task.parent_task_id)
    enum_name(task.state, _STATE_NAMES, field="task.state")
    enum_name(task.type, _TYPE_NAMES, field="task.type")


def _end_time(task: run_pb2.PipelineTask) -> int | None:
    if not task.HasField("end_time") or task.end_time.seconds == 0:
        return None
    return microseconds(task.end_time, "task.end_time")


def _pods_text(task: run_pb2.PipelineTask) -> str | None:
    if not task.pods:
        return None
    pods = []
    for pod in task.pods:
        plain = {name: text for name, text in (("name", pod.name), ("uid", pod.uid)) if text}
        if pod.type:
            plain["type"] = enum_name(pod.type, _POD_TYPE_NAMES, field="task.pods.type")
        pods.append(plain)
    return column_text(pods, "task.pods")


def _add_pods(target: Any, text: str | None) -> None:
    if text is None:
        return
    for entry in json_list(text):
        pod = target.add()
        pod.name = text_of(entry.get("name"))
        pod.uid = text_of(entry.get("uid"))
        pod.type = enum_of(entry.get("type"), _POD_TYPE_NUMBERS)


def _status_metadata_text(task: run_pb2.PipelineTask) -> str | None:
    if not task.HasField("status_metadata"):
        return None
    plain: dict[str, Any] = {}
    if task.status_metadata.message:
        plain["message"] = task.status_metadata.message
    if task.status_metadata.custom_properties:
        plain["customProperties"] = plain_values(
            task.status_metadata.custom_properties, "task.status_metadata.custom_properties"
        )
    return column_text(plain, "task.status_metadata")


def _set_status_metadata(message: run_pb2.PipelineTask, text: str | None) -> None:
    plain = json_object(text)
    if plain is None:
        return
    message.status_metadata.message = text_of(plain.get("message"))
    properties = plain.get("customProperties")
    if isinstance(properties, dict):
        set_values(message.status_metadata.custom_properties, properties)


def _type_attributes_text(task: run_pb2.PipelineTask) -> str | None:
    if not task.HasField("type_attributes"):
        return None
    attributes = task.type_attributes
    plain: dict[str, Any] = {}
    if attributes.HasField("iteration_index"):
        plain["iterationIndex"] = str(attributes.iteration_index)
    if attributes.HasField("iteration_count"):
        plain["iterationCount"] = str(attributes.iteration_count)
    if attributes.HasField("download_to_workspace"):
        plain["downloadToWorkspace"] = attributes.download_to_workspace
    return column_text(plain, "task.type_attributes")


def _set_type_attributes(message: run_pb2.PipelineTask, text: str | None) -> None:
    plain = json_object(text)
    if plain is None:
        return
    attributes = message.type_attributes
    attributes.SetInParent()
    iteration_index, iteration_count = integer_of(plain.get("iterationIndex")), integer_of(plain.get("iterationCount"))
    if iteration_index is not None:
        attributes.iteration_index = iteration_index
    if iteration_count is not None:
        attributes.iteration_count = iteration_count
    if isinstance(plain.get("downloadToWorkspace"), bool):
        attributes.download_to_workspace = plain["downloadToWorkspace"]
