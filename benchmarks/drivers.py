"""Bare connections of the drivers that execute prepared statements. `limit` uses this."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from benchmarks.replays import writes
from benchmarks.statements import Statement
from tests.databases import sqlite_path


class Driver(Protocol):
    """A connection."""

    async def execute(self, statements: Sequence[Statement]) -> None:
        """Execute statements and fetch their rows: as one transaction if there are several and one of them writes."""


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


def _is_transaction(statements: Sequence[Statement]) -> bool:
    return len(statements) > 1 and any(writes(text) for text, _ in statements)


class _Sqlite:
    def __init__(self, url: str, pragmas: Sequence[str]) -> None:
        # sqlite3 keeps prepared statements by their text.
        self._connection = sqlite3.connect(sqlite_path(url), isolation_level=None)
        for pragma in pragmas:
            self._connection.execute(pragma).fetchall()
        self._connection.execute("PRAGMA query_only = OFF")

    async def execute(self, statements: Sequence[Statement]) -> None:
        """See Driver."""
        is_transaction = _is_transaction(statements)
        if is_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        for text, arguments in statements:
            self._connection.execute(text, arguments or ()).fetchall()
        if is_transaction:
            self._connection.execute("COMMIT")


class _Postgresql:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def execute(self, statements: Sequence[Statement]) -> None:
        """See Driver."""
        is_transaction = _is_transaction(statements)
        if is_transaction:
            await self._connection.execute("BEGIN")
        for text, arguments in statements:
            if text not in self._prepared:
                self._prepared[text] = await self._connection.prepare(text)
            await self._prepared[text].fetch(*(arguments or ()))
        if is_transaction:
            await self._connection.execute("COMMIT")


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[_Postgresql]:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        yield _Postgresql(connection)
    finally:
        await connection.close()


class _Mysql:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def execute(self, statements: Sequence[Statement]) -> None:
        """See Driver."""
        is_transaction = _is_transaction(statements)
        if is_transaction:
            await self._connection.query("BEGIN")
        for text, arguments in statements:
            if arguments is None:
                await self._connection.query(text)
                continue
            if text not in self._prepared:
                marked = text.replace("%s", "?").replace("%%", "%")
                self._prepared[text] = await self._connection.prepare(marked)
            await self._prepared[text].execute(arguments)
        if is_transaction:
            await self._connection.query("COMMIT")


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
