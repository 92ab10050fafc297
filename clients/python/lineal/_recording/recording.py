"""Takes changes and sends them in the background."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message

from lineal._recording.counters import Counters, Rejection
from lineal._recording.keys import id_of, new_key
from lineal._recording.options import Options
from lineal._requests import build
from lineal.client import Client
from lineal.errors import LinealError, Unavailable
from lineal.series import Series
from lineal.settings import Settings
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2


class ArtifactRef:
    """An artifact that was recorded, and has an id when the server has answered."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self.known_id: str | None = None
        self.error: LinealError | None = None
        self.series: Series | None = None

    @property
    def id(self) -> str:
        """The server's id; waits for the server. Raises the error of a refused artifact, Unavailable after the client's timeout."""
        if self.known_id is None:
            self._recording.wait_for(self, timeout_seconds=self._recording.settings.timeout_seconds)
        assert self.known_id is not None
        return self.known_id


class _Caller(Client):
    def call(self, name: str, request: Message, key: str | None = None) -> Any:
        return self._call(name, request, None, key)


class Recording:
    """Takes changes, and sends them in the background. Only wait_for, flush and close wait for the network."""

    def __init__(self, client_settings: Settings, options: Options) -> None:
        self.settings, self.options = client_settings, options
        self._client = _Caller(**{each.name: getattr(client_settings, each.name) for each in fields(Settings)})
        self._queue: deque[tuple[str, Callable[[], Any]]] = deque()
        self._changed = threading.Condition()
        self._done = self._taken = 0
        self._rejected: list[Rejection] = []
        self._errors: dict[str, LinealError] = {}
        threading.Thread(target=self._send, daemon=True).start()

    def create_run(self, run: Mapping[str, Any]) -> str:
        """Record a new run and return its id. Raises ValueError or TypeError for what does not fit, with the field's path."""
        request = build(run_pb2.CreateRunRequest, {"run": run})
        key = new_key()
        self._put(id_of(key), lambda: self._client.call("RunService.CreateRun", request, key))
        return id_of(key)

    def create_task(self, run_id: str, task: Mapping[str, Any]) -> str:
        """Record a new task and return its id."""
        request = build(task_pb2.CreateTaskRequest, {"run_id": run_id, "task": task})
        key = new_key()
        self._put(id_of(key), lambda: self._client.call("RunService.CreateTask", request, key))
        return id_of(key)

    def update_task(self, run_id: str, task_id: str, task: Mapping[str, Any]) -> None:
        """Record a change of a task: what is absent stays, parameters are merged."""
        request = build(task_pb2.UpdateTaskRequest, {"run_id": run_id, "task_id": task_id, "task": task})
        self._put(task_id, lambda: self._client.call("RunService.UpdateTask", request, new_key()))

    def create_artifact(
        self,
        run_id: str,
        task_id: str,
        *,
        key: str,
        artifact: Mapping[str, Any],
        iteration_index: int | None = None,
        reuse_if_exists: bool = False,
    ) -> ArtifactRef:
        """Record an artifact that a task made."""
        request = build(
            artifact_pb2.CreateArtifactRequest,
            {
                "run_id": run_id,
                "task_id": task_id,
                "producer_key": key,
                "artifact": artifact,
                "iteration_index": iteration_index,
                "reuse_if_exists": reuse_if_exists,
            },
        )
        ref = ArtifactRef(self)

        def send() -> None:
            try:
                ref.known_id = self._client.call("ArtifactService.CreateArtifact", request, new_key()).artifact_id
            except LinealError as error:
                ref.error = error
                raise

        self._put(task_id, send)
        return ref

    def link(
        self,
        run_id: str,
        task_id: str,
        *,
        artifact: ArtifactRef | str,
        type: str,
        key: str,
        producer: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that a task used or made an artifact."""
        link = build(
            artifact_pb2.ArtifactTask,
            {"run_id": run_id, "task_id": task_id, "type": type, "key": key, "producer": producer or {}},
        )

        def send() -> None:
            link.artifact_id = artifact if isinstance(artifact, str) else artifact.known_id or ""
            request = artifact_pb2.CreateArtifactTaskRequest(artifact_task=link)
            self._client.call("ArtifactService.CreateArtifactTask", request, new_key())

        self._put(task_id, send)

    def add_point(self, artifact: ArtifactRef, step: int | None, at: float, value: float) -> None:
        """Record a value of a metric, whose artifact was made by create_artifact."""
        artifact.series = artifact.series or Series()
        artifact.series.append(step, at, value)

    def wait_for(self, what: ArtifactRef | str, *, timeout_seconds: float) -> None:
        """Wait until the server has a run, a task (by id) or an artifact. Raises the error with which it was refused, else Unavailable."""
        ok = self.flush(timeout_seconds)
        error = what.error if isinstance(what, ArtifactRef) else self._errors.get(what)
        if error:
            raise error
        if not ok:
            raise Unavailable(f"no server could be reached at {self.settings.server} within {timeout_seconds:g} s")

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the server has everything that was recorded before; return whether it has."""
        with self._changed:
            goal = self._taken
            return self._changed.wait_for(lambda: self._done >= goal, timeout_seconds)

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Flush, and take no more changes; return False if the rest is in the spool file. By default waits spool_seconds."""
        return self.flush(self.options.spool_seconds if timeout_seconds is None else timeout_seconds)

    @property
    def counters(self) -> Counters:
        """What was done so far, in numbers."""
        return Counters(changes=self._taken, calls=self._done, waiting=len(self._queue), rejected=len(self._rejected))

    def rejected(self) -> list[Rejection]:
        """Return what the server refused for good."""
        return list(self._rejected)

    def _put(self, subject: str, send: Callable[[], Any]) -> None:
        with self._changed:
            self._queue.append((subject, send))
            self._taken += 1
            self._changed.notify_all()

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                subject, send = self._queue[0]
            try:
                send()
            except (Unavailable,):
                time.sleep(1)
                continue
            except LinealError as error:
                self._errors[subject] = error
                self._rejected.append(Rejection("", subject, error.message, error.code, error.reason))
            with self._changed:
                self._queue.popleft()
                self._done += 1
                self._changed.notify_all()
