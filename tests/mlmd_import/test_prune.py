"""Rows that the import wrote follow a source that has lost something only if that is meant, and only some unless more is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrations.mlmd.dry_run import EMPTY, REMOVE, RENAME, UPDATE, dry_run
from migrations.mlmd.importer import LOOKING, run_import
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.write.job import JobState
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import Outcome
from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd_import.imports import (
    Acting,
    Watching,
    asked,
    asked_for_file,
    change,
    command,
    contents,
    copied,
    everything,
    imported,
    ran,
)
from tests.mlmd_import.test_again import NEW_RUN
from tests.mlmd_import.test_groups import KFP_RUN

pytestmark = pytest.mark.one_database

EMPTYINGS = {
    "links": ("DELETE FROM Event", "remove 79 artifact_tasks", "79 of 246 rows, 32.1 %"),
    "parameters": (
        "DELETE FROM ExecutionProperty WHERE name IN ('inputs', 'outputs')",
        "empty 14 runs and 93 tasks",
        "107 of 246 rows, 43.5 %",
    ),
    "parents": (
        "DELETE FROM ExecutionProperty WHERE name = 'parent_dag_id'",
        "remove 4 artifact_tasks, empty 24 tasks and 3 artifact_tasks, and rename or move 32 tasks",
        "43 of 246 rows, 17.5 %",
    ),
    "namespaces": (
        "DELETE FROM ContextProperty WHERE name = 'namespace'",
        "empty 16 runs, 104 tasks and 47 artifacts",
        "167 of 246 rows, 67.9 %",
    ),
    "executions": (
        "DELETE FROM Execution",
        "remove 104 tasks and 79 artifact_tasks, and empty 15 runs",
        "198 of 246 rows, 80.5 %",
    ),
}
"""What a store loses, what an import with --prune would do, and to how many rows."""

FOLLOWED = ("runs", "tasks", "artifact_tasks")
"""The tables that hold no more than the source gives; artifacts that it no longer ties to a run stay."""

PROGRESS = (
    # A task has ended, with another pod, one more property and one more link; artifacts have other numbers, and one more.
    "UPDATE Execution SET last_known_state = 4, last_update_time_since_epoch = 1795400000000 WHERE id = 4",
    "UPDATE ExecutionProperty SET string_value = 'another-pod' WHERE execution_id = 4 AND name = 'pod_name'",
    "INSERT INTO ExecutionProperty (execution_id, name, is_custom_property, string_value) VALUES (4, 'note', 1, 'new')",
    "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (900, 1, 4, 3, 1)",
    "INSERT INTO EventPath (event_id, is_index_step, step_key) VALUES (900, 0, 'more')",
    "UPDATE ArtifactProperty SET double_value = double_value + 1 WHERE double_value IS NOT NULL",
    "INSERT INTO ArtifactProperty (artifact_id, name, is_custom_property, double_value) "
    "SELECT artifact_id, 'f1', 1, 0.5 FROM ArtifactProperty WHERE name = 'loss'",
)


@pytest.mark.parametrize("name", EMPTYINGS)
async def test_rows_follow_an_emptied_source_only_if_that_is_meant(
    name: str, migrated_url: str, make_migrated: Callable[[], str], tmp_path: Path
) -> None:
    source, report = copied("kfp_main", tmp_path), tmp_path / "report.json"
    await imported(asked_for_file(source, migrated_url))
    statement, damage, share = EMPTYINGS[name]
    change(source, statement)
    before = everything(migrated_url)
    words = command(f"sqlite:///{source}", migrated_url, "--report", str(report), "--prune")
    ended = ran(*words)
    would = f"this import would {damage}: {share}"
    sentence = f"{would}; without --yes it may change 1 %; nothing was written. If this is intended, add --yes"
    assert (ended.returncode, ended.stderr) == (1, f"lineal-server: {sentence}\n")
    assert would in ended.stdout.splitlines()
    assert json.loads(report.read_text()) == {"outcome": "failed", "error": sentence}
    assert everything(migrated_url) == before
    meant = ran(*words, "--yes")
    assert (meant.returncode, would in meant.stdout.splitlines()) == (0, True)
    fresh = make_migrated()
    await imported(asked_for_file(source, fresh))
    wanted, there = contents(fresh), contents(migrated_url)
    assert {table: there[table] for table in FOLLOWED} == {table: wanted[table] for table in FOLLOWED}


async def test_a_little_may_be_pruned_without_more_words(migrated_url: str, tmp_path: Path) -> None:
    source, observer = copied("kfp_main", tmp_path), Watching()
    await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Event WHERE id = 2")
    report = await run_import(asked_for_file(source, migrated_url, prune=True), observer)
    assert observer.foretold == ["this import would remove 1 artifact_tasks: 1 of 246 rows, 0.4 %"]
    assert (report.records[Kind.LINK]["removed"], report.records[Kind.LINK]["damaged"]) == (1, 1)
    assert "removed" in next(iter(report.lines()))
    assert (await verify(asked_for_file(source, migrated_url), Watching())).difference_count == 0


async def test_what_vanished_whole_stays_even_then(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Context WHERE id = (SELECT max(id) FROM Context)")
    before = contents(migrated_url)
    report = await imported(asked_for_file(source, migrated_url, prune=True, yes=True))
    after = contents(migrated_url)
    assert {table: after[table] for table in FOLLOWED} == {table: before[table] for table in FOLLOWED}
    assert [row[0] for row in after["artifacts"]] == [row[0] for row in before["artifacts"]]
    assert report.records[Kind.RUN]["gone"] == 1
    assert report.records[Kind.TASK]["gone"] >= 1


async def test_the_progress_of_a_source_in_use_needs_no_leave(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, *NEW_RUN, *PROGRESS)
    report = await imported(asked_for_file(source, migrated_url))
    assert report.records[Kind.TASK]["updated"] >= 1
    assert report.records[Kind.LINK]["created"] >= 1
    assert report.records[Kind.ARTIFACT]["updated"] >= 1
    assert {report.records[kind][name] for kind in Kind for name in ("removed", "emptied", "renamed")} == {0}


async def test_what_clients_changed_or_deleted_is_no_damage(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    execute(migrated_url, "UPDATE tasks SET display_name = 'mine'")
    execute(migrated_url, "DELETE FROM artifact_tasks")
    execute(migrated_url, "UPDATE runs SET description = 'mine'")
    change(
        source, "DELETE FROM ExecutionProperty WHERE name IN ('inputs', 'outputs')", "DELETE FROM Event WHERE id = 2"
    )
    before = contents(migrated_url)
    report = await imported(asked_for_file(source, migrated_url, prune=True))
    assert contents(migrated_url) == before
    assert report.tally.count(Kind.TASK, Outcome.CHANGED_HERE) == 104


@pytest.fixture
def request_with_kfp(migrated_url: str, tmp_path: Path) -> ImportRequest:
    """kfp_main, of whose runs KFP's database knows the first."""
    kfp = f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    execute(kfp, f"UPDATE run_details SET UUID = '{KFP_RUN}' WHERE UUID = '{RUN_ID}'")
    return asked("kfp_main", migrated_url, kfp=kfp)


