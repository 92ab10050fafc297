"""Bare connections of the drivers that execute prepared statements. `limit` uses this."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.replays import writes
from benchmarks.statements import Statement
from tests.databases import sqlite_path


class Driver(ABC):
    """A connection."""

    begin = "BEGIN"

    async def execute(self, statements: Sequence[Statement]) -> None:
        """Execute statements and fetch their rows: as one transaction if there are several and one of them writes."""
        is_transaction = len(statements) > 1 and any(writes(text) for text, _ in statements)
        if is_transaction:
            await self.send(self.begin)
        for text, arguments in statements:
            await self.fetch(text, arguments)
        if is_transaction:
            await self.send("COMMIT")

    @abstractmethod
    async def send(self, text: str) -> None:
        """Execute a statement as text."""

    @abstractmethod
    async def fetch(self, text: str, arguments: tuple[Any, ...] | None) -> None:
        """Execute a prepared statement, and fetch its rows; as text without arguments."""


@asynccontextmanager
async def opened(url: str, count: int, pragmas: Sequence[str]) -> AsyncIterator[list[Driver]]:
    """Open so many connections, one for SQLite, which get the PRAGMAs."""
    kind = urlsplit(url).scheme
    async with AsyncExitStack() as stack:
        if kind == "sqlite":
            yield [_Sqlite(url, pragmas)]
            return
        open_one = {"postgresql": _postgresql, "mysql": _mysql}[kind]
        yield [await stack.enter_async_context(open_one(url)) for _ in range(count)]


class _Sqlite(Driver):
    begin = "BEGIN IMMEDIATE"

    def __init__(self, url: str, pragmas: Sequence[str]) -> None:
        # sqlite3 keeps prepared statements by their text.
        self._connection = sqlite3.connect(sqlite_path(url), isolation_level=None)
        for pragma in pragmas:
            self._connection.execute(pragma).fetchall()
        self._connection.execute("PRAGMA query_only = OFF")

    async def send(self, text: str) -> None:
        """See Driver."""
        self._connection.execute(text)

    async def fetch(self, text: str, arguments: tuple[Any, ...] | None) -> None:
        """See Driver."""
        self._connection.execute(text, arguments or ()).fetchall()


class _Postgresql(Driver):
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def send(self, text: str) -> None:
        """See Driver."""
        await self._connection.execute(text)

    async def fetch(self, text: str, arguments: tuple[Any, ...] | None) -> None:
        """See Driver."""
        if text not in self._prepared:
            self._prepared[text] = await self._connection.prepare(text)
        await self._prepared[text].fetch(*(arguments or ()))


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[_Postgresql]:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        yield _Postgresql(connection)
    finally:
        await connection.close()


class _Mysql(Driver):
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def send(self, text: str) -> None:
        """See Driver."""
        await self._connection.query(text)

    async def fetch(self, text: str, arguments: tuple[Any, ...] | None) -> None:
        """See Driver."""
        if arguments is None:
            await self.send(text)
            return
        if text not in self._prepared:
            marked = text.replace("%s", "?").replace("%%", "%")
            self._prepared[text] = await self._connection.prepare(marked)
        await self._prepared[text].execute(arguments)


@asynccontextmanager
async def _mysql(url: str) -> AsyncIterator[_Mysql]:
    import asyncmy

    parts = urlsplit(url)
    connection = await asyncmy.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=unquote(parts.password or ""),
        db=parts.path[1:],
        charset="utf8mb4",
        autocommit=True,
    )
    try:
        yield _Mysql(connection)
    finally:
        await asyncio.shield(connection.ensure_closed())
