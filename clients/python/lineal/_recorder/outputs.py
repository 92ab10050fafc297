"""What a task makes: output parameters, artifacts, files, metrics."""

import os
import time
from collections.abc import Mapping
from typing import Any

from lineal._recorder import artifacts, files, values
from lineal._recorder.artifacts import LoggedArtifact
from lineal._recorder.locks import lock
from lineal._recorder.nodes import Node
from lineal._recorder.values import Plain
from lineal._recording import ArtifactRef

STEP_LIMIT = 2**53
"""Steps of metrics lie between this and its negative: numbers of JSON are exact so far."""


class Outputs:
    """The outputs of one task. `by_name` has values and LoggedArtifacts, a list where several have one name.

    Safe to use from several threads.
    """

    def __init__(self, node: Node) -> None:
        self.by_name: dict[str, Any] = {}
        self._node = node
        self._metrics: dict[str, ArtifactRef] = {}
        self._metrics_process = os.getpid()
        self._file_names: set[str] = set()

    def output(self, name: str, value: Any) -> None:
        """See Task.output."""
        plain = values.plain(value, f"output {name!r}")
        self._node.add_outputs({values.key(name, "name"): plain})
        self.by_name[name] = plain

    def log_artifact(
        self, name: str, uri: str | None, *, type: str, metadata: Mapping[str, Any] | None, description: str
    ) -> LoggedArtifact:
        """See Task.log_artifact."""
        artifact = artifacts.log_artifact(self._node, name, uri, type=type, metadata=metadata, description=description)
        self.add(artifact)
        return artifact

    def log_file(
        self, path: Any, name: str | None, *, type: str, metadata: Mapping[str, Any] | None, description: str
    ) -> LoggedArtifact:
        """See Task.log_file."""
        task_id = self._node.begun_id()
        file = files.check_file(path)
        name = values.name(file.name if name is None else name, "name")
        properties = values.mapping(metadata, "metadata")
        record = self._node.record
        place = self._free_file_name(files.check_file_name(name)) if record.artifact_root else name
        stored = files.store(file, record.artifact_root, record.run_id, task_id, place)
        properties |= {"digest": stored.digest, "size": stored.size}
        return self.log_artifact(name, stored.uri, type=type, metadata=properties, description=description)

    def log_metric(self, name: str, value: float, step: int | None) -> None:
        """See Task.log_metric."""
        number = value if value.__class__ is float else values.metric(value, "value")
        if step is not None and not (step.__class__ is int and -STEP_LIMIT <= step <= STEP_LIMIT):
            step = _checked_step(step)
        at = time.time()
        # A forked process has metrics of its own: two processes cannot write one series.
        artifact = self._metrics.get(name) if self._metrics_process == os.getpid() else None
        if artifact is None:
            artifact = self._new_metric(name)
        self._node.record.recording.add_point(artifact, step, at, number)

    def add(self, artifact: LoggedArtifact) -> None:
        """Take an artifact among the outputs."""
        before = self.by_name.get(artifact.key)
        if isinstance(before, LoggedArtifact):
            self.by_name[artifact.key] = _Several((before, artifact))
        elif isinstance(before, _Several):
            before.append(artifact)
        else:
            self.by_name[artifact.key] = artifact

    def take_over(self, parameters: Mapping[str, Plain], logged: list[LoggedArtifact]) -> None:
        """Take what an equal task had made."""
        self.by_name.update(parameters)
        for artifact in logged:
            self.add(artifact)

    def _new_metric(self, name: str) -> ArtifactRef:
        with lock:
            if self._metrics_process != os.getpid():
                self._metrics, self._metrics_process = {}, os.getpid()
            artifact = self._metrics.get(name)
            if artifact is None:
                artifact = self._metrics[name] = artifacts.create_metric(self._node, name)
            return artifact

    def _free_file_name(self, name: str) -> str:
        """Return a name under which this task has not copied a file before."""
        stem, suffix = os.path.splitext(name)
        number = 1
        with lock:
            while name in self._file_names:
                number += 1
                name = f"{stem}-{number}{suffix}"
            self._file_names.add(name)
        return name


class _Several(list[LoggedArtifact]):
    """Artifacts with one name; a list of its own, which no output parameter can be."""


def _checked_step(step: Any) -> int:
    number = values.whole(step, "step")
    if not -STEP_LIMIT <= number <= STEP_LIMIT:
        raise ValueError(f"step: must be between -2**53 and 2**53, not {number}")
    return number
