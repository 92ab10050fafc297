"""asyncpg, where it is called without SQLAlchemy in between: sessions, and its errors. The dialect and the store call this."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from asyncpg import InterfaceError, PostgresError
from asyncpg.exceptions import InternalClientError
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.sql.dialects.sessions import keep_alive
from storage.sql.prepared import Arguments, driver_error
from storage.sql.session import Session

ERRORS = (PostgresError, InterfaceError, InternalClientError)
"""What the driver raises for the database, and for a connection that has ended."""


_CODECS = ("setup_asyncpg_json_codec", "setup_asyncpg_jsonb_codec")
"""What SQLAlchemy calls for each new connection, and lets raise the driver's own errors."""


@contextmanager
def _opening(connection: Any) -> Iterator[None]:
    """While a connection is prepared: if it ends, the error is as any other of one that ends while it connects."""
    try:
        yield
    except ERRORS as error:
        # A server that stops says so before it hangs up, and what is sent in between fails by the driver's own states.
        connection.driver_connection.terminate()
        raise driver_error(None, error, is_closed=True) from error


def _guarded(set_codec: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    async def guarded(connection: Any) -> None:
        with _opening(connection):
            await set_codec(connection)

    return guarded


def open_sessions(engine: AsyncEngine, settings: str) -> None:
    """Give each new connection its settings. One that ends meanwhile raises an error as any other that ends while it connects."""
    dialect = engine.sync_engine.dialect
    for name in _CODECS:
        setattr(dialect, name, _guarded(getattr(dialect, name)))

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        keep_alive(getattr(connection.driver_connection, "_transport", None))
        with _opening(connection):
            connection.run_async(lambda driver: driver.execute(settings))


class PostgreSQLSession(Session):
    """See Session. The driver keeps the statements that it has prepared."""

    errors = ERRORS

    @property
    def first_statement(self) -> str:
        """With the isolation level, which costs no round trip there."""
        return "BEGIN ISOLATION LEVEL " + ("READ COMMITTED" if self.is_writer else "REPEATABLE READ READ ONLY")

    async def open(self) -> None:
        """There is nothing left to prepare."""

    @property
    def is_open(self) -> bool:
        """See Session."""
        return not self.driver.is_closed()

    async def send(self, text: str) -> None:
        """See Session."""
        await self.driver.execute(f"{text};")

    async def fetch(self, text: str, arguments: Arguments, *, returns_rows: bool) -> tuple[Sequence[Any], int]:
        """See Session."""
        if returns_rows:
            rows = list(map(tuple, await self.driver.fetch(text, *arguments)))
            return rows, len(rows)
        status = await self.driver.execute(text, *arguments)
        return (), int(status.rpartition(" ")[2])

    async def send_many(self, text: str, arguments: Sequence[Arguments]) -> None:
        """See Session."""
        await self.driver.executemany(text, arguments)

    def is_closed_by(self, error: Exception) -> bool:
        """The driver says it of the connection, not of the error."""
        return bool(self.driver.is_closed()) or isinstance(error, InternalClientError)

    def abandon(self) -> None:
        """The driver has done it."""
