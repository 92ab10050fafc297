"""Artifacts and their links: request → record and record → message. Services and `tasks` of the codec call this."""

from collections.abc import Awaitable, Sequence
from operator import attrgetter
from typing import Any

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.apis.kfp.codec.parameters import producer_from_request, set_producer
from server.calls.apart import APART_BYTES, written_apart
from server.rules.artifacts import NewArtifact
from server.rules.links import NewLink, grouped
from server.rules.unusable import column
from server.well_known.times import set_time
from server.well_known.values import plain_values, set_values
from storage.documents.parameters import Producer
from storage.documents.plain import compact, object_of
from storage.model import NO_ITERATION, Artifact, ArtifactTask, LinkedArtifact

linked_columns = attrgetter(
    "link.type",
    "link.key",
    "link.producer",
    "link.iteration",
    "artifact.id",
    "artifact.name",
    "artifact.description",
    "artifact.type",
    "artifact.namespace",
    "artifact.uri",
    "artifact.number_value",
    "artifact.created_at",
    "artifact.metadata",
)
"""Returns all columns of an artifact and its link that a task shows."""


def artifact_message(artifact: Artifact, target: artifact_pb2.Artifact | None = None) -> artifact_pb2.Artifact:
    """Return an artifact as clients see it."""
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


def write_artifact(artifact: Artifact, target: artifact_pb2.Artifact) -> Awaitable[None] | None:
    """Write an artifact as clients see it into an empty message; one that is large is written when the result is awaited."""
    if len(artifact.metadata or "") > APART_BYTES:
        return written_apart(target, artifact_message, artifact)
    artifact_message(artifact, target)
    return None


def add_artifacts(message: run_pb2.PipelineTask, links: Sequence[LinkedArtifact]) -> None:
    """Write the artifacts of one task into its inputs and outputs, one IOArtifact per group."""
    for group in grouped(links):
        target: Any = (message.outputs if group.is_output else message.inputs).artifacts.add()
        for linked in group.artifacts:
            artifact_message(linked.artifact, target.artifacts.add())
        target.type = group.type
        target.artifact_key = group.key
        if group.producer is not None:
            set_producer(target.producer, group.producer)


def artifact_task_message(
    link: ArtifactTask, target: artifact_pb2.ArtifactTask | None = None
) -> artifact_pb2.ArtifactTask:
    """Return a link as clients see it; of its iteration the column counts, where it holds one."""
    message: Any = artifact_pb2.ArtifactTask() if target is None else target
    message.id = link.id
    message.artifact_id = link.artifact_id
    message.run_id = link.run_id
    message.task_id = link.task_id
    message.key = link.key
    message.type = link.type
    producer = Producer.from_text(link.producer)
    if producer is not None or link.iteration != NO_ITERATION:
        set_producer(message.producer, producer or Producer())
    if link.iteration != NO_ITERATION:
        message.producer.iteration = link.iteration
    return message  # type: ignore[no-any-return]


def new_artifact(request: artifact_pb2.CreateArtifactRequest) -> NewArtifact:
    """Return what CreateArtifact says of an artifact, but for its metadata."""
    artifact = request.artifact
    return NewArtifact(
        run_id=request.run_id,
        task_id=request.task_id,
        producer_key=request.producer_key,
        iteration=request.iteration_index if request.HasField("iteration_index") else None,
        reuse_if_exists=request.reuse_if_exists,
        artifact_id=artifact.artifact_id,
        name=artifact.name,
        type=artifact.type,
        requested_namespace=artifact.namespace,
        description=artifact.description,
        uri=artifact.uri if artifact.HasField("uri") else None,
        number_value=artifact.number_value if artifact.HasField("number_value") else None,
        has_metadata=bool(artifact.metadata),
    )


def metadata_text(artifact: artifact_pb2.Artifact) -> str | None:
    """Return the metadata as it is stored, or None if there is none. Raises UnusableValue for a value that cannot be stored."""
    if not artifact.metadata:
        return None
    return column(compact(plain_values(artifact.metadata, "artifact.metadata")), "artifact.metadata")


def new_link(link: artifact_pb2.ArtifactTask) -> NewLink:
    """Return what CreateArtifactTask says of a link."""
    return NewLink(
        artifact_id=link.artifact_id,
        task_id=link.task_id,
        run_id=link.run_id,
        type=link.type,
        key=link.key,
        producer=producer_from_request(link.producer) if link.HasField("producer") else None,
    )
