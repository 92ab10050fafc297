"""Takes the changes of a process, and sends them in the background: the interface of the recorder's core.

Every change is taken at once, checked, and written to the spool file by another thread before a third one sends it. No method but
`wait_for`, `flush` and `close` waits for the network.
"""

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from lineal._recording import forks, spool
from lineal._recording.background import BackgroundSync
from lineal._recording.batch import Batch
from lineal._recording.caller import Caller, background, logger
from lineal._recording.chain import Chain
from lineal._recording.counters import Counters, Rejection, Tally
from lineal._recording.keys import id_of, new_key
from lineal._recording.lines import VERSION, Line
from lineal._recording.marks import Artifacts
from lineal._recording.options import Options
from lineal._recording.refs import ArtifactRef
from lineal._recording.rejections import Rejections
from lineal._recording.send_loop import SendLoop
from lineal._recording.sender import Sender
from lineal._recording.sync import server_text
from lineal._recording.writer import Change, Writer
from lineal._requests import AnyMessage, build
from lineal.errors import Unavailable
from lineal.series import STEP_MAX
from lineal.settings import Settings
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2

CLOSED = "the recording is closed"


class Recording:
    """Takes changes from any thread, and sends them to one server. There is one per process and server.

    After a fork, the child goes on with a spool file of its own; what the parent has recorded stays the parent's to send. It is closed
    when the process ends.
    """

    _is_started: bool
    _is_closed: bool
    _is_complete: bool
    _has_forked: bool

    def __init__(self, client_settings: Settings, options: Options) -> None:
        """Raises SettingsError if a file of certificates cannot be used. Connects to nothing, and writes nothing yet."""
        self.settings, self.options = client_settings, options
        self._begin(Artifacts(), None, 1)
        forks.watch(self)
        atexit.register(self.close)

    def create_run(self, run: Mapping[str, Any]) -> str:
        """Record a new run and return its id. Raises ValueError or TypeError for what does not fit, with the path of the field."""
        request = build(run_pb2.CreateRunRequest, {"run": run})
        key = new_key()
        self._put((Batch.add_run, key, request))
        return id_of(key)

    def create_task(self, run_id: str, task: Mapping[str, Any]) -> str:
        """Record a new task and return its id. Raises ValueError or TypeError for what does not fit.

        A task with a `scope_path` must be the only one of its run with that path, name, parent and iteration: a server returns the one
        that exists, and the new one is then refused.
        """
        request = build(task_pb2.CreateTaskRequest, {"run_id": run_id, "task": task})
        key = new_key()
        self._put((Batch.add_task, key, request))
        return id_of(key)

    def update_task(self, run_id: str, task_id: str, task: Mapping[str, Any]) -> None:
        """Record a change of a task: what is absent stays, parameters are merged. Raises ValueError or TypeError for what does not fit.

        Changes of one task that are sent together are one change, of a task that is not sent yet they become part of it.
        """
        self._put((Batch.add_update, run_id, task_id, build(task_pb2.PipelineTask, task), time.time()))

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
        """Record an artifact as the output `key` of a task. Raises ValueError or TypeError for what does not fit.

        The artifact of a metric needs a number_value; that of one with points is the last finite one of these.
        """
        fields = {
            "run_id": run_id,
            "task_id": task_id,
            "producer_key": key,
            "artifact": artifact,
            "iteration_index": iteration_index,
            "reuse_if_exists": reuse_if_exists,
        }
        request = _built(artifact_pb2.CreateArtifactRequest, fields)
        ref = ArtifactRef(self, next(self._writer.refs), task_id, self._process_id)
        self._artifacts.add(ref)
        self._put((Batch.add_artifact, ref, request))
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
        """Record that a task used or made an artifact; a link that was recorded before is left out. Raises as `create_artifact`."""
        fields = {"run_id": run_id, "task_id": task_id, "type": type, "key": key, "producer": producer or {}}
        ref = None if isinstance(artifact, str) else artifact
        if isinstance(artifact, str):
            fields["artifact_id"] = artifact
        self._put((Batch.add_link, _built(artifact_pb2.ArtifactTask, fields), ref))

    def add_point(self, artifact: ArtifactRef, step: int | None, at: float, value: float) -> None:
        """Record a value of a metric, whose artifact this process has recorded by `create_artifact`; `at` is in seconds since 1970.

        Raises ValueError for a step that JSON cannot have, RuntimeError for an artifact that another process has recorded: a child of
        a fork needs a metric of its own.
        """
        if step is not None and not -STEP_MAX <= step <= STEP_MAX:
            raise ValueError(f"step: {step} is not between {-STEP_MAX} and {STEP_MAX}")
        if artifact.process_id != self._process_id:
            raise RuntimeError("the metric was recorded by another process; record another one after a fork")
        if self._is_closed:
            raise RuntimeError(CLOSED)
        self._writer.put_point((Batch.add_point, artifact, step, float(at), float(value)))
        if not self._is_started:
            self._start()

    def wait_for(self, what: ArtifactRef | str, *, timeout_seconds: float) -> None:
        """Wait until the server has an artifact, or the run or task with this id, and what was recorded before.

        Raises the error with which it was refused, Unavailable if the server could not be reached in time.
        """
        self._writer.write()
        goal, loop = self._writer.written, self._loop

        def is_known() -> bool:
            if isinstance(what, ArtifactRef) and (what.known_id or what.error):
                return True
            return loop.acknowledged >= goal or loop.stopped is not None

        with loop.changed:
            loop.changed.wait_for(is_known, timeout_seconds)
        error = what.error if isinstance(what, ArtifactRef) else self._rejections.error_of(what)
        if error is not None:
            raise error
        if not (what.known_id if isinstance(what, ArtifactRef) else loop.acknowledged >= goal):
            why = loop.stopped or self._caller.trouble or f"there was no answer within {timeout_seconds:g} s"
            raise Unavailable(f"{self.settings.server} does not have it yet: {why}")

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the server has what was recorded before, points of metrics included; return whether it has."""
        self._writer.write()
        goal, loop = self._writer.written, self._loop
        loop.want(goal)
        with loop.changed:
            loop.changed.wait_for(lambda: loop.complete >= goal or loop.stopped is not None, max(0.0, timeout_seconds))
            return loop.complete >= goal

    def send_of_children(self, timeout_seconds: float) -> None:
        """Send what forked processes that have ended could not send themselves, as far as that takes no longer.

        Without gRPC's support for forks, that is all that they recorded.
        """
        if self._has_forked:
            self._sync.close(timeout_seconds)

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Flush, and take no more changes; by default waits `spool_seconds`. The second time nothing happens.

        Returns False if the server does not have everything: the rest stays in the spool file, and the log says where that is.
        """
        with self._closing:
            if self._is_closed:
                return self._is_complete
            self._is_closed = True
            if not self._is_started:
                self._is_complete = True
                return True
            seconds = self.options.spool_seconds if timeout_seconds is None else timeout_seconds
            end = time.monotonic() + seconds
            try:
                self.flush(seconds)
                self._sync.close(end - time.monotonic() if self._has_forked else 0.0)
            finally:
                self._end()
            return self._is_complete

    @property
    def counters(self) -> Counters:
        """What was done so far, in numbers."""
        return self._tally.counters(self._writer.recorded)

    def rejected(self) -> list[Rejection]:
        """Return what the server refused for good: the first thousand of them; all are in the files of the folder `rejected`."""
        return self._rejections.kept()

    def before_fork(self) -> None:
        """Write what was recorded, so that a child knows what it has to wait for."""
        self._writer.lock.acquire()
        try:
            if self._is_started and not self._is_closed:
                self._writer.write()
        except Exception:  # noqa: BLE001 - told; the fork goes on
            logger.exception("changes could not be written before a fork")

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._has_forked = True
        self._writer.lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: with other locks, which threads of the parent may have held, another file, and without threads."""
        before = forks.before_of(self._chain, self._writer.written, self._loop.acknowledged) or self._before
        self._chain.abandon()
        self._begin(self._artifacts.copy(), before, self._writer.next_number)

    def _begin(self, artifacts: Artifacts, before: forks.Before | None, first_number: int) -> None:
        self._artifacts, self._before = artifacts, before
        self._process_id = os.getpid()
        self._id = new_key()
        self._closing, self._starting = threading.Lock(), threading.Lock()
        self._is_started = self._is_closed = self._is_complete = self._has_forked = False
        self._stop = threading.Event()
        self._tally = Tally()
        self._folders = spool.folders(self.options.folder)
        self._chain = Chain(self._folders, self._header, self._tally)
        self._caller = Caller(self.settings, self._tally, self._stop, patient=True)
        self._rejections = Rejections(self._folders[0], self._tally)
        self._sender = Sender(self._caller, artifacts, self._rejections)
        self._sync: BackgroundSync = BackgroundSync(self.settings, self._folders, self._stop)
        self._loop = SendLoop(self._chain, self._caller, self._sender, artifacts, self.options, self._before_sending)
        self._writer: Writer = Writer(self._chain, self._tally, self.options, self._loop.wake, first_number)

    def _start(self) -> None:
        with self._starting:
            if self._is_started:
                return
            self._is_started = True
            _close_with_process(self)
            self._writer.start()
            if background(self._loop.run, "sender") is None:
                self._loop.stop("the interpreter is being shut down")

    def _put(self, change: Change) -> None:
        if self._is_closed:
            raise RuntimeError(CLOSED)
        self._writer.put(change)
        if not self._is_started:
            self._start()

    def _before_sending(self) -> None:
        if self._before is not None:
            self._before.wait(self._artifacts, self._stop, self._sync.try_once)
            self._artifacts.resolve_all()
            self._before = None
        self._sync.start()

    def _end(self) -> None:
        # Another thread may have passed the check whether this is closed a moment before it was.
        self._writer.write()
        is_sent = self._loop.complete >= self._writer.written
        self._is_complete = is_sent and not self.counters.lost
        self._stop.set()
        self._writer.stop()
        self._loop.end()
        if not is_sent:
            waiting = self.counters.waiting
            logger.warning(
                "%d changes were not sent to %s%s; they are in %s, and are sent by the next process that records, or by `lineal sync`",
                waiting,
                self.settings.server,
                f" ({self._loop.stopped or self._caller.trouble})"
                if self._loop.stopped or self._caller.trouble
                else "",
                self._chain.names(),
            )
        self._chain.end(delete=is_sent)
        self._rejections.tell_count()
        self._sender.close()
        self._caller.close()

    def _header(self) -> Line:
        header: Line = {
            "lineal_spool": VERSION,
            "server": server_text(self.settings),
            "recording": self._id,
            "at": time.time(),
            "host": spool.host(),
            "pid": os.getpid(),
        }
        if self._before is not None and not self._chain.names_any():
            header["after"] = self._before.line()
        return header


def _built(kind: type[AnyMessage], fields: Mapping[str, Any]) -> AnyMessage:
    """Return a message as `build` does, in a fifth of the time if no field stands for JSON. What does not fit is told by `build`."""
    try:
        return kind(**fields)
    except (TypeError, ValueError):
        return build(kind, fields)


def _close_with_process(recording: Recording) -> None:
    """Close a recording when a process of multiprocessing ends: it calls nothing that was registered with atexit."""
    if "multiprocessing.util" in sys.modules:
        from multiprocessing import parent_process
        from multiprocessing.util import Finalize

        if parent_process() is not None:
            Finalize(None, recording.close, exitpriority=10)