async def test_a_run_follows_an_experiment_that_a_client_made_anew(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    await imported(request_with_kfp)
    # As after a client's DeleteExperiment and CreateExperiment.
    execute(migrated_url, "UPDATE experiments SET id = 'mine' WHERE id = 'e1'")
    report = await imported(request_with_kfp)
    assert execute(migrated_url, "SELECT experiment_id FROM runs") == [("mine",)]
    assert (report.records[Kind.RUN]["updated"], report.records[Kind.RUN]["renamed"]) == (1, 0)
    assert [report.records[Kind.EXPERIMENT][name] for name in ("taken", "deleted_here")] == [1, 0]


async def test_a_run_that_lost_its_experiment_stays_in_it_unless_a_move_is_meant(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    await imported(request_with_kfp)
    execute(request_with_kfp.kfp, "UPDATE run_details SET ExperimentUUID = ''")
    before = contents(migrated_url)
    report = await imported(request_with_kfp)
    assert contents(migrated_url) == before
    assert report.records[Kind.RUN]["kept_values"] == 1
    with pytest.raises(ImportRefused, match="would rename or move 1 runs:"):
        await imported(replace(request_with_kfp, prune=True))
    report = await imported(replace(request_with_kfp, prune=True, yes=True))
    assert report.records[Kind.RUN]["renamed"] == 1


async def test_a_look_does_not_count_what_is_wrong_with_groups_twice(request_with_kfp: ImportRequest) -> None:
    execute(request_with_kfp.kfp, f"UPDATE experiments SET Name = '{'n' * 300}'")
    first = await imported(request_with_kfp)
    again = await imported(replace(request_with_kfp, prune=True))
    assert again.findings.count(Rule.TEXTS_CUT) == first.findings.count(Rule.TEXTS_CUT) == 1


async def test_a_batch_that_would_do_more_damage_than_foretold_is_not_written(
    migrated_url: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    before = contents(migrated_url)

    def lose_links(phase: str) -> None:
        if phase == f"{LOOKING}artifacts without a run":
            change(source, "DELETE FROM Event")

    request = asked_for_file(source, migrated_url, prune=True)
    with pytest.raises(
        ImportRefused, match=r"next batch would remove 79 artifact_tasks, .*; this batch was not written"
    ):
        await run_import(request, Acting(lose_links))
    (job,) = before["import_jobs"]
    assert contents(migrated_url) == before | {"import_jobs": [(*job[:-1], JobState.RUNNING.value)]}
    report = await imported(replace(request, yes=True))
    assert report.records[Kind.LINK]["removed"] == 79


async def test_a_dry_run_foretells_what_would_be_pruned(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url, prune=True)
    await imported(request)
    statement, damage, share = EMPTYINGS["parents"]
    change(source, statement)
    foretold = await dry_run(request, Watching())
    assert foretold.refusals == [f"an import would be refused without --yes: it would {damage}: {share}"]
    assert foretold.refusals[0] in list(foretold.lines())
    assert foretold.plain()["refusals"] == foretold.refusals
    meant = await dry_run(replace(request, yes=True), Watching())
    report = await imported(replace(request, yes=True))
    assert meant.refusals == []
    for kind in Kind:
        figures = [report.records[kind][name] for name in ("updated", "removed", "emptied", "renamed")]
        assert [meant.records[kind][name] for name in (UPDATE, REMOVE, EMPTY, RENAME)] == figures
