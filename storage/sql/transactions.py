"""Where transactions run: on threads of this process, or on sessions of a database server. SqlStore has one for reads, one for writes."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.sql.commits import Endings, committed
from storage.sql.dialects.dialect import Dialect, Failure
from storage.sql.prepared import PreparedStatements
from storage.sql.session import Session, Sessions, SessionStatements
from storage.sql.thread_turns import TakesLong, Transaction
from storage.sql.transaction_threads import TransactionThreads
from storage.sql.turn_statements import TurnStatements
from storage.sql.turns import Turn
from storage.sql.tx import SqlTx
from storage.tracebacks import release

Answer = TypeVar("Answer")

Callback = Callable[[Any], Awaitable[Answer]]
"""Takes a SqlTx, and awaits nothing but its methods."""


_IN_THE_WAY = frozenset({Failure.DUPLICATE, Failure.MISSING_PARENT, Failure.RETRY})
"""Why a statement fails that meets what others have written or locked: it has done nothing."""


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

    async def write_at_once(self, callback: Callback[bool], turn: Turn, deadline: float | None) -> bool:
        """Run a callback that writes with one statement, as a transaction by itself; return whether it has written.

        Raises as COMMIT in `run`. Where transactions cost no round trips, nothing is run.
        """
        return False

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
            await self._finish(committed(session), session, turn, deadline)
        else:
            await self.sessions.give_back(session)
        return answer

    async def write_at_once(self, callback: Callback[bool], turn: Turn, deadline: float | None) -> bool:
        """See Transactions."""
        at_once = self._dialect.at_once
        if at_once is None:
            return False
        session = await self.sessions.take()
        try:
            turn.caller.check()
        except BaseException:
            await self._endings.run(self.sessions.give_back(session), turn)
            raise
        statements = SessionStatements(session, self._prepared, prefix=at_once.prefix)
        writing = self._written(callback(SqlTx(statements, self._dialect)))
        return await self._finish(writing, session, turn, deadline)

    async def _written(self, writing: Awaitable[bool]) -> bool:
        try:
            return await writing
        except DBAPIError as error:
            if self._dialect.failure(error) in _IN_THE_WAY:
                release(error)
                return False
            raise

    async def _finish(self, end: Awaitable[Answer], session: Session, turn: Turn, deadline: float | None) -> Answer:
        is_unknown = self._dialect.is_outcome_unknown
        return await self._endings.finish(end, session, self.sessions, is_unknown, turn, deadline)

    def use(self) -> tuple[int, int]:
        """See Transactions."""
        return self.sessions.in_use, self.turns_max

    def leave(self) -> None:
        """See Transactions."""
        self.sessions.leave()

    async def close(self) -> None:
        """See Transactions."""
        await self.sessions.close()
