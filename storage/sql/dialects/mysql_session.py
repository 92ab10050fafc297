"""Sessions on MySQL and MariaDB whose statements the driver executes by itself. The dialect hands them to the store."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.mysql_driver import MySQLDriver
from storage.sql.dialects.online_ddl import TABLE_SECONDS
from storage.sql.dialects.sessions import SessionLimits
from storage.sql.prepared import Arguments
from storage.sql.session import Session

_LEFT = (2006, 2013, 2014, 2045, 2055, 4031)
"""Numbers of errors of connections that have ended: of clients, and 4031 of a server that has waited for too long."""


def time_limits(limits: SessionLimits | None) -> dict[str, float]:
    """The variables of MariaDB and of MySQL that limit a session; each server has its own."""
    if limits is None:
        return {}
    return {
        "max_statement_time": limits.statement_milliseconds / 1000,
        "idle_transaction_timeout": limits.idle_seconds,
        "max_execution_time": limits.statement_milliseconds,
    }


def settings_of(limits: SessionLimits | None) -> str:
    """Return the settings of a session: MariaDB's limits in a comment that MySQL ignores, MySQL's in one that MariaDB ignores."""
    strict = f"SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), lock_wait_timeout = {TABLE_SECONDS}"
    if limits is None:
        return strict
    milliseconds = limits.statement_milliseconds
    return (
        f"{strict} /*M!100300 , max_statement_time = {milliseconds / 1000},"
        f" idle_transaction_timeout = {limits.idle_seconds} */ /*!80000 , max_execution_time = {milliseconds} */"
    )


class MySQLSession(Session):
    """See Session. `end_session` ends the session of a thread of the server, which goes on with the statement of a client that left."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: Any,
        kind: MySQLDriver,
        end_session: Callable[[int], None],
        *,
        writer: bool,
    ) -> None:
        super().__init__(connection, driver, writer=writer)
        self.errors = (kind.error,)
        self._kind, self._end_session = kind, end_session

    @property
    def first_statement(self) -> str:
        """Without the isolation level, which is the session's."""
        return "START TRANSACTION" if self.is_writer else "START TRANSACTION READ ONLY"

    async def open(self) -> None:
        """Set the isolation level of transactions."""
        level = "READ COMMITTED" if self.is_writer else "REPEATABLE READ"
        await self._sent("SET", self.send(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"))

    @property
    def is_open(self) -> bool:
        """See Session."""
        return self._kind.is_open(self.driver)

    async def send(self, text: str) -> None:
        """See Session."""
        await self.driver.query(text)

    async def fetch(self, text: str, arguments: Arguments, *, returns_rows: bool) -> tuple[Sequence[Any], int]:
        """See Session."""
        cursor = await self._kind.cursor(self.driver)
        await cursor.execute(text, arguments)
        return (await cursor.fetchall() if returns_rows else ()), cursor.rowcount

    async def send_many(self, text: str, arguments: Sequence[Arguments]) -> None:
        """See Session. The driver sends many short rows of an INSERT at once."""
        cursor = await self._kind.cursor(self.driver)
        await cursor.executemany(text, arguments)

    def abandon(self) -> None:
        """See Session."""
        self._end_session(self.driver.thread_id())

    def is_closed_by(self, error: Exception) -> bool:
        """By number, as SQLAlchemy does."""
        number = error.args[0] if error.args else None
        return number in _LEFT or self._kind.transport(self.driver) is None
