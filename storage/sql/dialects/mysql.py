"""MySQL 8 and MariaDB: only SQL that both accept. Tested on MariaDB; MySQL 8 gets the same statements."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    bindparam,
    event,
    func,
    text,
    tuple_,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles

from storage.errors import Unavailable, ValueRefused
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.dialects.dialect import IMPORT_RUNS, Dialect, Failure
from storage.sql.dialects.mysql_codes import ACCESS_DENIED, FAILURES, NO_CONNECTION, REFUSALS, VALUE_REFUSALS
from storage.sql.dialects.mysql_driver import MySQLDriver, installed_driver
from storage.sql.dialects.mysql_inquiry import MySQLInquiry
from storage.sql.dialects.mysql_session import MySQLSession, settings_of, time_limits
from storage.sql.dialects.mysql_writes import FailingWhenLocked, JoinedRows
from storage.sql.dialects.online_ddl import LOCK_SECONDS, OnlineDdl
from storage.sql.dialects.refusals import why_no_identity, why_no_trust
from storage.sql.dialects.sessions import (
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    UNACKNOWLEDGED_SECONDS,
    keep_alive,
    not_in_force,
)
from storage.sql.types import Bytes, ByteString, ByteText, length_of
from storage.tracebacks import release

MIN_PACKET_BYTES = 64 * 1024 * 1024  # enough for two escaped JSON columns of 16 MiB in one statement
STATEMENT_OVERHEAD_BYTES = 64 * 1024  # numbers, quotes and the packet's header
LIST_STEPS = (1, 8, 32, 64, 128, 256, 512, 1_024, 4_096, 32_768)
"""The lengths of lists in conditions; a list is padded to the next of them.

