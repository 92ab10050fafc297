"""The store that an import writes to: one connection that holds the lock for imports and makes short transactions.

The importer's commands call this. A server may serve the store at the same time.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.errors import Conflict, OutcomeUnknown, StorageError, Unavailable, ValueRefused
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect, Failure

CONNECT_SECONDS = 10.0

ATTEMPTS = 20
"""Maximum number of attempts of a transaction that collides with others; with pauses, about half a minute."""

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 2.0
# The next attempt sees a row that a client wrote in the meantime.
_AGAIN = (Failure.RETRY, Failure.DUPLICATE, Failure.MISSING_PARENT)

Answer = TypeVar("Answer")


class Target:
    """An open store."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection = connection
        self.dialect = dialect

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self.dialect.label

    async def transact(self, fn: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """Run a callback in one transaction, and again when the transaction collides with others.

        Raises Conflict when the last attempt collides too, Unavailable when the database does not respond, ValueRefused for a
        value that it does not take, OutcomeUnknown when the connection breaks and the transaction may have been committed.
        """
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._connection.begin():
                    return await fn(self._connection)
            except DBAPIError as error:
                failure = self.dialect.failure(error)
                if why := self.dialect.why_value_refused(error):
                    raise ValueRefused(f"a value of the source {why}") from error
                if failure is Failure.UNKNOWN:
                    raise
                if failure not in (*_AGAIN, Failure.DISCONNECTED):
                    raise self.dialect.refused(error) or error from error
                if failure not in _AGAIN:
                    raise Unavailable(f"the store {self.label} no longer responds; run the import again") from error
                if attempt == ATTEMPTS:
                    raise Conflict("concurrent writes kept colliding; run the import again") from error
            except (OverflowError, UnicodeError) as error:
                raise ValueRefused(f"a value of the source {self.dialect.why_value_refused(error)}") from error
            except OSError as error:
                raise OutcomeUnknown(f"the connection to {self.label} broke; run the import again") from error
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last attempt raises")


@asynccontextmanager
async def open_for_import(url: str) -> AsyncIterator[Target]:
    """Open a store for an import, of which only one may run at a time. Raises Unavailable when another one runs."""
    dialect = dialect_for(url)
    with dialect.import_claim():
        async with _open(dialect, writer=True) as connection:
            await dialect.lock_import(connection)
            await dialect.expect_lookups(connection)
            await connection.commit()
            yield Target(connection, dialect)


@asynccontextmanager
async def open_for_reading(url: str) -> AsyncIterator[Target]:
    """Open a store for reading only."""
    dialect = dialect_for(url)
    async with _open(dialect, writer=False) as connection:
        await dialect.expect_lookups(connection)
        await connection.commit()
        yield Target(connection, dialect)


@asynccontextmanager
async def _open(dialect: Dialect, *, writer: bool) -> AsyncIterator[AsyncConnection]:
    engine = _engine(dialect, writer=writer)
    try:
        try:
            connection = await engine.connect()
        except StorageError:
            raise
        except Exception as error:
            raise dialect.closed(error) from error
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await engine.dispose()


def _engine(dialect: Dialect, *, writer: bool) -> AsyncEngine:
    options = dialect.engine_options(writer=writer, pool_size=1, pool_timeout_seconds=CONNECT_SECONDS)
    engine = create_async_engine(dialect.url, hide_parameters=True, **options)
    dialect.prepare(engine, writer=writer)
    return engine
