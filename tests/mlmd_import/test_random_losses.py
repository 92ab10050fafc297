"""Whatever rows a source loses, an import keeps what it has, adds what is new, verifies, and can be undone."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrations.mlmd.undo import undo
from migrations.mlmd.verify import verify
from tests.databases import KINDS
from tests.mlmd.reading import RUNS_FILE
from tests.mlmd_import.imports import Watching, asked_for_file, change, contents, copied, imported
from tests.mlmd_import.test_again import NEW_RUN
from tests.mlmd_import.test_only_adds import trued_up

pytestmark = pytest.mark.one_database

STORES = ("kfp_main", "tfx_like", "kfp_main", "kfp_v1_metadata_writer", "schema_v6", "damaged_nulls")
TABLES = (
    "Artifact",
    "ArtifactProperty",
    "Association",
    "Attribution",
    "Context",
    "ContextProperty",
    "Event",
    "EventPath",
    "Execution",
    "ExecutionProperty",
    "ParentContext",
    "Type",
)
CHANGES = (
    "UPDATE Execution SET last_known_state = 2 + id % 5 WHERE id % 3 = 0",
    "UPDATE ArtifactProperty SET double_value = double_value + 1 WHERE double_value IS NOT NULL",
    "UPDATE OR IGNORE Event SET type = 7 - type WHERE id % 5 = 0 AND type IN (3, 4)",
    "UPDATE ExecutionProperty SET string_value = 'another' WHERE rowid % 7 = 0 AND string_value IS NOT NULL",
    "UPDATE EventPath SET step_key = 'another' WHERE rowid % 4 = 0",
)


def lose_rows(store: Path, chance: random.Random) -> None:
    """Delete rows of some tables, but for the oldest, by which a store is known; change some others."""
    with closing(sqlite3.connect(store)) as connection, connection:
        existing = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in chance.sample(TABLES, chance.randint(1, 4)):
            if table not in existing:
                continue
            rows = [row for (row,) in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
            share = chance.choice([0.05, 0.2, 0.6, 1.0])
            # Of a type, at most one: without any, nothing of a store is known.
            lost = chance.sample(rows, 1) if table == "Type" else [row for row in rows[1:] if chance.random() < share]
            connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row,) for row in lost])
    change(store, *chance.sample(CHANGES, chance.randint(0, 2)))


async def test_nothing_is_lost_with_the_source(
    migrated_url: str, database_kind: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    empty, first = contents(migrated_url), KINDS.index(database_kind)
    for seed in range(first, first + rounds(1, 300)):
        chance = random.Random(seed)
        name = STORES[seed % len(STORES)]
        source = copied(name, tmp_path)
        kfp = str(RUNS_FILE) if name == "kfp_main" and seed % 4 else ""
        request = asked_for_file(source, migrated_url, kfp=kfp)
        await imported(request)
        assert (await verify(request, Watching())).difference_count == 0
        once = contents(migrated_url)
        await imported(request)
        assert contents(migrated_url) == once
        for _ in range(2):
            lose_rows(source, chance)
            await trued_up(request)
            found = await verify(request, Watching())
            assert (found.difference_count, found.differences) == (0, []), seed
        if name == "kfp_main":
            change(source, *NEW_RUN)
            await trued_up(request)
        await undo(request, lambda *_: None)
        assert contents(migrated_url) == empty
