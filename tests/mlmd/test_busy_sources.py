"""A source that another program locks or writes is waited for, or read again, and what it says of a moment holds together."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read import guest
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.store import open_store
from migrations.mlmd.vocabulary.errors import SourceRefused
from tests.mlmd.reading import STORES, read_all

BROKEN_OFF = {
    "mysql": "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'deadlock'",
    "postgresql": "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(STORES / "kfp_main.sqlite", tmp_path / "mlmd.sqlite"))


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold a file as a program does that commits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        yield writer


async def test_a_lock_is_waited_for(path: Path) -> None:
    with locked(path) as writer:
        reading = asyncio.create_task(read_all(f"sqlite:///{path}"))
        await asyncio.sleep(0.5)
        assert not reading.done()
        writer.execute("UPDATE Context SET name = 'renamed' WHERE id = 2")
        writer.execute("COMMIT")
        assert (await reading).runs[0].run.id == "renamed"


async def test_a_lock_that_stays_is_refused_in_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "LOCK_SECONDS", 0.2)
    with locked(path):
        start = time.monotonic()
        with pytest.raises(SourceRefused, match="is locked by another program; try again"):
            await read_all(f"sqlite:///{path}")
    assert time.monotonic() - start < 4  # less than SQLite waits by itself


def left_in_the_middle(path: Path) -> Callable[[], None]:
    """Leave a file as in the middle of a write; returns what makes it whole again."""
    before, journal = path.read_bytes(), path.with_name(f"{path.name}-journal")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE ExecutionProperty SET string_value = 'other'")
        contents, log = path.read_bytes(), journal.read_bytes()
    path.write_bytes(contents)
    journal.write_bytes(log)

    def end() -> None:
        path.write_bytes(before)
        journal.unlink()

    return end


async def test_a_journal_that_goes_away_was_not_left_by_a_crash(path: Path) -> None:
    """A reader that may not write takes a journal for one to be applied when its writer commits at that moment."""
    end = left_in_the_middle(path)
    reading = asyncio.create_task(read_all(f"sqlite:///{path}"))
    await asyncio.sleep(0.3)
    assert not reading.done()
    end()
    assert len((await reading).runs) == 16


async def test_a_file_that_nobody_had_opened_gets_a_writer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    names = []
    async with open_store(f"sqlite:///{path}") as store:
        async for batch in store.runs(executions_per_batch=1):
            names.append(batch.runs[0].context.name)
            if len(names) in (3, 7):
                with closing(sqlite3.connect(path)) as writer, writer:
                    writer.execute("UPDATE Context SET name = name || ? WHERE id > 9", ["+" * len(names)])
                    writer.execute("DELETE FROM ArtifactProperty")
    assert [name.count("+") for name in names] == [0] * 5 + [3] * 2 + [10] * 9


@pytest.mark.databases("postgresql", "mysql")
async def test_what_a_server_breaks_off_is_read_again(database_kind: str, database_url: str) -> None:
    attempts = 0

    async def read(connection: AsyncConnection) -> int:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            await connection.execute(text(BROKEN_OFF[database_kind]))
        return int((await connection.execute(text("SELECT 7"))).scalar_one())

    database = Database(database_url, what="the source")
    try:
        assert await database.read(read) == 7
    finally:
        await database.close()
    assert attempts == 3
