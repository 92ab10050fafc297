"""One statement on any database, for the harness's own tests."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pymysql
from pymysql.constants import CR

from tests.databases.fresh import sqlite_path


class Unanswered(ConnectionError):
    """The server refuses connections, or says nothing in time."""


TABLES = {
    "sqlite": "SELECT name FROM sqlite_schema",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = database()",
}


def execute(url: str, statement: str, *, seconds: float = 30) -> list[tuple[Any, ...]]:
    """Run one statement, commit, and return its rows.

    Raises Unanswered after so many seconds, or at once when nobody listens, and the driver's error for a refusal.
    """
    match urlsplit(url).scheme:
        case "sqlite":
            with closing(sqlite3.connect(sqlite_path(url))) as connection, connection:
                return connection.execute(statement).fetchall()
        case "postgresql":
            with ThreadPoolExecutor(1) as executor:
                try:
                    return executor.submit(asyncio.run, _postgresql(url, statement, seconds)).result()
                except (OSError, TimeoutError) as error:
                    raise Unanswered(str(error)) from error
        case _:
            try:
                return _mysql(url, statement, seconds)
            except pymysql.OperationalError as error:
                if error.args[0] in (CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR):
                    raise Unanswered(str(error)) from error
                raise


def tables(url: str) -> set[str]:
    """The names of all tables."""
    return {name for (name,) in execute(url, TABLES[urlsplit(url).scheme])}


async def _postgresql(url: str, statement: str, seconds: float) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url, timeout=seconds)
    try:
        return [tuple(row) for row in await connection.fetch(statement, timeout=seconds)]
    finally:
        connection.terminate()


def _mysql(url: str, statement: str, seconds: float) -> list[tuple[Any, ...]]:
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path.lstrip("/"),
        read_timeout=seconds,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
