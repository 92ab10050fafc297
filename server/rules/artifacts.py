"""New artifacts: required fields, reuse of an existing equal artifact, and what makes two artifacts equal."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from itertools import compress
from math import isfinite
from operator import attrgetter
from struct import pack
from typing import Any, NamedTuple

from server.errors import InvalidArgument
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.links import output_link
from server.rules.unusable import UnusableValue, check_enum
from storage.contract import ReadTx, WriteTx
from storage.digests import uri_hash
from storage.documents.plain import object_of, plain_number
from storage.ids import new_id
from storage.model import Artifact, ArtifactTask, ArtifactType, LinkedArtifact, TaskHead
from storage.slices import in_slices

CLASSIFICATION_METRICS = (ArtifactType.ClassificationMetric, ArtifactType.SlicedClassificationMetric)
"""Types whose values are in the metadata."""

_TYPES = frozenset(type.value for type in ArtifactType)
_METRIC = ArtifactType.Metric.value
_WITH_METADATA = tuple(type.value for type in CLASSIFICATION_METRICS)

_OutputKey = tuple[Any, ...]
_output_columns = attrgetter(
    "name", "type", "namespace", "description", "uri", "uri_hash", "metadata", "number_value"
)  # what a replay of an artifact has as it has it: all but the id, the times and the identity

# What is written as \uXXXX within the metadata that an identity is made of, though JSON does not ask for it.
_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


class NewArtifact(NamedTuple):
    """What a client says of an artifact that a task made; what is empty or None was not sent.

    `requested_namespace` is checked, the call's scope decides. Metadata are not here: they are turned into text once the
    rest is in order, since that costs and can fail.
    """

    run_id: str = ""
    task_id: str = ""
    producer_key: str = ""
    iteration: int | None = None
    reuse_if_exists: bool = False
    artifact_id: str = ""
    name: str = ""
    type: int = 0
    requested_namespace: str = ""
    description: str = ""
    uri: str | None = None
    number_value: float | None = None
    has_metadata: bool = False

    def check(self) -> None:
        """Raise InvalidArgument for what is missing or too long, in the order of KFP's API server."""
        checks.require(not self.artifact_id, "artifact.artifact_id must be empty: the server makes it")
        checks.require(self.requested_namespace, "artifact.namespace is required")
        checks.require(self.type, "artifact.type is required")
        checks.require(self.name, "artifact.name is required")
        checks.require(self.run_id, "run_id is required")
        checks.require(self.task_id, "task_id is required")
        checks.require(self.producer_key, "producer_key is required")
        if self.type == _METRIC:
            checks.require(self.number_value is not None, "artifact.number_value is required for a Metric")
        if self.type in _WITH_METADATA:
            checks.require(self.has_metadata, "artifact.metadata is required for a classification metric")
        checks.max_characters("artifact.name", self.name, MAX_CHARACTERS["Artifact.name"])
        checks.max_characters("artifact.namespace", self.requested_namespace, MAX_CHARACTERS["Artifact.namespace"])
        checks.max_characters("artifact.uri", self.uri or "", MAX_CHARACTERS["Artifact.uri"])
        checks.max_bytes("artifact.description", self.description, checks.TEXT_BYTES)
        checks.max_characters("producer_key", self.producer_key, MAX_CHARACTERS["CreateArtifactRequest.producer_key"])

    def check_numbers(self) -> None:
        """Raise UnusableValue for a type or a value that cannot be stored; a bulk call checks all items first."""
        check_enum("artifact.type", self.type, _TYPES)
        if self.number_value is not None and not isfinite(self.number_value):
            raise UnusableValue("artifact.number_value is NaN or an infinity")


def new_artifact(new: NewArtifact, *, artifact_id: str, metadata: str | None, namespace: str, now: int) -> Artifact:
    """Return the record of a new artifact, with its identity when an equal one may be used instead.

    The metadata are given as they are stored.
    """
    artifact = Artifact(
        id=artifact_id,
        name=new.name,
        type=new.type,
        created_at=now,
        updated_at=now,
        namespace=namespace,
        description=new.description,
        uri=new.uri,
        uri_hash=uri_hash(new.uri),
        metadata=metadata,
        # Adding 0.0 makes -0.0 the zero that SQLite and MariaDB would make of it: answers must agree with what is read later.
        number_value=None if new.number_value is None else new.number_value + 0.0,
    )
    return replace(artifact, identity_key=identity_key(artifact)) if new.reuse_if_exists else artifact


async def keep_artifact(tx: WriteTx, new: NewArtifact, artifact: Artifact) -> Artifact:
    """Store a new artifact, or find the equal one that may be used instead; link the one returned to its task.

    A replay returns the artifact that the task has already. Raises NotFound for an unknown task, InvalidArgument for one of
    another run.
    """
    task = _task_of(new, await tx.tasks.heads([new.task_id]))
    link = _link(new, artifact.id, task)
    if new.reuse_if_exists:
        linked = await find_equal(tx, artifact) or await tx.artifacts.create_unique(artifact)
        await tx.artifact_tasks.create([replace(link, artifact_id=linked.id)])
        return linked
    [replayed] = await _replayed(tx, [link], [artifact])
    if replayed is None:
        await tx.artifacts.create([artifact])
        await tx.artifact_tasks.create_of_new([link])
    return replayed or artifact


