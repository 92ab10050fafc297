"""What operators and other programs do to a database while a server uses it. Called by tests."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import pymysql
from pymysql.constants import ER

from tests.databases import PrivateServer, sqlite_path
from tests.databases.queries import execute

Release = Callable[[], Awaitable[None]]


@asynccontextmanager
async def writes_held_up(url: str) -> AsyncIterator[Release]:
    """Another program's open transaction that every write to a task or run waits for; ends with the block, or earlier."""
    hold = {"sqlite": _hold_sqlite, "postgresql": _hold_postgresql, "mysql": _hold_mysql}[urlsplit(url).scheme]
    end: Release | None = await hold(url)

    async def release() -> None:
        nonlocal end
        if end is not None:
            await end()
            end = None

    try:
        yield release
    finally:
        await release()


def end_sessions(url: str) -> int:
    """End every session of the database but our own, as an administrator or an idle timeout does; returns how many."""
    if urlsplit(url).scheme == "postgresql":
        # Not those of the server itself, which cleans up tables and whose processes only a superuser may end.
        others = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return len(execute(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    others = "FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    ids = [number for (number,) in execute(url, f"SELECT id {others}")]
    for number in ids:
        try:
            execute(url, f"KILL {number}")
        except pymysql.OperationalError as error:
            if error.args[0] != ER.NO_SUCH_THREAD:  # it ended by itself in between
                raise
    return len(ids)


def take_writes(server: PrivateServer, allowed: bool) -> None:
    """Make a database server read-only, or writable again, without ending a session; MySQL's administrator may still write."""
    if server.kind == "mysql":
        execute(server.url, f"SET GLOBAL read_only = {int(not allowed)}")
        return
    execute(server.url, f"ALTER SYSTEM SET default_transaction_read_only = {'off' if allowed else 'on'}")
    execute(server.url, "SELECT pg_reload_conf()")


async def _hold_sqlite(url: str) -> Release:
    connection = sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")

    async def end() -> None:
        connection.rollback()
        connection.close()

    return end


async def _hold_postgresql(url: str) -> Release:
    connection = await asyncpg.connect(url)
    await connection.execute("BEGIN")
    await connection.execute("LOCK TABLE runs, tasks IN EXCLUSIVE MODE")
    return connection.close


async def _hold_mysql(url: str) -> Release:
    parts = urlsplit(url)

    def connect() -> Any:
        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.lstrip("/"),
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM runs FOR UPDATE")
            cursor.execute("SELECT id FROM tasks FOR UPDATE")
        return connection

    connection = await asyncio.to_thread(connect)
    return lambda: asyncio.to_thread(connection.close)
