"""Artifacts of a task as the REST door writes them in JSON (`server/well_known/json_text`). `task_json` of the codec calls this."""

from collections.abc import Sequence

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp.codec.artifact_wire import artifact_columns
from server.rules.links import OUTPUT_TYPES, grouped
from server.well_known.json_text import entries, enum_names, moment, number, quoted
from storage.documents.plain import object_of
from storage.model import Artifact, LinkedArtifact

IO_TYPES = enum_names(artifact_pb2.IOType)
_TYPES = enum_names(artifact_pb2.Artifact.ArtifactType)


def artifact_json(artifact: Artifact) -> str:
    """Return an Artifact as clients see it."""
    id, name, description, type, uri, metadata, double, created_at, namespace = artifact_columns(artifact)
    fields = []
    if id:
        fields.append(f'"artifact_id":{quoted(id)}')
    if name:
        fields.append(f'"name":{quoted(name)}')
    if description:
        fields.append(f'"description":{quoted(description)}')
    if type:
        fields.append(f'"type":{_TYPES[type]}')
    if uri is not None:
        fields.append(f'"uri":{quoted(uri)}')
    if metadata is not None and (plain := object_of(metadata)):
        fields.append(f'"metadata":{entries(plain)}')
    if double is not None:
        fields.append(f'"number_value":{number(double)}')
    fields.append(f'"created_at":{moment(created_at)}')
    if namespace:
        fields.append(f'"namespace":{quoted(namespace)}')
    return f"{{{','.join(fields)}}}"


def producer_json(task_name: str, iteration: int | None) -> str:
    """Return an IOProducer."""
    fields = [f'"task_name":{quoted(task_name)}'] if task_name else []
    if iteration is not None:
        fields.append(f'"iteration":"{iteration}"')
    return f"{{{','.join(fields)}}}"


def artifacts_json(links: Sequence[LinkedArtifact]) -> tuple[list[str], list[str]]:
    """Return the artifacts of a task in its inputs, and those in its outputs, one IOArtifact per group."""
    inputs: list[str] = []
    outputs: list[str] = []
    for group in grouped(links):
        fields = [f'"artifacts":[{",".join([artifact_json(linked.artifact) for linked in group.artifacts])}]']
        if group.type:
            fields.append(f'"type":{IO_TYPES[group.type]}')
        if group.key:
            fields.append(f'"artifact_key":{quoted(group.key)}')
        if group.producer is not None:
            fields.append(f'"producer":{producer_json(*group.producer)}')
        (outputs if group.type in OUTPUT_TYPES else inputs).append(f"{{{','.join(fields)}}}")
    return inputs, outputs