The server looks each value up, even a repeated one: a page of 100 tasks cost twice as much with a list of 512 values.
"""

JOINED = (2, 4, 8, 16, 32, 64)
"""The numbers of rows for which there are statements that update them at once."""

END_SECONDS = 5.0  # how long the end of a session may take, its connection included
ESCAPED = "\\'\"\n\r\x00\x1a"  # characters that the drivers escape with a second one


def _collation(compiler: Any) -> str:
    """Return a binary collation; utf8mb4_bin would ignore trailing spaces in comparisons."""
    return "utf8mb4_nopad_bin" if compiler.dialect.is_mariadb else "utf8mb4_0900_bin"


@compiles(ByteString, "mysql", "mariadb")
def _byte_string(type_: ByteString, compiler: Any, **_: Any) -> str:
    return f"VARCHAR({length_of(type_)}) CHARACTER SET utf8mb4 COLLATE {_collation(compiler)}"


@compiles(ByteText, "mysql", "mariadb")
def _byte_text(type_: ByteText, compiler: Any, **_: Any) -> str:
    return f"LONGTEXT CHARACTER SET utf8mb4 COLLATE {_collation(compiler)}"


@compiles(Bytes, "mysql", "mariadb")
def _bytes(type_: Bytes, compiler: Any, **_: Any) -> str:
    return "LONGBLOB"


def _fits(statement: str, row: Sequence[Any], limit: int) -> bool:
    texts = [value for value in row if isinstance(value, str)]
    characters = len(statement) + sum(map(len, texts))
    # A character takes at most four bytes, an escaped one two: what is far from the limit need not be counted.
    if characters * 4 <= limit:
        return True
    escapes = sum(text.count(character) for text in texts for character in ESCAPED)
    return len(statement) + sum(len(text.encode()) for text in texts) + escapes <= limit


def _connecting(driver: MySQLDriver, timeout_seconds: float) -> Callable[..., Awaitable[Any]]:
    """Return the driver's connect with a timeout for all of it: the driver's covers only TCP, which a frozen server accepts."""

    async def connect(**arguments: Any) -> Any:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await driver.connect(**arguments)
        except TimeoutError as error:
            raise driver.no_answer(NO_CONNECTION) from error

    return connect


async def _end_session(driver: MySQLDriver, thread_id: int, arguments: Mapping[str, Any]) -> None:
    """End a session over another one; its number is never used again, should it have ended by itself."""
    with contextlib.suppress(TimeoutError, OSError, driver.error):
        async with asyncio.timeout(END_SECONDS):
            connection: Any = await driver.connect(**arguments)
            try:
                await connection.query(f"KILL {thread_id}")
            finally:
                connection.close()


async def _variables(connection: AsyncConnection, scope: str) -> dict[str, str]:
    rows = (await connection.execute(text(f"SHOW {scope} VARIABLES"))).all()
    return {str(name): str(value) for name, value in (tuple(row) for row in rows)}


class MySQL(Dialect):
    """READ COMMITTED with row locks for writing, InnoDB's REPEATABLE READ for snapshots.

    An UPDATE returns the number of rows that it matched, not of those that it changed.
    """

    name: ClassVar[str] = "mysql"
    url_options: ClassVar[Mapping[str, str]] = MappingProxyType(
        {name: name for name in ("ssl_ca", "ssl_cert", "ssl_key")}
    )
    # In place and beside writers, or not at all: by default the server would fall back to copying a table under a lock.
    online_ddl: ClassVar[OnlineDdl] = OnlineDdl(
        drop="ALTER TABLE {table} DROP INDEX {name}, ALGORITHM=INPLACE, LOCK=NONE",
        ending=" ALGORITHM=INPLACE LOCK=NONE",
        has_partial_indexes=False,
    )
    many_processes: ClassVar[bool] = True
    upgrades_itself: ClassVar[bool] = False
    at_once: ClassVar[WritesAtOnce | None] = FailingWhenLocked()
    default_port: ClassVar[int] = 3306
    refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(REFUSALS)
    value_refusals: ClassVar[Mapping[str | int, str]] = MappingProxyType(VALUE_REFUSALS)

    def __init__(self, url: str) -> None:
        self._driver = installed_driver()
        self.driver = self._driver.name
        super().__init__(url)
        self.many_rows = JoinedRows(self.insert_or_skip, lengths=JOINED)
        self._packet_bytes = 0
        self._endings: set[asyncio.Task[None]] = set()
        self._sql_dialect: SqlDialect | None = None
        self._password = self._driver.password(self.url.password or "")
        authorities, certificate, key = (self.url.query.get(name) for name in ("ssl_ca", "ssl_cert", "ssl_key"))
        if (certificate and not authorities) or (key and not certificate):
            raise Unavailable(
                "the store URL has ssl_cert without ssl_ca, or ssl_key without ssl_cert; give all of them"
            )
        if not self.url.database:
            raise Unavailable(
                "the store URL does not name a database; write it as mysql://user:password@host:port/database"
            )

    @property
    def inquiry(self) -> MySQLInquiry:
        """Asks the server."""
        return MySQLInquiry()

    def engine_options(self, *, writer: bool, pool_size: int, pool_timeout_seconds: float) -> dict[str, Any]:
        """Set the isolation level once per connection: setting it per transaction would cost a round trip each time."""
        return {
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": pool_timeout_seconds,
            "isolation_level": "READ COMMITTED" if writer else "REPEATABLE READ",
            "connect_args": {
                "password": self._password,
                "charset": "utf8mb4",
                "async_creator_fn": _connecting(self._driver, max(1.0, pool_timeout_seconds)),
                "init_command": settings_of(self.session_limits),
            },
        }

    def prepare(self, engine: AsyncEngine, *, writer: bool) -> None:
        """Refuse packets that are too large: the server would close the connection without an error.

        End the session of a statement whose caller has left: the server would go on, and hold what it has locked.
        """
        self._sql_dialect = engine.sync_engine.dialect

        @event.listens_for(engine.sync_engine, "connect")
        def on_connect(connection: Any, record: Any) -> None:
            keep_alive(self._driver.transport(connection.driver_connection))
            cursor = connection.cursor()
            cursor.execute("SELECT @@max_allowed_packet")
            record.info["packet_bytes"] = self._packet_bytes = cursor.fetchone()[0]
            cursor.close()

        @event.listens_for(engine.sync_engine, "handle_error")
        def on_error(context: ExceptionContext) -> None:
            connection: Any = context.connection
            # COMMIT and ROLLBACK have no statement here, and must come to their end.
            if connection is None or context.statement is None:
                return
            if isinstance(context.original_exception, asyncio.CancelledError):
                self._end_session(connection.connection.driver_connection.thread_id())

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def on_execute(connection: Connection, _: Any, statement: str, values: Any, __: Any, many: bool) -> None:
            limit = connection.info["packet_bytes"] - STATEMENT_OVERHEAD_BYTES
            # The drivers combine only short rows into one packet, so the largest row determines the largest packet.
            for row in values if many else (values,):
                if not _fits(statement, row, limit):
                    raise ValueRefused("a value is too large for the database, or there are too many values")

    def _end_session(self, thread_id: int) -> None:
        assert self._sql_dialect is not None
        _, arguments = self._sql_dialect.create_connect_args(self.url)
        arguments["password"] = self._password
        ending = asyncio.create_task(_end_session(self._driver, thread_id, arguments))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def session(self, connection: AsyncConnection, driver: Any, *, writer: bool) -> MySQLSession:
        """See MySQLSession."""
        return MySQLSession(connection, driver, self._driver, self._end_session, writer=writer)

    async def close(self) -> None:
        """Wait for the ends of sessions."""
        await asyncio.gather(*self._endings)

    def claim(self) -> contextlib.AbstractContextManager[None]:
        """Any number of servers may serve one database."""
        return contextlib.nullcontext()

    def upgrade_claim(self, *, timeout_seconds: float) -> contextlib.AbstractContextManager[None]:
        """No lock outside the database is needed."""
        return contextlib.nullcontext()

    async def lock_schema(self, connection: AsyncConnection, *, timeout_seconds: float) -> None:
        """A named lock of the session, since DDL commits. The name contains the database, because names are server-wide."""
        statement = text("SELECT GET_LOCK(CONCAT('lineal-upgrade-', SHA1(DATABASE())), :timeout)")
        if (await connection.execute(statement, {"timeout": int(timeout_seconds)})).scalar() != 1:
            raise Unavailable("another process is upgrading the schema and has not finished in time")
        waits = f"lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}"
        await connection.execute(text(f"SET SESSION {waits}"))

    def import_claim(self) -> contextlib.AbstractContextManager[None]:
        """No lock outside the database is needed."""
        return contextlib.nullcontext()

    async def lock_import(self, connection: AsyncConnection) -> None:
        """A named lock of the session. The name contains the database, because names are server-wide."""
        statement = text("SELECT GET_LOCK(CONCAT('lineal-import-', SHA1(DATABASE())), 0)")
        if (await connection.execute(statement)).scalar() != 1:
            raise Unavailable(IMPORT_RUNS)

    def failure(self, error: DBAPIError) -> Failure:
        """By error number, which is the same on both servers."""
        failure = FAILURES.get(self.code_of(error))
        return failure or (Failure.DISCONNECTED if error.connection_invalidated else Failure.UNKNOWN)

    def code_of(self, error: Exception) -> int | None:
        """The number, which is the first argument of the errors of all drivers."""
        arguments = getattr(getattr(error, "orig", None), "args", None)
        return arguments[0] if arguments and isinstance(arguments[0], int) else None

    def why_closed(self, error: Exception) -> str:
        """Files of certificates are named by the URL; a user who must encrypt is refused like one who is not known."""
        files = {name: str(path) for name, path in self.url.query.items()}
        authorities, certificate = files.get("ssl_ca"), files.get("ssl_cert")
        if authorities and (why := why_no_trust(authorities, "ssl_ca names")):
            return why
        if certificate and (why := why_no_identity(certificate, files.get("ssl_key"), "ssl_cert and ssl_key")):
            return why
        why = super().why_closed(error)
        is_unencrypted = self.code_of(error) == ACCESS_DENIED and not authorities
        return (
            f"{why}, or takes it over an encrypted connection only, for which ssl_ca is needed"
            if is_unencrypted
            else why
        )

    def why_too_large(self) -> str:
        """The server's limit of a packet, which is that of a row, or of what a transaction writes."""
        return f"is larger than the server allows, where max_allowed_packet is {self._packet_bytes}"

    def contains(self, column: ColumnElement[Any], value: str | ColumnElement[str]) -> ColumnElement[bool]:
        """LOCATE uses the column's collation, which compares bytes."""
        return func.locate(value, column) > 0

    def among(self, column: ColumnElement[Any], name: str, texts: Sequence[str] | None = None) -> ColumnElement[bool]:
        """A list of values; `text_list` limits it to a few lengths."""
        value = None if texts is None else self.text_list(texts)
        return column.in_(bindparam(name, value, expanding=True, required=texts is None))

    def rows_by_key(self, table: Table, keys: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        """A list of rows, each of which is a range of the index. Lists for each column would be their product, or a scan."""
        columns = tuple_(*(table.c[key] for key in keys))
        return table, columns.in_(bindparam("of_rows", expanding=True))

    def key_values(self, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The rows, in one of a few lengths."""
        return {"of_rows": self.text_list([tuple(row[key] for key in keys) for row in rows])}

    def along(self, statement: Select[Any], rows: FromClause, index: str) -> Select[Any]:
        """Return the statement with the index forced: MariaDB prefers any other that has the order, however much it reads."""
        return statement.with_hint(rows, f"FORCE INDEX ({index})", self.name)

    def text_list(self, texts: Sequence[Any]) -> Any:
        """The texts, with the last one repeated up to the next of LIST_STEPS."""
        length = next((step for step in LIST_STEPS if step >= len(texts)), len(texts))
        last = list(texts[-1:])
        return [*texts, *(last * (length - len(texts)))]

    async def update_rows(
        self, connection: AsyncConnection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """As an INSERT that finds each row by its id: the drivers send many of these at once, but each UPDATE by itself."""
        statement = insert(table).values({name: bindparam(name) for name in names})
        # The function, because a driver does not know the alias that newer servers have for it.
        statement = statement.on_duplicate_key_update({name: func.values(table.c[name]) for name in names[1:]})
        await connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    def _insert_or_skip(self, table: Table, keys: Sequence[str]) -> Insert:
        """An update that changes nothing; INSERT IGNORE would also ignore a missing parent or truncated text."""
        return insert(table).on_duplicate_key_update({keys[0]: table.c[keys[0]]})

    async def insert_unless_taken(
        self, connection: AsyncConnection, table: Table, keys: Sequence[str], row: Mapping[str, Any]
    ) -> bool:
        """A plain INSERT, whose duplicate error undoes only itself: with counts of matched rows, a skipped row is not visible."""
        try:
            await connection.execute(self._plain_insert(table), row)
        except DBAPIError as error:
            if self.failure(error) is Failure.DUPLICATE:
                release(error)  # SQLAlchemy creates a cycle of the error and its frames, which keeps the row in memory
                return False
            raise
        return True

    def _plain_insert(self, table: Table) -> Insert:
        statement: Insert | None = self._statements.get(table)
        if statement is None:
            statement = self._statements[table] = insert(table)
        return statement

    async def problems(self, connection: AsyncConnection) -> list[str]:
        """Durability, packet size, and whether the session has the time limits that it was given; strictness is set too."""
        variables = await _variables(connection, "GLOBAL")
        sentences = []
        if variables.get("innodb_flush_log_at_trx_commit") != "1":
            sentences.append("innodb_flush_log_at_trx_commit is not 1: a crash may lose acknowledged writes")
        if int(variables.get("max_allowed_packet", "0")) < MIN_PACKET_BYTES:
            sentences.append(
                f"max_allowed_packet is below {MIN_PACKET_BYTES}: the largest JSON columns will be refused"
            )
        session = await _variables(connection, "SESSION")
        return sentences + [
            not_in_force(name, session[name], limit)
            for name, limit in time_limits(self.session_limits).items()
            if name in session and float(session[name]) != limit
        ]

    async def advice(self, connection: AsyncConnection) -> list[str]:
        """How long the server waits for clients that went away without a word, which no session can set."""
        variables = await _variables(connection, "GLOBAL")
        asks_after = float(variables.get("tcp_keepalive_time", 0)) or math.inf
        if min(asks_after, float(variables["wait_timeout"])) <= UNACKNOWLEDGED_SECONDS:
            return []
        if "tcp_keepalive_time" in variables:
            remedy = (
                f"set tcp_keepalive_time to {KEEPALIVE_IDLE_SECONDS}, tcp_keepalive_interval to {KEEPALIVE_INTERVAL_SECONDS} "
                f"and tcp_keepalive_probes to {KEEPALIVE_COUNT}"
            )
        else:
            remedy = f"set net.ipv4.tcp_keepalive_time of its system to {KEEPALIVE_IDLE_SECONDS}"
        held = "" if "idle_transaction_timeout" in variables else ", and what they have locked"
        return [
            "it keeps the sessions of clients that went away without a word for as long as its system says, two hours by "
            f"default, or for wait_timeout, {variables['wait_timeout']} seconds{held}; {remedy}"
        ]

    async def is_writable(self, connection: AsyncConnection) -> bool:
        """The variable read_only is set wherever MySQL's super_read_only is."""
        return str((await connection.execute(text("SELECT @@global.read_only"))).scalar_one()) in ("0", "OFF")

    async def size_bytes(self, connection: AsyncConnection) -> int:
        """As last computed by InnoDB, perhaps a few minutes ago."""
        statement = text(
            "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables "
            "WHERE table_schema = DATABASE()"
        )
        return int((await connection.execute(statement)).scalar_one())
