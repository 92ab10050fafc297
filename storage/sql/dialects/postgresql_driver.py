"""asyncpg, where it is called without SQLAlchemy in between: settings of sessions, and its errors. The dialect calls this."""

from typing import Any

from asyncpg import InterfaceError, PostgresError
from asyncpg.exceptions import InternalClientError
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.sql.dialects.sessions import keep_alive

ERRORS = (PostgresError, InterfaceError, InternalClientError)
"""What the driver raises for the database, and for a connection that has ended."""


def translated(error: Exception, statement: str | None, *, is_closed: bool) -> DBAPIError:
    """Return the error that SQLAlchemy would raise, for one that has bypassed it. What has no statement failed while it connected."""
    return DBAPIError(statement, None, error, connection_invalidated=is_closed)


def open_sessions(engine: AsyncEngine, settings: str) -> None:
    """Give each new connection its settings. One that ends meanwhile raises an error as any other that ends while it connects."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        keep_alive(getattr(connection.driver_connection, "_transport", None))
        try:
            connection.run_async(lambda driver: driver.execute(settings))
        except ERRORS as error:
            # A server that stops says so before it hangs up, and what is sent in between fails by the driver's own states.
            connection.driver_connection.terminate()
            raise translated(error, None, is_closed=True) from error
