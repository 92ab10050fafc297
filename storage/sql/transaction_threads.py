"""Threads on which transactions run, each as a whole. For databases that this process reads and writes itself.

Handing each statement to a thread would hand over the interpreter's lock several times per statement, and a busy event loop
returns it late: under load a transaction would mostly wait for that. SqlStore uses this where the dialect says so.
"""

import asyncio
import threading
import time
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine

from storage.errors import OutcomeUnknown, PoolExhausted, Unavailable
from storage.record import record
from storage.sql.commits import LATE
from storage.sql.group_commit import GROUP_MAX, Commits, GroupCommit
from storage.sql.kept_connection import KeptConnection
from storage.sql.thread_turns import Outcome, Queue, Stage, TakesLong, Transaction, Turn, TurnConnection, TurnLine, tell

RECENT_SECONDS = 0.1  # callers that wait for each other's calls are quiet for less

Answer = TypeVar("Answer")


class ReadsAtOnce(Protocol):
    """Reads on the thread of the event loop, while nothing else happens there."""

    @property
    def is_open(self) -> bool:
        """Whether `run` may be called."""

    def open(self) -> None:
        """Open the connection, which takes a while; what fails is tried again the next time. A reading thread calls this."""

    def run(self, transaction: Transaction[Answer]) -> Answer:
        """Return the answer of a callback on one snapshot. Raises TakesLong, and what the callback raises."""

    def close(self) -> None:
        """Close the connection."""


@record
class ThreadOptions:
    """What makes transactions on threads faster, and can be left out to see that it changes nothing else."""

    reads_at_once: bool = True
    """Whether reads by key run on the thread of the event loop."""
    group_max: int = GROUP_MAX
    """How many writes share a COMMIT."""


FAST = ThreadOptions()
"""Nothing is left out."""


class TransactionThreads:
    """Threads with a connection each, the queue in front of them – first in, first out –, and their engine.

    Without `commits` transactions are never committed: they read, short ones `at_once` if possible. `begin` is the statement.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        begin: str,
        count: int = 1,
        commits: Commits | None = None,
        group_max: int = GROUP_MAX,
        at_once: ReadsAtOnce | None = None,
    ) -> None:
        self.engine = engine
        self._name, self._begin, self._count, self._commits, self._group_max = name, begin, count, commits, group_max
        self._at_once = at_once
        self._turns: Queue = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._kept: list[KeptConnection] = []
        self._callers, self._last_turn_at = 0, -RECENT_SECONDS

    def is_used(self) -> bool:
        """Return whether a caller waits for its transaction, or one was queued just now."""
        return self._callers > 0 or time.monotonic() - self._last_turn_at < RECENT_SECONDS

    def use(self) -> tuple[int, int]:
        """Return how many threads have a transaction, and how many there may be."""
        return sum(kept.is_in_use for kept in self._kept), self._count

    async def run(self, transaction: Transaction[Answer], *, deadline: float | None, patience_seconds: float) -> Answer:
        """Run a transaction when its turn comes, and commit it. It may await only the methods of its connection.

        Raises PoolExhausted when the turn does not come before the deadline, a monotonic time, Unavailable when there is none and
        the turn does not come in so many seconds, OutcomeUnknown when the deadline passes during COMMIT, and what the transaction
        or COMMIT raises. If this is cancelled before COMMIT, the transaction leaves nothing behind. COMMIT begins when the
        callback has ended, although those of other callers may run before it is sent.
        """
        if len(self._threads) < self._count and self._are_all_busy():
            # An open connection must not keep the process alive.
            thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        turn = Turn(transaction, future)
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

    def _are_all_busy(self) -> bool:
        """Return whether all threads that there are have something to do, be it for a caller that has left."""
        return max(self._callers, self.use()[0]) >= len(self._threads)

    def run_at_once(self, transaction: Transaction[Answer]) -> Answer:
        """Run a transaction that reads little without waiting for a thread; raises TakesLong if it must, and as `run` does."""
        if self._at_once is None or not self._at_once.is_open:
            raise TakesLong
        return self._at_once.run(transaction)

    def _serve(self) -> None:
        kept, line = KeptConnection(self.engine, begin=self._begin), TurnLine(self._turns)
        self._kept.append(kept)
        group = None if self._commits is None else GroupCommit(kept, self._commits, size_max=self._group_max)
        while (turn := line.next()) is not None:
            if group is not None:
                group.run(turn, line)
            else:
                self._read(turn, kept)
            del turn  # while the next one is awaited, nothing of this one is kept
        kept.drop()
        self._kept.remove(kept)

    def _read(self, turn: Turn[Any], kept: KeptConnection) -> None:
        if not turn.begin():
            return
        if self._at_once is not None and not self._at_once.is_open:
            self._at_once.open()
        try:
            answer = turn.run(TurnConnection(kept, turn.has_left), kept)
            turn.reach_commit()
            outcome = Outcome(turn, answer)
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            outcome = Outcome(turn, error=error)
        kept.roll_back()
        tell([outcome])

    async def close(self) -> None:
        """Run the transactions that are queued, then end the threads and close their connections."""
        threads, self._threads = self._threads, []
        at_once, self._at_once = self._at_once, None
        for _ in threads:
            self._turns.put(None)
        await asyncio.to_thread(self._end, threads, at_once)

    def _end(self, threads: list[threading.Thread], at_once: ReadsAtOnce | None) -> None:
        for thread in threads:
            thread.join()
        if at_once is not None:
            at_once.close()
        self.engine.dispose()
