"""Caching: which tasks are equal, and what a task takes over from an equal one that succeeded before.

Equal are tasks with the same name, version, cache key, inputs and used artifacts. What an artifact is compared by is `Use.identity`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from google.protobuf import json_format, struct_pb2

from lineal._recorder.artifacts import LoggedArtifact, Use
from lineal._recorder.nodes import Node
from lineal._recorder.record import Record
from lineal._recorder.values import EXACT_INTEGERS, Plain
from lineal.errors import LinealError
from lineal.v2beta1.task_pb2 import PipelineTask

FORM = "lineal 1"
"""Part of every fingerprint, so that another way to compute them finds none of this one's."""

FLUSH_SECONDS = 10.0


@dataclass
class Result:
    """What an equal task had made: output parameters by name, artifacts in order, and the properties of its end."""

    parameters: dict[str, Plain] = field(default_factory=dict[str, Plain])
    artifacts: list[LoggedArtifact] = field(default_factory=list[LoggedArtifact])
    properties: dict[str, Plain] = field(default_factory=dict[str, Plain])


def fingerprint_of(
    name: str, *, version: str | None, cache_key: str | None, inputs: Mapping[str, Plain], uses: Sequence[Use]
) -> str:
    """Return what equal tasks have in common. Raises LinealError if a used artifact can be compared by nothing but an id that no
    server has given yet.
    """
    artifacts: dict[str, list[str]] = {}
    for use in uses:
        key = use.key or (use.artifact.key if isinstance(use.artifact, LoggedArtifact) else "")
        artifacts.setdefault(key, []).append(use.identity)
    parts = [FORM, name, version, cache_key, inputs, {key: sorted(ids) for key, ids in artifacts.items()}]
    return sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def find(record: Record, fingerprint: str) -> PipelineTask | None:
    """Return the newest equal task that succeeded; None if there is none, or the server cannot be reached.

    Waits for the network. What this process has just done is sent before the server is asked.
    """
    connection = record.connection
    if fingerprint in connection.fingerprints:
        connection.recording.flush(FLUSH_SECONDS)
    try:
        return connection.server.cached_task(fingerprint, record.namespace)
    except LinealError:
        return None


def result_of(task: PipelineTask, node: Node) -> Result:
    """Return what an equal task had made, as outputs of another one."""
    result = Result()
    for parameter in task.outputs.parameters:
        result.parameters[parameter.parameter_key] = plain_of(parameter.value)
    for group in task.outputs.artifacts:
        for artifact in group.artifacts:
            result.artifacts.append(
                LoggedArtifact(
                    node,
                    artifact.artifact_id,
                    name=artifact.name,
                    key=group.artifact_key,
                    type=artifact.ArtifactType.Name(artifact.type),
                    uri=artifact.uri if artifact.HasField("uri") else None,
                    number=artifact.number_value if artifact.HasField("number_value") else None,
                    metadata={name: plain_of(value) for name, value in artifact.metadata.items()},
                )
            )
    properties = task.status_metadata.custom_properties
    result.properties = {name: plain_of(value) for name, value in properties.items()}
    return result


def plain_of(value: struct_pb2.Value) -> Any:
    """Return a value as plain Python; numbers that are whole are int, since JSON does not tell 3 from 3.0."""
    return _with_integers(json_format.MessageToDict(value))


def _with_integers(plain: Any) -> Any:
    if isinstance(plain, float) and plain.is_integer() and abs(plain) <= EXACT_INTEGERS:
        return int(plain)
    if isinstance(plain, list):
        return [_with_integers(item) for item in plain]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(plain, dict):
        return {key: _with_integers(item) for key, item in plain.items()}  # pyright: ignore[reportUnknownVariableType]
    return plain
