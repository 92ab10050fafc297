"""Writes down each statement that the drivers of this process execute, when its folder is the first in which Python looks.

Python imports a module of this name by itself. The file is named by BENCHMARK_STATEMENTS; it gets pickled pairs of a statement and
its arguments, which are None for a statement without any. `benchmarks.statements` starts servers with it and reads the file.
"""

import functools
import os
import pickle
import sqlite3
from typing import Any


class _Log:
    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open until the process ends
        self.is_paused = False

    def add(self, statement: str | bytes, arguments: Any) -> None:
        """Write at once and in one piece, since several threads and processes write."""
        text = statement.decode(errors="replace") if isinstance(statement, bytes) else statement
        if not self.is_paused:
            self._file.write(pickle.dumps((text, arguments)))


def _watch_sqlite(log: _Log) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, statement: str, arguments: Any = ()) -> Any:
            log.add(statement, tuple(arguments))
            return super().execute(statement, arguments)

        def executemany(self, statement: str, rows: Any) -> Any:
            rows = list(rows)
            for row in rows:
                log.add(statement, tuple(row))
            return super().executemany(statement, rows)

    connect = sqlite3.connect

    @functools.wraps(connect)
    def watched(*arguments: Any, **options: Any) -> Any:
        factory = options.pop("factory", sqlite3.Connection)

        def cursor(self: Any, factory: Any = Cursor) -> Any:
            return super(watched_factory, self).cursor(factory)

        def execute(self: Any, *arguments: Any) -> Any:  # the connection's own makes a cursor of the usual class
            return self.cursor().execute(*arguments)

        watched_factory = type(factory.__name__, (factory,), {"cursor": cursor, "execute": execute})
        return connect(*arguments, factory=watched_factory, **options)

    sqlite3.connect = sqlite3.dbapi2.connect = watched  # type: ignore[attr-defined]


def _watch_asyncpg(log: _Log) -> None:
    from asyncpg.connection import Connection
    from asyncpg.prepared_stmt import PreparedStatement

    bind, execute, simple = PreparedStatement._PreparedStatement__bind_execute, Connection._execute, Connection.execute

    async def watched_bind(self: Any, arguments: Any, *others: Any) -> Any:
        log.add(self.get_query(), tuple(arguments))
        return await bind(self, arguments, *others)

    async def watched_execute(self: Any, query: str, arguments: Any, *others: Any, **options: Any) -> Any:
        log.add(query, tuple(arguments))
        return await execute(self, query, arguments, *others, **options)

    async def watched_simple(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        if not arguments:  # with some, it calls _execute
            log.add(query, None)
        return await simple(self, query, *arguments, **options)

    PreparedStatement._PreparedStatement__bind_execute = watched_bind
    Connection._execute, Connection.execute = watched_execute, watched_simple


def _watch_asyncmy(log: _Log) -> None:
    from asyncmy.connection import Connection, PreparedStatement
    from asyncmy.cursors import Cursor

    query, prepare, execute = Connection.query, Connection.prepare, PreparedStatement.execute
    cursor = Connection.cursor
    statements: dict[int, str] = {}

    class WatchedCursor(Cursor):  # type: ignore[misc,unused-ignore]
        async def execute(self, statement: str, arguments: Any = None) -> Any:
            log.add(statement, tuple(arguments) if arguments else None)
            log.is_paused = True  # it calls `query` or a prepared statement before it waits for anything
            try:
                return await super().execute(statement, arguments)
            finally:
                log.is_paused = False

    def watched_cursor(self: Any, kind: Any = None) -> Any:
        return cursor(self, WatchedCursor if kind in (None, Cursor) else kind)

    async def watched_query(self: Any, statement: Any, *others: Any, **options: Any) -> Any:
        log.add(statement, None)
        return await query(self, statement, *others, **options)

    async def watched_prepare(self: Any, statement: str) -> Any:
        prepared = await prepare(self, statement)
        statements[id(prepared)] = statement
        return prepared

    async def watched_prepared(self: Any, arguments: Any = ()) -> Any:
        log.add(statements.get(id(self), "?"), tuple(arguments))
        return await execute(self, arguments)

    Connection.query, Connection.prepare, Connection.cursor = watched_query, watched_prepare, watched_cursor
    PreparedStatement.execute = watched_prepared


def _watch(path: str) -> None:
    log = _Log(path)
    for watch in (_watch_sqlite, _watch_asyncpg, _watch_asyncmy):
        try:
            watch(log)
        except ImportError:
            continue  # the driver is not installed, or hidden


if "BENCHMARK_STATEMENTS" in os.environ:
    _watch(os.environ["BENCHMARK_STATEMENTS"])
