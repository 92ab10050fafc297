"""What the tasks of one run have in common: the run's id, where changes go, the artifacts that were logged or imported."""

from typing import TYPE_CHECKING

from lineal._recorder import current
from lineal._recorder.locks import lock

if TYPE_CHECKING:
    from lineal._recorder.artifacts import LoggedArtifact
    from lineal._recorder.connections import Connection
    from lineal._recorder.nodes import Node

DEFAULT_NAMESPACE = "default"
"""Of artifacts, which must have one; a single-user server drops it."""


class Record:
    """One run, or the part of it that this process records."""

    def __init__(self, connection: "Connection", run_id: str, *, namespace: str, artifact_root: str) -> None:
        self.connection, self.recording = connection, connection.recording
        self.run_id, self.namespace, self.artifact_root = run_id, namespace, artifact_root
        self.variables = current.variables_of(run_id, connection.settings, artifact_root)
        """By which a subprocess records in the run."""
        self.root: Node | None = None
        """The task that all others of this process are below of."""
        self.artifacts_by_uri: dict[str, LoggedArtifact] = {}
        self.artifacts_by_id: dict[str, LoggedArtifact] = {}

    @property
    def artifact_namespace(self) -> str:
        """The namespace to create artifacts with."""
        return self.namespace or DEFAULT_NAMESPACE

    def remember(self, artifact: "LoggedArtifact") -> None:
        """Let `uses=` find an artifact by its uri."""
        if artifact.uri:
            with lock:
                self.artifacts_by_uri[artifact.uri] = artifact
