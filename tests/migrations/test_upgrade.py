"""Upgrading: from nothing, twice, after a newer one, by many at once, and after an upgrade that died."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.upgrade import SchemaState, check, plan, plan_async, upgrade, upgrade_async
from storage.errors import SchemaMismatch, StorageError, Unavailable
from storage.sql.dialects import dialect_for
from storage.sql.store import SqlStore
from storage.sql.tables import metadata
from tests.databases import sqlite_path
from tests.databases.queries import execute, tables
from tests.migrations.older import upgrade_to
from tests.migrations.processes import outcomes, start_upgrade


def settings_of(url: str) -> dict[str, str]:
    return dict(execute(url, "SELECT name, value FROM settings"))


def test_an_empty_database_is_upgraded_to_the_newest_schema(database_url: str) -> None:
    before = plan(database_url)
    assert (before.state, before.revision, before.steps[-1]) == (SchemaState.EMPTY, None, before.newest)
    assert upgrade(database_url) == before
    after = plan(database_url)
    assert (after.state, after.revision, after.steps) == (SchemaState.CURRENT, before.newest, ())
    assert tables(database_url) >= set(metadata.tables)


def test_looking_at_a_database_writes_nothing(database_url: str, database_kind: str) -> None:
    assert plan(database_url).state is SchemaState.EMPTY
    kind: type[StorageError]
    kind, said = (SchemaMismatch, "the store is empty; run `lineal-server upgrade`")
    if database_kind == "sqlite":
        kind, said = (Unavailable, "there is no file ")
    with pytest.raises(kind, match=said):
        asyncio.run(check(database_url))
    if database_kind == "sqlite":
        assert list(sqlite_path(database_url).parent.iterdir()) == []
    else:
        assert tables(database_url) == set()


def test_a_second_upgrade_is_harmless(database_url: str) -> None:
    upgrade(database_url)
    before = settings_of(database_url)
    assert upgrade(database_url).state is SchemaState.CURRENT
    assert settings_of(database_url) == before
    asyncio.run(check(database_url))


async def test_a_store_of_an_older_schema_is_refused_and_can_be_upgraded(database_url: str) -> None:
    *older, newest = (await plan_async(database_url)).steps
    for number, revision in enumerate(older):
        await upgrade_to(database_url, revision)
        found = await plan_async(database_url)
        assert (found.state, found.steps) == (SchemaState.OLDER, (*older[number + 1 :], newest))
        with pytest.raises(
            SchemaMismatch, match=f"schema is {revision}, this server needs {newest}; run `lineal-server"
        ):
            await check(database_url)
    await upgrade_async(database_url)
    await check(database_url)


async def test_each_step_says_whose_programs_can_use_the_schema(database_url: str) -> None:
    steps = (await plan_async(database_url)).steps
    found = []
    for revision in steps:
        await upgrade_to(database_url, revision)
        found.append(settings_of(database_url)["readable_since"])
    assert found == ["0001", "0002", "0002", "0003", "0003", "0003"]


def make_newer(url: str, *, readable_since: str | None) -> None:
    """Pretend that a newer program has upgraded the store."""
    execute(url, "UPDATE alembic_version SET version_num = 'ffff'")
    execute(url, "DELETE FROM settings WHERE name = 'readable_since'")
    if readable_since is not None:
        execute(url, f"INSERT INTO settings (name, value) VALUES ('readable_since', '{readable_since}')")


@pytest.mark.parametrize("readable_since", ["0004", "0001"])
def test_a_newer_schema_that_is_made_for_it_is_used_as_it_is(migrated_url: str, readable_since: str) -> None:
    make_newer(migrated_url, readable_since=readable_since)
    found = upgrade(migrated_url)
    assert (found.state, found.revision, found.steps, found.is_usable) == (SchemaState.COMPATIBLE, "ffff", (), True)
    asyncio.run(check(migrated_url))
    assert execute(migrated_url, "SELECT version_num FROM alembic_version") == [("ffff",)]


@pytest.mark.parametrize("readable_since", ["ffff", None])
def test_a_newer_schema_is_refused(migrated_url: str, readable_since: str | None) -> None:
    make_newer(migrated_url, readable_since=readable_since)
    for call in (upgrade_async, check):
        with pytest.raises(SchemaMismatch, match="the store's schema is ffff, newer than this server's"):
            asyncio.run(call(migrated_url))
    assert execute(migrated_url, "SELECT version_num FROM alembic_version") == [("ffff",)]


FOREIGN = {
    "a table of tasks": ["CREATE TABLE tasks (id INTEGER, title TEXT)", "INSERT INTO tasks VALUES (1, 'buy milk')"],
    "a table of experiments": ["CREATE TABLE experiments (UUID VARCHAR(255), Name VARCHAR(255))"],
    "settings of its own": ["CREATE TABLE settings (name VARCHAR(20), value TEXT, user_id INTEGER)"],
    "another history": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('abcdef')",
    ],
    "a history like ours": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('0001')",
        "CREATE TABLE tasks (id INTEGER)",
    ],
    "a history of two heads": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('one'), ('two')",
    ],
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_database_of_another_program_is_refused_and_left_alone(
    database_url: str, database_kind: str, what: str
) -> None:
    for statement in FOREIGN[what]:
        execute(database_url, statement)
    before = tables(database_url)
    content = sqlite_path(database_url).read_bytes() if database_kind == "sqlite" else b""
    for call in (upgrade_async, check):
        with pytest.raises(SchemaMismatch, match="tables of another program"):
            asyncio.run(call(database_url))
    assert tables(database_url) == before
    if database_kind == "sqlite":
        assert sqlite_path(database_url).read_bytes() == content


def test_a_database_with_other_tables_beside_ours_is_upgraded(database_url: str) -> None:
    execute(database_url, "CREATE TABLE invoices (id INTEGER)")
    upgrade(database_url)
    assert tables(database_url) >= {"invoices", "settings"}


def test_eight_upgrades_at_once_make_one_schema(database_url: str) -> None:
    found = outcomes([start_upgrade(database_url) for _ in range(8)])
    assert [(status, err) for status, _, err in found if status or err] == []
    # Who came first found it empty, who waited found it done; who looked in between found it half done.
    assert {out for _, out, _ in found} <= {"empty", "current"}
    assert sum(out == "empty" for _, out, _ in found) == 1
    assert sorted(settings_of(database_url)) == ["default_experiment_id", "page_token_key", "readable_since"]
    assert execute(database_url, "SELECT name FROM experiments") == [("Default",)]
    assert len(execute(database_url, "SELECT version_num FROM alembic_version")) == 1


@asynccontextmanager
async def upgrade_lock_held(url: str) -> AsyncIterator[None]:
    """Within the block, another process is upgrading."""
    dialect = dialect_for(url)
    engine = create_async_engine(dialect.url)
    with dialect.upgrade_claim(timeout_seconds=1):
        async with engine.connect() as connection:
            await dialect.lock_schema(connection, timeout_seconds=1)
            yield
            # Returned to the pool, a connection would keep a lock of its session.
            await connection.invalidate()
    await engine.dispose()


async def test_an_upgrade_waits_for_the_one_that_runs(database_url: str) -> None:
    async with upgrade_lock_held(database_url):
        waiting = start_upgrade(database_url)
        await asyncio.sleep(2)
        assert waiting.poll() is None
        assert "settings" not in tables(database_url)
    [(status, out, _)] = await asyncio.to_thread(outcomes, [waiting])
    assert (status, out) == (0, "empty")
    await check(database_url)


async def test_an_upgrade_that_waits_too_long_says_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations.upgrade.LOCK_TIMEOUT_SECONDS", 1)
    async with upgrade_lock_held(database_url):
        with pytest.raises(Unavailable, match="another process is upgrading the schema and has not finished in time"):
            await asyncio.to_thread(upgrade, database_url)
    await upgrade_async(database_url)


@pytest.mark.databases("mysql")
def test_an_upgrade_that_was_killed_half_way_is_completed_by_the_next(migrated_url: str) -> None:
    for statement in (
        "DELETE FROM alembic_version",
        "DROP TABLE artifact_tasks",
        "DROP INDEX tasks_cached ON tasks",
        "DROP TABLE pipeline_version_tags",
        "DELETE FROM settings",
    ):
        execute(migrated_url, statement)
    upgrade(migrated_url)
    asyncio.run(check(migrated_url))
    assert "tasks_cached" in {row[2] for row in execute(migrated_url, "SHOW INDEX FROM tasks")}
    assert sorted(settings_of(migrated_url)) == ["default_experiment_id", "page_token_key", "readable_since"]
    [(experiment,)] = execute(migrated_url, "SELECT id FROM experiments")
    assert settings_of(migrated_url)["default_experiment_id"] == experiment


def test_an_upgrade_killed_at_any_moment_is_completed_by_the_next(
    database_url: str, rounds: Callable[[int, int], int]
) -> None:
    for number in range(rounds(3, 60)):
        running = start_upgrade(database_url)
        # Most of it is the start of Python.
        time.sleep(0.6 + 0.3 * (number % 4) + 0.01 * number)
        running.kill()
        running.communicate()
    [(status, _, err)] = outcomes([start_upgrade(database_url)])
    assert (status, err) == (0, "")
    assert sorted(settings_of(database_url)) == ["default_experiment_id", "page_token_key", "readable_since"]
    assert execute(database_url, "SELECT name FROM experiments") == [("Default",)]


def test_an_upgrade_says_nothing(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        upgrade(database_url)
    assert caplog.records == []


async def test_an_upgraded_store_serves(database_url: str) -> None:
    await upgrade_async(database_url)
    store = SqlStore(database_url)
    await store.ready()
    assert len(await store.page_token_key()) == 32
    await store.close()
