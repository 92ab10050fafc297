"""Connections to SQLite files that leave nothing behind when they end. The dialect opens them."""

import asyncio
import contextlib
import sqlite3
from typing import Any

import aiosqlite


class EndingConnection(sqlite3.Connection):
    """Rolls back before closing: with a cursor still open, as after a cancelled call, the transaction's lock would remain."""

    def close(self) -> None:
        """Roll back, and close."""
        with contextlib.suppress(sqlite3.Error):
            self.rollback()
        super().close()


class _EndingThread(aiosqlite.Connection):
    """Keeps a future for the end of its thread, which aiosqlite does not wait for when the file cannot be opened."""

    end: asyncio.Future[Any] | None = None

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
        # An open connection must not keep the process alive. SQLAlchemy sets this too, on connections that it creates itself.
        self._thread.daemon = True

    def stop(self) -> asyncio.Future[Any] | None:
        self.end = super().stop()
        return self.end


async def open_on_a_thread(path: str, **options: Any) -> aiosqlite.Connection:
    """Open a file. If that fails, wait for the thread, which must not report to an event loop that has been closed."""
    connection = _EndingThread(path, **options)
    try:
        return await connection
    except sqlite3.Error:
        if connection.end:
            await connection.end
        raise
