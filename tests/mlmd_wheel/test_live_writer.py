"""A program that writes with ML Metadata's own library, 50 times a second, while its store is imported and trued up.

After it has stopped, one more true-up makes the store equal to a fresh import, row by row.
"""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks.mlmd_store import make_store
from migrations.mlmd import importer
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.verify import verify
from tests.conftest import HAS_MLMD_WHEEL
from tests.mlmd.copies import mysql_connection
from tests.mlmd_import.imports import Watching, contents, imported
from tests.mlmd_import.whole import assert_one_root_each, assert_whole
from tests.mlmd_wheel.test_mlmd_wheel import BOUND_SECONDS, PYTHON

WRITER = Path(__file__).with_name("mlmd_writer.py")
RATE = 50
EXECUTIONS_PER_BATCH = 150


def make_source(source: str, folder: Path, executions: int) -> None:
    """Create a store as the library lays it out, and fill it with runs that have ended."""
    subprocess.run([PYTHON, WRITER, in_library(source), "0", "0"], check=True, timeout=BOUND_SECONDS)
    generated = folder / "generated.sqlite"
    make_store(generated, executions)
    with closing(sqlite3.connect(generated)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        with closing(connected(source)) as copy, closing(copy.cursor()) as cursor:
            mark = "?" if source.startswith("sqlite") else "%s"
            cursor.execute("DELETE FROM Type")
            for table in tables:
                if table.startswith("sqlite_") or table == "MLMDEnv":
                    continue
                rows = store.execute(f"SELECT * FROM {table}")
                columns = ", ".join(column[0] for column in rows.description)
                marks = ", ".join([mark] * len(rows.description))
                cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows.fetchall())
            copy.commit()


def connected(source: str) -> "sqlite3.Connection":
    """A connection to a source."""
    return sqlite3.connect(in_library(source)) if source.startswith("sqlite") else mysql_connection(source)


def in_library(source: str) -> str:
    """A URL as the library's session takes it: a file's path, or the URL of a server's database."""
    return source.removeprefix("sqlite:///")


@contextmanager
def writing(source: str, seed: int) -> Iterator["subprocess.Popen[str]"]:
    """Let the library write, from the beginning of the block until something is sent to its input."""
    words = [str(PYTHON), str(WRITER), in_library(source), str(RATE), str(seed)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not HAS_MLMD_WHEEL, reason="ml-metadata has wheels for CPython 3.11 on x86-64 only")
@pytest.mark.databases("sqlite", "mysql")
async def test_a_store_that_is_written_meanwhile_becomes_like_a_fresh_import(
    migrated_url: str,
    make_migrated: Callable[[], str],
    make_source_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rounds: Callable[[int, int], int],
) -> None:
    for name in ("EXECUTIONS_PER_SHORT_BATCH", "EXECUTIONS_PER_BATCH"):
        monkeypatch.setattr(importer, name, EXECUTIONS_PER_BATCH)
    source = make_source_database()
    make_source(source, tmp_path, rounds(1000, 30_000))
    request, fresh = ImportRequest(source, migrated_url), ImportRequest(source, make_migrated())
    for seed in range(rounds(1, 20)):
        with writing(source, seed) as writer:
            watching = Watching()
            await importer.run_import(request, watching)
            assert len(watching.told) > 5
            assert_whole(request.store)
            for _ in range(2):
                await imported(request)
                assert_whole(request.store)
            told, _ = writer.communicate("stop", timeout=BOUND_SECONDS)
            assert writer.returncode == 0
            count, rate = told.split()
            assert int(count) > 2 * RATE
            assert float(rate) > 0.5 * RATE
        report = await imported(request)
        assert sum(figures["updated"] + figures["created"] for figures in report.records.values()) > 0
        assert (await verify(request, watching)).difference_count == 0
    await imported(fresh)
    found, expected = contents(request.store), contents(fresh.store)
    assert {name: set(rows) ^ set(expected[name]) for name, rows in found.items()} == {name: set() for name in found}
    assert_one_root_each(request.store)
