"""What the tasks of one run have in common: the run's id, where changes go, the artifacts that were logged or imported."""

import threading
from typing import TYPE_CHECKING

from lineal._recorder.server import Server
from lineal._recording import Options, Recording
from lineal.settings import Settings

if TYPE_CHECKING:
    from lineal._recorder.artifacts import LoggedArtifact
    from lineal._recorder.nodes import Node

DEFAULT_NAMESPACE = "default"
"""Of artifacts, which must have one; a single-user server drops it."""


class Record:
    """One run, or the part of it that this process records."""

    def __init__(self, connection: "Connection", run_id: str, *, namespace: str, artifact_root: str) -> None:
        self.connection, self.recording = connection, connection.recording
        self.run_id, self.namespace, self.artifact_root = run_id, namespace, artifact_root
        self.root: Node | None = None
        """The task that all others of this process are below of."""
        self.lock = threading.RLock()
        self.artifacts_by_uri: dict[str, LoggedArtifact] = {}
        self.artifacts_by_id: dict[str, LoggedArtifact] = {}

    @property
    def artifact_namespace(self) -> str:
        """The namespace to create artifacts with."""
        return self.namespace or DEFAULT_NAMESPACE

    def remember(self, artifact: "LoggedArtifact") -> None:
        """Let `uses=` find an artifact by its uri."""
        if artifact.uri:
            with self.lock:
                self.artifacts_by_uri[artifact.uri] = artifact


class Connection:
    """Where a process records to: what takes its changes, and what asks the server."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings, self.options = settings, options
        self.recording = Recording(settings, options)
        self.server = Server(settings)
        self.fingerprints: set[str] = set()
        """Of tasks that succeeded in this process: the server may not have them yet."""


_connections: dict[tuple[Settings, Options], Connection] = {}
_lock = threading.Lock()


def connection_to(settings: Settings, options: Options) -> Connection:
    """Return the connection of this process with these settings: the runs of a process share what can be sent together."""
    with _lock:
        connection = _connections.get((settings, options))
        if connection is None:
            connection = _connections[settings, options] = Connection(settings, options)
        return connection
