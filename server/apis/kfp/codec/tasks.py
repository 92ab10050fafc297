"""Tasks: PipelineTask of a request → TaskUpdate, and record → PipelineTask. Services call this.

Where an enum field of a message is written, the message is Any: the wire takes every number, the stubs only the names
known today.
"""

import marshal
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.artifacts import add_artifacts, linked_columns
from server.apis.kfp.codec.enums import TASK_POD_TYPES, TASK_STATES, TASK_TYPES
from server.apis.kfp.codec.history import add_history, entries_from_request
from server.apis.kfp.codec.parameters import add_parameters, parameters_from_request
from server.calls.apart import APART_BYTES, written_apart
from server.calls.fragments import Fragments
from server.calls.listings import size_of
from server.rules.checks import no_nul
from server.rules.linked_tasks import LinkedTasks
from server.rules.tasks import TaskTexts, TaskUpdate
from server.rules.unusable import check_enum
from server.well_known.times import microseconds, set_time
from server.well_known.values import plain_values, set_values
from storage.documents import enums
from storage.documents.tasks import Pod, StatusMetadata, TypeAttributes, pods_from_text
from storage.model import ChildTask, LinkedArtifact, Task
from storage.slices import in_turn

_MARSHAL_VERSION = (
    2  # later ones write a text that is there twice in another way; here -0.0 is not 0.0, which it equals
)

