"""What an import notices before it writes: clocks, values that are too large, space, and how long it may take."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mlmd_store import make_store
from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.importer import run_import
from migrations.mlmd.preflight import clocks, space
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.target import open_for_reading
from tests.databases.queries import execute, tables
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd_import.imports import Watching, asked, asked_for_file, change, copied, imported

pytestmark = pytest.mark.one_database

on_servers = pytest.mark.databases("postgresql", "mysql")
on_a_file = pytest.mark.databases("sqlite")
on_mysql = pytest.mark.databases("mysql")

HOUR = 3600
AHEAD = 4_000_000_000_000
"""In milliseconds: the year 2096."""


async def warnings_of(request: ImportRequest) -> list[str]:
    """What an import and a dry run before it warn of, which is the same."""
    dry = await dry_run(request, Watching())
    watching = Watching()
    report = await run_import(request, watching)
    warnings: list[str] = report.plain()["warnings"]
    assert dry.plain()["warnings"] == warnings
    assert [line for line in report.lines() if line.startswith("warning: ")] == [f"warning: {one}" for one in warnings]
    assert watching.warnings == [f"warning: {one}" for one in warnings]
    return warnings


async def test_an_ordinary_import_warns_of_nothing(migrated_url: str) -> None:
    assert await warnings_of(asked("kfp_main", migrated_url)) == []


@on_servers
@pytest.mark.parametrize(("seconds", "direction"), [(HOUR, "behind"), (-HOUR, "ahead of"), (9, "behind")])
async def test_clocks_that_differ_are_named(
    seconds: int,
    direction: str,
    database_url: str,
    database_kind: str,
    make_migrated: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = {"mysql": copy_to_mysql, "postgresql": copy_to_postgresql}[database_kind]
    copy(copied("kfp_main", tmp_path), database_url)
    monkeypatch.setattr(clocks, "now", lambda: time.time() + seconds)
    store, source = await warnings_of(ImportRequest(database_url, make_migrated()))
    assert store.startswith("the clock of the store ")
    assert source.startswith("the clock of the source ")
    for warning in (store, source):
        assert ":***@" in warning
        assert f" is {abs(seconds)} s {direction} this machine's" in warning


@on_servers
async def test_clocks_that_hardly_differ_are_not_named(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "now", lambda: time.time() + 4)
    assert await warnings_of(asked("kfp_main", migrated_url)) == []


@pytest.mark.parametrize(
    ("table", "column", "rows"),
    [
        ("Execution", "create_time_since_epoch", "2 executions"),
        ("Execution", "last_update_time_since_epoch", "2 executions"),
        ("Artifact", "last_update_time_since_epoch", "2 artifacts"),
        ("Context", "create_time_since_epoch", "2 contexts"),
        ("Event", "milliseconds_since_epoch", "2 of the newest 67 events"),
    ],
)
async def test_times_after_now_are_named(table: str, column: str, rows: str, migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, f"UPDATE {table} SET {column} = {AHEAD} WHERE id IN (3, 4)")
    (warning,) = await warnings_of(asked_for_file(source, migrated_url))
    assert (
        warning == f"{rows} of the source have a {column} after now by this machine's clock, up to 2096-10-02T07:06:40Z"
    )


@on_mysql
@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("ExecutionProperty", "string_value", "execution_id 2, name display_name"),
        ("ArtifactProperty", "byte_value", "artifact_id 2, name display_name"),
        ("Artifact", "uri", "id 2"),
    ],
)
async def test_a_value_that_may_be_too_large_is_named(
    table: str, column: str, row: str, migrated_url: str, tmp_path: Path
) -> None:
    (packet_bytes,) = execute(migrated_url, "SELECT @@global.max_allowed_packet")[0]
    source, size = copied("kfp_main", tmp_path), packet_bytes // 2 + 1
    owner = "id" if table == "Artifact" else row.split()[0]
    one = f"{owner} = 2" + (" AND name = 'display_name'" if owner != "id" else "")
    change(source, f"UPDATE {table} SET {column} = CAST(zeroblob({size}) AS BLOB) WHERE {one}")
    report = await dry_run(asked_for_file(source, migrated_url), Watching())
    (warning,) = report.preflight.warnings
    assert warning == (
        f"the largest value of {table}.{column} ({row}) has {size} bytes, and max_allowed_packet of the store, which is "
        f"{packet_bytes}, may not be enough for it; set max_allowed_packet to {packet_bytes // 1024**2 + 2}M or more"
    )


@on_mysql
async def test_a_large_value_of_kfps_database_is_named(migrated_url: str, tmp_path: Path) -> None:
    (packet_bytes,) = execute(migrated_url, "SELECT @@global.max_allowed_packet")[0]
    kfp = f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    execute(kfp, f"UPDATE pipeline_versions SET PipelineSpec = zeroblob({packet_bytes})")
    report = await dry_run(asked("kfp_main", migrated_url, kfp=kfp), Watching())
    (warning,) = report.preflight.warnings
    assert warning.startswith(f"the largest value of pipeline_versions.PipelineSpec (uuid v1) has {packet_bytes} bytes")


async def test_the_bytes_of_values_are_counted_not_their_characters(
    database_url: str, database_kind: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, "UPDATE ExecutionProperty SET string_value = printf('%.*c', 9000, 'x') || 'ü☃'")
    url = f"sqlite:///{source}"
    if database_kind != "sqlite":
        {"mysql": copy_to_mysql, "postgresql": copy_to_postgresql}[database_kind](source, database_url)
        url = database_url
    assert await _longest(url) == 9005


async def _longest(url: str) -> int:
    from sqlalchemy import func, select

    from migrations.mlmd.read.guest import Database
    from migrations.mlmd.read.schema import read_schema

    database = Database(url, what="the source")
    try:
        async with database.connect() as connection:
            schema = await connection.run_sync(lambda sync: read_schema(sync, database))
            column = schema["executionproperty"].column("string_value")
            length = func.max(database.inquiry.byte_length(column))
            longest: int = (await connection.execute(select(length))).scalar_one()
            return longest
    finally:
        await database.close()


def leaving_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Let the file systems of this machine have so many bytes left."""
    actual = os.statvfs

    def statvfs(path: Any) -> Any:
        found = list(actual(path))
        found[1], found[4] = 1, free  # f_frsize and f_bavail
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", statvfs)


