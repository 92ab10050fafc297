"""A helper process: runs one function after the other for its parent. `server.calls.apart` starts and asks it.

Parent and helper are the same program, so functions, arguments and results travel as pickles. A helper ends when its standard
input does, which is at once when its parent dies, even from SIGKILL; and by itself when it has been idle for HELPER_IDLE_SECONDS.
"""

import contextlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO, Any

from server.process.lasting import all_stays
from server.process.memory import give_back_now

HELPER_IDLE_SECONDS = 60.0
"""How long a helper process is kept that has nothing to do. A new one takes half a second to start."""

INTERRUPT = signal.SIGUSR1
"""Sent to a helper whose answer nobody waits for any more. A function that does not handle it goes on."""

_LEAVES_SECONDS = 10.0  # before a helper ends by itself, it is no longer asked
_COUNT, _SIZE = struct.Struct("!B"), struct.Struct("!Q")
_BESIDE_BYTES = 64 * 1024
_PIPE_BYTES = 1024 * 1024  # what Linux allows; each read takes the interpreter's lock from the event loop
_NICENESS = 5  # the event loop goes first where there are few cores


class HelperLost(Exception):
    """A helper process ended while it was at work."""


class Helper:
    """A helper process, as its parent sees it. One thread at a time may ask it, and others stop it."""

    def __init__(self) -> None:
        # As our own path is, with our packages first: without -P, a package in the working directory would come before them.
        path = os.pathsep.join(part or os.curdir for part in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            pipesize=_PIPE_BYTES,
        )
        self._used_at = time.monotonic()

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def is_usable(self) -> bool:
        """Return whether the process is there, and will be for a while."""
        idle_seconds = time.monotonic() - self._used_at
        return self._process.poll() is None and idle_seconds < HELPER_IDLE_SECONDS - _LEAVES_SECONDS

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what a function returns; raises what it raises, and HelperLost when the process ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _write(self._process.stdin, (function, args, kwargs))
            succeeded, answer = _read(self._process.stdout)
        except (OSError, EOFError):
            raise HelperLost from None
        finally:
            self._used_at = time.monotonic()
        if succeeded:
            return answer
        raise _error(*answer)

    def interrupt(self) -> None:
        """Ask the process to stop what it does."""
        self._process.send_signal(INTERRUPT)

    def kill(self) -> None:
        """Kill the process; whoever asked it is told that it is lost."""
        self._process.kill()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        with contextlib.suppress(OSError):  # what was not written
            self._process.communicate()


def _write(pipe: IO[bytes], message: Any) -> None:
    """Write what is to be done, or its outcome: `_read` returns it."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(_beside(message), protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
    parts = [memoryview(data), *[buffer.raw() for buffer in buffers]]
    pipe.write(_COUNT.pack(len(buffers)))
    for part in parts:
        pipe.write(_SIZE.pack(len(part)))
        pipe.write(part)
    pipe.flush()


def _beside(message: Any) -> Any:
    """Return a tuple whose large bytes are sent as they are: a copy would take the interpreter from the event loop."""
    if type(message) is tuple:
        return tuple([_beside(part) for part in message])
    if type(message) is bytes and len(message) >= _BESIDE_BYTES:
        return pickle.PickleBuffer(message)
    return message


def _read(pipe: IO[bytes]) -> Any:
    """Return the next message; raises EOFError when there is none."""
    (count,) = _COUNT.unpack(_exactly(pipe, _COUNT.size))
    data, *buffers = [_exactly(pipe, *_SIZE.unpack(_exactly(pipe, _SIZE.size))) for _ in range(count + 1)]
    return pickle.loads(data, buffers=buffers)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _outcome(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
    try:
        return True, function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - it is the parent's
        return False, (type(error), error.args, error.__dict__)


def _error(kind: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    # Not pickled itself: to read it, pickle would call its type with what its `__init__` gave to the base class.
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def main() -> None:
    """Answer the parent until it closes the pipe."""
    # The first two are sent to a group of processes, and the parent still needs its helper.
    for number in (signal.SIGINT, signal.SIGTERM, INTERRUPT):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a function prints must not be read as an answer
    imports: AbstractContextManager[None] = all_stays()  # with the first request come the modules of its functions
    while select.select([requests], [], [], HELPER_IDLE_SECONDS)[0]:
        try:
            with imports:
                request = _read(requests)
            imports = contextlib.nullcontext()
        except EOFError:
            return
        outcome = _outcome(*request)
        del request
        try:
            _write(answers, outcome)
        except BrokenPipeError:
            return
        del outcome
        give_back_now()


if __name__ == "__main__":
    main()
