"""Threads that send independent calls at once. They do not keep the process from ending, and can be used while it ends."""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from lineal._recording.caller import background

CALLS_AT_ONCE = 16


class Workers:
    """Carries out functions in up to 16 threads, which are started when they are first needed."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._count = 1  # the caller's own thread

    def run(self, functions: Sequence[Callable[[], None]]) -> None:
        """Carry out all functions, in any order, and return when they have ended. Raises the first error that one raised."""
        if len(functions) == 1:
            functions[0]()
            return
        group = _Group(functions)
        while self._count < min(CALLS_AT_ONCE, len(functions)) and background(self._work, "worker"):
            self._count += 1
        for _ in range(min(self._count, len(functions)) - 1):
            self._tasks.put(group.work)
        group.work()
        group.wait()

    def close(self) -> None:
        """Let the threads end."""
        for _ in range(self._count - 1):
            self._tasks.put(None)

    def _work(self) -> None:
        while task := self._tasks.get():
            task()


class _Group:
    """Functions that belong together; several threads take one after another."""

    def __init__(self, functions: Sequence[Callable[[], None]]) -> None:
        self._functions = iter(functions)
        self._left = len(functions)
        self._changed = threading.Condition()
        self._error: BaseException | None = None

    def work(self) -> None:
        """Carry out functions until none is left, or one has failed."""
        while True:
            with self._changed:
                function = None if self._error else next(self._functions, None)
            if function is None:
                return
            try:
                function()
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                with self._changed:
                    self._error = self._error or error
                    self._changed.notify_all()
                return
            with self._changed:
                self._left -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Return when all functions have ended. Raises the first error."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._left)
        if self._error:
            raise self._error
