"""Tasks and artifacts as messages, made field by field by protobuf: what the codec must write, however it does it."""

from collections.abc import Sequence
from typing import Any

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.apis.kfp.codec.history import add_history
from server.rules.links import grouped
from server.well_known.times import set_time
from server.well_known.values import set_value, set_values
from storage.documents import enums, parameters
from storage.documents.parameters import NO_VALUE, Producer
from storage.documents.plain import object_of
from storage.documents.tasks import StatusMetadata, TypeAttributes, pods_from_text
from storage.model import Artifact, ChildTask, LinkedArtifact, Task


def artifact_of(artifact: Artifact, target: Any = None) -> artifact_pb2.Artifact:
    """The message of an artifact."""
    message: Any = artifact_pb2.Artifact() if target is None else target
    message.artifact_id = artifact.id
    message.name = artifact.name
    message.description = artifact.description
    message.type = artifact.type
    message.namespace = artifact.namespace
    if artifact.uri is not None:
        message.uri = artifact.uri
    if artifact.number_value is not None:
        message.number_value = artifact.number_value
    set_time(message.created_at, artifact.created_at)
    if artifact.metadata is not None:
        set_values(message.metadata, object_of(artifact.metadata) or {})
    return message  # type: ignore[no-any-return]


def task_of(
    task: Task, *, artifacts: Sequence[LinkedArtifact] = (), children: Sequence[ChildTask] = (), basic: bool = False
) -> run_pb2.PipelineTask:
    """The message of a task."""
    message: Any = run_pb2.PipelineTask()
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
    for stored in pods_from_text(task.pods):
        message.pods.add(name=stored.name, uid=stored.uid, type=stored.type)
    _set_status(message, StatusMetadata.from_text(task.status_metadata))
    add_history(message.state_history, task.state_history, enums.TASK_STATES)
    _set_attributes(message, TypeAttributes.from_text(task.type_attributes))
    message.inputs.SetInParent()
    message.outputs.SetInParent()
    if not basic:
        _add_parameters(message.inputs.parameters, task.input_parameters)
        _add_parameters(message.outputs.parameters, task.output_parameters)
        _add_artifacts(message, artifacts)
    for child in children:
        message.child_tasks.add(task_id=child.id, name=child.name)
    return message  # type: ignore[no-any-return]


def _set_status(message: Any, stored: StatusMetadata | None) -> None:
    if stored is not None:
        message.status_metadata.message = stored.message
        set_values(message.status_metadata.custom_properties, stored.custom_properties or {})


def _set_attributes(message: Any, stored: TypeAttributes | None) -> None:
    if stored is None:
        return
    message.type_attributes.SetInParent()
    for name in ("iteration_index", "iteration_count", "download_to_workspace"):
        if getattr(stored, name) is not None:
            setattr(message.type_attributes, name, getattr(stored, name))


def _add_parameters(target: Any, text: str | None) -> None:
    for key, type, value, producer in parameters.from_text(text):
        message = target.add(type=type, parameter_key=key)
        if value is not NO_VALUE:
            set_value(message.value, value)
        _set_producer(message, producer)


def _add_artifacts(message: Any, links: Sequence[LinkedArtifact]) -> None:
    for group in grouped(links):
        target: Any = (message.outputs if group.is_output else message.inputs).artifacts.add()
        for linked in group.artifacts:
            artifact_of(linked.artifact, target.artifacts.add())
        target.type = group.type
        target.artifact_key = group.key
        _set_producer(target, group.producer)


def _set_producer(message: Any, producer: Producer | None) -> None:
    if producer is not None:
        message.producer.task_name = producer.task_name
        if producer.iteration is not None:
            message.producer.iteration = producer.iteration
