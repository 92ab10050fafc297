"""A value that the store's database refuses is left out and named, and stops nothing; the next import tries again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd import importer, source
from migrations.mlmd.importer import SECOND_PASS, run_import
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.run import map_run
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import undo
from migrations.mlmd.verify import LEFT_OUT, verify
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.rows import RunRows
from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.refusals import Refusals
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind
from migrations.mlmd.write.tally import Outcome
from migrations.mlmd.write.target import open_for_import
from migrations.mlmd.write.writing import write_in_parts
from storage.errors import ValueRefused
from storage.model import Task, TaskState
from tests.databases import create_database, private_server
from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd_import.column_limits import SHORT, lift, limit
from tests.mlmd_import.imports import Acting, Watching, asked_for_file, change, contents, copied, imported

TASK, TASK_ID = 4, Ids().task(4)
GROUP, WITHIN = 17, (18, 19, 20, 21)
TASKS = 104
ID_OF_A_RUN = "455a6347-c8ec-492a-987d-d3ca83f1ebc8"
LONG_ID = f"{ID_OF_A_RUN}-with-more"
LONG_NAME = "a-group-of-tasks-with-a-long-name"

OneMore = Callable[[], str]


def with_note(execution_id: int, length: int = 5 * SHORT) -> str:
    """Adds a long value to an execution."""
    values = f"({execution_id}, 'note', 1, '{'x' * length}')"
    return f"INSERT INTO ExecutionProperty (execution_id, name, is_custom_property, string_value) VALUES {values}"


def refused(report: Report) -> dict[str, list[str]]:
    """What a report says was refused: examples by place and reason."""
    return {one.kind: one.examples for one in report.findings if one.rule is Rule.VALUES_REFUSED}


async def left_out(request: ImportRequest) -> dict[str, int]:
    """What verifying says was left out, by table; there is no other difference."""
    report = await verify(request, Watching())
    assert (report.difference_count, report.differences) == (0, [])
    figures = {LABELS[kind]: figures[LEFT_OUT] for kind, figures in report.records.items() if figures[LEFT_OUT]}
    assert sum(report.findings.count(Rule.VALUES_REFUSED, name) for name in figures) == sum(figures.values())
    return figures


async def undisturbed(file: Path, url: str, **options: Any) -> dict[str, list[tuple[Any, ...]]]:
    """The contents of a store into which a source is imported without refusals."""
    await imported(asked_for_file(file, url, **options))
    return contents(url)


async def test_a_refused_value_is_left_out_named_and_tried_again(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path
) -> None:
    empty = contents(migrated_url)
    file, skipped = copied("kfp_main", tmp_path), tmp_path / "skipped"
    change(file, with_note(TASK))
    request = asked_for_file(file, migrated_url, skipped=str(skipped))
    limit(migrated_url, "tasks", "status_metadata")
    report = await imported(request)
    ((place, (example,)),) = refused(report).items()
    assert place.startswith("tasks.status_metadata is ")
    assert example.startswith(f"execution {TASK} of run ")
    assert example.endswith(" bytes")
    assert f"VALUES_REFUSED\t{place}\t{example}" in skipped.read_text().splitlines()
    assert any(line.startswith("1 × values that the store's database does not take") for line in report.lines())
    assert (report.records[Kind.TASK]["imported"], report.records[Kind.TASK]["refused"]) == (TASKS, 1)
    [(value, name)] = execute(migrated_url, f"SELECT status_metadata, name FROM tasks WHERE id = '{TASK_ID}'")
    assert (value, name) == (None, "evaluate")
    assert await left_out(request) == {"tasks": 1}

    once = contents(migrated_url)
    again = await imported(request)
    assert contents(migrated_url) == once
    assert (refused(again), again.records[Kind.TASK]["updated"]) == (refused(report), 0)

    lift(migrated_url, "tasks", "status_metadata")
    last = await imported(request)
    assert (refused(last), last.records[Kind.TASK]["updated"]) == ({}, 1)
    assert await left_out(request) == {}
    assert contents(migrated_url) == await undisturbed(file, make_migrated())
    await undo(request, lambda *_: None)
    assert contents(migrated_url) == empty


async def test_damage_to_a_row_that_lacks_a_refused_value_is_a_difference(migrated_url: str, tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    change(file, with_note(TASK))
    limit(migrated_url, "tasks", "status_metadata")
    await imported(asked_for_file(file, migrated_url))
    execute(migrated_url, f"UPDATE tasks SET display_name = 'mine' WHERE id = '{TASK_ID}'")
    report = await verify(asked_for_file(file, migrated_url), Watching())
    assert [one.id for one in report.differences] == [TASK_ID]
    assert report.records[Kind.TASK][LEFT_OUT] == 0


async def test_an_undo_forgets_what_was_refused(migrated_url: str, tmp_path: Path) -> None:
    empty, file = contents(migrated_url), copied("kfp_main", tmp_path)
    change(file, with_note(TASK))
    limit(migrated_url, "tasks", "status_metadata")
    await imported(asked_for_file(file, migrated_url))
    await undo(asked_for_file(file, migrated_url), lambda *_: None)
    assert contents(migrated_url) == empty


async def test_a_row_that_cannot_be_written_is_left_out_with_what_belongs_to_it(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path
) -> None:
    file = copied("kfp_main", tmp_path)
    change(
        file,
        f"UPDATE ExecutionProperty SET string_value = '{LONG_NAME}' WHERE execution_id = {GROUP} AND name = 'task_name'",
    )
    request = asked_for_file(file, migrated_url)
    whole = await undisturbed(file, make_migrated())
    limit(migrated_url, "tasks", "name", len(LONG_NAME) - 1)
    report = await imported(request)
    ids = {Ids().task(execution_id) for execution_id in (GROUP, *WITHIN)}
    ((place, examples),) = refused(report).items()
    assert place.startswith("tasks is ")
    assert [example.split(" of ")[0] for example in examples] == [f"execution {GROUP}"]
    stored = contents(migrated_url)
    assert {row[0] for row in whole["tasks"]} - {row[0] for row in stored["tasks"]} == ids
    lost_links = [row for row in whole["artifact_tasks"] if row[2] in ids]
    assert len(whole["artifact_tasks"]) - len(stored["artifact_tasks"]) == len(lost_links) > 0
    for table in ("runs", "artifacts"):
        assert stored[table] == whole[table]
    assert await left_out(request) == {"tasks": len(ids), "artifact_tasks": len(lost_links)}
    assert report.records[Kind.LINK]["without_parent"] == len(lost_links)
    again = await imported(request)
    assert contents(migrated_url) == stored
    assert again.records[Kind.TASK]["created"] == again.records[Kind.LINK]["created"] == 0


async def test_an_artifact_of_several_runs_that_is_refused_is_counted_once(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "executions_per_batch", lambda _: 1)
    file = copied("kfp_main", tmp_path)
    change(file, "UPDATE Artifact SET uri = 's3://' || substr(hex(randomblob(500)), 1, 600) WHERE id = 1")
    request = asked_for_file(file, migrated_url)
    limit(migrated_url, "artifacts", "uri", SHORT)
    report = await imported(request)
    ((_, examples),) = refused(report).items()
    assert examples == ["artifact 1"]
    whole = await undisturbed(file, make_migrated())
    lost = [row for row in whole["artifact_tasks"] if row[1] == Ids().artifact(1, namespace=None, metric=None)]
    assert len({row[3] for row in lost}) > 1
    assert await left_out(request) == {"artifacts": 1, "artifact_tasks": len(lost)}


async def test_a_refused_run_is_left_out_whole(migrated_url: str, make_migrated: OneMore, tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    change(file, f"UPDATE Context SET name = '{LONG_ID}' WHERE name = '{ID_OF_A_RUN}'")
    request = asked_for_file(file, migrated_url)
    whole = await undisturbed(file, make_migrated())
    limit(migrated_url, "runs", "id", len(LONG_ID) - 1)
    await imported(request)
    stored = contents(migrated_url)
    for table, place in (("runs", 0), ("tasks", 1), ("artifact_tasks", 3)):
        assert stored[table] == [row for row in whole[table] if row[place] != LONG_ID]
        assert len(stored[table]) < len(whole[table])
    assert stored["artifacts"] == whole["artifacts"]
    assert (await left_out(request))["runs"] == 1


async def test_a_refused_specification_leaves_its_runs_and_versions(
    migrated_url: str, make_migrated: OneMore, tmp_path: Path, database_url: str
) -> None:
    file, kfp = copied("kfp_main", tmp_path), database_url
    make_kfp_database(kfp)
    change(file, f"UPDATE Context SET name = '{RUN_ID}' WHERE name = '{ID_OF_A_RUN}'")
    request = asked_for_file(file, migrated_url, kfp=kfp)
    whole = await undisturbed(file, make_migrated(), kfp=kfp)
    limit(migrated_url, "pipeline_specs", "spec", 20)
    report = await imported(request)
    stored = contents(migrated_url)
    assert stored["pipeline_specs"] == []
    for table in ("runs", "pipeline_versions", "tasks"):
        assert [row[0] for row in stored[table]] == [row[0] for row in whole[table]]
    assert {place.split(" is ")[0].split(" belongs ")[0] for place in refused(report)} == {
        "pipeline_specs",
        "runs.pipeline_spec_id",
        "pipeline_versions.pipeline_spec_id",
    }
    assert await left_out(request) == {"pipeline_specs": 1, "runs": 1, "pipeline_versions": 1}
    lift(migrated_url, "pipeline_specs", "spec")
    await imported(request)
    assert contents(migrated_url) == whole | {"experiments": contents(migrated_url)["experiments"]}
    assert await left_out(request) == {}


async def test_versions_of_refused_pipelines_are_left_out(migrated_url: str, tmp_path: Path, database_url: str) -> None:
    file, kfp = copied("kfp_main", tmp_path), database_url
    make_kfp_database(kfp)
    request = asked_for_file(file, migrated_url, kfp=kfp)
    limit(migrated_url, "pipelines", "name", 1)
    report = await imported(request)
    stored = contents(migrated_url)
    assert stored["pipelines"] == stored["pipeline_versions"] == []
    pipelines, versions = (report.records[kind] for kind in (Kind.PIPELINE, Kind.VERSION))
    assert pipelines["refused"] > 0 < versions["without_parent"]
    found = await left_out(request)
    assert (found["pipelines"], found["pipeline_versions"]) == (pipelines["refused"], versions["without_parent"])


async def test_a_refused_update_keeps_the_value_and_brings_the_others(migrated_url: str, tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    request = asked_for_file(file, migrated_url)
    change(file, with_note(TASK, 10))
    await imported(request)
    limit(migrated_url, "tasks", "status_metadata")
    change(
        file,
        f"UPDATE ExecutionProperty SET string_value = '{'y' * 5 * SHORT}' WHERE execution_id = {TASK} AND name = 'note'",
        f"UPDATE Execution SET last_known_state = 4 WHERE id = {TASK}",
    )
    report = await imported(request)
    [(value, state)] = execute(migrated_url, f"SELECT status_metadata, state FROM tasks WHERE id = '{TASK_ID}'")
    assert ("x" * 10 in value, state) == (True, int(TaskState.FAILED))
    # The state of the root follows that of its tasks.
    assert (report.records[Kind.TASK]["updated"], report.records[Kind.TASK]["refused"]) == (2, 1)
    assert await left_out(request) == {"tasks": 1}
    again = await imported(request)
    assert (again.records[Kind.TASK]["updated"], len(refused(again))) == (0, 1)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("finished_at", 2**63, "is out of the range of its column"),
        ("status_metadata", '{"a":"\ud800"}', "has characters that the database does not take"),
        ("scope_path", "\ud800", "has characters that the database does not take"),
    ],
)
async def test_what_cleaning_would_miss_is_refused_and_named(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, why: str
) -> None:
    await check_refused(migrated_url, tmp_path, monkeypatch, name, value, why)


@pytest.mark.databases("postgresql")  # the others store it
async def test_nul_that_cleaning_would_miss_is_refused_and_named(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "has characters that the database does not take"
    await check_refused(migrated_url, tmp_path, monkeypatch, "scope_path", "a\0b", why)


async def check_refused(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, why: str
) -> None:
    """A value that the mapping gives one task is refused, named and left out by verify."""

    def mapped(rows: RunRows, options: Options) -> RunRecords:
        run = map_run(rows, options)
        return replace(run, tasks=[replace(task, **{name: value}) if is_it(task) else task for task in run.tasks])

    def is_it(task: Task) -> bool:
        return task.id == TASK_ID

    monkeypatch.setattr(source, "map_run", mapped)
    request = asked_for_file(copied("kfp_main", folder), url)
    report = await imported(request)
    assert list(refused(report)) == [f"tasks.{name} {why}"]
    assert report.records[Kind.TASK]["imported"] == TASKS
    assert await left_out(request) == {"tasks": 1}


async def test_another_failure_of_a_batch_that_is_written_in_parts_ends_the_import(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copied("kfp_main", tmp_path)
    change(file, with_note(TASK))
    limit(migrated_url, "tasks", "status_metadata")
    monkeypatch.setattr("migrations.mlmd.write.writing._choices", lambda *_: 1 / 0)
    before = contents(migrated_url)["tasks"]
    with pytest.raises(ZeroDivisionError):
        await imported(asked_for_file(file, migrated_url))
    assert contents(migrated_url)["tasks"] == before


async def test_an_import_that_resumes_names_what_is_refused_once(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "executions_per_batch", lambda _: 20)
    file, skipped = copied("kfp_main", tmp_path), tmp_path / "skipped"
    change(file, with_note(TASK), with_note(40))
    request = asked_for_file(file, migrated_url, skipped=str(skipped))
    limit(migrated_url, "tasks", "status_metadata")

    def interrupt(phase: str) -> None:
        if phase == "executions":
            raise KeyError(phase)

    with pytest.raises(KeyError):
        await run_import(request, Acting(interrupt))
    watching = Watching()
    report = await run_import(request, watching)
    assert watching.all_done(f"{SECOND_PASS}executions")
    ((_, examples),) = refused(report).items()
    assert [example.split(" of ")[0] for example in examples] == [f"execution {TASK}", "execution 40"]
    assert skipped.read_text().count("VALUES_REFUSED") == report.records[Kind.TASK]["refused"] == 2
    assert await left_out(request) == {"tasks": 2}


@pytest.mark.databases("mysql")
async def test_the_limit_of_packets_is_named(tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    change(file, with_note(TASK, 3_000_000))
    with private_server("mysql", settings={"max_allowed_packet": "2M"}) as server:
        url = create_database("mysql", server=server.url)
        await upgrade.upgrade_async(url)
        request = asked_for_file(file, url)
        report = await imported(request)
        ((place, (example,)),) = refused(report).items()
        assert place == (
            f"tasks.status_metadata is larger than the server allows, where max_allowed_packet is {2 * 1024 * 1024}"
        )
        assert example.endswith(", 3000032 bytes")
        assert await left_out(request) == {"tasks": 1}


async def test_a_value_that_is_refused_outside_of_rows_ends_the_import_with_a_sentence(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr("migrations.mlmd.write.batch.record_progress", refuse)
    with pytest.raises(ValueRefused, match="a value of the source is out of the range of its column"):
        await imported(asked_for_file(copied("kfp_main", tmp_path), migrated_url))


async def test_keys_move_between_tasks_that_are_written_in_different_parts(migrated_url: str, tmp_path: Path) -> None:
    await imported(asked_for_file(copied("kfp_main", tmp_path), migrated_url))
    ids = [Ids().task(execution_id) for execution_id in (2, 4, 3)]
    for id, key in zip(ids, ("one", None, "two"), strict=True):
        if key:
            execute(migrated_url, f"UPDATE tasks SET logical_key = '{key}' WHERE id = '{id}'")
    limit(migrated_url, "tasks", "status_metadata")

    async def move(connection: AsyncConnection) -> Changes:
        ledger = Ledger(connection, target.dialect, 1)
        stored = await ledger.rows(Kind.TASK, ids)
        new = ({"logical_key": "two"}, {"status_metadata": f'{{"a":"{"x" * SHORT}"}}'}, {"logical_key": "one"})
        names = SHAPES[Kind.TASK].names
        rows = {
            id: tuple((dict(zip(names, stored[id], strict=True)) | one).values())
            for id, one in zip(ids, new, strict=True)
        }
        changes = changes_of(
            Kind.TASK, rows, digests(Kind.TASK, rows), digests(Kind.TASK, stored), digests(Kind.TASK, stored), stored
        )
        [written] = await write_in_parts(ledger, [changes], Refusals())
        return written

    async with open_for_import(migrated_url) as target:
        written = await target.transact(move)
    assert set(written.updates) == set(written.outcomes[Outcome.UPDATED]) == {ids[0], ids[2]}
    keys = dict(execute(migrated_url, "SELECT id, logical_key FROM tasks WHERE logical_key IS NOT NULL"))
    assert keys == {ids[0]: "two", ids[2]: "one"}
