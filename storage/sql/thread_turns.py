"""One transaction of a caller that waits for it elsewhere: how far it has come, and what its connection is.

The threads on which transactions run call this.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from storage.sql.kept_connection import KeptConnection
from storage.tracebacks import release

INTERRUPT_AGAIN_SECONDS = 0.05

Answer = TypeVar("Answer")


class TakesLong(BaseException):
    """A transaction keeps others waiting, and is to run again where it does not. Not an Exception: its callback must let it pass."""


class TransactionLost(RuntimeError):
    """The database has rolled back the whole transaction after an error that its callback did not let pass."""

    def __init__(self) -> None:
        super().__init__("the database has rolled back the transaction")


class TurnConnection:
    """The connection of one turn, with the only methods of AsyncConnection that the tables' files and imports call.

    The transaction begins with the first statement; if it is `nested`, as a part of one that may have begun. It must not take
    longer than `until`, a time of `time.perf_counter`.
    """

    __slots__ = ("_has_left", "_kept", "_nested", "_until", "is_begun")

    def __init__(
        self, kept: KeptConnection, has_left: Callable[[], bool], *, nested: bool = False, until: float | None = None
    ) -> None:
        self._kept, self._has_left, self._nested, self._until = kept, has_left, nested, until
        self.is_begun = False

    def begun(self) -> KeptConnection:
        """Return the connection in its transaction; raises CancelledError when the caller has left, and DBAPIError."""
        if self._has_left():
            raise asyncio.CancelledError
        kept = self._kept
        if not self.is_begun:
            self._begin()
        elif not kept.driver.in_transaction:
            # What is executed now would be committed at once.
            raise TransactionLost
        if self._until is not None and time.perf_counter() >= self._until:
            raise TakesLong
        return kept

    def _begin(self) -> None:
        kept = self._kept
        if not kept.has_begun:
            kept.begin()
        elif kept.is_lost:
            raise TransactionLost
        if self._nested:
            kept.save()
        self.is_begun = True

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Execute a statement without waiting for the event loop; raises CancelledError when the caller has left."""
        return self.begun().sql.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        """Execute a statement of the driver, as `execute` does."""
        return self.begun().sql.exec_driver_sql(statement, parameters)


Transaction = Callable[[TurnConnection], Awaitable[Answer]]


class Stage(Enum):
    """How far a transaction had come when its caller left."""

    QUEUED = auto()
    STATEMENTS = auto()
    COMMIT = auto()


class Suspended(RuntimeError):
    """A callback awaited something other than its transaction."""


class Turn(Generic[Answer]):
    """One transaction, from the moment it is queued until its caller is told. Thread and caller decide under a lock."""

    __slots__ = ("_context", "_driver", "_future", "_guard", "_has_left", "_loop", "_stage", "_transaction")

    def __init__(self, transaction: Transaction[Answer], future: "asyncio.Future[Answer]") -> None:
        self._transaction: Transaction[Answer] | None = transaction
        self._loop = future.get_loop()
        self._context = contextvars.copy_context()
        self._future: asyncio.Future[Answer] | None = future
        self._guard = threading.Lock()
        self._stage, self._has_left = Stage.QUEUED, False
        self._driver: Any = None  # the driver's connection, while a statement of this turn may run on it

    def expire(self, error: Exception) -> None:
        """Fail the caller's wait with an error, unless the transaction has begun."""
        with self._guard:
            if self._stage is not Stage.QUEUED or self._has_left:
                return
            self._has_left = True
            future, self._transaction, self._future = self._future, None, None
        if future is not None and not future.done():
            future.set_exception(error)

    def leave(self) -> Stage:
        """Stop the transaction: it does not begin if it waits; unless it has reached COMMIT, its statement is interrupted."""
        with self._guard:
            self._has_left = True
            stage = self._stage
            if stage is Stage.QUEUED:
                self._transaction = None
        if stage is Stage.STATEMENTS:
            self._interrupt()
        return stage

    def _interrupt(self) -> None:
        with self._guard:  # or the next turn's statement could be interrupted
            if self._driver is None:
                return
            self._driver.interrupt()
        # A statement that is about to start would run to its end.
        self._loop.call_later(INTERRUPT_AGAIN_SECONDS, self._interrupt)

    def begin(self) -> bool:
        """Begin the transaction, perhaps again; return whether its caller still waits. A thread calls this and what follows."""
        with self._guard:
            if not self._has_left:
                self._stage = Stage.STATEMENTS
            return not self._has_left

    def reach_commit(self) -> None:
        """From now on the caller cannot stop the transaction. Raises CancelledError if it has."""
        with self._guard:
            if self._has_left:
                raise asyncio.CancelledError
            self._stage = Stage.COMMIT

    def run(self, connection: TurnConnection, kept: KeptConnection) -> Answer:
        """Run the callback up to COMMIT; raises what it raises, and CancelledError when the caller has left."""
        assert self._transaction is not None
        kept.open()  # for what interrupts its statements
        self._driver, kept.is_in_use = kept.driver, True
        try:
            return self._context.run(completed, self._transaction, connection)
        finally:
            with self._guard:
                self._driver = None

    def has_left(self) -> bool:
        """Return whether the caller has left."""
        return self._has_left

    def end(self) -> "tuple[asyncio.AbstractEventLoop, asyncio.Future[Answer] | None]":
        """Return who is to be told, and keep nothing of it."""
        future, self._transaction, self._future = self._future, None, None
        return self._loop, future


