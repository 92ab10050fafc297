"""PostgreSQL, accessed through asyncpg."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from asyncpg.exceptions import ClientConfigurationError, InternalClientError
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    String,
    Table,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine

from storage.errors import Unavailable
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.dialects.dialect import IMPORT_RUNS, Dialect, Failure
from storage.sql.dialects.many_rows import element_type
from storage.sql.dialects.online_ddl import BUILD_SECONDS, LOCK_SECONDS, OnlineDdl
from storage.sql.dialects.postgresql_codes import CLASSES, FAILURES, REFUSALS, VALUE_REFUSALS
from storage.sql.dialects.postgresql_driver import ERRORS, PostgreSQLSession, open_sessions
from storage.sql.dialects.postgresql_inquiry import PostgreSQLInquiry
from storage.sql.dialects.postgresql_writes import SkippingLocked, UnnestedRows
from storage.sql.dialects.refusals import causes, why_no_identity, why_no_trust
from storage.sql.dialects.sessions import (
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    UNACKNOWLEDGED_SECONDS,
    not_in_force,
)
from storage.sql.prepared import driver_error
from storage.sql.types import ByteString, ByteText, length_of

SCHEMA_LOCK_KEY = 0x6C696E65616C  # "lineal": the number of the advisory lock, which is per database
IMPORT_LOCK_KEY = SCHEMA_LOCK_KEY + 1
SCHEMA_LOCK_SECONDS = 0.1  # how often a process that waits for the schema's lock asks for it
_TRY_SCHEMA_LOCK = text(f"SELECT pg_try_advisory_lock({SCHEMA_LOCK_KEY})")

_KEEPALIVES = {
    "tcp_keepalives_idle": KEEPALIVE_IDLE_SECONDS,
    "tcp_keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
    "tcp_keepalives_count": KEEPALIVE_COUNT,
    "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000,
}
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TOO_MANY = "number of query arguments"  # asyncpg's error for more than 32,767, which has no code


@compiles(ByteString, "postgresql")
def _byte_string(type_: ByteString, compiler: Any, **_: Any) -> str:
    return f'VARCHAR({length_of(type_)}) COLLATE "C"'


@compiles(ByteText, "postgresql")
def _byte_text(type_: ByteText, compiler: Any, **_: Any) -> str:
    return 'TEXT COLLATE "C"'


def _unseen(name: str, element: TypeEngine[Any], value: Sequence[Any] | None = None) -> ColumnElement[Any]:
    """Return a bound array whose length the planner does not see.

    Otherwise it would take a plan for the length at hand to be cheaper than one for any, and plan a list of few texts
    again at each execution.
    """
    array = bindparam(name, value, type_=ARRAY(element), required=value is None)
    return select(array).scalar_subquery()


def _by_index(table: Table, condition: ColumnElement[bool], columns: Sequence[str] = ()) -> FromClause:
    """Return the rows of a table that meet a condition on a row before it.

    The driver prepares statements, and from the sixth time on PostgreSQL may use a plan that it made for any values: for
    the average run, say, where runs differ in size by the thousand. Without OFFSET it would be free to read both tables whole.
    """
    rows = select(*(table.c[name] for name in columns or table.c.keys()))
    return rows.where(condition).offset(literal_column("0")).lateral(table.name)


def _looked_up(table: Table, wanted: FromClause, rows: FromClause) -> FromClause:
    return select(rows).select_from(wanted.join(rows, true())).subquery(table.name)


class PostgreSQL(Dialect):
    """READ COMMITTED with row locks for writing, REPEATABLE READ for snapshots."""

    name: ClassVar[str] = "postgresql"
    driver: str = "postgresql+asyncpg"
    url_options: ClassVar[Mapping[str, str]] = MappingProxyType({"sslmode": "ssl"})
    online_ddl: ClassVar[OnlineDdl] = OnlineDdl(
        create="CREATE INDEX CONCURRENTLY",
        drop="DROP INDEX CONCURRENTLY {name}",
        is_outside_transactions=True,
        before=f"SET lock_timeout = '{BUILD_SECONDS}s'",
        after=f"SET lock_timeout = '{LOCK_SECONDS}s'",
    )
    many_processes: ClassVar[bool] = True
    upgrades_itself: ClassVar[bool] = False
    orders_ranges: ClassVar[bool] = False
    at_once: ClassVar[WritesAtOnce | None] = SkippingLocked()
    default_port: ClassVar[int] = 5432
    refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(REFUSALS)
    value_refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(VALUE_REFUSALS)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.many_rows = UnnestedRows(self.insert_or_skip)
        self._mode = str(self.url.query.get("ssl", "prefer"))
        if self._mode not in _MODES:
            raise Unavailable(f"sslmode in the store URL must be one of {', '.join(_MODES)}")

    @property
    def inquiry(self) -> PostgreSQLInquiry:
        """Asks the server."""
        return PostgreSQLInquiry(IMPORT_LOCK_KEY)

    def engine_options(self, *, writer: bool, pool_size: int, pool_timeout_seconds: float) -> dict[str, Any]:
        """asyncpg sets the isolation level in its own BEGIN, so it costs no round trip."""
        return {
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": pool_timeout_seconds,
            "isolation_level": "READ COMMITTED" if writer else "REPEATABLE READ",
            "execution_options": {} if writer else {"postgresql_readonly": True},
            "connect_args": {"timeout": pool_timeout_seconds, "server_settings": {"application_name": "lineal"}},
        }

    def prepare(self, engine: AsyncEngine, *, writer: bool) -> None:
        """Set once per connection what its session needs, in one message.

        An index costs little, as it does on flash and in memory: by default PostgreSQL would rather read a small table whole,
        and where rows are looked up one by one, once for each.
        """
        settings = {"random_page_cost": 1.1, **self._time_limits()}
        open_sessions(engine, "; ".join(f"SET {name} = {value}" for name, value in settings.items()))

    def _time_limits(self) -> dict[str, int]:
        """How long a session may be silent, and its transaction idle: seconds or milliseconds, in the server's own unit of each."""
        limits = dict(_KEEPALIVES)
        if self.session_limits is not None:
            limits["statement_timeout"] = self.session_limits.statement_milliseconds
            limits["idle_in_transaction_session_timeout"] = self.session_limits.idle_seconds * 1000
        return limits

    def session(self, connection: AsyncConnection, driver: Any, *, writer: bool) -> PostgreSQLSession:
        """See PostgreSQLSession."""
        return PostgreSQLSession(connection, driver, writer=writer)

    def single_read(self, engine: AsyncEngine) -> AsyncEngine:
        """Without BEGIN and ROLLBACK, a single statement is one round trip."""
        return engine.execution_options(isolation_level="AUTOCOMMIT")

    def claim(self) -> contextlib.AbstractContextManager[None]:
        """Any number of servers may serve one database."""
        return contextlib.nullcontext()

    def upgrade_claim(self, *, timeout_seconds: float) -> contextlib.AbstractContextManager[None]:
        """No lock outside the database is needed."""
        return contextlib.nullcontext()

    async def lock_schema(self, connection: AsyncConnection, *, timeout_seconds: float) -> None:
        """A session-level advisory lock, which is asked for again and again.

        One that waits for it would have a snapshot, and an index that is built concurrently waits for those.
        """
        asked_until = time.monotonic() + timeout_seconds
        while not (await connection.execute(_TRY_SCHEMA_LOCK)).scalar():
            await connection.commit()
            if time.monotonic() >= asked_until:
                raise Unavailable("another process is upgrading the schema and has not finished in time")
            await asyncio.sleep(SCHEMA_LOCK_SECONDS)
        await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
        await connection.commit()

    def import_claim(self) -> contextlib.AbstractContextManager[None]:
        """No lock outside the database is needed."""
        return contextlib.nullcontext()

    async def lock_import(self, connection: AsyncConnection) -> None:
        """A session-level advisory lock."""
        if not (await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": IMPORT_LOCK_KEY})).scalar():
            raise Unavailable(IMPORT_RUNS)

    async def expect_lookups(self, connection: AsyncConnection) -> None:
        """With outdated statistics, or a generic plan, the planner would scan whole tables for a few thousand keys."""
        await connection.execute(text("SET enable_seqscan = off"))
        await connection.execute(text("SET plan_cache_mode = force_custom_plan"))

    def failure(self, error: DBAPIError) -> Failure:
        """By SQLSTATE; a driver error without one is a lost connection or an argument that the driver refused to send."""
        state = self.code_of(error)
        if state is None:
            if _TOO_MANY in str(error.orig):
                return Failure.TOO_LARGE
            if any(isinstance(each, ClientConfigurationError) for each in causes(error)):
                return Failure.UNAVAILABLE  # a file of certificates is missing
            cause = getattr(error.orig, "__cause__", None)
            is_closed = error.connection_invalidated or isinstance(cause, OSError | InternalClientError)
            return Failure.DISCONNECTED if is_closed else Failure.UNKNOWN
        return FAILURES.get(state) or CLASSES.get(state[:2], Failure.UNKNOWN)

    def code_of(self, error: Exception) -> str | None:
        """The SQLSTATE."""
        origin = getattr(error, "orig", None)
        return getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)

    def why_closed(self, error: Exception) -> str:
        """Files of certificates are named by the environment, as for other programs of PostgreSQL."""
        if self.code_of(error) is not None:
            return super().why_closed(error)
        if self._mode.startswith("verify") and (why := self._why_no_trust()):
            return why
        certificate = os.environ.get("PGSSLCERT")
        why = (
            why_no_identity(certificate, os.environ.get("PGSSLKEY"), "PGSSLCERT and PGSSLKEY") if certificate else None
        )
        if why:
            return why
        if any(isinstance(each, ClientConfigurationError) for each in causes(error)):
            return "cannot be used: a variable PG… of the environment, or a file in ~/.postgresql, is not valid"
        if type(error) is ConnectionError and self._mode not in ("allow", "prefer"):  # the driver's
            return f"cannot be used: it does not encrypt connections, which sslmode={self._mode} asks for"
        return super().why_closed(error)

    def _why_no_trust(self) -> str | None:
        """The file is where the driver looks for it, as PostgreSQL's own programs do."""
        if named := os.environ.get("PGSSLROOTCERT"):
            return why_no_trust(named, "PGSSLROOTCERT names")
        default = os.path.expanduser("~/.postgresql/root.crt")
        return why_no_trust(default, f"sslmode={self._mode} needs unless PGSSLROOTCERT names another")

    def contains(self, column: ColumnElement[Any], value: str | ColumnElement[str]) -> ColumnElement[bool]:
        """strpos takes the text literally."""
        return func.strpos(column, value) > 0

    def no_value(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """With its type: two NULLs without one are texts, which do not go together with numbers."""
        return cast(null(), element_type(column))

    def among(self, column: ColumnElement[Any], name: str, texts: Sequence[str] | None = None) -> ColumnElement[bool]:
        """A semi-join with the elements of one array: the generic plan of a long list of values may scan a whole run."""
        value = None if texts is None else self.text_list(texts)
        array = bindparam(name, value, type_=ARRAY(String), required=texts is None)
        return column.in_(select(func.unnest(array)))

    def text_list(self, texts: Sequence[str]) -> Any:
        """The driver takes a list."""
        return list(texts)

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
        """The rows of each text by its index."""
        value = None if texts is None else self.text_list(texts)
        wanted = select(func.unnest(_unseen(name, String(), value)).label("text")).distinct().subquery("wanted")
        condition = column == wanted.c.text
        condition = condition if scope is None else and_(scope, condition)
        return _looked_up(table, wanted, _by_index(table, condition, columns)), true()

    def partners(
        self, table: Table, condition: ColumnElement[bool], *, columns: Sequence[str] = ()
    ) -> tuple[FromClause, ColumnElement[bool]]:
        """The partners of each row by their index."""
        return _by_index(table, condition, columns), true()

    def rows_by_key(self, table: Table, keys: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        """Each combination is looked up."""
        arrays = [_unseen(f"of_{key}", element_type(table.c[key])) for key in keys]
        wanted = func.unnest(*arrays).table_valued(*(column(key) for key in keys), name="wanted").render_derived()
        condition = and_(*(table.c[key] == wanted.c[key] for key in keys))
        return _looked_up(table, wanted, _by_index(table, condition)), true()

    def key_values(self, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A list per column."""
        return {f"of_{key}": [row[key] for row in rows] for key in keys}

    def _insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        """ON CONFLICT on these columns only; a failed INSERT would abort the transaction."""
        return insert(table).on_conflict_do_nothing(index_elements=[table.c[key] for key in keys])

    async def insert_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Use COPY, which costs a fraction of INSERT per row."""
        # SQLAlchemy's driver begins the transaction with the first statement that it sees, and COPY bypasses it.
        await connection.execute(text("SELECT 1"))
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        try:
            await driver.copy_records_to_table(table.name, records=rows, columns=list(names))
        except ERRORS as error:
            raise driver_error(f"COPY {table.name}", error, is_closed=driver.is_closed()) from error

    async def problems(self, connection: AsyncConnection) -> list[str]:
        """Durability, an encoding that has every character, and whether the session has the time limits that it was given."""
        safe_values = {
            "fsync": ("on",),
            "synchronous_commit": ("on", "remote_apply", "remote_write", "local"),
            "server_encoding": ("UTF8",),
        }
        settings = {name: (await connection.execute(text(f"SHOW {name}"))).scalar() for name in safe_values}
        sentences = [
            f"the setting {name} is {settings[name]}; Lineal needs {' or '.join(values)}"
            for name, values in safe_values.items()
            if settings[name] not in values
        ]
        rows = (await connection.execute(text("SELECT name, setting FROM pg_settings"))).all()
        actual: dict[str, str] = {name: value for name, value in rows}
        is_tcp = (await connection.execute(text("SELECT inet_client_addr()"))).scalar() is not None
        return sentences + [
            not_in_force(name, actual[name], limit)
            for name, limit in self._time_limits().items()
            if (is_tcp or name not in _KEEPALIVES) and actual[name] != str(limit)
        ]

    async def is_writable(self, connection: AsyncConnection) -> bool:
        """Whether transactions are read-only by default, as all of a standby's are."""
        return bool((await connection.execute(text("SHOW transaction_read_only"))).scalar_one() == "off")

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """The size of the whole database, which is assumed to contain nothing else."""
        return int((await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())
