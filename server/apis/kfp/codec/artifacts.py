"""Artifacts and their links: request → record and record → message. Services and `tasks` of the codec call this."""

from collections.abc import Awaitable, Sequence
from typing import Any

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp.codec.artifact_wire import artifact_wire
from server.apis.kfp.codec.parameters import producer_from_request, set_producer
from server.calls.apart import APART_BYTES, apart
from server.rules.artifacts import NewArtifact
from server.rules.links import NewLink
from server.rules.unusable import column
from server.well_known.values import plain_values
from server.well_known.wire import sized
from storage.documents.parameters import Producer
from storage.documents.plain import compact
from storage.model import NO_ITERATION, Artifact, ArtifactTask
from storage.slices import in_turn


def artifact_data(artifact: Artifact) -> bytes:
    """Return an Artifact as clients see it, serialized."""
    return artifact_wire(artifact).encode("latin-1")


async def artifact_list(artifacts: Sequence[Artifact], tag: str) -> bytes:
    """Return a repeated field, which begins with a tag, of artifacts as clients see them, serialized."""
    pieces: list[str] = []

    def write(artifact: Artifact) -> Awaitable[None] | None:
        if len(artifact.metadata or "") > APART_BYTES:
            return write_apart(artifact)
        pieces.append(sized(tag, artifact_wire(artifact)))
        return None

    async def write_apart(artifact: Artifact) -> None:
        pieces.append(sized(tag, (await apart(artifact_data, artifact)).decode("latin-1")))

    await in_turn(artifacts, write)
    return "".join(pieces).encode("latin-1")


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
