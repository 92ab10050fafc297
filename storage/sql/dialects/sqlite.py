"""SQLite: one file, one writer, concurrent readers. One server process owns the file; the importer may write in between."""

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import IO, Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
    String,
    Table,
    and_,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from storage.errors import Unavailable
from storage.sql.dialects.dialect import DAMAGED, IMPORT_RUNS, Dialect, Failure
from storage.sql.dialects.online_ddl import LOCK_SECONDS, OnlineDdl
from storage.sql.dialects.refusals import FORBIDDEN_VALUE, causes
from storage.sql.dialects.sqlite_connections import EndingConnection, open_on_a_thread
from storage.sql.dialects.sqlite_file import FileWatch, check_file, claimed
from storage.sql.dialects.sqlite_inquiry import IMPORT_LOCK, FileInquiry
from storage.sql.dialects.sqlite_reads import LoopReads
from storage.sql.group_commit import Commits
from storage.sql.kept_connection import KeptConnection
from storage.sql.transaction_threads import FAST, ThreadOptions, TransactionThreads
from storage.sql.types import ByteString, ByteText, length_of

READERS = 3  # each is a thread; more would compete for the interpreter lock, and halve the throughput of 32 clients
BUSY_TIMEOUT_MS = LOCK_SECONDS * 1000  # how long to wait for another process (importer) that holds the write lock
LOCK_PAUSE_SECONDS = 0.05
DAMAGES_MAX = 10  # sentences of a check
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024  # the WAL file shrinks to this after a checkpoint

_FAILURES = {
    sqlite3.SQLITE_BUSY: Failure.RETRY,
    sqlite3.SQLITE_LOCKED: Failure.RETRY,
    sqlite3.SQLITE_TOOBIG: Failure.TOO_LARGE,
    sqlite3.SQLITE_FULL: Failure.UNAVAILABLE,
    sqlite3.SQLITE_IOERR: Failure.UNAVAILABLE,
    sqlite3.SQLITE_READONLY: Failure.UNAVAILABLE,
    sqlite3.SQLITE_CANTOPEN: Failure.UNAVAILABLE,
    sqlite3.SQLITE_PERM: Failure.UNAVAILABLE,
    sqlite3.SQLITE_NOTADB: Failure.DAMAGED,
    sqlite3.SQLITE_CORRUPT: Failure.DAMAGED,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Failure.DUPLICATE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Failure.DUPLICATE,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: Failure.MISSING_PARENT,
}

_NOT_WRITABLE = (
    "cannot be used: this user may not write to the file or its folder, in which SQLite makes further files, or the file "
    "system is read-only"
)
_REFUSALS: Mapping[str | int, str] = {
    sqlite3.SQLITE_BUSY: "is busy; try again",
    sqlite3.SQLITE_LOCKED: "is busy; try again",
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_FULL: "cannot be used: its disk is full",
    sqlite3.SQLITE_IOERR: "cannot be used: its disk or file system reports errors",
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
}

_BEGIN_WRITE, _BEGIN_READ = "BEGIN IMMEDIATE", "BEGIN"

_quoted = '"{}"'.format
_VALUE_REFUSALS: Mapping[str | int, str] = {
    sqlite3.SQLITE_CONSTRAINT_CHECK: FORBIDDEN_VALUE,
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: FORBIDDEN_VALUE,
}

_SPELLING = "write sqlite:///relative/path or sqlite:////absolute/path"

_TOO_MANY = "too many SQL variables"  # an error without its own code


@compiles(ByteString, "sqlite")
def _byte_string(type_: ByteString, compiler: Any, **_: Any) -> str:
    return f"VARCHAR({length_of(type_)})"  # BINARY, SQLite's default collation, compares bytes


@compiles(ByteText, "sqlite")
def _byte_text(type_: ByteText, compiler: Any, **_: Any) -> str:
    return "TEXT"


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connections(*, writer: bool, pool_size: int) -> int:
    return 1 if writer else min(pool_size, READERS)


def _connect_arguments() -> dict[str, Any]:
    return {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False, "factory": EndingConnection}


