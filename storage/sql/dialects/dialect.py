"""What a dialect must say about its database. `storage/sql` and the migrations read nothing else about it."""

import enum
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ColumnElement, Insert, Select, Table, bindparam, insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.contract import Lock
from storage.errors import Unavailable

IMPORT_RUNS = "another import is writing to this store; start this one when it has ended"

_LOOPBACK = ("127.0.0.1", "::1")

Statements = TypeVar("Statements")


class Failure(enum.Enum):
    """What a driver error means to the store."""

    DUPLICATE = "a unique key is taken"
    MISSING_PARENT = "a row that this one refers to is gone"
    RETRY = "deadlock, lock timeout or serialisation failure: the same transaction may succeed when run again"
    DISCONNECTED = "the connection is gone"
    TOO_LARGE = "a value does not fit, or a statement has more of them than are taken at once"
    UNAVAILABLE = "the database refuses to work: full, read-only, starting, out of connections"
    UNKNOWN = "anything else: a defect of ours"


class Dialect:
    """How to use one kind of database: a subclass per kind, an instance per store URL."""

    name: ClassVar[str]
    """SQLAlchemy's name of the dialect."""
    schemes: ClassVar[tuple[str, ...]]
    """What a store URL may start with."""
    driver: ClassVar[str]
    """SQLAlchemy's name of the dialect and driver in use."""
    url_options: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The options that a store URL may have after its question mark, and what the driver calls them."""
    partial_indexes: ClassVar[bool]
    """Whether an index can be limited to some rows."""
    many_processes: ClassVar[bool]
    """Whether several server processes may share the store."""
    upgrades_itself: ClassVar[bool]
    """Whether a server upgrades the schema at start without being told to."""
    default_port: ClassVar[int] = 0
    """The port of a URL that names none."""

    def __init__(self, url: str) -> None:
        try:
            parts = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise Unavailable(
                "the store URL cannot be read; write it as scheme://user:password@host:port/name"
            ) from error
        if not 0 < (parts.port or 1) < 2**16:
            raise Unavailable(f"the store URL names port {parts.port}; ports end at 65535")
        strangers = sorted(set(parts.query) - set(self.url_options))
        if strangers:
            option_names = ", ".join(self.url_options) or "none"
            raise Unavailable(f"the store URL has an unknown option {strangers[0]!r}; known here: {option_names}")
        self._label = parts.render_as_string(hide_password=True)
        options = {self.url_options[name]: value for name, value in parts.query.items()}
        self.url: URL = parts.set(drivername=self.driver, query=options)
        self._statements: dict[object, Any] = {}

    @property
    def label(self) -> str:
        """The store URL with its password hidden, for logs and messages."""
        return self._label

    @property
    def place(self) -> tuple[object, ...]:
        """Where the database is: equal for all URLs that evidently name the same database."""
        host = "localhost" if self.url.host in (None, "", *_LOOPBACK) else self.url.host
        return self.name, host, self.url.port or self.default_port, self.url.database

    def is_missing(self) -> bool:
        """Say whether the database does not exist yet, and connecting would create it."""
        return False

    def engine_options(self, *, writer: bool, pool_size: int, pool_timeout_seconds: float) -> dict[str, Any]:
        """Return the arguments of create_async_engine for writing transactions or for snapshots."""
        raise NotImplementedError

    def prepare(self, engine: AsyncEngine, *, writer: bool) -> None:
        """Hook what every connection of the engine needs."""

    def single_read(self, engine: AsyncEngine) -> AsyncEngine:
        """Return the engine for reads of one statement: in autocommit where that saves round trips."""
        return engine

    def claim(self) -> AbstractContextManager[None]:
        """Hold the store for one server, where only one may serve it; raises Unavailable when another holds it."""
        raise NotImplementedError

    def upgrade_claim(self, *, timeout_seconds: float) -> AbstractContextManager[None]:
        """Hold what must be held outside the database while its schema is upgraded; raises Unavailable after the timeout."""
        raise NotImplementedError

    async def lock_schema(self, connection: AsyncConnection, *, timeout_seconds: float) -> None:
        """Take the database's lock for schema changes; it ends with the connection. Raises Unavailable after the timeout."""
        raise NotImplementedError

    def import_claim(self) -> AbstractContextManager[None]:
        """Hold what must be held outside the database while an import runs; raises Unavailable when another import holds it."""
        raise NotImplementedError

    async def lock_import(self, connection: AsyncConnection) -> None:
        """Take the database's lock for imports, at once or not at all; it ends with the connection. Raises Unavailable."""
        raise NotImplementedError

    async def expect_lookups(self, connection: AsyncConnection) -> None:
        """Tell the database that this connection looks up rows by key in tables that grow faster than its statistics."""

    def failure(self, error: DBAPIError) -> Failure:
        """Say what a driver error means, by its SQLSTATE, number or result code."""
        raise NotImplementedError

    def contains(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """A condition: the column contains the text as it stands, case and wildcards literal."""
        raise NotImplementedError

    def statements(self, kind: type[Statements]) -> Statements:
        """Return the statements of a table, a class that takes a dialect; they are built once.

        SQLAlchemy caches what it compiled, but building a statement and its cache key anew takes a fifth of a small call.
        """
        statements: Statements | None = self._statements.get(kind)
        if statements is None:
            statements = self._statements[kind] = kind(self)  # type: ignore[call-arg]
        return statements

    def among(self, column: ColumnElement[Any], name: str, texts: Sequence[str] | None = None) -> ColumnElement[bool]:
        """A condition: the column is one of many texts.

        Without texts, what `text_list` makes of them is bound under the name when the statement is executed.

        The number of texts changes the statement's text in few steps at most, so that few plans are made and kept.
        """
        raise NotImplementedError

    def text_list(self, texts: Sequence[str]) -> Any:
        """Return the value to bind for `among`."""
        raise NotImplementedError

    def locked(self, statement: Select[Any], lock: Lock) -> Select[Any]:
        """Return a statement that holds the rows it selects; a database with a single writer ignores that."""
        if lock is Lock.UPDATE:
            # Not a key update: inserts that refer to the row, such as a link of a locked task, need not wait.
            return statement.with_for_update(key_share=True)
        return statement.with_for_update(read=True) if lock is Lock.SHARE else statement

    def insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        """An INSERT that skips a row whose unique key on these columns is taken, and fails on any other problem."""
        key = (table, *keys)
        statement: Insert | None = self._statements.get(key)
        if statement is None:
            statement = self._statements[key] = self._insert_or_skip(table, keys)
        return statement

    def _insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        raise NotImplementedError

    async def insert_unless_taken(
        self, connection: AsyncConnection, table: Table, keys: Sequence[str], row: Mapping[str, Any]
    ) -> bool:
        """Insert one row; return False, the transaction intact, when its unique key on these columns is taken."""
        result = await connection.execute(self.insert_or_skip(table, keys), row)
        return result.rowcount == 1

    async def insert_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many rows at once, their values in the order of the column names; fails when one of them cannot be."""
        statement = insert(table).values({name: bindparam(name) for name in names})
        await connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    async def problems(self, connection: AsyncConnection) -> list[str]:
        """Settings of this database that break a promise (durability, isolation, encoding), one sentence each."""
        raise NotImplementedError

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """How many bytes the database takes, indexes included."""
        raise NotImplementedError
