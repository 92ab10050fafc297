"""Bringing a store's schema up to date, under a lock, and saying how it stands.

The command line, the server's start and the test fixtures call this; everything here may also be called while a loop runs,
from a thread.
"""

import asyncio
import enum
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.errors import SchemaMismatch, Unavailable
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect, Failure
from storage.sql.tables import metadata

CONNECT_SECONDS = 10.0
LOCK_TIMEOUT_SECONDS = 300.0  # a long migration of another process; after that something is wrong

_CLOSED = "the store {} cannot be reached, or does not let this user in"

Answer = TypeVar("Answer")


class Standing(enum.Enum):
    """How a store's schema compares with the one this program was written for."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade would do: the schema found, the schema wanted, and the steps between, oldest first."""

    standing: Standing
    found: str | None
    wanted: str
    steps: tuple[str, ...]


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(pathlib.Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _history() -> tuple[str, tuple[str, ...]]:
    """Return the newest revision, and all of them, oldest first."""
    script = ScriptDirectory.from_config(_config())
    wanted = script.get_current_head()
    assert wanted is not None
    return wanted, tuple(revision.revision for revision in script.walk_revisions())[::-1]


def _plan(connection: Connection) -> Plan:
    wanted, history = _history()
    heads = MigrationContext.configure(connection).get_current_heads()
    if _is_foreign(connection, has_revision=bool(heads)) or len(heads) > 1:
        return Plan(Standing.FOREIGN, None, wanted, ())
    if not heads:
        return Plan(Standing.EMPTY, None, wanted, history)
    [found] = heads
    if found not in history:
        return Plan(Standing.NEWER, found, wanted, ())
    steps = history[history.index(found) + 1 :]
    return Plan(Standing.OLDER if steps else Standing.CURRENT, found, wanted, steps)


def _is_foreign(connection: Connection, *, has_revision: bool) -> bool:
    """Say whether tables of our names, or the revision, are another program's. Our first table is that of settings.

    An upgrade that was killed half way leaves some of our tables without a revision; those have no column but ours.
    """
    found = inspect(connection)
    names = set(found.get_table_names()) & set(metadata.tables)
    if not names:
        return has_revision
    looked_at = {"settings"} if has_revision else names | {"settings"}
    columns = {name: {column["name"] for column in found.get_columns(name)} for name in looked_at & names}
    known = {name: {column.name for column in metadata.tables[name].columns} for name in looked_at}
    return columns.get("settings") != known["settings"] or any(columns[name] - known[name] for name in columns)


def _refuse(plan: Plan) -> None:
    if plan.standing in (Standing.NEWER, Standing.FOREIGN):
        raise SchemaMismatch(_explain(plan))


def _upgrade(connection: Connection) -> Plan:
    plan = _plan(connection)
    _refuse(plan)
    if plan.steps:
        command.upgrade(_config(connection), "head")
    return plan


def _explain(plan: Plan) -> str:
    return {
        Standing.EMPTY: "the store is empty; run `lineal-server upgrade` or start with --upgrade",
        Standing.OLDER: f"the store's schema is {plan.found}, this server needs {plan.wanted}; "
        "run `lineal-server upgrade` or start with --upgrade",
        Standing.NEWER: f"the store's schema is {plan.found}, newer than this server's {plan.wanted}; use a newer server",
        Standing.FOREIGN: "the database holds tables of another program under names that Lineal uses; give Lineal its own database",
        Standing.CURRENT: f"the store's schema is {plan.found}, as it should be",
    }[plan.standing]


async def _connected(dialect: Dialect, fn: Callable[[AsyncConnection], Any], *, writer: bool) -> Any:
    options = dialect.engine_options(writer=writer, pool_size=1, pool_timeout_seconds=CONNECT_SECONDS)
    engine = create_async_engine(dialect.url, hide_parameters=True, **options)
    if writer:
        # Preparing a connection may change how the database is kept: not where it is only looked at.
        dialect.prepare(engine, writer=True)
    try:
        async with engine.connect() as connection:
            return await fn(connection)
    except OSError as error:
        raise Unavailable(_CLOSED.format(dialect.label)) from error
    except DBAPIError as error:
        failure = dialect.failure(error)
        if failure is Failure.RETRY:
            raise Unavailable(f"the store {dialect.label} is busy; try again") from error
        if failure in (Failure.DISCONNECTED, Failure.UNAVAILABLE):
            raise Unavailable(_CLOSED.format(dialect.label)) from error
        raise
    finally:
        await engine.dispose()


async def upgrade_async(url: str) -> Plan:
    """Bring the schema up to date and return what was done; see `upgrade`."""
    dialect = dialect_for(url)

    async def locked(connection: AsyncConnection) -> Plan:
        await dialect.lock_schema(connection, timeout_seconds=LOCK_TIMEOUT_SECONDS)
        done: Plan = await connection.run_sync(_upgrade)
        await connection.commit()
        return done

    standing = await plan_async(url)
    _refuse(standing)
    if standing.standing is Standing.CURRENT:
        return standing  # without the write lock, which an import that is under way may have
    with dialect.upgrade_claim(timeout_seconds=LOCK_TIMEOUT_SECONDS):
        done: Plan = await _connected(dialect, locked, writer=True)
        return done


async def plan_async(url: str) -> Plan:
    """Return how the schema stands and what an upgrade would do; writes nothing."""
    dialect = dialect_for(url)
    if dialect.is_missing():
        wanted, history = _history()
        return Plan(Standing.EMPTY, None, wanted, history)

    async def look(connection: AsyncConnection) -> Plan:
        found: Plan = await connection.run_sync(_plan)
        return found

    found: Plan = await _connected(dialect, look, writer=False)
    return found


def upgrade(url: str) -> Plan:
    """Bring the schema of a store to this program's; any number of processes may do so at once, one works and the others wait.

    Raises SchemaMismatch for a newer or foreign schema, Unavailable when the database cannot be reached.
    """
    return asyncio.run(upgrade_async(url))


def plan(url: str) -> Plan:
    """Return how the schema stands and what `upgrade` would do; raises Unavailable."""
    return asyncio.run(plan_async(url))


async def check(url: str) -> None:
    """Raise SchemaMismatch, saying what to do, unless the schema is this program's."""
    found = await plan_async(url)
    if found.standing is not Standing.CURRENT:
        raise SchemaMismatch(_explain(found))
