"""Threads on which transactions run, each as a whole. For databases that this process reads and writes itself.

Handing each statement to a thread would hand over the interpreter's lock several times per statement, and a busy event loop
returns it late: under load a transaction would mostly wait for that. SqlStore uses this where the dialect says so.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.errors import OutcomeUnknown, PoolExhausted, Unavailable
from storage.record import record
from storage.sql.commits import LATE
from storage.tracebacks import release

FAILED = "the disk failed during COMMIT; the write may have happened"

INTERRUPT_AGAIN_SECONDS = 0.05
RECENT_SECONDS = 0.1  # callers that wait for each other's calls are quiet for less

Answer = TypeVar("Answer")


class TurnConnection:
    """The connection of one turn, with the only methods of AsyncConnection that the tables' files and imports call."""

    def __init__(self, connection: Connection, has_left: Callable[[], bool]) -> None:
        self._connection, self._has_left = connection, has_left

    def begun(self) -> Connection:
        """Return the connection in its transaction; raises CancelledError when the caller has left."""
        if self._has_left():
            raise asyncio.CancelledError
        if not self._connection.in_transaction():
            self._connection.begin()
        return self._connection

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Execute a statement without waiting for the event loop; raises CancelledError when the caller has left."""
        if self._has_left():
            raise asyncio.CancelledError
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        """Execute a statement of the driver, as `execute` does."""
        if self._has_left():
            raise asyncio.CancelledError
        return self._connection.exec_driver_sql(statement, parameters)


Transaction = Callable[[TurnConnection], Awaitable[Answer]]


class Stage(Enum):
    """How far a transaction had come when its caller left."""

    QUEUED = auto()
    STATEMENTS = auto()
    COMMIT = auto()


@record
class Commits:
    """What is called before each COMMIT, and whether a write may have happened despite an error in it."""

    before: Callable[[], None]
    is_unknown: Callable[[DBAPIError], bool]


class _Turn(Generic[Answer]):
    """One transaction, from the moment it is queued. Of thread and caller, the first to acquire a lock decides."""

    __slots__ = ("_begins", "_context", "_driver", "_ends", "_future", "_guard", "_has_begun", "_loop", "_transaction")

    def __init__(self, transaction: Transaction[Answer], future: "asyncio.Future[Answer]") -> None:
        self._transaction: Transaction[Answer] | None = transaction
        self._loop = future.get_loop()
        self._context = contextvars.copy_context()
        self._begins, self._ends, self._has_begun = threading.Lock(), threading.Lock(), False
        self._future: asyncio.Future[Answer] | None = future
        self._driver: Any = None  # the driver's connection, while a statement of this turn may run on it
        self._guard = threading.Lock()

    def expire(self, error: Exception) -> None:
        """Fail the caller's wait with an error, unless the transaction has begun."""
        if self._begins.acquire(blocking=False):
            future, self._transaction, self._future = self._future, None, None
            if future is not None and not future.done():
                future.set_exception(error)

    def leave(self) -> Stage:
        """Stop the transaction: it does not begin if it waits; unless it has reached COMMIT, its statement is interrupted."""
        if self._begins.acquire(blocking=False):
            self._transaction = None
        is_stopped = self._ends.acquire(blocking=False)
        if is_stopped:
            self._interrupt()
        if not self._has_begun:
            return Stage.QUEUED
        return Stage.STATEMENTS if is_stopped else Stage.COMMIT

    def _interrupt(self) -> None:
        with self._guard:  # or the next turn's statement could be interrupted
            if self._driver is None:
                return
            self._driver.interrupt()
        # A statement that is about to start would run to its end.
        self._loop.call_later(INTERRUPT_AGAIN_SECONDS, self._interrupt)

    def take(self, engine: Engine, commits: Commits | None) -> None:
        """Run the transaction, and tell the caller. A thread calls this."""
        if not self._begins.acquire(blocking=False):
            return
        self._has_begun = True
        answer, error = self._outcome(engine, commits)
        future, self._transaction, self._future = self._future, None, None
        if error is not None:
            release(error)
        with contextlib.suppress(RuntimeError):  # the event loop has been closed
            self._loop.call_soon_threadsafe(_settle, future, answer, error)
        # The error's frames keep this one, so that its variables would be part of a cycle.
        del future, answer, error

    def _outcome(self, engine: Engine, commits: Commits | None) -> tuple[Answer | None, BaseException | None]:
        try:
            return self._context.run(self._transact, engine, commits), None
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            return None, error

    def _transact(self, engine: Engine, commits: Commits | None) -> Answer:
        assert self._transaction is not None
        with engine.connect() as connection:
            self._driver = connection.connection.driver_connection
            try:
                answer = _completed(self._transaction(TurnConnection(connection, self._ends.locked)))
            finally:
                with self._guard:
                    self._driver = None
            if commits is not None:
                commits.before()
            if not self._ends.acquire(blocking=False):
                raise asyncio.CancelledError
            if commits is None:
                return answer
            try:
                connection.commit()
            except BaseException as error:
                # The transaction may still be open, and the connection's next user must not commit it.
                connection.invalidate()
                if isinstance(error, DBAPIError) and commits.is_unknown(error):
                    raise OutcomeUnknown(FAILED) from error
                raise
            return answer


