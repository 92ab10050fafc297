"""The interface of a dialect, through which alone `storage/sql` and the migrations handle a database's differences."""

import enum
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ColumnElement, FromClause, Insert, Select, Table, and_, bindparam, insert, null, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.contract import Lock
from storage.errors import Unavailable, Unusable, ValueRefused
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.dialects.inquiry import Inquiry
from storage.sql.dialects.many_rows import ManyRows
from storage.sql.dialects.online_ddl import OnlineDdl
from storage.sql.dialects.refusals import NO_SERVER, NOT_TEXT, OUT_OF_RANGE, causes, is_ambiguous, why_unreachable
from storage.sql.dialects.sessions import SessionLimits
from storage.sql.session import Session
from storage.sql.transaction_threads import FAST, ThreadOptions, TransactionThreads

IMPORT_RUNS = "another import is writing to this store; wait until it has ended"

DAMAGED = "cannot be used: the database file is damaged, or is not a database"

_LOOPBACK = ("127.0.0.1", "::1")

Statements = TypeVar("Statements")


class Failure(enum.Enum):
    """What a driver error means to the store."""

    DUPLICATE = "a unique key is taken"
    MISSING_PARENT = "a row that this one refers to does not exist"
    RETRY = "deadlock, lock timeout or serialisation failure: the same transaction may succeed when run again"
    DISCONNECTED = "the connection is lost"
    TOO_LARGE = "a value is too large, or a statement has too many values"
    READ_ONLY = "the database does not take writes, such as a primary that became a replica: another one may, under the same name"
    FORBIDDEN = "the database's user lacks a right"
    UNAVAILABLE = "the database cannot be used now: full, out of connections"
    DAMAGED = "the database's file is damaged"
    UNKNOWN = "anything else: a defect of ours"


_REFUSED: Mapping[Failure, str] = {
    Failure.RETRY: "is busy; try again",
    Failure.DISCONNECTED: "has ended the connection; try again",
    Failure.READ_ONLY: "takes no writes: it is a replica, or was made read-only for this user or for all",
    Failure.FORBIDDEN: "does not give this user a right that this needs: SELECT, INSERT, UPDATE and DELETE on all tables, and for an "
    "upgrade those to make and alter tables",
    Failure.UNAVAILABLE: "cannot be used at the moment: it is full, or has ended the statement",
    Failure.DAMAGED: DAMAGED,
}
"""Why an open database refused a statement, as far as every database says it."""


