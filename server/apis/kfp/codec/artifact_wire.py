"""Artifacts, and those of a task, as wire texts (`server/well_known/wire`). `artifacts` and `task_wire` of the codec call this."""

from collections.abc import Sequence
from operator import attrgetter

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.rules.links import OUTPUT_TYPES, grouped
from server.well_known.wire import double, entries, filled, moment, number, sized, tags, varint, written
from storage.documents.plain import object_of
from storage.model import Artifact, LinkedArtifact

artifact_columns = attrgetter(
    "id", "name", "description", "type", "uri", "metadata", "number_value", "created_at", "namespace"
)
"""Returns all columns of an artifact that are shown."""

link_columns = attrgetter("type", "key", "producer", "iteration")
"""Returns all columns of a link that a task shows."""

_ID, _NAME, _DESCRIPTION, _TYPE, _URI, _METADATA, _NUMBER, _CREATED_AT, _NAMESPACE = tags(
    artifact_pb2.Artifact,
    "artifact_id",
    "name",
    "description",
    "type",
    "uri",
    "metadata",
    "number_value",
    "created_at",
    "namespace",
)
_TASK_NAME, _ITERATION = tags(artifact_pb2.IOProducer, "task_name", "iteration")
_ARTIFACTS, _IO_TYPE, _IO_KEY, _PRODUCER = tags(
    run_pb2.PipelineTask.InputOutputs.IOArtifact, "artifacts", "type", "artifact_key", "producer"
)
(_GROUP,) = tags(run_pb2.PipelineTask.InputOutputs, "artifacts")


def artifact_wire(artifact: Artifact) -> str:
    """Return an Artifact as clients see it."""
    id, name, description, type, uri, metadata, value, created_at, namespace = artifact_columns(artifact)
    return (
        f"{filled(_ID, id)}{filled(_NAME, name)}{filled(_DESCRIPTION, description)}{number(_TYPE, type)}"
        f"{'' if uri is None else written(_URI, uri)}"
        f"{'' if metadata is None else entries(_METADATA, object_of(metadata) or {})}"
        f"{'' if value is None else double(_NUMBER, value)}"
        f"{sized(_CREATED_AT, moment(created_at))}{filled(_NAMESPACE, namespace)}"
    )


def producer_wire(task_name: str, iteration: int | None) -> str:
    """Return an IOProducer."""
    return f"{filled(_TASK_NAME, task_name)}{'' if iteration is None else _ITERATION + varint(iteration)}"


def artifacts_wire(links: Sequence[LinkedArtifact]) -> tuple[str, str]:
    """Return the artifacts of a task in its inputs, and those in its outputs, one IOArtifact per group."""
    inputs = outputs = ""
    for group in grouped(links):
        artifacts = "".join([sized(_ARTIFACTS, artifact_wire(linked.artifact)) for linked in group.artifacts])
        producer = group.producer
        made_by = "" if producer is None else sized(_PRODUCER, producer_wire(producer.task_name, producer.iteration))
        content = f"{artifacts}{number(_IO_TYPE, group.type)}{filled(_IO_KEY, group.key)}{made_by}"
        if group.type in OUTPUT_TYPES:
            outputs += sized(_GROUP, content)
        else:
            inputs += sized(_GROUP, content)
    return inputs, outputs
