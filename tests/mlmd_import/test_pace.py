"""How much an import takes at a time: little while others write to the same file, more while nobody does."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from migrations.mlmd.write import pace
from migrations.mlmd.write.pace import Pace
from tests.mlmd_import.imports import asked_for_file, copied, imported


class Clock:
    """A clock that a test moves, and rests that it notes instead of taking them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rests = 1000.0, list[float]()
        # Not in their modules: the event loop has the same clock.
        monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(pace, "asyncio", SimpleNamespace(sleep=self._sleep))

    async def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock."""
    return Clock(monkeypatch)


def rows_after(one: Pace, *, per_second: float) -> int:
    """How many rows a transaction may write after twenty, each full, of a store that writes so many per second."""
    for _ in range(20):
        one.note(one.rows, one.rows / per_second)
    return one.rows


async def test_transactions_are_larger_and_rests_shorter_while_nobody_else_writes(clock: Clock) -> None:
    one = Pace(has_one_writer=True)
    one.note_others(7)
    one.note_others(8)
    beside = rows_after(one, per_second=50_000)
    await one.rest(0.01)
    clock.now += pace.ALONE_AFTER_SECONDS
    one.note_others(8)
    alone = rows_after(one, per_second=50_000)
    await one.rest(0.01)
    assert (beside, alone) == (750, 5000)
    assert clock.rests == [0.04, 0.01]


async def test_a_slow_disk_does_not_make_transactions_small_while_nobody_else_writes(clock: Clock) -> None:
    one = Pace(has_one_writer=True)
    assert rows_after(one, per_second=1000) == pace.ROWS_MIN_ALONE
    one.note_others(7)
    one.note_others(8)
    assert rows_after(one, per_second=1000) == pace.ROWS_MIN


async def test_the_first_commit_of_another_makes_transactions_small_at_once(clock: Clock) -> None:
    one = Pace(has_one_writer=True)
    assert one.rows == pace.ROWS_MIN
    one.note_others(7)
    assert rows_after(one, per_second=50_000) == 5000
    one.note_others(8)
    assert one.rows == pace.ROWS_MIN
    assert rows_after(one, per_second=50_000) == 750


async def test_on_servers_others_do_not_count(clock: Clock) -> None:
    one = Pace(has_one_writer=False)
    one.note_others(None)
    before = rows_after(one, per_second=50_000)
    clock.now += pace.ALONE_AFTER_SECONDS
    assert rows_after(one, per_second=50_000) == before == 2500


def test_an_import_notices_what_others_commit_to_its_file(
    make_migrated: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its transactions learns whether another connection has committed since the one before, and its own do not count."""
    alone, url = make_migrated(), make_migrated()
    if not url.startswith("sqlite"):
        return  # others have no lock of the whole store
    monkeypatch.setattr(pace, "ROWS_MIN", 10)
    monkeypatch.setattr(pace, "ROWS_MAX", 10)
    noted, note_others, rest = list[int | None](), Pace.note_others, Pace.rest

    def noting(one: Pace, commits: int | None) -> None:
        noted.append(commits)
        note_others(one, commits)

    async def with_a_commit(one: Pace, seconds: float) -> None:
        with closing(sqlite3.connect(urlsplit(url).path[1:], isolation_level=None)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS beside (id INTEGER)")
            connection.execute("INSERT INTO beside VALUES (1)")
        await rest(one, seconds)

    monkeypatch.setattr(Pace, "note_others", noting)
    asyncio.run(imported(asked_for_file(copied("kfp_main", tmp_path), alone)))
    assert len(noted) > 30
    assert len(set(noted)) == 1
    noted.clear()
    monkeypatch.setattr(Pace, "rest", with_a_commit)
    asyncio.run(imported(asked_for_file(copied("kfp_main", tmp_path), url)))
    assert len(set(noted)) > 20
