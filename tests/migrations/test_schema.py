"""The upgraded schema is the one that the statements are written for."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Text, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

import migrations.upgrade
from storage.sql.dialects import dialect_for
from storage.sql.tables import metadata
from storage.sql.types import ByteString, ByteText
from tests.databases.queries import execute, tables


async def look(url: str, fn: Any) -> Any:
    """What a function of a connection returns."""
    engine = create_async_engine(dialect_for(url).url)
    async with engine.connect() as connection:
        answer = await connection.run_sync(fn)
    await engine.dispose()
    return answer


async def test_the_upgraded_tables_are_those_of_the_statements(migrated_url: str) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert await look(migrated_url, differences) == []
    assert tables(migrated_url) >= set(metadata.tables) | {"alembic_version"}


def described(connection: Connection) -> dict[str, Any]:
    """Every table as the database describes it: columns, keys and indexes with the rows they are limited to."""
    found = inspect(connection)
    return {
        name: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(name)
            ],
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(
                (str(key["name"]), key["referred_table"], str(key["options"])) for key in found.get_foreign_keys(name)
            ),
            "unique": sorted(
                (str(each["name"]), tuple(each["column_names"])) for each in found.get_unique_constraints(name)
            ),
            "indexes": {
                str(index["name"]): (tuple(index["column_names"]), _words(index.get("dialect_options")))
                for index in found.get_indexes(name)
            },
        }
        for name in metadata.tables
    }


def _words(options: Any) -> dict[str, str]:
    return {name: str(value) for name, value in (options or {}).items()}


async def test_the_history_and_the_tables_make_the_same_database(migrated_url: str, database_url: str) -> None:
    await look_and_commit(database_url, metadata.create_all)
    assert await look(migrated_url, described) == await look(database_url, described)


async def look_and_commit(url: str, fn: Any) -> None:
    engine = create_async_engine(dialect_for(url).url)
    async with engine.begin() as connection:
        await connection.run_sync(fn)
    await engine.dispose()


COLLATIONS = {
    "postgresql": "SELECT table_name, column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')",
    "mysql": "SELECT table_name, column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL",
}


@pytest.mark.databases("postgresql", "mysql")
def test_every_text_column_compares_by_bytes(migrated_url: str, database_kind: str) -> None:
    wanted = {"postgresql": "C", "mysql": "utf8mb4_nopad_bin"}[database_kind]
    found = {
        (table, column): collation for table, column, collation in execute(migrated_url, COLLATIONS[database_kind])
    }
    texts = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, ByteString | ByteText)
    }
    assert texts | {("alembic_version", "version_num")} == set(found)
    assert set(found.values()) == {wanted}


@pytest.mark.databases("sqlite")
def test_no_text_column_of_a_file_names_a_collation(migrated_url: str) -> None:
    statements = [sql for (sql,) in execute(migrated_url, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
    assert len(statements) > len(metadata.tables)
    assert not [sql for sql in statements if "COLLATE" in sql.upper()]


def test_every_text_column_says_how_it_compares() -> None:
    plain = [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if column.type.python_type is str and not isinstance(column.type, ByteString | ByteText)
    ]
    assert plain == []


@pytest.mark.databases("sqlite")
def test_a_difference_would_be_noticed(migrated_url: str) -> None:
    execute(migrated_url, "ALTER TABLE tasks DROP COLUMN pods")
    engine = create_engine(make_url(migrated_url))
    with engine.connect() as connection:
        [difference] = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert difference[:3] == ("add_column", None, "tasks")
    assert isinstance(difference[3].type, Text)


def test_the_files_of_the_steps_are_in_the_order_of_their_history() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.upgrade.__file__).parent))
    revisions = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    assert migrations.upgrade.newest_and_all() == (revisions[0], tuple(reversed(revisions)))