_columns = attrgetter(
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

_tasks = Fragments[bytes](3 / 8)
"""Tasks with their artifacts as they were shown, serialized, by all columns that are shown."""

_parameters = Fragments[bytes](1 / 16)
"""Inputs or outputs with parameters alone, serialized, by their column: tasks change more often than their parameters."""

TASK_SIZE = size_of(
    "pods", "status_metadata", "state_history", "type_attributes", "input_parameters", "output_parameters"
)
"""Returns the size of what can be large in a task."""


def task_message(
    task: Task,
    target: run_pb2.PipelineTask | None = None,
    *,
    artifacts: Sequence[LinkedArtifact] = (),
    children: Sequence[ChildTask] = (),
    basic: bool = False,
) -> run_pb2.PipelineTask:
    """Return a task as clients see it, with the artifacts linked to it and its children, in their order.

    inputs and outputs are always present; basic leaves them empty.
    """
    message = run_pb2.PipelineTask() if target is None else target
    shown = () if basic else artifacts
    content = shown_content(task, shown, basic=basic)
    data = _tasks.get(content)
    if data is not None:
        message.MergeFromString(data)
    else:
        _write(task, message, shown, basic=basic)
        _tasks.keep(content, message.SerializeToString())
    for child in children:
        message.child_tasks.add(task_id=child.id, name=child.name)
    return message


def shown_content(task: Task, artifacts: Sequence[LinkedArtifact], *, basic: bool) -> bytes:
    """Return all that a task is shown as but for its children: equal rows have equal bytes, whichever process read them."""
    content: Any = (basic, _columns(task), *map(linked_columns, artifacts))
    try:
        return marshal.dumps(content, _MARSHAL_VERSION)
    except ValueError:  # a number has the class of an enum, as in a record that was made here
        return repr(content).encode()


def _write(task: Task, message: Any, artifacts: Sequence[LinkedArtifact], *, basic: bool) -> None:
    message.name = task.name
    message.display_name = task.display_name
    message.task_id = task.id
    message.run_id = task.run_id
    message.cache_fingerprint = task.cache_fingerprint
    message.scope_path = task.scope_path
    if task.parent_task_id is not None:
        message.parent_task_id = task.parent_task_id
    message.state = task.state
    message.type = task.type
    if task.created_at > 0:
        set_time(message.create_time, task.created_at)
    if task.finished_at is not None and task.finished_at > 0:
        set_time(message.end_time, task.finished_at)
    if task.pods is not None:
        _add_pods(message.pods, task.pods)
    if task.status_metadata is not None:
        _set_status_metadata(message, task.status_metadata)
    if task.state_history is not None:
        add_history(message.state_history, task.state_history, enums.TASK_STATES)
    if task.type_attributes is not None:
        _set_type_attributes(message, task.type_attributes)
    message.inputs.SetInParent()
    message.outputs.SetInParent()
    if not basic:
        _add_parameters(message.inputs, task.input_parameters)
        _add_parameters(message.outputs, task.output_parameters)
        if artifacts:
            add_artifacts(message, artifacts)


def _add_parameters(target: run_pb2.PipelineTask.InputOutputs, text: str | None) -> None:
    """Write stored parameters into empty inputs or outputs."""
    if text is None:
        return
    data = _parameters.get(text)
    if data is not None:
        target.MergeFromString(data)
    else:
        add_parameters(target.parameters, text)
        _parameters.keep(text, target.SerializeToString())


def task_size(task: Task, links: Sequence[LinkedArtifact]) -> int:
    """Return the size of what can be large in a task and its artifacts."""
    size = TASK_SIZE(task)
    for linked in links:
        size += len(linked.artifact.metadata or "")
    return size


def largest_metadata(links: Sequence[LinkedArtifact]) -> int:
    """Return the size of the metadata of the artifact that has most."""
    return max((len(linked.artifact.metadata or "") for linked in links), default=0)


def write_task(
    task: Task,
    target: run_pb2.PipelineTask,
    *,
    artifacts: Sequence[LinkedArtifact] = (),
    children: Sequence[ChildTask] = (),
    basic: bool = False,
) -> Awaitable[None] | None:
    """Write a task as clients see it into an empty message; one that is large is written when the result is awaited."""
    if task_size(task, artifacts) > APART_BYTES:
        return written_apart(target, task_message, task, artifacts=artifacts, children=children, basic=basic)
    task_message(task, target, artifacts=artifacts, children=children, basic=basic)
    return None


async def write_tasks(
    tasks: LinkedTasks, target_of: Callable[[Task], run_pb2.PipelineTask], *, basic: bool = False
) -> None:
    """Write tasks as clients see them, each with its own artifacts and children; basic leaves inputs and outputs empty.

    `target_of` returns the empty message of a task. It is called for one task after the other, in their order.
    """

    def write(linked: tuple[Task, Sequence[LinkedArtifact], Sequence[ChildTask]]) -> Awaitable[None] | None:
        task, links, children = linked
        return write_task(task, target_of(task), artifacts=links, children=children, basic=basic)

    await in_turn(tasks.each(), write)


def task_texts(task: run_pb2.PipelineTask) -> TaskTexts:
    """Return the texts of a task that are checked before the rest of it is read."""
    return TaskTexts(
        task_id=task.task_id,
        run_id=task.run_id,
        name=task.name,
        display_name=task.display_name,
        cache_fingerprint=task.cache_fingerprint,
        scope_path=task.scope_path,
        input_keys=[parameter.parameter_key for parameter in task.inputs.parameters],
        output_keys=[parameter.parameter_key for parameter in task.outputs.parameters],
    )


def new_task(task: run_pb2.PipelineTask) -> TaskUpdate:
    """Return what CreateTask takes of a request. Raises UnusableValue for a value that cannot be stored."""
    return _task_update(
        task,
        created_at=(
            microseconds(task.create_time, "task.create_time")
            if task.HasField("create_time") and task.create_time.seconds != 0
            else None
        ),
        state_history=entries_from_request(task.state_history, "task.state_history", TASK_STATES),
    )


def task_update(task: run_pb2.PipelineTask) -> TaskUpdate:
    """Return what UpdateTask takes of a request. Raises UnusableValue for a value that cannot be stored."""
    return _task_update(task)


def _task_update(task: run_pb2.PipelineTask, **only_new: Any) -> TaskUpdate:
    no_nul("task.parent_task_id", task.parent_task_id)
    check_enum("task.state", task.state, TASK_STATES)
    check_enum("task.type", task.type, TASK_TYPES)
    return TaskUpdate(
        name=task.name,
        display_name=task.display_name,
        cache_fingerprint=task.cache_fingerprint,
        scope_path=task.scope_path,
        parent_task_id=task.parent_task_id if task.HasField("parent_task_id") else None,
        type=task.type,
        state=task.state,
        finished_at=(
            microseconds(task.end_time, "task.end_time")
            if task.HasField("end_time") and task.end_time.seconds != 0
            else None
        ),
        pods=_pods(task),
        status_metadata=_status_metadata(task),
        type_attributes=_type_attributes(task),
        input_parameters=parameters_from_request(task.inputs.parameters, "task.inputs.parameters"),
        output_parameters=parameters_from_request(task.outputs.parameters, "task.outputs.parameters"),
        **only_new,
    )


def _pods(task: run_pb2.PipelineTask) -> Sequence[Pod]:
    for pod in task.pods:
        check_enum("task.pods.type", pod.type, TASK_POD_TYPES)
    return [Pod(pod.name, pod.uid, pod.type) for pod in task.pods]


def _add_pods(target: Any, text: str) -> None:
    for stored in pods_from_text(text):
        pod = target.add()
        pod.name = stored.name
        pod.uid = stored.uid
        pod.type = stored.type


def _status_metadata(task: run_pb2.PipelineTask) -> StatusMetadata | None:
    if not task.HasField("status_metadata"):
        return None
    metadata = task.status_metadata
    return StatusMetadata(
        metadata.message, plain_values(metadata.custom_properties, "task.status_metadata.custom_properties")
    )


def _set_status_metadata(message: run_pb2.PipelineTask, text: str) -> None:
    stored = StatusMetadata.from_text(text)
    if stored is None:
        return
    message.status_metadata.message = stored.message
    if stored.custom_properties:
        set_values(message.status_metadata.custom_properties, stored.custom_properties)


def _type_attributes(task: run_pb2.PipelineTask) -> TypeAttributes | None:
    if not task.HasField("type_attributes"):
        return None
    attributes = task.type_attributes
    return TypeAttributes(
        attributes.iteration_index if attributes.HasField("iteration_index") else None,
        attributes.iteration_count if attributes.HasField("iteration_count") else None,
        attributes.download_to_workspace if attributes.HasField("download_to_workspace") else None,
    )


def _set_type_attributes(message: run_pb2.PipelineTask, text: str) -> None:
    stored = TypeAttributes.from_text(text)
    if stored is None:
        return
    attributes = message.type_attributes
    attributes.SetInParent()
    if stored.iteration_index is not None:
        attributes.iteration_index = stored.iteration_index
    if stored.iteration_count is not None:
        attributes.iteration_count = stored.iteration_count
    if stored.download_to_workspace is not None:
        attributes.download_to_workspace = stored.download_to_workspace
