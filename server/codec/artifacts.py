"""Artifacts and their links: request → record and record → message; and the identity by which they are used again.

Services and `grouping` of the codec call this.
"""

import json
from decimal import Decimal
from hashlib import sha256
from math import isfinite
from struct import pack
from typing import Any

from lineal.v2beta1 import artifact_pb2

from server.codec.json_columns import column_text, enum_name, integer_of, json_object, text_of
from server.codec.parameters import IO_TYPE_NAMES, plain_producer, set_producer
from server.codec.times import set_time
from server.codec.unusable import UnusableValue, check_text
from server.codec.values import plain_values, set_values
from storage.digests import uri_hash
from storage.model import NO_ITERATION, Artifact, ArtifactTask, ArtifactType, IOType
from storage.stored_json import plain_number

Producer = tuple[str, int | None]
"""Name of the task that made an artifact, and its iteration if any."""

_ARTIFACT_TYPE_NAMES = {number: name for name, number in artifact_pb2.Artifact.ArtifactType.items()}

# What is written as \uXXXX within the metadata that an identity is made of, though JSON does not ask for it.
_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def artifact_message(artifact: Artifact) -> artifact_pb2.Artifact:
    """Return an artifact as clients see it."""
    message = artifact_pb2.Artifact()
    fill_artifact(message, artifact)
    return message


def fill_artifact(target: Any, artifact: Artifact) -> None:
    """Write an artifact into an empty message."""
    target.artifact_id = artifact.id
    target.name = artifact.name
    target.description = artifact.description
    target.type = artifact.type
    target.namespace = artifact.namespace
    if artifact.uri is not None:
        target.uri = artifact.uri
    if artifact.number_value is not None:
        target.number_value = artifact.number_value
    set_time(target.created_at, artifact.created_at)
    if artifact.metadata is not None:
        set_values(target.metadata, json_object(artifact.metadata) or {})


def artifact_task_message(link: ArtifactTask) -> artifact_pb2.ArtifactTask:
    """Return a link as clients see it; of its iteration the column counts, where it holds one."""
    message: Any = artifact_pb2.ArtifactTask(
        id=link.id, artifact_id=link.artifact_id, run_id=link.run_id, task_id=link.task_id, key=link.key
    )
    message.type = link.type
    plain = json_object(link.producer)
    if plain is not None or link.iteration != NO_ITERATION:
        set_producer(message.producer, plain or {})
    if link.iteration != NO_ITERATION:
        message.producer.iteration = link.iteration
    return message  # type: ignore[no-any-return]


def producer_of(link: ArtifactTask) -> Producer | None:
    """Return who made a linked artifact, None when the link does not say; of the iteration the column counts."""
    plain = json_object(link.producer)
    if link.iteration != NO_ITERATION:
        return text_of((plain or {}).get("taskName")), link.iteration
    return None if plain is None else (text_of(plain.get("taskName")), integer_of(plain.get("iteration")))


def artifact_from_request(
    artifact: artifact_pb2.Artifact, *, artifact_id: str, namespace: str, now: int, with_identity: bool = False
) -> Artifact:
    """Return the record that CreateArtifact makes of a request; with its identity where it may be used again.

    Raises UnusableValue for what cannot be kept.
    """
    check_text("artifact.name", artifact.name)
    check_text("artifact.description", artifact.description)
    check_text("artifact.uri", artifact.uri)
    enum_name(artifact.type, _ARTIFACT_TYPE_NAMES, field="artifact.type")
    # Adding 0.0 makes -0.0 the zero that SQLite and MariaDB would make of it: answers must agree with what is read later.
    number_value = artifact.number_value + 0.0 if artifact.HasField("number_value") else None
    if number_value is not None and not isfinite(number_value):
        raise UnusableValue("artifact.number_value is NaN or an infinity")
    uri = artifact.uri if artifact.HasField("uri") else None
    metadata = metadata_text(artifact)
    identity = (
        identity_key(
            type=artifact.type,
            uri=uri,
            name=artifact.name,
            description=artifact.description,
            metadata=metadata,
            number_value=number_value,
        )
        if with_identity
        else None
    )
    return Artifact(
        id=artifact_id,
        name=artifact.name,
        type=artifact.type,
        created_at=now,
        updated_at=now,
        namespace=namespace,
        description=artifact.description,
        uri=uri,
        uri_hash=uri_hash(uri),
        metadata=metadata,
        number_value=number_value,
        identity_key=identity,
    )


def metadata_text(artifact: artifact_pb2.Artifact) -> str | None:
    """Return the metadata as it is kept, None when there is none. Raises UnusableValue for what cannot be kept."""
    if not artifact.metadata:
        return None
    return column_text(plain_values(artifact.metadata, "artifact.metadata"), "artifact.metadata")


def artifact_task_from_request(link: artifact_pb2.ArtifactTask, *, link_id: str) -> ArtifactTask:
    """Return the record that CreateArtifactTask makes of a request. Raises UnusableValue for what cannot be kept."""
    check_text("artifact_task.key", link.key)
    enum_name(link.type, IO_TYPE_NAMES, field="artifact_task.type")
    producer = link.producer
    return ArtifactTask(
        id=link_id,
        artifact_id=link.artifact_id,
        task_id=link.task_id,
        run_id=link.run_id,
        type=link.type,
        key=link.key,
        producer=column_text(plain_producer(producer), "artifact_task.producer"),
        iteration=producer.iteration if producer.HasField("iteration") else NO_ITERATION,
    )


def output_link(
    *, link_id: str, artifact_id: str, task_id: str, run_id: str, task_name: str, key: str, iteration: int | None
) -> ArtifactTask:
    """Return the link that CreateArtifact makes: an output of the task, or of one of its iterations."""
    check_text("producer_key", key)
    producer = artifact_pb2.IOProducer(task_name=task_name, iteration=iteration)
    return ArtifactTask(
        id=link_id,
        artifact_id=artifact_id,
        task_id=task_id,
        run_id=run_id,
        type=IOType.OUTPUT if iteration is None else IOType.ITERATOR_OUTPUT,
        key=key,
        producer=column_text(plain_producer(producer), "producer"),
        iteration=NO_ITERATION if iteration is None else iteration,
    )


def identity_key(
    *, type: int, uri: str | None, name: str, description: str, metadata: str | None, number_value: float | None
) -> str:
    """Return the digest that equal artifacts of one namespace share; the number counts for a Metric only.

    Apart from a Metric's number it is what KFP computes, so rows that KFP wrote are found.
    """
    digest = sha256(pack(">i", type))
    for text in (uri or "", name, description, _identity_text(json_object(metadata) or {})):
        data = text.encode()
        digest.update(pack(">I", len(data)) + data)
    if type == ArtifactType.Metric and number_value is not None:
        # Adding 0.0 makes -0.0 the zero it is equal to.
        digest.update(pack(">d", number_value + 0.0))
    return digest.hexdigest()


def _identity_text(plain: Any) -> str:
    if isinstance(plain, dict):
        fields = (f"{_identity_text(key)}:{_identity_text(plain[key])}" for key in sorted(plain))
        return "{" + ",".join(fields) + "}"
    if isinstance(plain, list):
        return "[" + ",".join(map(_identity_text, plain)) + "]"
    if isinstance(plain, str):
        return json.dumps(plain, ensure_ascii=False).translate(_ESCAPED)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return _identity_number(float(plain))
    return json.dumps(plain)


def _identity_number(number: float) -> str:
    if isinstance(plain_number(number), int):
        return str(int(number))
    if number == 0:
        return "-0"
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(number).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
