"""Indexes of a store that is in use: built while others write, given up when a lock is not to be had, and built again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from migrations.upgrade import check, upgrade_async
from storage.errors import Unavailable
from storage.sql.dialects import dialect_for
from storage.sql.tables import metadata
from tests.api.statements import watched
from tests.databases.queries import execute
from tests.faults.waiting import until
from tests.migrations.older import upgrade_to
from tests.migrations.open_transactions import open_transaction
from tests.migrations.processes import outcomes, start_upgrade

BEFORE = "0003"
HANGING_SECONDS = 20

WANTED = {str(index.name) for index in metadata.tables["runs"].indexes}

TOUCH_RUNS = "DELETE FROM runs WHERE id = 'nobody'"
"""A write that finds nothing to do takes its lock of the table all the same."""

WAITING = {
    "postgresql": "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock' "
    "AND datname = current_database()",
    "mysql": "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE '%metadata lock%'",
}

INDEXES = {
    "postgresql": "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid "
    "WHERE indrelid = 'runs'::regclass AND indisvalid",
    "mysql": "SELECT DISTINCT index_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name = 'runs'",
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'runs'",
}


CHANGING = (
    "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND info REGEXP '^(ALTER|CREATE)' "
    "AND (state LIKE 'Committing alter table%' OR state LIKE '%metadata lock%')"
)


@asynccontextmanager
async def writing_session(url: str) -> AsyncIterator[AsyncConnection]:
    """A session as a server's writers have it."""
    dialect = dialect_for(url)
    options = dialect.engine_options(writer=True, pool_size=1, pool_timeout_seconds=HANGING_SECONDS)
    engine = create_async_engine(dialect.url, **options)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def index_names(url: str) -> set[str]:
    """The indexes of runs that the database uses."""
    return {str(name) for (name,) in execute(url, INDEXES[urlsplit(url).scheme])}


async def waits(url: str, kind: str) -> None:
    """Return when the upgrade waits for others."""
    await until(lambda: bool(execute(url, WAITING[kind])))


async def test_new_indexes_replace_those_of_the_release_before(database_url: str) -> None:
    await upgrade_to(database_url, BEFORE)
    assert index_names(database_url) >= {"runs_recurring", "runs_canceling"}
    await upgrade_async(database_url)
    assert index_names(database_url) >= WANTED
    assert not index_names(database_url) & {"runs_recurring", "runs_canceling"}


@pytest.mark.databases("postgresql")
async def test_nobody_waits_for_an_index_that_waits_for_an_open_transaction(database_url: str) -> None:
    await upgrade_to(database_url, BEFORE)
    with open_transaction(database_url, TOUCH_RUNS):
        running = start_upgrade(database_url)
        await waits(database_url, "postgresql")
        await asyncio.to_thread(execute, f"{database_url}?lock_timeout=500", TOUCH_RUNS)
        assert running.poll() is None
    assert await asyncio.to_thread(outcomes, [running]) == [(0, "older", "")]
    await check(database_url)


@pytest.mark.databases("postgresql")
async def test_who_waits_for_an_upgrade_does_not_keep_its_index_waiting(database_url: str) -> None:
    await upgrade_to(database_url, BEFORE)
    with open_transaction(database_url, TOUCH_RUNS):
        first = start_upgrade(database_url)
        await waits(database_url, "postgresql")
        second = start_upgrade(database_url)
        await asyncio.sleep(2)  # long enough that it would have asked for the lock
        assert second.poll() is None
    assert await asyncio.to_thread(outcomes, [first, second]) == [(0, "older", ""), (0, "current", "")]


@pytest.mark.databases("postgresql")
async def test_an_index_whose_build_failed_is_dropped_and_built_again(database_url: str) -> None:
    await upgrade_to(database_url, BEFORE)
    build = "CREATE INDEX CONCURRENTLY runs_state_created ON runs (state)"
    with open_transaction(database_url, TOUCH_RUNS), pytest.raises(asyncpg.LockNotAvailableError):
        await asyncio.to_thread(execute, f"{database_url}?lock_timeout=100", build)
    left = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'runs_state_created'::regclass"
    assert execute(database_url, left) == [(False,)]
    await upgrade_async(database_url)
    assert index_names(database_url) >= WANTED


@pytest.mark.databases("mysql")
async def test_who_waits_behind_an_index_is_let_through_when_it_gives_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sql.dialects.mysql.LOCK_SECONDS", 1)
    await upgrade_to(database_url, BEFORE)
    with open_transaction(database_url, TOUCH_RUNS):
        upgrading = asyncio.create_task(upgrade_async(database_url))
        await waits(database_url, "mysql")
        await asyncio.to_thread(execute, database_url, TOUCH_RUNS, seconds=HANGING_SECONDS)
        with pytest.raises(Unavailable, match="others have kept a table for longer than"):
            await upgrading
    await upgrade_async(database_url)
    assert index_names(database_url) >= WANTED


@pytest.mark.databases("mysql")
async def test_a_writer_and_a_change_that_wait_for_each_other_are_told_apart(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MariaDB changes a table only when it has locked those that refer to it."""
    monkeypatch.setattr("migrations.upgrade.TRIES", 1)
    await upgrade_to(database_url, BEFORE)
    async with writing_session(database_url) as writer:
        await writer.execute(text("DELETE FROM tasks WHERE id = 'nobody'"))
        upgrading = asyncio.create_task(upgrade_async(database_url))
        await until(lambda: upgrading.done() or bool(execute(database_url, CHANGING)))
        # Other releases, and MySQL, may not lock the others.
        with nullcontext() if upgrading.done() else pytest.raises(OperationalError, match="Lock wait timeout"):
            await writer.execute(text("SELECT count(*) FROM runs"))
    await upgrading
    assert index_names(database_url) >= WANTED


@pytest.mark.databases("mysql")
async def test_indexes_are_built_beside_writers_or_not_at_all(database_url: str) -> None:
    await upgrade_to(database_url, BEFORE)
    with watched(database_url) as seen:
        await upgrade_async(database_url)
    changes = [each for each in seen.texts if each.startswith(("CREATE INDEX", "ALTER TABLE", "DROP INDEX"))]
    # Nobody writes to a table that the upgrade itself has made.
    changes = [each for each in changes if " ON idempotency_keys " not in each]
    assert len(changes) == 13
    assert [each for each in changes if "LOCK=NONE" not in each] == []
