"""Worker processes: servers that share one store and one pair of ports, and the parent that replaces those that die.

The composition root calls `run_workers`, before any gRPC object exists in the process: gRPC does not survive a fork. The
parent does not serve. When it ends, even when it is killed, its workers end too.
"""

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import BinaryIO

from server.process.telemetry import log

POLL_SECONDS = 0.05
RESTART_PAUSE_SECONDS = 1.0  # a worker that dies at start must not be restarted in a tight loop

ServeInWorker = Callable[[Callable[[], None], int], None]
"""Serves in a worker: calls the function once it serves, and stops at the end of file of the descriptor."""

_SERVING = b"\0"
_STOP = (signal.SIGTERM, signal.SIGINT)
_STOP_OR_END = (*_STOP, signal.SIGCHLD)

Start = Callable[[], tuple[int, int]]


class WorkerFailed(Exception):
    """A worker could not start to serve; the text says why."""


def run_workers(count: int, serve: ServeInWorker, *, on_serving: Callable[[], None]) -> None:
    """Keep `count` workers serving until SIGTERM or SIGINT, then let them drain.

    Calls `on_serving` when all of them serve for the first time; raises WorkerFailed when one of them cannot.
    """
    # Never written to: workers see EOF when this process dies, even from SIGKILL.
    lifeline, write_end = os.pipe()
    workers: set[int] = set()

    def start() -> tuple[int, int]:
        worker, ready = _fork(serve, lifeline=lifeline, write_end=write_end)
        workers.add(worker)
        return worker, ready

    # Signals are waited for instead of handled: a handler could run between a check and the action that follows from it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_STOP, signal.SIGCHLD})
    try:
        if _all_serve([start()[1] for _ in range(count)]):
            on_serving()
            _supervise(workers, start)
    finally:
        os.close(write_end)
        os.close(lifeline)
        for worker in workers:
            os.kill(worker, signal.SIGTERM)  # not reaped yet, so no other process can have its id
        for worker in workers:
            os.waitpid(worker, 0)


def _all_serve(answers: list[int]) -> bool:
    """Wait until all of the first workers serve; False when a signal stops the wait. Raises WorkerFailed."""
    while answers:
        if signal.sigtimedwait(_STOP, 0) is not None:
            return False
        for ready in select.select(answers, [], [], POLL_SECONDS)[0]:
            answers.remove(ready)
            with os.fdopen(ready, "rb") as pipe:
                text = pipe.read()
            if text != _SERVING:
                raise WorkerFailed(text.decode() or "a worker died before it served")
    return True


def _supervise(workers: set[int], start: Start) -> None:
    """Replace workers that die, until a signal to stop arrives."""
    count = len(workers)
    while True:
        workers -= {worker for worker in workers if _has_ended(worker)}
        dead_count = count - len(workers)
        # Without a timeout: a parent that has nothing to do takes no time.
        event = signal.sigtimedwait(_STOP, RESTART_PAUSE_SECONDS) if dead_count else signal.sigwaitinfo(_STOP_OR_END)
        if event is not None and event.si_signo in _STOP:
            return
        for _ in range(dead_count):
            _, ready = start()
            os.close(ready)


def _has_ended(worker: int) -> bool:
    pid, status = os.waitpid(worker, os.WNOHANG)
    if pid:
        log.error("worker died", worker=worker, status=os.waitstatus_to_exitcode(status))
    return bool(pid)


def _fork(serve: ServeInWorker, *, lifeline: int, write_end: int) -> tuple[int, int]:
    """Start a worker; return its process id, and a descriptor that yields _SERVING, or why it cannot serve, and then EOF."""
    ready, answer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(answer)
        return pid, ready
    status = 1
    try:
        os.close(write_end)
        os.close(ready)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        pipe = os.fdopen(answer, "wb", buffering=0)
        try:
            serve(lambda: _send(pipe, _SERVING), lifeline)
            status = 0
        except Exception as error:  # noqa: BLE001 - a child must never return into its parent's code
            log.error("worker failed", error=str(error))
            _send(pipe, str(error).encode())
    finally:
        log.flush()
        os._exit(status)


def _send(pipe: BinaryIO, text: bytes) -> None:
    # The parent reads only the answers of the first workers; for later ones it has closed the pipe.
    with contextlib.suppress(BrokenPipeError):
        if not pipe.closed:
            pipe.write(text)
    pipe.close()
