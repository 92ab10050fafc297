"""Connections to a database server that are held open, on which the driver executes by itself what SQLAlchemy has compiled.

SQLAlchemy would take a connection from its pool for each transaction, and switch stacks for each statement.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ClauseElement
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.sql.prepared import Arguments, PreparedStatements, Rows, Values, announce, announce_commit, driver_error

Answer = TypeVar("Answer")


class Session(ABC):
    """One connection, which one caller at a time uses. Outside of a transaction each statement is one by itself.

    Methods raise DBAPIError, as SQLAlchemy does, and OSError. Each dialect of a server has its own class.
    """

    errors: tuple[type[Exception], ...]
    """What the driver raises for the database, and for a connection that has ended."""

    def __init__(self, connection: AsyncConnection, driver: Any, *, writer: bool) -> None:
        self.connection, self.driver, self.is_writer = connection, driver, writer
        self.connected_at = time.monotonic()
        self.is_usable = True
        """Whether nothing has happened after which the connection may be in the middle of something, or closed."""
        self.is_lost = False
        """Whether the connection was found to have ended."""
        self._in_transaction = False

    @abstractmethod
    async def open(self) -> None:
        """Prepare a new connection."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether the connection has not ended, as far as the driver has noticed."""

    @abstractmethod
    async def send(self, text: str) -> None:
        """Let the driver execute BEGIN, COMMIT or ROLLBACK."""

    @abstractmethod
    async def fetch(self, text: str, arguments: Arguments, *, returns_rows: bool) -> tuple[Sequence[Any], int]:
        """Let the driver execute a statement; return its rows, or none and how many it has changed."""

    @abstractmethod
    async def send_many(self, text: str, arguments: Sequence[Arguments]) -> None:
        """Let the driver execute a statement with each of several arguments."""

    @abstractmethod
    def is_closed_by(self, error: Exception) -> bool:
        """Return whether the connection has ended, given the driver's error."""

    @property
    @abstractmethod
    def first_statement(self) -> str:
        """BEGIN, for transactions of this connection."""

    @abstractmethod
    def abandon(self) -> None:
        """Let the server know that nobody waits for the statement that it executes."""

    async def begin(self) -> None:
        """Begin a transaction: of reads on one snapshot, of writes with locks."""
        await self._sent(self.first_statement, self.send(self.first_statement))
        self._in_transaction = True

    async def commit(self) -> None:
        """Commit."""
        announce_commit(self.connection)
        await self._sent("COMMIT", self.send("COMMIT"))
        self._in_transaction = False

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self._in_transaction:
            await self._sent("ROLLBACK", self.send("ROLLBACK"))
            self._in_transaction = False

    async def execute(self, text: str, arguments: Arguments, *, returns_rows: bool) -> tuple[Sequence[Any], int]:
        """Execute a statement; return its rows, or none and how many it has changed."""
        announce(self.connection, text, arguments)
        fetching = self.fetch(text, arguments, returns_rows=returns_rows)
        return await self._sent(text, fetching, self.abandon)

    async def execute_many(self, text: str, arguments: Sequence[Arguments]) -> None:
        """Execute a statement with each of several arguments."""
        announce(self.connection, text, arguments)
        await self._sent(text, self.send_many(text, arguments), self.abandon)

    async def _sent(self, text: str, sending: Awaitable[Answer], leave: Callable[[], None] = lambda: None) -> Answer:
        try:
            return await sending
        except self.errors as error:
            if is_closed := self.is_closed_by(error):
                self.is_usable, self.is_lost = False, True
            raise driver_error(text, error, is_closed=is_closed) from error
        except BaseException:
            self.is_usable = False
            leave()
            raise

    async def by_sqlalchemy(self, statement: ClauseElement) -> Any:
        """Execute a statement that was built for one call: SQLAlchemy knows the text of others like it."""
        executable: Any = statement
        try:
            return await self.connection.execute(executable)
        except DBAPIError as error:
            if error.connection_invalidated:
                self.is_usable, self.is_lost = False, True
            raise
        except BaseException:
            self.is_usable = False
            raise

    async def end(self) -> None:
        """Undo the transaction; if that fails, or the connection cannot be used any more, close it."""
        try:
            if self.is_usable:
                await self.rollback()
        except (DBAPIError, OSError):
            self.is_usable = False
        finally:
            if not self.is_usable:
                await self.close()

    async def close(self) -> None:
        """Close the connection at once, whatever it is doing."""
        self.is_usable = False
        await self.connection.invalidate()
        await self.connection.close()


class SessionStatements:
    """The statements of one transaction: those that somebody holds by their text, and those built for one call by SQLAlchemy.

    `prefix` is what each of the first kind begins with.
    """

    def __init__(self, session: Session, statements: PreparedStatements, *, prefix: str = "") -> None:
        self._session, self._statements, self._prefix = session, statements, prefix

    async def execute(self, statement: ClauseElement, values: Values | Sequence[Values] | None = None) -> Any:
        """Execute a statement with values, or with each of several; what has no values was built for one call."""
        session = self._session
        if values is None:
            return await session.by_sqlalchemy(statement)
        if isinstance(values, Mapping):
            prepared = self._statements.of(statement, values)
            text, arguments = prepared.bind(values)
            text = self._prefix + text
            rows, count = await session.execute(text, arguments, returns_rows=prepared.returns_rows)
            return Rows(prepared.rows(rows), count)
        if values:
            await session.execute_many(*self._statements.bind_many(statement, values))
        return Rows([])


class Sessions:
    """The open connections of an engine that nobody uses at the moment, the last one used first. As many as callers at once."""

    def __init__(self, engine: AsyncEngine, new: Callable[[AsyncConnection, Any], Session]) -> None:
        self._engine, self._new = engine, new
        self._free: list[Session] = []
        self.in_use = 0
        """How many are taken."""
        self._left_at, self._is_closed = 0.0, False

    async def take(self) -> Session:
        """Return a connection, a new one if there is none. Give it back, whatever happens."""
        self.in_use += 1
        try:
            while self._free:
                session = self._free.pop()
                if session.connected_at >= self._left_at and session.is_open:
                    return session
                await session.close()
            return await self._opened()
        except BaseException:
            self.in_use -= 1
            raise

    async def _opened(self) -> Session:
        connection = await self._engine.connect()
        try:
            driver = (await connection.get_raw_connection()).driver_connection
            session = self._new(connection, driver)
            await session.open()
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return session

    async def give_back(self, session: Session) -> None:
        """Take back a connection, and undo its transaction if there still is one."""
        try:
            await session.end()
            if self._is_closed and session.is_usable:
                await session.close()
        finally:
            self.in_use -= 1
            if session.is_usable:
                self._free.append(session)
            elif session.is_lost:
                # What has ended it has ended the others too, for all that is known.
                self.leave()

    def leave(self) -> None:
        """Use no connection again that there is now."""
        self._left_at = time.monotonic()

    async def close(self) -> None:
        """Close the connections, and those that are in use when they are given back."""
        self._is_closed = True
        free, self._free = self._free, []
        for session in free:
            await session.close()