async def keep_artifacts(tx: WriteTx, news: Sequence[NewArtifact], artifacts: Sequence[Artifact]) -> Sequence[Artifact]:
    """Store new artifacts and link them to their tasks; none of them may be reused, replays return what their tasks have.

    Raises as `keep_artifact`.
    """
    heads = await tx.tasks.heads(sorted({new.task_id for new in news}))
    tasks = []
    for new in news:
        checks.require(not new.reuse_if_exists, "reuse_if_exists is not allowed in a bulk call")
        tasks.append(_task_of(new, heads))
    links = [_link(new, artifact.id, task) for new, artifact, task in zip(news, artifacts, tasks, strict=True)]
    replayed = await _replayed(tx, links, artifacts)
    is_new = [each is None for each in replayed]
    await tx.artifacts.create(list(compress(artifacts, is_new)))
    await tx.artifact_tasks.create_of_new(list(compress(links, is_new)))
    return [before or artifact for before, artifact in zip(replayed, artifacts, strict=True)]


async def _replayed(
    tx: WriteTx, links: Sequence[ArtifactTask], artifacts: Sequence[Artifact]
) -> Sequence[Artifact | None]:
    """Return for each new artifact the one that its task has already, if the call is one that was made before.

    A launcher that is tried again makes the artifacts of its task a second time, with the uris that the driver has given them,
    in which there is a fresh uuid. Without a uri nothing tells a replay from a further artifact, what the task has reused is not
    what it made, and equal artifacts of one call are different ones: each takes another of those that were there before the call.
    """
    with_uri = [(link, artifact) for link, artifact in zip(links, artifacts, strict=True) if artifact.uri]
    if not with_uri:
        return [None] * len(artifacts)
    outputs = await tx.artifact_tasks.outputs([link for link, _ in with_uri], [each.uri or "" for _, each in with_uri])
    if not outputs:
        return [None] * len(artifacts)
    outputs_by_key: dict[_OutputKey, deque[Artifact]] = {}
    replayed: list[Artifact | None] = []

    def add_output(output: LinkedArtifact) -> None:
        outputs_by_key.setdefault(_output_key(output.link, output.artifact), deque()).append(output.artifact)

    def find(pair: tuple[ArtifactTask, Artifact]) -> None:
        equal = outputs_by_key.get(_output_key(*pair)) if pair[1].uri else None
        replayed.append(equal.popleft() if equal else None)

    await in_slices(outputs, add_output)
    await in_slices(zip(links, artifacts, strict=True), find)
    return replayed


def _output_key(link: ArtifactTask, artifact: Artifact) -> _OutputKey:
    of_link = link.task_id, link.type, link.key, link.iteration
    return *of_link, *_output_columns(artifact)


async def find_equal(tx: ReadTx, artifact: Artifact) -> Artifact | None:
    """Return an equal artifact: the one that has the identity, else the oldest with the uri that was made without one."""
    assert artifact.identity_key is not None
    match = await tx.artifacts.find_by_identity(artifact.namespace, artifact.identity_key)
    if match is not None or not artifact.uri:
        return match
    for candidate in await tx.artifacts.find_by_uri(artifact.namespace, artifact.uri):
        if identity_key(candidate) == artifact.identity_key:
            return candidate
    return None


def _task_of(new: NewArtifact, heads: Mapping[str, TaskHead]) -> TaskHead:
    task = heads.get(new.task_id)
    if task is None:
        raise checks.not_found("task", new.task_id)
    if task.run_id != new.run_id:
        raise InvalidArgument(f"task {new.task_id!r} is not of run {new.run_id!r}")
    return task


def _link(new: NewArtifact, artifact_id: str, task: TaskHead) -> ArtifactTask:
    return output_link(task, artifact_id, link_id=new_id(), key=new.producer_key, iteration=new.iteration)


def identity_key(artifact: Artifact) -> str:
    """Return the digest that equal artifacts of one namespace share; the number counts for a Metric only.

    Apart from a Metric's number it is what KFP computes, so rows that KFP wrote are found.
    """
    digest = sha256(pack(">i", artifact.type))
    metadata = _identity_text(object_of(artifact.metadata) or {})
    for text in (artifact.uri or "", artifact.name, artifact.description, metadata):
        encoded = text.encode()
        digest.update(pack(">I", len(encoded)) + encoded)
    if artifact.type == ArtifactType.Metric and artifact.number_value is not None:
        # Adding 0.0 makes -0.0 the zero it is equal to.
        digest.update(pack(">d", artifact.number_value + 0.0))
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
