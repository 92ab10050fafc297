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

LOCK_TIMEOUT_SECONDS = 300.0  # a long migration of another process; after that something is wrong

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


def _plan(connection: Connection) -> Plan:
    script = ScriptDirectory.from_config(_config())
    wanted = script.get_current_head()
    assert wanted is not None
    found = MigrationContext.configure(connection).get_current_revision()
    history = [revision.revision for revision in script.walk_revisions()][::-1]
    if found is None:
        # Tables of the same names that another program made must not be taken for ours.
        ours = inspect(connection).has_table("settings")
        foreign = inspect(connection).has_table("tasks") and not ours
        return Plan(Standing.FOREIGN if foreign else Standing.EMPTY, None, wanted, tuple(history))
    if found not in history:
        return Plan(Standing.NEWER, found, wanted, ())
    steps = tuple(history[history.index(found) + 1 :])
    return Plan(Standing.OLDER if steps else Standing.CURRENT, found, wanted, steps)


def _upgrade(connection: Connection) -> Plan:
    plan = _plan(connection)
    if plan.standing is Standing.NEWER:
        raise SchemaMismatch(_explain(plan))
    if plan.standing is Standing.FOREIGN:
        raise SchemaMismatch(_explain(plan))
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
    options = dialect.engine_options(writer=writer, pool_size=1, pool_timeout_seconds=10.0)
    engine = create_async_engine(dialect.url, **options)
    dialect.prepare(engine, writer=writer)
    try:
        async with engine.connect() as connection:
            return await fn(connection)
    except (TimeoutError, OSError) as error:
        raise Unavailable(f"the store {dialect.label} cannot be reached") from error
    except DBAPIError as error:
        if dialect.failure(error) in (Failure.DISCONNECTED, Failure.UNAVAILABLE):
            raise Unavailable(f"the store {dialect.label} cannot be reached or refuses this user") from error
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

    with dialect.upgrade_claim():
        done: Plan = await _connected(dialect, locked, writer=True)
        return done


async def plan_async(url: str) -> Plan:
    """Return how the schema stands and what an upgrade would do; writes nothing."""
    dialect = dialect_for(url)

    async def look(connection: AsyncConnection) -> Plan:
        found: Plan = await connection.run_sync(_plan)
        return found

    found: Plan = await _connected(dialect, look, writer=True)
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
