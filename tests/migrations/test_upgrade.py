"""Upgrading: from nothing, twice, after a newer one, by many at once, and after an upgrade that died."""

import asyncio
import logging
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from migrations.upgrade import Standing, check, plan, plan_async, upgrade, upgrade_async
from storage.errors import SchemaMismatch
from storage.sql.store import SqlStore
from storage.sql.tables import metadata
from tests.databases import sqlite_path
from tests.databases.queries import execute, tables
from tests.migrations.processes import outcomes, start_upgrade


def settings_of(url: str) -> dict[str, str]:
    return dict(execute(url, "SELECT name, value FROM settings"))


def test_an_empty_database_is_upgraded_to_the_newest_schema(database_url: str) -> None:
    before = plan(database_url)
    assert (before.standing, before.found, before.steps[-1]) == (Standing.EMPTY, None, before.wanted)
    assert upgrade(database_url) == before
    after = plan(database_url)
    assert (after.standing, after.found, after.steps) == (Standing.CURRENT, before.wanted, ())
    assert tables(database_url) >= set(metadata.tables)


def test_looking_at_a_database_writes_nothing(database_url: str, database_kind: str) -> None:
    assert plan(database_url).standing is Standing.EMPTY
    with pytest.raises(SchemaMismatch, match="the store is empty; run `lineal-server upgrade`"):
        asyncio.run(check(database_url))
    if database_kind == "sqlite":
        assert list(sqlite_path(database_url).parent.iterdir()) == []
    else:
        assert tables(database_url) == set()


def test_a_second_upgrade_is_harmless(database_url: str) -> None:
    upgrade(database_url)
    before = settings_of(database_url)
    assert upgrade(database_url).standing is Standing.CURRENT
    assert settings_of(database_url) == before
    asyncio.run(check(database_url))


def test_each_revision_can_be_upgraded_to_the_next(database_url: str) -> None:
    upgrade(database_url)
    newer = {"pipelines", "pipeline_tags", "pipeline_versions", "pipeline_version_tags"}
    for table in ("pipeline_version_tags", "pipeline_versions", "pipeline_tags", "pipelines"):
        execute(database_url, f"DROP TABLE {table}")
    execute(database_url, "UPDATE alembic_version SET version_num = '0001'")
    assert plan(database_url).standing is Standing.OLDER
    with pytest.raises(SchemaMismatch, match="the store's schema is 0001, this server needs"):
        asyncio.run(check(database_url))
    assert upgrade(database_url).steps[0] == "0002"
    assert tables(database_url) >= newer


def test_a_newer_schema_is_refused(migrated_url: str) -> None:
    execute(migrated_url, "UPDATE alembic_version SET version_num = 'ffff'")
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
def test_a_database_of_another_program_is_refused_and_left_alone(database_url: str, database_kind: str, what: str) -> None:
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
    assert sorted(settings_of(database_url)) == ["default_experiment_id", "page_token_key"]
    assert execute(database_url, "SELECT name FROM experiments") == [("Default",)]
    assert len(execute(database_url, "SELECT version_num FROM alembic_version")) == 1


HOLD = {
    "postgresql": "SELECT pg_advisory_lock({})",
    "mysql": "SELECT GET_LOCK(CONCAT('lineal-upgrade-', SHA1(DATABASE())), 0)",
}


@pytest.mark.databases("postgresql", "mysql")
async def test_an_upgrade_waits_for_the_one_that_runs(database_url: str, database_kind: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    from storage.sql.dialects import dialect_for
    from storage.sql.dialects.postgresql import SCHEMA_LOCK_KEY

    engine = create_async_engine(dialect_for(database_url).url)
    async with engine.connect() as other:
        await other.execute(text(HOLD[database_kind].format(SCHEMA_LOCK_KEY)))
        upgrading = asyncio.create_task(upgrade_async(database_url))
        await asyncio.sleep(0.5)
        assert not upgrading.done()
        assert (await plan_async(database_url)).standing is Standing.EMPTY
        await other.invalidate()
    await engine.dispose()
    await upgrading
    await check(database_url)


def test_a_file_is_upgraded_by_one_at_a_time() -> None:
    pass


@pytest.mark.databases("mysql")
def test_an_upgrade_that_was_killed_half_way_is_completed_by_the_next(migrated_url: str) -> None:
    for statement in (
        "DELETE FROM alembic_version",
        "DROP TABLE artifact_tasks",
        "DROP INDEX tasks_cache ON tasks",
        "DROP TABLE pipeline_version_tags",
        "DELETE FROM settings",
    ):
        execute(migrated_url, statement)
    upgrade(migrated_url)
    asyncio.run(check(migrated_url))
    assert "tasks_cache" in {row[2] for row in execute(migrated_url, "SHOW INDEX FROM tasks")}
    assert sorted(settings_of(migrated_url)) == ["default_experiment_id", "page_token_key"]
    [(experiment,)] = execute(migrated_url, "SELECT id FROM experiments")
    assert settings_of(migrated_url)["default_experiment_id"] == experiment


def test_an_upgrade_killed_at_any_moment_is_completed_by_the_next(database_url: str) -> None:
    for wait in (0.9, 1.0, 1.1, 1.2, 1.3):
        running = start_upgrade(database_url)
        time.sleep(wait)
        running.kill()
        running.communicate()
    [(status, _, err)] = outcomes([start_upgrade(database_url)])
    assert (status, err) == (0, "")
    assert sorted(settings_of(database_url)) == ["default_experiment_id", "page_token_key"]
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
    del Any, closing, sqlite3
