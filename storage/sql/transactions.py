"""Where transactions run: on threads of this process, or on sessions of a database server. SqlStore has one for reads, one for writes."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.sql.commits import Endings
from storage.sql.dialects.dialect import Dialect
from storage.sql.prepared import PreparedStatements
from storage.sql.session import Sessions, SessionStatements
from storage.sql.thread_turns import TakesLong, Transaction
from storage.sql.transaction_threads import TransactionThreads
from storage.sql.turn_statements import TurnStatements
from storage.sql.turns import Turn
from storage.sql.tx import SqlTx

Answer = TypeVar("Answer")

Callback = Callable[[Any], Awaitable[Answer]]
"""Takes a SqlTx, and awaits nothing but its methods."""


class Transactions(ABC):
    """Runs transactions that read, or that write."""

    turns_max: int
    """How many may be asked for at once."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The engine of their connections, for event listeners."""

    @abstractmethod
    async def run(
        self,
        callback: Callback[Answer],
        turn: Turn,
        deadline: float | None,
        *,
        patience_seconds: float,
        is_one: bool = False,
    ) -> Answer:
        """Run a callback in a transaction, or with `is_one`, if that is cheaper, without: it executes one statement only.

        If the deadline, a monotonic time, passes during COMMIT, OutcomeUnknown is raised. Without one a queue is waited in for so
        many seconds.
        """

    def run_at_once(self, callback: Callback[Answer]) -> Answer:
        """Run a callback that reads little, without waiting for anything; raises TakesLong where that is not possible."""
        raise TakesLong

    def share_the_interpreter(self) -> bool:
        """Return whether there are transactions, or were just now, that take turns with the event loop."""
        return False

    @abstractmethod
    def use(self) -> tuple[int, int]:
        """Return the number of connections in use, and its maximum."""

    @abstractmethod
    def leave(self) -> None:
        """Use no connection to a server again that there is now."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""


class ThreadTransactions(Transactions):
    """Transactions on threads, which have a queue of their own: the next turn there needs no round trip to the event loop."""

    turns_max = sys.maxsize

    def __init__(self, dialect: Dialect, threads: TransactionThreads) -> None:
        self._dialect, self._threads = dialect, threads
        self._prepared = PreparedStatements(threads.engine.dialect)

    @property
    def engine(self) -> Engine:
        """See Transactions."""
        return self._threads.engine

    async def run(
        self,
        callback: Callback[Answer],
        turn: Turn,
        deadline: float | None,
        *,
        patience_seconds: float,
        is_one: bool = False,
    ) -> Answer:
        """See Transactions."""
        transaction = self._transaction(callback)
        return await self._threads.run(transaction, deadline=deadline, patience_seconds=patience_seconds)

    def run_at_once(self, callback: Callback[Answer]) -> Answer:
        """See Transactions."""
        return self._threads.run_at_once(self._transaction(callback))

    def _transaction(self, callback: Callback[Answer]) -> Transaction[Answer]:
        return lambda connection: callback(SqlTx(TurnStatements(connection, self._prepared), self._dialect))

    def share_the_interpreter(self) -> bool:
        """See Transactions."""
        return self._threads.is_used()

    def leave(self) -> None:
        """See Transactions. There is no server."""

    def use(self) -> tuple[int, int]:
        """See Transactions."""
        return self._threads.use()

    async def close(self) -> None:
        """See Transactions."""
        await self._threads.close()


class SessionTransactions(Transactions):
    """Transactions on a database server, each on a session that is held open; at most `size` at a time."""

    def __init__(self, dialect: Dialect, engine: AsyncEngine, endings: Endings, *, size: int, writer: bool) -> None:
        self.turns_max = size
        self._engine, self._dialect, self._endings, self._is_writer = engine, dialect, endings, writer
        self.sessions = Sessions(engine, partial(dialect.session, writer=writer))
        self._prepared = PreparedStatements(engine.sync_engine.dialect)

    @property
    def engine(self) -> Engine:
        """See Transactions."""
        return self._engine.sync_engine

    async def run(
        self,
        callback: Callback[Answer],
        turn: Turn,
        deadline: float | None,
        *,
        patience_seconds: float,
        is_one: bool = False,
    ) -> Answer:
        """See Transactions."""
        session = await self.sessions.take()
        try:
            turn.caller.check()
            if not is_one:
                await session.begin()
            answer = await callback(SqlTx(SessionStatements(session, self._prepared), self._dialect))
        except BaseException:
            await self._endings.run(self.sessions.give_back(session), turn)
            raise
        if self._is_writer:
            await self._endings.commit(session, self.sessions, self._dialect.is_outcome_unknown, turn, deadline)
        else:
            await self.sessions.give_back(session)
        return answer

    def use(self) -> tuple[int, int]:
        """See Transactions."""
        return self.sessions.in_use, self.turns_max

    def leave(self) -> None:
        """See Transactions."""
        self.sessions.leave()

    async def close(self) -> None:
        """See Transactions."""
        await self.sessions.close()