def _completed(callback: Awaitable[Answer]) -> Answer:
    """Run a callback that awaits nothing but its transaction, and so never suspends."""
    steps = callback.__await__()
    try:
        next(steps)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    if close := getattr(steps, "close", None):
        close()
    raise RuntimeError("a callback of the store awaited something other than its transaction")


def _settle(future: "asyncio.Future[Any] | None", answer: Any, error: BaseException | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(answer)
    elif isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


class TransactionThreads:
    """Threads with a connection each, the queue in front of them – first in, first out –, and their engine.

    Without `commits` transactions are never committed: they read.
    """

    def __init__(self, engine: Engine, *, name: str, count: int = 1, commits: Commits | None = None) -> None:
        self.engine = engine
        self._name, self._count, self._commits = name, count, commits
        self._turns: SimpleQueue[_Turn[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._callers, self._last_turn_at = 0, -RECENT_SECONDS

    def is_used(self) -> bool:
        """Return whether a caller waits for its transaction, or one was queued just now."""
        return self._callers > 0 or time.monotonic() - self._last_turn_at < RECENT_SECONDS

    async def run(self, transaction: Transaction[Answer], *, deadline: float | None, patience_seconds: float) -> Answer:
        """Run a transaction when its turn comes, and commit it. It may await only the methods of its connection.

        Raises PoolExhausted when the turn does not come before the deadline, a monotonic time, Unavailable when there is none and
        the turn does not come in so many seconds, OutcomeUnknown when the deadline passes during COMMIT, and what the transaction
        or COMMIT raises. If this is cancelled before COMMIT, the transaction leaves nothing behind.
        """
        while len(self._threads) < self._count:
            # An open connection must not keep the process alive.
            thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        turn = _Turn(transaction, future)
        late = PoolExhausted() if deadline is not None else Unavailable("no database connection became free in time")
        seconds = patience_seconds if deadline is None else deadline - time.monotonic()
        timer = loop.call_later(seconds, turn.expire, late)
        self._turns.put(turn)
        self._callers, self._last_turn_at = self._callers + 1, time.monotonic()
        try:
            return await future
        except asyncio.CancelledError:
            # By the caller's own timer for the same deadline: what it asks for is to end now, and why is known only here.
            stage, is_late = turn.leave(), deadline is not None and time.monotonic() >= deadline
            if is_late and stage is Stage.QUEUED:
                raise PoolExhausted from None
            if is_late and stage is Stage.COMMIT and self._commits is not None:
                raise OutcomeUnknown(LATE) from None
            raise
        finally:
            self._callers -= 1
            timer.cancel()

    def _serve(self) -> None:
        while (turn := self._turns.get()) is not None:
            turn.take(self.engine, self._commits)
            del turn  # while the next one is awaited, nothing of this one is kept

    async def close(self) -> None:
        """Run the transactions that are queued, then end the threads and close their connections."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._turns.put(None)
        await asyncio.to_thread(self._end, threads)

    def _end(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        self.engine.dispose()
