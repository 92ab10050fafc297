"""Copies of MLMD stores on server databases, as MLMD lays them out there. For the tests of this folder."""

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pymysql

from tests.mlmd.reading import STORES

FLAGS = {"is_custom_property", "is_index_step", "bool_value"}
"""Columns that are of type BOOLEAN on PostgreSQL."""

DUMP = STORES / "kfp_maria_utf8mb4.sql"


def copy_to_postgresql(store: Path, url: str) -> None:
    """Copy a SQLite store; names are folded to lower case, as PostgreSQL folds what MLMD does not quote."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, _copy_to_postgresql(store, url)).result()


def copy_to_mysql(store: Path, url: str) -> None:
    """Copy a SQLite store with its text as it is, so not twice encoded."""
    with closing(mysql_connection(url)) as connection, connection.cursor() as cursor:
        for table, columns, rows in _tables(store):
            types = ", ".join(f"`{name}` {_mysql_type(type)}" for name, type in columns)
            cursor.execute(f"CREATE TABLE `{table}` ({types}) CHARACTER SET utf8mb4")
            marks = ", ".join(["%s"] * len(columns))
            if rows:
                cursor.executemany(f"INSERT INTO `{table}` VALUES ({marks})", rows)
        connection.commit()


def restore_dump(url: str, *, character_set: str = "utf8mb4") -> None:
    """Restore the dump of a store that MLMD wrote to MariaDB; its tables can be made in another character set."""
    text = DUMP.read_text().replace("CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", f"CHARSET={character_set}")
    with closing(mysql_connection(url)) as connection, connection.cursor() as cursor:
        for statement in re.split(r";\n", text):
            sql = "\n".join(line for line in statement.splitlines() if not line.startswith(("--", "/*M!")))
            if sql.strip():
                cursor.execute(sql)
        connection.commit()


def execute(url: str, *statements: str) -> None:
    """Run statements on a MySQL database."""
    with closing(mysql_connection(url)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


async def _copy_to_postgresql(store: Path, url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, columns, rows in _tables(store):
            types = ", ".join(f"{name} {_postgresql_type(name, type)}" for name, type in columns)
            await connection.execute(f"CREATE TABLE {table} ({types})")
            kept = [tuple(_kept(value, *column) for value, column in zip(row, columns, strict=True)) for row in rows]
            marks = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
            await connection.executemany(f"INSERT INTO {table} VALUES ({marks})", kept)
    finally:
        await connection.close()


def _tables(store: Path) -> list[tuple[str, list[tuple[str, str]], Sequence[Any]]]:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [
            (
                name,
                [(row[1], row[2].upper()) for row in connection.execute(f"PRAGMA table_info('{name}')")],
                connection.execute(f"SELECT * FROM '{name}'").fetchall(),
            )
            for name in names
            if not name.startswith("sqlite_")
        ]


def _kept(value: Any, name: str, type: str) -> Any:
    if value is None:
        return None
    if name in FLAGS:
        return bool(value)
    return value.encode() if type == "BLOB" and isinstance(value, str) else value


def _postgresql_type(name: str, type: str) -> str:
    if name in FLAGS:
        return "BOOLEAN"
    if "INT" in type:
        return "BIGINT"
    return {"DOUBLE": "DOUBLE PRECISION", "BLOB": "BYTEA"}.get(type, "TEXT")


def _mysql_type(type: str) -> str:
    if "INT" in type or type == "BOOLEAN":
        return "BIGINT"
    return {"DOUBLE": "DOUBLE", "BLOB": "LONGBLOB"}.get(type, "LONGTEXT")


def mysql_connection(url: str) -> "pymysql.Connection[Any]":
    """A connection to a MySQL database."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "",
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path.lstrip("/"),
        charset="utf8mb4",
    )