class Dialect:
    """How to use one kind of database: one subclass per kind, one instance per store URL.

    Processes exclude one another only by its claims and locks: a claim belongs to the process, a lock to the connection, and both
    end when the process dies, however it dies.
    """

    name: ClassVar[str]
    """SQLAlchemy's name of the dialect."""
    driver: str
    """SQLAlchemy's name of the dialect and driver in use."""
    url_options: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The options that a store URL may have after its question mark, and the driver's names for them."""
    online_ddl: ClassVar[OnlineDdl]
    """How indexes are built while others use their table."""
    many_processes: ClassVar[bool]
    """Whether several server processes may share the store."""
    upgrades_itself: ClassVar[bool]
    """Whether a server always upgrades the schema at start."""
    orders_ranges: ClassVar[bool] = True
    """Whether several ranges of an index are read in its order, so that no sort follows."""
    at_once: ClassVar[WritesAtOnce | None] = None
    """How a statement writes that is a transaction by itself; None where that saves no round trips."""
    default_port: ClassVar[int] = 0
    """The port of a URL without one."""
    refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType({})
    """Why a connection was refused, by the database's code: the rest of a sentence about the database."""
    value_refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType({})
    """Why a value was refused, by the database's code: the rest of a sentence about the value."""

    def __init__(self, url: str) -> None:
        if self.default_port and is_ambiguous(url):
            # Without the URL: in whatever would be shown of it as host or name, a part of the password could be.
            raise Unavailable(
                "the user or the password in the store URL has a character that must be percent-encoded there: "
                "@ as %40, / as %2F, ? as %3F, # as %23"
            )
        try:
            parts = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise Unavailable(
                "the store URL cannot be read; write it as scheme://user:password@host:port/name"
            ) from error
        if not 0 < (parts.port or 1) < 2**16:
            raise Unavailable(f"the store URL has port {parts.port}, but the largest port is 65535")
        unknown_options = sorted(set(parts.query) - set(self.url_options))
        if unknown_options:
            option_names = ", ".join(self.url_options) or "none"
            raise Unavailable(
                f"the store URL has an unknown option {unknown_options[0]!r}; its options are: {option_names}"
            )
        self._label = parts.render_as_string(hide_password=True)
        options = {self.url_options[name]: value for name, value in parts.query.items()}
        self.url: URL = parts.set(drivername=self.driver, query=options)
        self._statements: dict[object, Any] = {}
        self.many_rows = ManyRows(self.insert_or_skip)
        self.session_limits: SessionLimits | None = None
        """What limits the sessions of engines that are made from now on; by default nothing does."""

    @property
    def label(self) -> str:
        """The store URL with its password hidden, for logs and messages."""
        return self._label

    @property
    def inquiry(self) -> Inquiry:
        """What can be asked of the database about itself and its surroundings."""
        raise NotImplementedError

    @property
    def place(self) -> tuple[object, ...]:
        """Where the database is: equal for all URLs that are known to name the same database."""
        host = "localhost" if self.url.host in (None, "", *_LOOPBACK) else self.url.host
        return self.name, host, self.url.port or self.default_port, self.url.database

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the database's address is this machine's; there may be a tunnel to another behind it."""
        return self.url.host in (None, "", "localhost", *_LOOPBACK)

    def is_missing(self) -> bool:
        """Return whether the database does not exist yet, and connecting would create it."""
        return False

    def engine_options(self, *, writer: bool, pool_size: int, pool_timeout_seconds: float) -> dict[str, Any]:
        """Return the arguments of create_async_engine for writing transactions or for snapshots."""
        raise NotImplementedError

    def prepare(self, engine: AsyncEngine, *, writer: bool) -> None:
        """Register event handlers for the engine's connections."""

    async def close(self) -> None:
        """Wait for what was begun for engines and has not ended."""

    def threads(self, *, writer: bool, pool_size: int, options: ThreadOptions = FAST) -> TransactionThreads | None:
        """Return new threads for all transactions of a store that write, or read; None if each takes a connection of an engine."""
        return None

    def session(self, connection: AsyncConnection, driver: Any, *, writer: bool) -> Session:
        """Return a session on a new connection in autocommit mode, where `threads` returns None."""
        raise NotImplementedError

    def single_read(self, engine: AsyncEngine) -> AsyncEngine:
        """Return the engine for reads with one statement: in autocommit mode if that saves round trips."""
        return engine

    def claim(self) -> AbstractContextManager[None]:
        """Claim the store if only one server may serve it; raises Unavailable when another server has claimed it."""
        raise NotImplementedError

    def upgrade_claim(self, *, timeout_seconds: float) -> AbstractContextManager[None]:
        """Hold a lock outside the database, if needed, while its schema is upgraded; raises Unavailable after the timeout."""
        raise NotImplementedError

    async def lock_schema(self, connection: AsyncConnection, *, timeout_seconds: float) -> None:
        """Take the database's lock for schema changes, until the connection ends.

        Raises Unavailable after the timeout. From then on the connection's statements wait LOCK_SECONDS for the lock of a table.
        """
        raise NotImplementedError

    def import_claim(self) -> AbstractContextManager[None]:
        """Hold a lock outside the database, if needed, during an import; raises Unavailable when another import holds it."""
        raise NotImplementedError

    async def lock_import(self, connection: AsyncConnection) -> None:
        """Take the database's lock for imports without waiting; it ends with the connection. Raises Unavailable."""
        raise NotImplementedError

    async def expect_lookups(self, connection: AsyncConnection) -> None:
        """Prepare a connection for lookups by key in tables that grow faster than the planner's statistics."""

    def failure(self, error: DBAPIError) -> Failure:
        """Classify a driver error by its SQLSTATE, number or result code."""
        raise NotImplementedError

    def closed(self, error: Exception, what: str = "the store") -> Unavailable:
        """Return the error of a database to which there is no connection: one sentence, which says why and what to do."""
        return self._unavailable(error, f"{what} {self.label} {self.why_closed(error)}")

    def refused(self, error: DBAPIError | OSError, what: str = "the store") -> Unavailable | None:
        """Return the error of an open database that refused a statement, in one sentence; None for a defect of ours."""
        if not isinstance(error, DBAPIError):
            return self.closed(error, what)
        why = self.why_refused(error)
        return self._unavailable(error, f"{what} {self.label} {why}") if why else None

    def _unavailable(self, error: Exception, sentence: str) -> Unavailable:
        is_damaged = isinstance(error, DBAPIError) and self.failure(error) is Failure.DAMAGED
        return Unusable(sentence) if is_damaged else Unavailable(sentence)

    def why_refused(self, error: DBAPIError) -> str | None:
        """Return why an open database refused a statement: the rest of a sentence about it; None for a defect of ours."""
        return _REFUSED.get(self.failure(error))

    def why_value_refused(self, error: Exception) -> str | None:
        """Return why a value of a statement was refused, by the database or its driver: the rest of a sentence about the value.

        None if the statement failed for another reason.
        """
        if isinstance(error, DBAPIError):
            why = self.value_refusals.get(self.code_of(error) or "")
            if why or self.failure(error) is Failure.TOO_LARGE:
                return why or self.why_too_large()
            # Some drivers convert values, and give such an error no code.
            error = next((each for each in causes(error) if isinstance(each, OverflowError | UnicodeError)), error)
        if isinstance(error, OverflowError):
            return OUT_OF_RANGE
        if isinstance(error, UnicodeError):
            return NOT_TEXT
        return self.why_too_large() if isinstance(error, ValueRefused) else None

    def why_too_large(self) -> str:
        """Return the limit that a value exceeds: the rest of a sentence about the value."""
        return "is larger than the database allows"

    def why_closed(self, error: Exception) -> str:
        """Return why there is no connection: the rest of a sentence about the database, without a driver's words."""
        code = self.code_of(error)
        if code is not None and code in self.refusals:
            return self.refusals[code]
        host, port = self.url.host or "localhost", self.url.port or self.default_port
        return why_unreachable(error, host, port) or NO_SERVER

    def code_of(self, error: Exception) -> str | int | None:
        """Return the database's code of an error: SQLSTATE, number or result code; None if it has none."""
        raise NotImplementedError

    def is_outcome_unknown(self, error: DBAPIError) -> bool:
        """Return whether a write may have happened although its COMMIT failed with this error."""
        return self.failure(error) is Failure.DISCONNECTED

    def contains(self, column: ColumnElement[Any], value: str | ColumnElement[str]) -> ColumnElement[bool]:
        """Return a condition: the column contains the text literally, without wildcards and case-sensitively."""
        raise NotImplementedError

    def no_value(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return NULL in the place of a column, in one of the SELECTs that UNION ALL puts together."""
        return null()

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column for a condition of which a planner without statistics must not take an index."""
        return column

    def statements(self, kind: type[Statements]) -> Statements:
        """Return an instance of a class of statements, which takes a dialect; it is created once."""
        statements: Statements | None = self._statements.get(kind)
        if statements is None:
            statements = self._statements[kind] = kind(self)  # type: ignore[call-arg]
        return statements

    def among(self, column: ColumnElement[Any], name: str, texts: Sequence[str] | None = None) -> ColumnElement[bool]:
        """Return a condition: the column is one of many texts.

        Without texts, the result of `text_list` is bound under the name when the statement is executed.

        The statement's text has only a few forms for different numbers of texts, so that few plans are made and cached.
        """
        raise NotImplementedError

    def text_list(self, texts: Sequence[str]) -> Any:
        """Return the value to bind for `among`."""
        raise NotImplementedError

    def along(self, statement: Select[Any], rows: FromClause, index: str) -> Select[Any]:
        """Return a statement that reads rows along an index, where the database would not see by itself that this is best."""
        return statement

    def rows_among(
        self,
        table: Table,
        column: ColumnElement[Any],
        name: str,
        texts: Sequence[str] | None = None,
        *,
        scope: ColumnElement[bool] | None = None,
        columns: Sequence[str] = (),
    ) -> tuple[FromClause, ColumnElement[bool]]:
        """Return the rows of a table whose column is one of many texts: what stands for the table, and a condition.

        The rows are in the scope, a further condition on the table, and have at least the columns, by default all. Otherwise
        as `among`, which is for statements that lock or delete what they find; here each text is looked up by an index,
        however many rows another text has.
        """
        condition = self.among(column, name, texts)
        return table, condition if scope is None else and_(scope, condition)

    def partners(
        self, table: Table, condition: ColumnElement[bool], *, columns: Sequence[str] = ()
    ) -> tuple[FromClause, ColumnElement[bool]]:
        """Return what stands for a table of which each row of another has one or none, and the condition of their join.

        Each is looked up by an index, however many there are.
        """
        return table, condition

    def rows_by_key(self, table: Table, keys: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        """Return the rows of a table whose columns have one of several combinations of values, by the index that begins with them.

        It is what stands for the table, and a condition. `key_values` makes what is bound.
        """
        raise NotImplementedError

    def key_values(self, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the values to bind for `rows_by_key`: the keys of rows, which are different."""
        raise NotImplementedError

    def locked(self, statement: Select[Any], lock: Lock) -> Select[Any]:
        """Return a statement that locks the rows it selects; it is unchanged on a database with a single writer."""
        if lock is Lock.UPDATE:
            # FOR NO KEY UPDATE: inserts that refer to the row, such as a link of a locked task, need not wait.
            return statement.with_for_update(key_share=True)
        return statement.with_for_update(read=True) if lock is Lock.SHARE else statement

    def insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        """Return an INSERT that skips a row whose unique key on these columns is taken, and fails on any other problem."""
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
        """Insert one row; return False when its unique key on these columns is taken. The transaction remains usable."""
        result = await connection.execute(self.insert_or_skip(table, keys), row)
        return result.rowcount == 1

    async def insert_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many rows at once, their values in the order of the column names; fails if one of them cannot be inserted."""
        statement = insert(table).values({name: bindparam(name) for name in names})
        await connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    async def update_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Give existing rows other values at once, in the order of the column names; the first is the id, and finds the row."""
        key, *others = names
        # A column's own name is reserved in an UPDATE.
        statement = update(table).where(table.c[key] == bindparam(f"new_{key}"))
        statement = statement.values({name: bindparam(f"new_{name}") for name in others})
        parameters = [f"new_{name}" for name in names]
        await connection.execute(statement, [dict(zip(parameters, row, strict=True)) for row in rows])

    def check_place(self) -> None:
        """Raise Unusable if what is open is not the database at this address any more."""

    async def damage(self, connection: AsyncConnection) -> list[str]:
        """Return one sentence for each damaged part of the database, as far as it can tell."""
        return []

    async def problems(self, connection: AsyncConnection) -> list[str]:
        """Return one sentence for each unsafe setting: of the database (durability, encoding), and of this session (time limits)."""
        raise NotImplementedError

    async def advice(self, connection: AsyncConnection) -> list[str]:
        """Return one sentence for each setting that only an operator can change, and that leaves sessions of lost clients behind."""
        return []

    async def is_writable(self, connection: AsyncConnection) -> bool:
        """Return whether the database takes writes; it may be a replica, or have been made read-only."""
        await connection.execute(text("SELECT 1"))
        return True

    async def commits_of_others(self, connection: AsyncConnection) -> int | None:
        """Return a number that changes when another connection has committed; None where one writer does not delay all others."""
        return None

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """Return the size of the database in bytes, indexes included."""
        raise NotImplementedError