class SQLite(Dialect):
    """A database file. An in-memory database would be a separate one for each connection, so it is refused."""

    name: ClassVar[str] = "sqlite"
    driver: str = "sqlite+aiosqlite"
    online_ddl: ClassVar[OnlineDdl] = OnlineDdl()
    many_processes: ClassVar[bool] = False
    refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(_REFUSALS)
    value_refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(_VALUE_REFUSALS)
    upgrades_itself: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        if self.url.host or self.url.username or self.url.port:
            # SQLAlchemy would read the folder as a host, and open a file with that name elsewhere.
            raise Unavailable(f"the store URL {self.label} has a host; {_SPELLING}")
        if "?" in url:
            raise Unavailable("a question mark in the name of the SQLite file must be written as %3F")
        self.path = self.url.database or ""
        if not self.path or self.path == ":memory:" or self.path.startswith("file:"):
            raise Unavailable(f"the SQLite store needs a file; {_SPELLING}")
        self._watch = FileWatch(self.path, self.label)

    @property
    def place(self) -> tuple[object, ...]:
        """A file is identified by device and inode, even if there are links to it."""
        try:
            status = os.stat(self.path)
        except OSError:
            return self.name, os.path.realpath(self.path)
        return self.name, status.st_dev, status.st_ino

    @property
    def inquiry(self) -> FileInquiry:
        """Asks the file system."""
        return FileInquiry(self.path)

    def is_missing(self) -> bool:
        """A missing file is created by the first connection. Raises Unavailable for a file that cannot be opened."""
        if not os.path.exists(self.path):
            return True
        # Not by opening it: closing a file releases every POSIX lock that this process holds on it, SQLite's own included.
        check_file(self.path, self.label)
        return False

    def engine_options(self, *, writer: bool, pool_size: int, pool_timeout_seconds: float) -> dict[str, Any]:
        """One connection for writing, so that writers wait in this process instead of failing on a locked file."""
        return {
            "poolclass": AsyncAdaptedQueuePool,
            "pool_size": _connections(writer=writer, pool_size=pool_size),
            "max_overflow": 0,
            "pool_timeout": pool_timeout_seconds,
            "connect_args": {**_connect_arguments(), "async_creator_fn": open_on_a_thread},
        }

    def prepare(self, engine: AsyncEngine, *, writer: bool) -> None:
        """Set pragmas on each connection, and execute BEGIN here: the driver would begin only after the first SELECT."""
        self._prepare(engine.sync_engine, writer=writer)

    def threads(self, *, writer: bool, pool_size: int, options: ThreadOptions = FAST) -> TransactionThreads:
        """One thread that writes, since only one transaction writes at a time anyway, and few that read what takes long."""
        count = _connections(writer=writer, pool_size=pool_size)
        engine = create_engine(
            self.url.set(drivername="sqlite+pysqlite"),
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=count + 1,  # of the readers, one reads on the event loop
            max_overflow=0,
            connect_args=_connect_arguments(),
        )
        self._prepare(engine, writer=writer, begins=False)
        if writer:
            commits = Commits(self.check_place, self.is_outcome_unknown)
            size = options.group_max
            return TransactionThreads(engine, name="writer", begin=_BEGIN_WRITE, commits=commits, group_max=size)
        at_once = LoopReads(lambda: KeptConnection(engine, begin=_BEGIN_READ)) if options.reads_at_once else None
        return TransactionThreads(engine, name="reader", begin=_BEGIN_READ, count=count, at_once=at_once)

    def _prepare(self, engine: Engine, *, writer: bool, begins: bool = True) -> None:
        @event.listens_for(engine, "do_connect")
        def on_do_connect(*_: Any) -> None:
            self.check_place()  # or SQLite would create the file again

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            try:
                self._watch.note()
            except Unavailable:
                connection.close()
                raise
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}")
            if not writer:
                cursor.execute("PRAGMA query_only = ON")
            cursor.close()

        if not begins:
            return

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
                connection.exec_driver_sql(_BEGIN_WRITE if writer else _BEGIN_READ)

    @contextlib.contextmanager
    def _file_lock(self, suffix: str, *, wait_seconds: float, refusal: str) -> Iterator[None]:
        folder = os.path.dirname(os.path.abspath(self.path))
        try:
            os.makedirs(folder, exist_ok=True)
            file = open(self.path + suffix, "a+")  # noqa: SIM115 - held as long as the lock
        except OSError as error:
            raise Unavailable(f"the folder of {self.label} is not writable: {error.strerror}") from error
        with file:
            end = time.monotonic() + wait_seconds
            try:
                while not _try_lock(file):
                    if time.monotonic() >= end:
                        raise Unavailable(refusal)
                    time.sleep(LOCK_PAUSE_SECONDS)
            except OSError as error:
                raise Unavailable(f"the folder of {self.label} does not support locks: {error.strerror}") from error
            yield

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """A lock on a file next to the store, and one on the store; the kernel releases them when the server dies.

        Servers of older versions look at the first only, and the second is the same under every path to the store.
        """
        refusal = f"another Lineal server is serving {self.label}; stop it, or use another store for this one"
        with (
            self._file_lock(".server-lock", wait_seconds=0, refusal=refusal),
            claimed(self.path, self.label, refusal=refusal),
        ):
            yield

    def upgrade_claim(self, *, timeout_seconds: float) -> contextlib.AbstractContextManager[None]:
        """A lock on a file next to the store; waits for it."""
        refusal = "another process is upgrading the schema and has not finished in time"
        return self._file_lock(".upgrade-lock", wait_seconds=timeout_seconds, refusal=refusal)

    async def lock_schema(self, connection: AsyncConnection, *, timeout_seconds: float) -> None:
        """No lock is needed: upgrade_claim locks the file, and BEGIN IMMEDIATE the database."""

    def import_claim(self) -> contextlib.AbstractContextManager[None]:
        """A lock on a file next to the store; a server may serve the store at the same time."""
        return self._file_lock(IMPORT_LOCK, wait_seconds=0, refusal=IMPORT_RUNS)

    async def lock_import(self, connection: AsyncConnection) -> None:
        """No lock is needed: import_claim locks the file."""

    def failure(self, error: DBAPIError) -> Failure:
        """By extended result code first, then by its primary code (the low byte)."""
        code = self.code_of(error)
        if code is None:
            return Failure.DISCONNECTED if error.connection_invalidated else Failure.UNKNOWN
        if code == sqlite3.SQLITE_ERROR and _TOO_MANY in str(error.orig):
            return Failure.TOO_LARGE
        return _FAILURES.get(code) or _FAILURES.get(code & 0xFF, Failure.UNKNOWN)

    def code_of(self, error: Exception) -> int | None:
        """The extended result code."""
        codes = (getattr(each, "sqlite_errorcode", None) for each in causes(error))
        return next((code for code in codes if code is not None), None)

    def why_refused(self, error: DBAPIError) -> str | None:
        """A file is opened by the first statement, so that what that reports is often why it cannot be opened."""
        why = super().why_refused(error)
        return self.why_closed(error) if why else None

    def why_closed(self, error: Exception) -> str:
        """By primary result code."""
        code = self.code_of(error)
        return self.refusals.get(-1 if code is None else code & 0xFF, "cannot be used: SQLite does not open it")

    def is_outcome_unknown(self, error: DBAPIError) -> bool:
        """An error of the disk: what was written to the log before may be found there after a crash. A full disk is none."""
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR

    def contains(self, column: ColumnElement[Any], value: str | ColumnElement[str]) -> ColumnElement[bool]:
        """instr compares bytes; LIKE would fold case."""
        return func.instr(column, value) > 0

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A unary plus: SQLite takes all indexes with an equal number of columns to be as good."""
        return UnaryExpression(column, operator=custom_op("+"))

    def among(self, column: ColumnElement[Any], name: str, texts: Sequence[str] | None = None) -> ColumnElement[bool]:
        """A subquery over one JSON list."""
        value = None if texts is None else self.text_list(texts)
        array = bindparam(name, value, type_=String, required=texts is None)
        return column.in_(select(func.json_each(array).table_valued("value").c.value))

    def rows_by_key(self, table: Table, keys: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        """A join with one JSON list. For a row that is in a list, the index would serve with the first column only."""
        wanted = func.json_each(bindparam("of_rows", type_=String)).table_valued("value").c.value
        return table, and_(
            *(table.c[key] == func.json_extract(wanted, f"$[{place}]") for place, key in enumerate(keys))
        )

    def key_values(self, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The rows as JSON."""
        return {"of_rows": json.dumps([[row[key] for key in keys] for row in rows])}

    def text_list(self, texts: Sequence[str]) -> Any:
        """The list as JSON, in a tenth of the time that json.dumps takes for a short one."""
        return f"[{','.join(map(encode_basestring_ascii, texts))}]"

    def _insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        """ON CONFLICT on these columns only."""
        return insert(table).on_conflict_do_nothing(index_elements=[table.c[key] for key in keys])

    async def insert_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """As text, to the driver itself: converting the values would take longer than writing them."""
        columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        statement = f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})'
        await connection.exec_driver_sql(statement, list(map(tuple, rows)))

    async def update_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """As text, to the driver itself."""
        values = ", ".join(f'"{name}" = ?' for name in names[1:])
        statement = f'UPDATE "{table.name}" SET {values} WHERE "{names[0]}" = ?'
        await connection.exec_driver_sql(statement, [(*row[1:], row[0]) for row in rows])

    def check_place(self) -> None:
        """The path must lead to the file that is open."""
        self._watch.check()

    async def damage(self, connection: AsyncConnection) -> list[str]:
        """SQLite's quick check: every page is read, but indexes are not compared with their tables."""
        rows = (await connection.execute(text(f"PRAGMA quick_check({DAMAGES_MAX})"))).scalars()
        lines = [line for row in rows for line in row.splitlines()]
        return [f"the file is damaged: {line}" for line in lines if line != "ok" and not line.startswith("***")]

    async def problems(self, connection: AsyncConnection) -> list[str]:
        """Checks that the pragmas above took effect."""
        safe_values = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        pragmas = {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in safe_values}
        return [
            f"PRAGMA {name} is {pragmas[name]}, not {value}"
            for name, value in safe_values.items()
            if pragmas[name] != value
        ]

    async def commits_of_others(self, connection: AsyncConnection) -> int | None:
        """SQLite counts them for each connection."""
        number: int = (await connection.exec_driver_sql("PRAGMA data_version")).scalar_one()
        return number

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """The file and its write-ahead log, which may not exist."""
        size = 0
        for path in (self.path, f"{self.path}-wal"):
            with contextlib.suppress(FileNotFoundError):
                size += os.stat(path).st_size
        return size
