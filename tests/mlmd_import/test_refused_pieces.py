"""What is refused is left out and counted as in one transaction, however a batch is cut and however often it is planned again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from migrations.mlmd import source
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.run import map_run
from migrations.mlmd.report import Report
from migrations.mlmd.verify import LEFT_OUT, verify
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.rows import RunRows
from migrations.mlmd.write import batch, pace, target
from migrations.mlmd.write.job import record_progress
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.target import Overtaken
from tests.databases.queries import execute
from tests.mlmd_import.column_limits import limit
from tests.mlmd_import.imports import Contents, Watching, asked_for_file, change, contents, copied, imported

pytestmark = pytest.mark.one_database

GROUP, WITHIN = 17, (18, 19, 20, 21)
LONG_NAME = "a-group-of-tasks-with-a-long-name"
TASK_ID = Ids().task(4)
ENDED = "the import is ended here"

OneMore = Callable[[], str]


def with_long_name(folder: Path) -> Path:
    """A source with a group of tasks that the stores of `refusing` refuse."""
    file, where = copied("kfp_main", folder), f"execution_id = {GROUP} AND name = 'task_name'"
    change(file, f"UPDATE ExecutionProperty SET string_value = '{LONG_NAME}' WHERE {where}")
    return file


def refusing(url: str) -> str:
    """A store that refuses the name of the group."""
    limit(url, "tasks", "name", len(LONG_NAME) - 1)
    return url


def cut(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let a transaction write so many rows."""
    monkeypatch.setattr(pace, "ROWS_MIN", rows)
    monkeypatch.setattr(pace, "ROWS_MAX", rows)


def refused(report: Report) -> list[tuple[Any, ...]]:
    """What a report says was refused."""
    return [(one.kind, one.count, one.examples) for one in report.findings if one.rule is Rule.VALUES_REFUSED]


async def at_once(file: Path, url: str) -> tuple[Report, Contents]:
    """What an import reports and writes whose batches are not cut."""
    report = await imported(asked_for_file(file, refusing(url)))
    assert report.records[Kind.TASK]["refused"] == 1
    assert report.records[Kind.TASK]["without_parent"] == len(WITHIN)
    assert report.records[Kind.LINK]["without_parent"] > 0
    return report, contents(url)


async def test_what_belongs_to_a_refused_row_is_left_out_of_later_pieces(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, lists = with_long_name(tmp_path), (tmp_path / "whole", tmp_path / "cut")
    whole_url = refusing(make_migrated())
    expected = await imported(asked_for_file(file, whole_url, skipped=str(lists[0])))
    cut(monkeypatch, 3)
    request = asked_for_file(file, refusing(migrated_url), skipped=str(lists[1]))
    report = await imported(request)
    assert (report.records, refused(report)) == (expected.records, refused(expected))
    assert contents(migrated_url) == contents(whole_url)
    listed = sorted(lists[1].read_text().splitlines())
    assert listed == sorted(lists[0].read_text().splitlines())
    assert sum(line.startswith("WITHOUT_PARENT\ttasks\t") for line in listed) == len(WITHIN)
    # A true-up tries again, and counts the same.
    again = await imported(request)
    assert refused(again) == refused(report)
    assert contents(migrated_url) == contents(whole_url)
    checked = await verify(request, Watching())
    assert (checked.difference_count, checked.records[Kind.TASK][LEFT_OUT]) == (0, 1 + len(WITHIN))


async def test_a_batch_that_is_planned_again_counts_what_is_refused_once(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, calls = with_long_name(tmp_path), 0
    expected, whole = await at_once(file, make_migrated())

    async def overtaken(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if not calls % 7:
            raise Overtaken
        await record_progress(*arguments, **options)

    cut(monkeypatch, 10)
    monkeypatch.setattr(target, "_FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(batch, "record_progress", overtaken)
    report = await imported(asked_for_file(file, refusing(migrated_url)))
    assert calls > 20
    assert (report.records, refused(report)) == (expected.records, refused(expected))
    assert contents(migrated_url) == whole


@pytest.mark.parametrize("pieces", [4, 8, 12, 16])
async def test_an_import_that_ends_among_refusals_goes_on_and_counts_each_once(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    file, calls = with_long_name(tmp_path), 0
    expected, whole = await at_once(file, make_migrated())

    async def ended(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == pieces:
            raise RuntimeError(ENDED)
        await record_progress(*arguments, **options)

    cut(monkeypatch, 10)
    request = asked_for_file(file, refusing(migrated_url))
    with monkeypatch.context() as patched:
        patched.setattr(batch, "record_progress", ended)
        with pytest.raises(RuntimeError, match=ENDED):
            await imported(request)
    report = await imported(request)
    assert (report.records, refused(report)) == (expected.records, refused(expected))
    assert contents(migrated_url) == whole


async def test_only_what_is_refused_is_written_in_parts(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path
) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        statements.append(text)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        file = with_long_name(tmp_path)
        await imported(asked_for_file(file, migrated_url))
        assert not [text for text in statements if text.startswith("SAVEPOINT part")]
        await at_once(file, make_migrated())
        assert [text for text in statements if text.startswith("SAVEPOINT part")]
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("finished_at", 2**63, "is out of the range of its column"),
        ("scope_path", "\ud800", "has characters that the database does not take"),
    ],
)
async def test_a_value_that_cleaning_would_miss_is_refused_in_a_true_up_too(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, why: str
) -> None:
    def mapped(rows: RunRows, options: Options) -> RunRecords:
        run = map_run(rows, options)
        changed = {name: value, "display_name": "changed"}
        return replace(run, tasks=[replace(one, **changed) if one.id == TASK_ID else one for one in run.tasks])

    file = copied("kfp_main", tmp_path)
    await imported(asked_for_file(file, migrated_url))
    query = f"SELECT {name} FROM tasks WHERE id = '{TASK_ID}'"
    before = execute(migrated_url, query)
    monkeypatch.setattr(source, "map_run", mapped)
    report = await imported(asked_for_file(file, migrated_url, prune=True, yes=True))
    assert [place for place, _, _ in refused(report)] == [f"tasks.{name} {why}"]
    assert (report.records[Kind.TASK]["updated"], report.records[Kind.TASK]["refused"]) == (1, 1)
    assert execute(migrated_url, query) == before
    assert execute(migrated_url, f"SELECT display_name FROM tasks WHERE id = '{TASK_ID}'") == [("changed",)]
