"""Transactions of other programs that are open while a store is upgraded. Called by tests."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import asyncpg
import pymysql


@contextmanager
def open_reader(url: str, table: str) -> Iterator[None]:
    """Within the block, a transaction that has read a table, and so keeps others from changing its columns."""
    with open_transaction(url, f"SELECT count(*) FROM {table}"):
        yield


@contextmanager
def open_transaction(url: str, statement: str) -> Iterator[None]:
    """Within the block, a transaction that has executed a statement and has not ended."""
    if urlsplit(url).scheme == "postgresql":
        with _open_in_postgresql(url, statement):
            yield
        return
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        yield


@contextmanager
def _open_in_postgresql(url: str, statement: str) -> Iterator[None]:
    """In a thread with an event loop of its own: the test may have one that is busy."""
    began, ending = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("BEGIN")
            await connection.execute(statement)
            began.set()
            await asyncio.to_thread(ending.wait)
        finally:
            connection.terminate()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    try:
        assert began.wait(30)
        yield
    finally:
        ending.set()
        thread.join()