def completed(transaction: Transaction[Answer], connection: TurnConnection) -> Answer:
    """Return the answer of a callback that awaits nothing but its transaction, and so never suspends; raises Suspended."""
    steps = transaction(connection).__await__()
    try:
        next(steps)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    if close := getattr(steps, "close", None):
        close()
    raise Suspended("a callback of the store awaited something other than its transaction")


class Outcome(Generic[Answer]):
    """What became of a turn: an answer, or an error."""

    __slots__ = ("answer", "error", "turn")

    def __init__(self, turn: Turn[Answer], answer: Answer | None = None, error: BaseException | None = None) -> None:
        self.turn, self.answer, self.error = turn, answer, error

    def forget(self) -> Turn[Answer]:
        """Return the turn, and keep nothing of what became of it: the frames of an error lead here."""
        if self.error is not None:
            release(self.error)
        self.answer = self.error = None
        return self.turn


Queue = SimpleQueue[Turn[Any] | None]
"""Turns, first in, first out; each None ends a thread."""


class TurnLine:
    """The queue as one thread sees it."""

    def __init__(self, queue: Queue) -> None:
        self._queue, self._has_ended = queue, False

    def next(self) -> Turn[Any] | None:
        """Wait for the next turn; return None when the thread is to end."""
        turn = None if self._has_ended else self._queue.get()
        self._has_ended = turn is None
        return turn

    def next_waiting(self) -> Turn[Any] | None:
        """Return the next turn, None if there is none yet."""
        if self.is_empty():
            return None
        turn = self._queue.get()
        self._has_ended = turn is None
        return turn

    def is_empty(self) -> bool:
        """Return whether no turn waits; of a queue from which only one thread takes turns."""
        return self._has_ended or self._queue.empty()


def tell(outcomes: Iterable[Outcome[Any]]) -> None:
    """Tell callers what became of their turns: those of one event loop at once, for each waking up takes time."""
    of_loops: dict[asyncio.AbstractEventLoop, list[tuple[Any, Any, BaseException | None]]] = {}
    for outcome in outcomes:
        loop, future = outcome.turn.end()
        if outcome.error is not None:
            release(outcome.error)
        of_loops.setdefault(loop, []).append((future, outcome.answer, outcome.error))
        outcome.answer = outcome.error = None  # frames of the error lead here, which would be part of a cycle
    for loop, told in of_loops.items():
        with contextlib.suppress(RuntimeError):  # the event loop has been closed
            loop.call_soon_threadsafe(_settle, told)


def _settle(told: list[tuple[Any, Any, BaseException | None]]) -> None:
    while told:
        future, answer, error = told.pop(0)
        if future is None or future.done():
            continue
        if error is None:
            future.set_result(answer)
        elif isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