async def grown_by(store: str) -> int:
    """By how much an import may let a store grow."""
    report = await dry_run(asked("kfp_main", store), Watching())
    grown: int = report.plain()["estimate"]["store_bytes"]
    return grown


async def test_a_store_without_enough_space_is_named(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = await grown_by(migrated_url)
    leaving_free(monkeypatch, needed - 1)
    (warning,) = await warnings_of(asked("kfp_main", migrated_url))
    shown = space.shown(needed)
    assert re.fullmatch(rf"the store may grow by {shown}, and /\S+ has {shown} free on this machine", warning)


async def test_a_store_with_enough_space_is_not_named(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving_free(monkeypatch, await grown_by(migrated_url))
    assert await warnings_of(asked("kfp_main", migrated_url)) == []


@on_a_file
async def test_an_import_that_will_not_fit_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = await grown_by(database_url)
    leaving_free(monkeypatch, needed // 20)
    dry = await dry_run(asked("kfp_main", database_url), Watching())
    with pytest.raises(ImportRefused) as refused:
        await imported(asked("kfp_main", database_url))
    assert dry.refusals == [str(refused.value)]
    assert str(refused.value).startswith(f"the store may grow by {space.shown(needed)}, and /")
    assert tables(database_url) == set()


async def test_a_true_up_needs_no_space_for_what_is_there(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await imported(asked("kfp_main", migrated_url))
    leaving_free(monkeypatch, 1)
    assert await warnings_of(asked("kfp_main", migrated_url)) == []


async def test_the_estimate_of_space_is_near_what_an_import_takes(migrated_url: str, tmp_path: Path) -> None:
    make_store(tmp_path / "mlmd.sqlite", 4000)
    before = await _size(migrated_url)
    report = await imported(asked_for_file(tmp_path / "mlmd.sqlite", migrated_url))
    taken = await _size(migrated_url) - before
    assert report.preflight.store_bytes is not None
    assert taken / 2 < report.preflight.store_bytes < taken * 2


@pytest.mark.databases("sqlite")
async def test_the_time_of_a_large_import_is_estimated(migrated_url: str, tmp_path: Path) -> None:
    source = tmp_path / "mlmd.sqlite"
    make_store(source, 4000)
    watching = Watching()
    report = await run_import(asked_for_file(source, migrated_url), watching)
    seconds = report.plain()["estimate"]["seconds"]
    assert report.seconds / 10 < seconds < report.seconds * 10
    (sentence,) = watching.warnings
    assert re.fullmatch(
        r"this may take about (a minute|\d+ minutes): 4000 executions at \d+ per second, an estimate from reading and mapping "
        r"some of them; a true-up takes less",
        sentence,
    )


@on_a_file
async def test_the_time_of_a_small_import_is_not_estimated(migrated_url: str) -> None:
    watching = Watching()
    report = await run_import(asked("kfp_main", migrated_url), watching)
    assert (report.plain()["estimate"]["seconds"], watching.warnings) == (None, [])


async def _size(url: str) -> int:
    if url.startswith("mysql"):
        # Its figures are old otherwise.
        for name in tables(url):
            execute(url, f"ANALYZE TABLE {name}")
    async with open_for_reading(url) as target:
        return await target.transact(target.dialect.size_bytes)
