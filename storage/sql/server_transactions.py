"""Transactions on a database server, each on a session that is held open. SqlStore runs them where there are no threads for them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.sql.commits import Endings
from storage.sql.dialects.dialect import Dialect
from storage.sql.prepared import PreparedStatements
from storage.sql.session import Sessions, SessionStatements
from storage.sql.turns import Turn
from storage.sql.tx import SqlTx

Answer = TypeVar("Answer")


def held_engine_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of an engine whose connections are held, given those of one that has a pool."""
    of_pools = ("pool_size", "max_overflow", "pool_timeout")
    kept = {name: value for name, value in options.items() if name not in of_pools}
    # Transactions are begun and ended by their statements.
    return {**kept, "poolclass": NullPool, "isolation_level": "AUTOCOMMIT"}


class ServerTransactions:
    """Runs transactions that read, or that write."""

    def __init__(self, dialect: Dialect, engine: AsyncEngine, endings: Endings, *, size: int, writer: bool) -> None:
        self.engine, self.size = engine, size
        self._dialect, self._endings, self._is_writer = dialect, endings, writer
        self.sessions = Sessions(engine, partial(dialect.session, writer=writer))
        self._prepared = PreparedStatements(engine.sync_engine.dialect)

    async def run(
        self, callback: Callable[[Any], Awaitable[Answer]], turn: Turn, deadline: float | None, *, is_one: bool = False
    ) -> Answer:
        """Run a callback in a transaction, or with `is_one` without, which executes one statement only.

        If the deadline, a monotonic time, passes during COMMIT, OutcomeUnknown is raised.
        """
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
