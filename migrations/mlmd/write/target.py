"""The store that an import writes to: short transactions on one connection, and reads on another.

The importer's commands call this. A server may serve the store at the same time.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.errors import Conflict, OutcomeUnknown, StorageError, Unavailable, ValueRefused
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect, Failure
from storage.sql.transaction_threads import TransactionThreads

CONNECT_SECONDS = 10.0

ATTEMPTS = 20
"""Maximum number of attempts of a transaction that collides with others; with pauses, about half a minute."""

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 2.0
# The next attempt sees a row that a client wrote in the meantime.
_AGAIN = (Failure.RETRY, Failure.DUPLICATE, Failure.MISSING_PARENT)

Answer = TypeVar("Answer")

Callback = Callable[[AsyncConnection], Awaitable[Answer]]
"""What is done in a transaction; it awaits nothing but its connection."""


class Overtaken(Exception):
    """What was to be written follows from rows that another writer has changed since they were read."""


class Runner(Protocol):
    """Runs transactions, one at a time."""

    async def run(self, callback: Callback[Answer]) -> Answer:
        """Run a callback in one transaction."""


class Target:
    """An open store."""

    def __init__(self, reader: Runner, writer: Runner, dialect: Dialect) -> None:
        self._reader = reader
        self._writer = writer
        self.dialect = dialect

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self.dialect.label

    async def transact(self, callback: Callback[Answer]) -> Answer:
        """Run a callback in one transaction, and again when it collides with others. Raises as `again` does."""
        return await self.again(lambda: self._writer.run(callback))

    async def read(self, callback: Callback[Answer]) -> Answer:
        """Run a callback in one transaction that only reads, and keeps nobody waiting. Raises as `again` does."""
        return await self.again(lambda: self._reader.run(callback))

    async def read_once(self, callback: Callback[Answer]) -> Answer:
        """Run a callback in one transaction that only reads. Within `again`."""
        return await self._reader.run(callback)

    async def write_once(self, callback: Callback[Answer]) -> Answer:
        """Run a callback in one transaction. Within `again`."""
        return await self._writer.run(callback)

    async def again(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run transactions, and again when one of them collides with others or was overtaken by them.

        Raises Conflict when the last attempt collides too, Unavailable when the database does not respond, ValueRefused for a
        value that it does not take, OutcomeUnknown when the connection breaks and a transaction may have been committed.
        """
        pause = _FIRST_PAUSE_SECONDS
        for number in range(1, ATTEMPTS + 1):
            try:
                return await attempt()
            except Overtaken as error:
                self._end(error, number)
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
                self._end(error, number)
            except (OverflowError, UnicodeError) as error:
                raise ValueRefused(f"a value of the source {self.dialect.why_value_refused(error)}") from error
            except OSError as error:
                raise OutcomeUnknown(f"the connection to {self.label} broke; run the import again") from error
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last attempt raises")

    def _end(self, error: Exception, attempts: int) -> None:
        if attempts == ATTEMPTS:
            raise Conflict("concurrent writes kept colliding; run the import again") from error


class _OneConnection:
    """Transactions on a connection to a server."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def run(self, callback: Callback[Answer]) -> Answer:
        async with self._connection.begin():
            return await callback(self._connection)


class _OneThread:
    """Transactions on a thread, each as a whole: none waits for this process while others wait for it."""

    def __init__(self, threads: TransactionThreads) -> None:
        self._threads = threads

    async def run(self, callback: Callback[Answer]) -> Answer:
        # TurnConnection has the methods that callbacks await.
        transaction: Any = callback
        answer: Answer = await self._threads.run(transaction, deadline=None, patience_seconds=CONNECT_SECONDS)
        return answer


@asynccontextmanager
async def open_for_import(url: str) -> AsyncIterator[Target]:
    """Open a store for an import, of which only one may run at a time. Raises Unavailable when another one runs."""
    dialect = dialect_for(url)
    async with AsyncExitStack() as stack:
        stack.enter_context(dialect.import_claim())
        writer = await stack.enter_async_context(_open(dialect, writer=True))
        reader = await stack.enter_async_context(_open(dialect, writer=False))
        yield Target(reader, writer, dialect)


@asynccontextmanager
async def open_for_reading(url: str) -> AsyncIterator[Target]:
    """Open a store for reading only."""
    dialect = dialect_for(url)
    async with _open(dialect, writer=False) as runner:
        yield Target(runner, runner, dialect)


@asynccontextmanager
async def _open(dialect: Dialect, *, writer: bool) -> AsyncIterator[Runner]:
    threads = dialect.threads(writer=writer, pool_size=1)
    if threads is None:
        async with _open_connection(dialect, writer=writer) as connection:
            yield _OneConnection(connection)
        return
    runner = _OneThread(threads)
    try:
        try:
            await runner.run(_nothing)
        except StorageError:
            raise
        except Exception as error:
            raise dialect.closed(error) from error
        yield runner
    finally:
        await threads.close()


async def _nothing(_: AsyncConnection) -> None:
    """Open the connection."""


@asynccontextmanager
async def _open_connection(dialect: Dialect, *, writer: bool) -> AsyncIterator[AsyncConnection]:
    engine = _engine(dialect, writer=writer)
    try:
        try:
            connection = await engine.connect()
        except StorageError:
            raise
        except Exception as error:
            raise dialect.closed(error) from error
        try:
            if writer:
                await dialect.lock_import(connection)
            await dialect.expect_lookups(connection)
            await connection.commit()
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
