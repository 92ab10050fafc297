"""Tasks: PipelineTask of a request → TaskUpdate, and record → PipelineTask. Services call this."""

import marshal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from lineal.v2beta1 import run_pb2

from server.apis.kfp.codec.artifact_wire import artifact_columns, link_columns
from server.apis.kfp.codec.enums import TASK_POD_TYPES, TASK_STATES, TASK_TYPES
from server.apis.kfp.codec.history import entries_from_request
from server.apis.kfp.codec.parameters import parameters_from_request
from server.apis.kfp.codec.task_json import task_json
from server.apis.kfp.codec.task_wire import shown_columns, task_wire
from server.calls.apart import APART_BYTES, apart
from server.calls.fragments import Fragments
from server.calls.listings import size_of
from server.rules.checks import no_nul
from server.rules.linked_tasks import LinkedTasks
from server.rules.tasks import TaskTexts, TaskUpdate
from server.rules.unusable import check_enum
from server.well_known.times import microseconds
from server.well_known.values import plain_values
from storage.documents.tasks import Pod, StatusMetadata, TypeAttributes
from storage.model import ChildTask, LinkedArtifact, Task
from storage.slices import in_turn

_MARSHAL_VERSION = (
    2  # later ones write a text that is there twice in another way; here -0.0 is not 0.0, which it equals
)

Made = TypeVar("Made", bytes, str)


class Form(NamedTuple, Generic[Made]):
    """How tasks are written: `make` takes a task, its artifacts, its children, and whether basic; `kept` has those made before."""

    make: Callable[..., Made]
    kept: Fragments[Made]


def _wire_bytes(
    task: Task, artifacts: Sequence[LinkedArtifact], children: Sequence[ChildTask], *, basic: bool
) -> bytes:
    return task_wire(task, artifacts, children, basic=basic).encode("latin-1")


WIRE = Form(_wire_bytes, Fragments[bytes](1 / 4))
"""Serialized messages, by all columns that are shown."""

JSON = Form(task_json, Fragments[str](1 / 4))
"""What the REST door makes of such a message, without it. May raise NoJson."""

TASK_SIZE = size_of(
    "pods", "status_metadata", "state_history", "type_attributes", "input_parameters", "output_parameters"
)
"""Returns the size of what can be large in a task."""


def task_data(
    task: Task,
    *,
    artifacts: Sequence[LinkedArtifact] = (),
    children: Sequence[ChildTask] = (),
    basic: bool = False,
) -> bytes:
    """Return a PipelineTask as clients see it, serialized, with the artifacts linked to it and its children, in their order.

    inputs and outputs are always present; basic leaves them empty.
    """
    content = shown_content(task, artifacts, children, basic=basic)
    return _written(WIRE, content, task, artifacts, children, basic=basic)


def _written(
    form: Form[Made],
    content: bytes,
    task: Task,
    artifacts: Sequence[LinkedArtifact],
    children: Sequence[ChildTask],
    *,
    basic: bool,
) -> Made:
    made = form.kept.get(content)
    if made is None:
        made = form.make(task, artifacts, children, basic=basic)
        form.kept.keep(content, made)
    return made


def shown_content(
    task: Task, artifacts: Sequence[LinkedArtifact], children: Sequence[ChildTask], *, basic: bool
) -> bytes:
    """Return all that a task is shown as: equal rows have equal bytes, whichever process read them."""
    shown_children = [(child.id, child.name) for child in children] if children else None
    linked = () if basic else [(link_columns(each.link), artifact_columns(each.artifact)) for each in artifacts]
    content: Any = (basic, shown_columns(task), shown_children, linked)
    try:
        return marshal.dumps(content, _MARSHAL_VERSION)
    except ValueError:  # a number has the class of an enum, as in a record that was made here
        return repr(content).encode()


def task_size(task: Task, links: Sequence[LinkedArtifact]) -> int:
    """Return the size of what can be large in a task and its artifacts."""
    size = TASK_SIZE(task)
    for linked in links:
        size += len(linked.artifact.metadata or "")
    return size


def largest_metadata(links: Sequence[LinkedArtifact]) -> int:
    """Return the size of the metadata of the artifact that has most."""
    return max((len(linked.artifact.metadata or "") for linked in links), default=0)


async def write_tasks(
    tasks: LinkedTasks, add: Callable[[Task, Made], object], *, form: Form[Made], basic: bool = False
) -> None:
    """Call `add` with each of the tasks, in their order, and what it is in a form, as `task_data` says."""

    def write(linked: tuple[Task, Sequence[LinkedArtifact], Sequence[ChildTask]]) -> Awaitable[None] | None:
        content = shown_content(*linked, basic=basic)
        if len(content) > APART_BYTES:
            return write_apart(*linked)
        add(linked[0], _written(form, content, *linked, basic=basic))
        return None

    async def write_apart(task: Task, links: Sequence[LinkedArtifact], children: Sequence[ChildTask]) -> None:
        add(task, await apart(form.make, task, links, children, basic=basic))

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


def _status_metadata(task: run_pb2.PipelineTask) -> StatusMetadata | None:
    if not task.HasField("status_metadata"):
        return None
    metadata = task.status_metadata
    return StatusMetadata(
        metadata.message, plain_values(metadata.custom_properties, "task.status_metadata.custom_properties")
    )


def _type_attributes(task: run_pb2.PipelineTask) -> TypeAttributes | None:
    if not task.HasField("type_attributes"):
        return None
    attributes = task.type_attributes
    return TypeAttributes(
        attributes.iteration_index if attributes.HasField("iteration_index") else None,
        attributes.iteration_count if attributes.HasField("iteration_count") else None,
        attributes.download_to_workspace if attributes.HasField("download_to_workspace") else None,
    )
