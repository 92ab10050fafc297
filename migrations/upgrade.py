"""Brings a store's schema up to date, under a lock, and compares it with the one that this program needs.

The command line, the server's start and the test fixtures call this. The functions that are not coroutines start their own
event loop: if one is running, call them in a thread.
"""

import asyncio
import contextlib
import enum
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from migrations.other_programs import OtherProgram, owner_of
from storage.errors import SchemaMismatch, StorageError, Unavailable
from storage.record import record
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect, Failure
from storage.sql.dialects.online_ddl import LOCK_SECONDS
from storage.sql.tables import metadata, settings

CONNECT_SECONDS = 10.0
LOCK_TIMEOUT_SECONDS = 300.0  # enough for a long migration by another process
TRIES = 3
"""How often a step is tried whose lock on a table others do not leave in time."""
PAUSE_SECONDS = 1.0
"""How long those who waited behind such a step have between its tries."""

VERSION_TABLE = "alembic_version"

READABLE_SINCE = "readable_since"
"""The setting that names the oldest revision whose programs can use the schema: each migration says it of its own."""

Answer = TypeVar("Answer")


class SchemaState(enum.Enum):
    """How a store's schema compares with the one that this program needs."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    COMPATIBLE = "compatible"
    """Newer, but made so that this program can go on using it, while others are replaced by newer ones."""
    NEWER = "newer"
    FOREIGN = "foreign"


REFUSED = (SchemaState.NEWER, SchemaState.FOREIGN)
"""The states from which there is no upgrade."""


@record
class Plan:
    """What an upgrade would do: the schema's revision (None without one), the newest, and the steps between, oldest first."""

    state: SchemaState
    revision: str | None
    newest: str
    steps: tuple[str, ...]
    owner: OtherProgram | None = None
    """The program that a foreign schema belongs to, if it is one of those that are known."""

    @property
    def is_usable(self) -> bool:
        """Whether this program can use the store as it is."""
        return self.state in (SchemaState.CURRENT, SchemaState.COMPATIBLE)


def newest_and_all() -> tuple[str, tuple[str, ...]]:
    """Return the newest revision, and all of them, oldest first: the numbers that the files of the steps begin with."""
    folder = pathlib.Path(__file__).parent / "versions"
    revisions = tuple(sorted(file.name[:4] for file in folder.glob("[0-9]*.py")))
    return revisions[-1], revisions


