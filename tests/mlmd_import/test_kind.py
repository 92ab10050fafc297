"""An import is kind to those who write beside it: it writes in bulk, in short transactions, and decides before they begin."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, event

from migrations.mlmd import importer
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.write import pace
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.pieces import Plan
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.runs import plan_runs
from migrations.mlmd.write.tally import Outcome
from tests.mlmd.test_cost import multiplied
from tests.mlmd_import.imports import asked_for_file, change, contents, copied, imported

CHANGES = (
    "UPDATE Execution SET last_update_time_since_epoch = last_update_time_since_epoch + 5000",
    "UPDATE ArtifactProperty SET string_value = string_value || ' changed' WHERE string_value IS NOT NULL",
)

ENDED = "the import is ended here"


def done(request: ImportRequest) -> Report:
    """What an import reports."""
    return asyncio.run(imported(request))


@pytest.fixture
def sent() -> Iterator[list[tuple[str, int]]]:
    """Every statement that any engine sends, with the number of rows that it writes."""
    statements: list[tuple[str, int]] = []

    def note(_connection: object, _cursor: object, text: str, parameters: Any, _: object, is_many: bool) -> None:
        statements.append((text, len(parameters) if is_many else 0))

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction may write ten rows."""
    monkeypatch.setattr(pace, "ROWS_MIN", 10)
    monkeypatch.setattr(pace, "ROWS_MAX", 10)


def test_a_true_up_sends_the_same_statements_for_few_and_for_many_changes(
    make_migrated: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(pace, "ROWS_MIN", pace.ROWS_MAX)  # one transaction
    counts, updates = [], []
    for times in (1, 4):
        source, store = tmp_path / f"{times}.sqlite", make_migrated()
        multiplied(source, times)
        done(asked_for_file(source, store))
        change(source, *CHANGES)
        sent.clear()
        report = done(asked_for_file(source, store))
        counts.append(len(sent))
        updates.append([report.tally.count(kind, Outcome.UPDATED) for kind in (Kind.RUN, Kind.TASK, Kind.ARTIFACT)])
        if store.startswith("mysql"):
            # The drivers send each UPDATE of a list by itself.
            assert not [text for text, rows in sent if rows > 1 and not text.startswith("INSERT")]
    assert counts[0] == counts[1]
    assert updates[1] == [4 * count for count in updates[0]]
    assert min(updates[0]) > 10


@pytest.mark.usefixtures("small_pieces")
def test_transactions_have_few_rows_and_runs_stay_whole(
    make_migrated: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copied("kfp_main", tmp_path)
    sizes: list[int] = []
    apply = Ledger.apply

    async def noting(ledger: Ledger, all_changes: Sequence[Any]) -> None:
        sizes.append(sum(len(one.new_rows) + len(one.updates) + len(one.removals) for one in all_changes))
        await apply(ledger, all_changes)

    monkeypatch.setattr(Ledger, "apply", noting)
    piecewise, at_once = make_migrated(), make_migrated()
    report = done(asked_for_file(source, piecewise))
    assert len(sizes) > 30
    assert max(sizes) <= 10
    change(source, *CHANGES)
    second = done(asked_for_file(source, piecewise))
    monkeypatch.setattr(pace, "ROWS_MIN", 5000)
    monkeypatch.setattr(pace, "ROWS_MAX", 5000)
    copied("kfp_main", tmp_path)
    assert report.records == done(asked_for_file(source, at_once)).records
    change(source, *CHANGES)
    assert second.records == done(asked_for_file(source, at_once)).records
    assert contents(piecewise) == contents(at_once)


@pytest.mark.usefixtures("small_pieces")
def test_an_import_that_ends_within_a_batch_goes_on_and_counts_each_row_once(
    make_migrated: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, whole, broken = copied("kfp_main", tmp_path), make_migrated(), make_migrated()
    expected = done(asked_for_file(source, whole))
    apply, calls = Ledger.apply, 0

    async def failing(ledger: Ledger, all_changes: Sequence[Any]) -> None:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise RuntimeError(ENDED)
        await apply(ledger, all_changes)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "apply", failing)
        with pytest.raises(RuntimeError, match=ENDED):
            done(asked_for_file(source, broken))
    report = done(asked_for_file(source, broken))
    assert report.resumed
    assert report.records == expected.records
    assert contents(broken) == contents(whole)


async def test_a_sqlite_store_can_be_written_while_a_batch_is_planned(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not migrated_url.startswith("sqlite"):
        return  # others have no lock of the whole store
    path, writes = urlsplit(migrated_url).path[1:], []
    source = copied("kfp_main", tmp_path)

    async def planned(ledger: Ledger, rows: Any) -> Plan:
        plan = await plan_runs(ledger, rows)
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        writes.append(plan)
        return plan

    monkeypatch.setattr(importer, "plan_runs", planned)
    await imported(asked_for_file(source, migrated_url))
    change(source, *CHANGES)
    await imported(asked_for_file(source, migrated_url))
    assert len(writes) == 2
