"""Artifacts that were logged, and what `uses=` means: which artifact, linked how, imported where needed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lineal._recorder import messages, values
from lineal._recorder.locks import OfThisProcess, lock
from lineal._recorder.nodes import IMPORTER, ROOT, Node
from lineal._recorder.record import Record
from lineal._recorder.values import Plain
from lineal._recording import ArtifactRef
from lineal.v2beta1.artifact_pb2 import Artifact, IOProducer

TYPES = tuple(name for name, number in Artifact.ArtifactType.items() if number)
"""The types of artifacts."""

METRIC = "Metric"
FIGURES = ("ClassificationMetric", "SlicedClassificationMetric")
IMPORT_PREFIX = "import-"

_OUTSIDE = messages.producer(ROOT, None)
"""What made an artifact that is given to a task from outside of its run."""

_QUERY = re.compile(r"[?#]")


class LoggedArtifact(OfThisProcess):
    """An artifact that was logged, imported, or found in the cache. Can be given to `uses=` of any task.

    `name`, `key` (the name of the task's output), `type`, `uri` (None without one) and `metadata` are as they were logged; `number` is
    that of a metric that was found in the cache, otherwise None.
    """

    def __init__(
        self,
        node: Node,
        ref: "ArtifactRef | str",
        *,
        name: str,
        key: str,
        type: str,
        uri: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        number: float | None = None,
    ) -> None:
        self.name, self.key, self.type, self.uri, self.number = name, key, type, uri, number
        self.metadata = dict(metadata or {})
        self.node, self.ref = node, ref  # the recorder's own

    @property
    def id(self) -> str:
        """The server's id. Waits for the server, since it is the one that decides whether an equal artifact is reused.

        Raises Unavailable if there is no answer within the client's `timeout_seconds`, or the error with which it was refused.
        """
        id = self.ref if isinstance(self.ref, str) else self.ref.id
        record = self.node.record
        with lock:
            record.artifacts_by_id.setdefault(id, self)
        return id

    @property
    def run_id(self) -> str:
        """The run that it was logged in."""
        return self.node.record.run_id

    def __repr__(self) -> str:
        """Return name, type and uri."""
        place = f" at {self.uri}" if self.uri else ""
        return f"<lineal.LoggedArtifact {self.name!r} of type {self.type}{place}>"


Used = LoggedArtifact | str
"""An artifact by itself, by its id, or by its uri."""

Uses = Used | Sequence[Used] | Mapping[str, "Used | Sequence[Used]"]
"""What `uses=` accepts."""


@dataclass(frozen=True)
class Use:
    """An artifact that a task uses, under the name of its input; without a name, it is called as the artifact."""

    key: str
    artifact: Used

    @property
    def identity(self) -> str:
        """What makes an equal task use the same artifact: its content's digest if it is known, else its uri, else its id."""
        if isinstance(self.artifact, str):
            return self.artifact
        return str(self.artifact.metadata.get("digest") or self.artifact.uri or self.artifact.id)


def uses_of(uses: Uses | None) -> list[Use]:
    """Return the artifacts that are used, checked. Raises TypeError and ValueError."""
    if uses is None:
        return []
    if not values.is_mapping(uses):
        return [Use("", each) for each in _used(uses, "uses")]
    checked: list[Use] = []
    for key, each in uses.items():
        path = f"uses[{key!r}]"
        checked.extend(Use(values.key(key, path), one) for one in _used(each, path))
    return checked


def _used(uses: Any, path: str) -> list[Used]:
    if isinstance(uses, str | LoggedArtifact):
        return [_one_used(uses, path)]
    if not values.is_iterable(uses):
        raise TypeError(
            f"{path}: must be a logged artifact, an id, a uri, or a list of them, not {type(uses).__name__}"
        )
    return [_one_used(each, f"{path}[{index}]") for index, each in enumerate(uses)]


def _one_used(used: Any, path: str) -> Used:
    if isinstance(used, LoggedArtifact):
        return used
    if not isinstance(used, str):
        raise TypeError(f"{path}: must be a logged artifact, an id or a uri, not {type(used).__name__}")
    return values.text(used, path, limit=values.URI_CHARACTERS, required=True)


def is_uri(text: str) -> bool:
    """Return whether a text is the uri of an artifact rather than its id."""
    return "/" in text or ":" in text


def found(record: Record, uses: Iterable[Use]) -> list[Use]:
    """Return the artifacts with ids and uris replaced by what was logged in this run; other uris are imported."""
    return [Use(use.key, _found(record, use.artifact)) for use in uses]


def _found(record: Record, used: Used) -> Used:
    if not isinstance(used, str):
        return used
    if not is_uri(used):
        with lock:
            return record.artifacts_by_id.get(used, used)
    with lock:
        return record.artifacts_by_uri.get(used) or import_artifact(record, used)


def link_inputs(node: Node, uses: Sequence[Use]) -> None:
    """Record that a task uses artifacts."""
    collected = _collected_keys(node, uses)
    for number, use in enumerate(uses, start=1):
        artifact = use.artifact
        if isinstance(artifact, str):
            _link(node, artifact, "RUNTIME_VALUE_INPUT", use.key or f"input-{number}", _OUTSIDE)
            continue
        key = use.key or artifact.key
        if artifact.run_id != node.record.run_id:
            _link(node, artifact.ref, "RUNTIME_VALUE_INPUT", key, _OUTSIDE)
        else:
            type = "COLLECTED_INPUTS" if key in collected else "TASK_OUTPUT_INPUT"
            _link(node, artifact.ref, type, key, artifact.node.producer)


def link_outputs(node: Node, artifacts: Iterable[LoggedArtifact]) -> None:
    """Record that a task has existing artifacts as its outputs."""
    type = "OUTPUT" if node.iteration is None else "ITERATOR_OUTPUT"
    for artifact in artifacts:
        _link(node, artifact.ref, type, artifact.key, node.producer)


def _link(node: Node, artifact: "ArtifactRef | str", type: str, key: str, producer: IOProducer) -> None:
    fields: dict[str, Any] = {"task_name": producer.task_name}
    if producer.HasField("iteration"):
        fields["iteration"] = producer.iteration
    node.record.recording.link(node.record.run_id, node.id, artifact=artifact, type=type, key=key, producer=fields)


def _collected_keys(node: Node, uses: Sequence[Use]) -> set[str]:
    """Return the inputs that have the outputs of several iterations, as after a loop."""
    iterations: dict[str, set[int]] = {}
    for use in uses:
        if isinstance(use.artifact, LoggedArtifact) and use.artifact.node.iteration is not None:
            iterations.setdefault(use.key or use.artifact.key, set()).add(use.artifact.node.iteration)
    return {key for key, indexes in iterations.items() if len(indexes) > 1}


def log_artifact(
    node: Node,
    name: str,
    uri: str | None,
    *,
    type: str,
    metadata: Mapping[str, Any] | None,
    description: str,
    key: str | None = None,
) -> LoggedArtifact:
    """Record a new artifact that a task made. Raises TypeError and ValueError for what cannot be recorded."""
    artifact = _described(node.record, name, uri, type=type, metadata=metadata, description=description)
    key = values.key(name if key is None else key, "key")
    ref = node.record.recording.create_artifact(
        node.record.run_id, node.begun_id(), key=key, artifact=artifact, iteration_index=node.iteration
    )
    logged = LoggedArtifact(node, ref, name=name, key=key, type=type, uri=uri, metadata=artifact.get("metadata"))
    node.record.remember(logged)
    return logged


def create_metric(node: Node, name: str) -> ArtifactRef:
    """Record the artifact of a metric. Its number must not be absent, nor infinite: it is 0 until there is another one."""
    values.name(name, "name")
    artifact = {"name": name, "type": METRIC, "namespace": node.record.artifact_namespace, "number_value": 0.0}
    return node.record.recording.create_artifact(
        node.record.run_id, node.begun_id(), key=name, artifact=artifact, iteration_index=node.iteration
    )


def import_artifact(
    record: Record,
    uri: str,
    *,
    name: str | None = None,
    type: str = "Artifact",
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
) -> LoggedArtifact:
    """Record that a run takes an artifact from outside, by an importer of its own; an equal artifact that exists is reused."""
    name = _last_segment(uri) if name is None else values.name(name, "name")
    artifact = _described(record, name, uri, type=type, metadata=metadata, description=description)
    with lock:
        node = Node(record, f"{IMPORT_PREFIX}{name}"[: values.NAME_CHARACTERS], IMPORTER, parent=record.root)
        node.create({})
        ref = record.recording.create_artifact(
            record.run_id, node.id, key=name, artifact=artifact, reuse_if_exists=True
        )
        node.end()
        imported = LoggedArtifact(node, ref, name=name, key=name, type=type, uri=uri, metadata=artifact.get("metadata"))
        record.remember(imported)
    return imported


def _described(
    record: Record, name: str, uri: str | None, *, type: str, metadata: Mapping[str, Any] | None, description: str
) -> dict[str, Any]:
    if type == METRIC:
        raise ValueError("type: an artifact of type Metric is made by log_metric")
    if type not in TYPES:
        raise ValueError(f"type: {type!r} is not a type of artifacts; there are {', '.join(TYPES)}")
    artifact: dict[str, Any] = {
        "name": values.name(name, "name"),
        "type": type,
        "namespace": record.artifact_namespace,
    }
    if uri is not None:
        artifact["uri"] = values.text(uri, "uri", limit=values.URI_CHARACTERS, required=True)
    properties: dict[str, Plain] = values.mapping(metadata, "metadata")
    if type in FIGURES and not properties:
        raise ValueError(f"metadata: an artifact of type {type} has its figures there")
    if properties:
        artifact["metadata"] = properties
    if description:
        artifact["description"] = values.text(description, "description")
    return artifact


def _last_segment(uri: str) -> str:
    """Return the name of what a uri leads to."""
    path = _QUERY.split(uri, maxsplit=1)[0] if "://" in uri else uri
    segment = path.rstrip("/").rpartition("/")[2]
    return (segment or uri)[: values.NAME_CHARACTERS]
