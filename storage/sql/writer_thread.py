"""A thread on which writing transactions run one after the other, each as a whole. For databases with one writer per process.

Handing each statement to a thread would hand over the interpreter's lock twice per statement, and a busy event loop returns
it late: under load a transaction would mostly wait for that. SqlStore uses this where the dialect says so.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.errors import OutcomeUnknown, PoolExhausted, Unavailable
from storage.sql.commits import LATE
from storage.tracebacks import release

FAILED = "the disk failed during COMMIT; the write may have happened"

RECENT_SECONDS = 0.1  # writers that wait for each other's calls are quiet for less

Answer = TypeVar("Answer")


class TurnConnection:
    """The connection of one turn, with the only method of AsyncConnection that the tables' files call."""

    def __init__(self, connection: Connection, has_left: Callable[[], bool]) -> None:
        self._connection, self._has_left = connection, has_left

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Execute a statement without waiting for the event loop; raises CancelledError when the caller has left."""
        if self._has_left():
            raise asyncio.CancelledError
        return self._connection.execute(statement, parameters)


Transaction = Callable[[TurnConnection], Awaitable[Answer]]


class Stage(Enum):
    """How far a transaction had come when its caller left."""

    QUEUED = auto()
    STATEMENTS = auto()
    COMMIT = auto()


@dataclass(frozen=True, slots=True)
class Commits:
    """The engine of a thread, what is called before each COMMIT, and whether a write may have happened despite an error in it."""

    engine: Engine
    before: Callable[[], None]
    is_unknown: Callable[[DBAPIError], bool]


class _Turn(Generic[Answer]):
    """One transaction, from the moment it is queued. Of thread and caller, the first to acquire a lock decides."""

    __slots__ = ("_begins", "_context", "_ends", "_future", "_has_begun", "_loop", "_transaction")

    def __init__(self, transaction: Transaction[Answer], future: "asyncio.Future[Answer]") -> None:
        self._transaction: Transaction[Answer] | None = transaction
        self._loop = future.get_loop()
        self._context = contextvars.copy_context()
        self._begins, self._ends, self._has_begun = threading.Lock(), threading.Lock(), False
        self._future: asyncio.Future[Answer] | None = future

    def expire(self, error: Exception) -> None:
        """Fail the caller's wait with an error, unless the transaction has begun."""
        if self._begins.acquire(blocking=False):
            future, self._transaction, self._future = self._future, None, None
            if future is not None and not future.done():
                future.set_exception(error)

    def leave(self) -> Stage:
        """Stop the transaction: it does not begin if it waits, and is rolled back if it has not reached COMMIT."""
        if self._begins.acquire(blocking=False):
            self._transaction = None
        is_stopped = self._ends.acquire(blocking=False)
        if not self._has_begun:
            return Stage.QUEUED
        return Stage.STATEMENTS if is_stopped else Stage.COMMIT

    def take(self, commits: "Commits") -> None:
        """Run the transaction, and tell the caller. The thread calls this."""
        if not self._begins.acquire(blocking=False):
            return
        self._has_begun = True
        answer, error = self._outcome(commits)
        future, self._transaction, self._future = self._future, None, None
        if error is not None:
            release(error)
        with contextlib.suppress(RuntimeError):  # the event loop has been closed
            self._loop.call_soon_threadsafe(_settle, future, answer, error)
        # The error's frames keep this one, so that its variables would be part of a cycle.
        del future, answer, error

    def _outcome(self, commits: "Commits") -> tuple[Answer | None, BaseException | None]:
        try:
            return self._context.run(self._transact, commits), None
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            return None, error

    def _transact(self, commits: "Commits") -> Answer:
        assert self._transaction is not None
        with commits.engine.connect() as connection:
            answer = _completed(self._transaction(TurnConnection(connection, self._ends.locked)))
            commits.before()
            if not self._ends.acquire(blocking=False):
                raise asyncio.CancelledError
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
    raise RuntimeError("a callback of Store.write awaited something other than its transaction")


def _settle(future: "asyncio.Future[Any] | None", answer: Any, error: BaseException | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(answer)
    elif isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


class WriterThread:
    """The thread, the queue in front of it – first in, first out –, and its engine, which must not be an AsyncEngine's."""

    def __init__(
        self, engine: Engine, *, before_commit: Callable[[], None], is_unknown: Callable[[DBAPIError], bool]
    ) -> None:
        self.engine = engine
        self._commits = Commits(engine, before_commit, is_unknown)
        self._turns: SimpleQueue[_Turn[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last_turn_at = -RECENT_SECONDS

    def has_writes(self) -> bool:
        """Return whether a transaction has been queued just now."""
        return time.monotonic() - self._last_turn_at < RECENT_SECONDS

    async def run(self, transaction: Transaction[Answer], *, deadline: float | None, patience_seconds: float) -> Answer:
        """Run a transaction when its turn comes, and commit it. It may await only the methods of its connection.

        Raises PoolExhausted when the turn does not come before the deadline, a monotonic time, Unavailable when there is none and
        the turn does not come in so many seconds, OutcomeUnknown when the deadline passes during COMMIT, and what the transaction
        or COMMIT raises. If this is cancelled before COMMIT, the transaction leaves nothing behind.
        """
        if self._thread is None:
            # An open connection must not keep the process alive.
            self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        turn = _Turn(transaction, future)
        late = PoolExhausted() if deadline is not None else Unavailable("no database connection became free in time")
        seconds = patience_seconds if deadline is None else deadline - time.monotonic()
        timer = loop.call_later(seconds, turn.expire, late)
        self._turns.put(turn)
        self._last_turn_at = time.monotonic()
        try:
            return await future
        except asyncio.CancelledError:
            # By the caller's own timer for the same deadline: what it asks for is to end now, and why is known only here.
            stage, is_late = turn.leave(), deadline is not None and time.monotonic() >= deadline
            if is_late and stage is Stage.QUEUED:
                raise PoolExhausted from None
            if is_late and stage is Stage.COMMIT:
                raise OutcomeUnknown(LATE) from None
            raise
        finally:
            timer.cancel()

    def _serve(self) -> None:
        while (turn := self._turns.get()) is not None:
            turn.take(self._commits)
            del turn  # while the next one is awaited, nothing of this one is kept
        self.engine.dispose()

    async def close(self) -> None:
        """Run the transactions that are queued, then end the thread and close its connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._turns.put(None)
            await asyncio.to_thread(thread.join)
