"""Opens a database that belongs to another program, for reading only. The readers of MLMD's and KFP's tables call this.

Names, drivers and errors of databases come from the dialects of `storage`; this module adds what reading another program's
database needs. That program may be writing meanwhile: its locks are waited for, and what it disturbed is read again.
"""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from migrations.mlmd.vocabulary.errors import SourceRefused
from storage.errors import Unavailable
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Failure
from storage.sql.dialects.inquiry import Inquiry

CONNECT_SECONDS = 10.0

LOCK_SECONDS = 60.0
"""How long a program that writes may lock the database, or break off what is read from it."""

_PAUSE_SECONDS = 0.05
# A journal that is deleted while it is looked at looks like one that a crashed program left, which only a writer can apply.
_JOURNAL_SECONDS = 1.0
_CODES_OF_A_JOURNAL = (8, 14)  # SQLITE_READONLY, SQLITE_CANTOPEN

_FILE_DIALECT = "sqlite"
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_WAL_VERSION = 2
# One process imports; a second connection serves the survey during a stream.
_CONNECTIONS = 2

Answer = TypeVar("Answer")


class SourceBusy(SourceRefused):
    """What a program writes has got in the way; reading again may succeed."""


class Database:
    """Another program's database, opened for reading. Raises SourceRefused, in one sentence, whenever it cannot be read."""

    def __init__(self, url: str, *, what: str) -> None:
        try:
            self._dialect = dialect_for(url)
        except Unavailable as error:
            raise SourceRefused(f"{what}: {error}") from error
        self._what = what
        self._unlocked: tuple[Any, ...] | None = None  # what a file that is read without locks looked like
        self._engine = self._file_engine() if self.is_file else self._server_engine()

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self._dialect.label

    @property
    def inquiry(self) -> Inquiry:
        """What can be asked of the database about itself and its surroundings."""
        return self._dialect.inquiry

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """Return the size of the database in bytes, as it reports it."""
        return await self._dialect.size_bytes(connection)

    @property
    def is_file(self) -> bool:
        """Whether the database is a file."""
        return self._dialect.name == _FILE_DIALECT

    def forbids(self, error: DBAPIError) -> bool:
        """Return whether an error says that the user lacks a right, and not that something is missing.

        Raises the error if it says neither, such as that of a connection that broke.
        """
        failure = self._dialect.failure(error)
        if failure not in (Failure.FORBIDDEN, Failure.UNKNOWN):
            raise error
        return failure is Failure.FORBIDDEN

    @property
    def reinterprets_text(self) -> bool:
        """Whether text may have been encoded twice on its way in (see text_repair)."""
        return self._dialect.name == "mysql"

    async def read(self, read: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """Return what a callback reads in one snapshot; it is called again when a program that writes got in the way."""
        start = time.monotonic()
        while True:
            try:
                async with self.connect() as connection:
                    answer = await read(connection)
                if not self._is_outdated():
                    return answer
            except SourceBusy as error:
                patience = _JOURNAL_SECONDS if _code_of(error.__cause__) in _CODES_OF_A_JOURNAL else LOCK_SECONDS
                if time.monotonic() - start >= patience:
                    raise SourceRefused(str(error)) from error
                await asyncio.sleep(_PAUSE_SECONDS)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection whose statements all see one snapshot. Raises SourceBusy when it was disturbed."""
        try:
            if self._is_outdated():
                await self._engine.dispose()
                self._engine = self._file_engine()
            connection = await self._open()
            async with aclosing(connection):
                yield connection
        except DBAPIError as error:
            raise self._refusal(error) from error
        except (PoolTimeout, OSError) as error:
            raise SourceRefused(f"{self._what} {self.label} no longer answers") from error

    async def _open(self) -> AsyncConnection:
        try:
            return await self._engine.connect()
        except PoolTimeout as error:
            raise SourceRefused(f"{self._what} {self.label} no longer answers") from error
        except Exception as error:
            if self.is_file and isinstance(error, DBAPIError):
                raise self._refusal(error) from error
            raise SourceRefused(str(self._dialect.closed(error, self._what))) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    def _server_engine(self) -> AsyncEngine:
        options = self._dialect.engine_options(
            writer=False, pool_size=_CONNECTIONS, pool_timeout_seconds=CONNECT_SECONDS
        )
        engine = create_async_engine(self._dialect.url, **options)
        self._dialect.prepare(engine, writer=False)
        return engine

    def _file_engine(self) -> AsyncEngine:
        path = self._dialect.url.database or ""
        _check_file(path, f"{self._what} {self.label}")
        # A path may begin with two slashes, after which a file: URI would have a host.
        target = f"file:/{quote(os.path.abspath(path).lstrip('/'))}?mode=ro"
        self._unlocked = _look_of(path) if _without_log(path) else None
        if self._unlocked:
            # SQLite could not create the log's index next to a read-only file.
            target += "&immutable=1"
        url = self._dialect.url.set(database=target, query={"uri": "true"})
        options = {"connect_args": {"timeout": LOCK_SECONDS}}
        engine = create_async_engine(url, pool_size=_CONNECTIONS, max_overflow=0, **options)
        event.listen(engine.sync_engine, "connect", _on_connect)
        event.listen(engine.sync_engine, "begin", _on_begin)
        return engine

    def _is_outdated(self) -> bool:
        """Return whether a file that is read without locks, because nobody had opened it, has got a writer since."""
        return self._unlocked is not None and self._unlocked != _look_of(self._dialect.url.database or "")

    def _refusal(self, error: DBAPIError) -> SourceRefused:
        is_passing = self._dialect.failure(error) is Failure.RETRY or self._is_outdated()
        if self.is_file and _code_of(error) in _CODES_OF_A_JOURNAL:
            is_passing = True
        return (SourceBusy if is_passing else SourceRefused)(self._sentence(error))

    def _sentence(self, error: DBAPIError) -> str:
        failure = self._dialect.failure(error)
        if failure is Failure.RETRY:
            return f"{self._what} {self.label} is locked by another program; try again"
        if self.is_file and any(_has_bytes((self._dialect.url.database or "") + log) for log in ("-wal", "-journal")):
            return (
                f"{self._what} {self.label} has a write-ahead log that only a writer can apply, or is damaged; "
                "open it once with the program that wrote it, or copy both files to a writable folder"
            )
        if self.is_file:
            return f"{self._what} {self.label} is damaged or cannot be read"
        if (refusal := self._dialect.refused(error, self._what)) is not None:
            return str(refusal)
        return f"{self._what} {self.label} cannot be read: it is damaged, or its tables are not those of the program"


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    # One row that is not UTF-8 must not make a table unreadable; the mapping replaces such characters.
    connection.driver_connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")


def _on_begin(connection: Connection) -> None:
    # The driver sends no BEGIN before a SELECT, and each statement would see its own snapshot.
    connection.exec_driver_sql("BEGIN")


def _check_file(path: str, what: str) -> None:
    """Refuse a file that is not a complete SQLite database, which SQLite would detect only in the middle of the import."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise SourceRefused(f"{what} cannot be opened: {error.strerror}") from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise SourceRefused(f"{what} is not a SQLite database")
    (page_bytes,) = struct.unpack(">H", header[16:18])
    change, pages, checked_change = (
        struct.unpack(">I", header[24:28]) + struct.unpack(">I", header[28:32]) + struct.unpack(">I", header[92:96])
    )
    # The page count is valid only if the last writer updated it, which the repeated change counter shows.
    if change == checked_change and size < pages * (65536 if page_bytes == 1 else page_bytes):
        raise SourceRefused(f"{what} is cut off: the file is smaller than its header says")


def _without_log(path: str) -> bool:
    """Return whether a file in write-ahead mode has no log next to it, and is therefore complete."""
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    return header[19] == _WAL_VERSION and not _has_bytes(path + "-wal")


def _look_of(path: str) -> tuple[Any, ...]:
    """Return what differs when a program has written to a file or its log."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, _has_bytes(path + "-wal")


def _code_of(error: BaseException | None) -> int:
    """Return SQLite's primary result code, 0 for errors of other databases."""
    return int(getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)) & 0xFF


def _has_bytes(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0