def _heads(connection: Connection) -> tuple[str, ...]:
    """Return the revisions that a store says it is at: one, or none where it is empty or another program's."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ()
    return tuple(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars())


def _plan(connection: Connection) -> Plan:
    newest, history = newest_and_all()
    heads = _heads(connection)
    owner = None if heads else owner_of(inspect(connection).get_table_names())
    if owner is not None:
        return Plan(SchemaState.FOREIGN, None, newest, (), owner)
    if _is_foreign(connection, has_revision=bool(heads)) or len(heads) > 1:
        return Plan(SchemaState.FOREIGN, None, newest, ())
    if not heads:
        return Plan(SchemaState.EMPTY, None, newest, history)
    [revision] = heads
    if revision not in history:
        state = SchemaState.COMPATIBLE if _readable_since(connection) in history else SchemaState.NEWER
        return Plan(state, revision, newest, ())
    steps = history[history.index(revision) + 1 :]
    return Plan(SchemaState.OLDER if steps else SchemaState.CURRENT, revision, newest, steps)


def _readable_since(connection: Connection) -> str | None:
    """Return the oldest revision whose programs can use the schema, if it says so."""
    value = select(settings.c.value).where(settings.c.name == READABLE_SINCE)
    return connection.execute(value).scalar() if inspect(connection).has_table("settings") else None


def _is_foreign(connection: Connection, *, has_revision: bool) -> bool:
    """Return whether tables with Lineal's names, or the revision, belong to another program. The first table is `settings`.

    An upgrade that was killed leaves some of Lineal's tables without a revision; they have only Lineal's columns.
    """
    inspector = inspect(connection)
    names = set(inspector.get_table_names()) & set(metadata.tables)
    if not names:
        return has_revision
    tables_to_compare = {"settings"} if has_revision else names | {"settings"}
    columns = {name: {column["name"] for column in inspector.get_columns(name)} for name in tables_to_compare & names}
    own_columns = {name: {column.name for column in metadata.tables[name].columns} for name in tables_to_compare}
    return columns.get("settings") != own_columns["settings"] or any(
        columns[name] - own_columns[name] for name in columns
    )


def _refuse(plan: Plan) -> None:
    if plan.state in REFUSED:
        raise SchemaMismatch(explain(plan))


def _upgrade(connection: Connection) -> Plan:
    plan = _plan(connection)
    _refuse(plan)
    connection.commit()  # each step has a transaction of its own
    if plan.steps:
        # Here, because most programs that look at a schema have nothing to upgrade, and its import takes as long as the look.
        from migrations.steps import take_steps

        take_steps(connection)
    return plan


def explain(plan: Plan) -> str:
    """Return how the schema compares with the one that is needed, and what to do."""
    if plan.owner is not None:
        return plan.owner.value
    return {
        SchemaState.EMPTY: "the store is empty; run `lineal-server upgrade` or start with --upgrade",
        SchemaState.OLDER: f"the store's schema is {plan.revision}, this server needs {plan.newest}; "
        "run `lineal-server upgrade` or start with --upgrade",
        SchemaState.COMPATIBLE: f"the store's schema is {plan.revision}, newer than this server's {plan.newest}, which can use it",
        SchemaState.NEWER: f"the store's schema is {plan.revision}, newer than this server's {plan.newest}; use a newer server",
        SchemaState.FOREIGN: "the database has tables of another program with names that Lineal uses; use a separate database for Lineal",
        SchemaState.CURRENT: f"the store's schema is {plan.revision}, which is current",
    }[plan.state]


class _Busy(Unavailable):
    """Others keep what is needed."""


async def _with_connection(dialect: Dialect, fn: Callable[[AsyncConnection], Any], *, writer: bool) -> Any:
    options = dialect.engine_options(writer=writer, pool_size=1, pool_timeout_seconds=CONNECT_SECONDS)
    engine = create_async_engine(dialect.url, hide_parameters=True, **options)
    if writer:
        # Preparing a writer may change settings of the database, which reading must not do.
        dialect.prepare(engine, writer=True)
    try:
        async with contextlib.aclosing(await _connect(dialect, engine)) as connection:
            return await fn(connection)
    except DBAPIError as error:
        if dialect.failure(error) is Failure.RETRY:
            raise _Busy(str(dialect.refused(error))) from error
        raise dialect.refused(error) or error from error
    except OSError as error:
        raise dialect.closed(error) from error
    finally:
        await engine.dispose()


async def _connect(dialect: Dialect, engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except StorageError:
        raise
    except Exception as error:
        # Whatever it is: drivers raise errors of all kinds when another program answers, or a file cannot be read.
        raise dialect.closed(error) from error


async def upgrade_async(url: str) -> Plan:
    """Bring the schema up to date and return what was done; see `upgrade`."""
    dialect = dialect_for(url)

    async def locked(connection: AsyncConnection) -> Plan:
        await dialect.lock_schema(connection, timeout_seconds=LOCK_TIMEOUT_SECONDS)
        result: Plan = await connection.run_sync(_upgrade)
        return result

    plan = await plan_async(url)
    _refuse(plan)
    if plan.is_usable:
        return plan  # without taking the write lock, which a running import may hold
    with dialect.upgrade_claim(timeout_seconds=LOCK_TIMEOUT_SECONDS):
        return await _patiently(lambda: _with_connection(dialect, locked, writer=True), dialect.label)


async def _patiently(upgrade_once: Callable[[], Awaitable[Plan]], label: str) -> Plan:
    """Try again when others keep a table; what earlier steps have done stays done. Raises Unavailable."""
    for _ in range(TRIES - 1):
        try:
            return await upgrade_once()
        except _Busy:
            await asyncio.sleep(PAUSE_SECONDS)
    try:
        return await upgrade_once()
    except _Busy as error:
        raise Unavailable(
            f"the schema of the store {label} cannot be changed now: others have kept a table for longer than "
            f"{LOCK_SECONDS} s; nothing is lost or half done, try again"
        ) from error


async def plan_async(url: str) -> Plan:
    """Return the state of the schema and what an upgrade would do; writes nothing."""
    dialect = dialect_for(url)
    if dialect.is_missing():
        newest, history = newest_and_all()
        return Plan(SchemaState.EMPTY, None, newest, history)

    async def look(connection: AsyncConnection) -> Plan:
        plan: Plan = await connection.run_sync(_plan)
        return plan

    plan: Plan = await _with_connection(dialect, look, writer=False)
    return plan


def upgrade(url: str) -> Plan:
    """Bring the schema of a store up to date. Any number of processes may call this at once: one upgrades and the others wait.

    Servers may use the store meanwhile. Raises SchemaMismatch for a foreign schema and for a newer one that this program cannot
    use, Unavailable when the database cannot be reached, or others keep a table for so long that a step gets no lock.
    """
    return asyncio.run(upgrade_async(url))


def plan(url: str) -> Plan:
    """Return the state of the schema and what `upgrade` would do. Raises Unavailable."""
    return asyncio.run(plan_async(url))


async def check(url: str) -> Plan:
    """Return the state of a schema that this program can use; raises SchemaMismatch, which says what to do, and Unavailable."""
    dialect = dialect_for(url)
    if dialect.is_missing():
        raise Unavailable(
            f"there is no file {dialect.label}; `lineal-server serve` and `lineal-server upgrade` make one"
        )
    plan = await plan_async(url)
    if not plan.is_usable:
        raise SchemaMismatch(explain(plan))
    return plan
