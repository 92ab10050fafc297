"""A true-up of a source that has lost something adds what is new, and keeps, counts and names all else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import undo
from migrations.mlmd.verify import verify
from migrations.mlmd.write import plan
from migrations.mlmd.write.damage import column_changes, empties, renames
from migrations.mlmd.write.expected import expected_rows
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_digest import digest
from migrations.mlmd.write.row_kinds import SHAPES, Kind
from migrations.mlmd.write.tally import Outcome
from storage.model import ArtifactType, TaskType
from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd_import.imports import Contents, Watching, asked_for_file, change, contents, copied, imported
from tests.mlmd_import.test_again import CHANGED_PAYLOAD, NEW_RUN, TASK_OF_EXECUTION_4

pytestmark = pytest.mark.one_database

RUN = "3883dfda-8676-4706-a06c-aecb5dba8e01"
METRICS = "SELECT artifact_id FROM ArtifactProperty WHERE name = 'loss'"

LINK = SHAPES[Kind.LINK].names

LOSSES: dict[str, tuple[str, dict[Kind, int], dict[Kind, int]]] = {
    "links": ("DELETE FROM Event WHERE id > 1", {Kind.LINK: 78}, {}),
    "parameters": (
        "DELETE FROM ExecutionProperty WHERE name IN ('inputs', 'outputs')",
        {},
        {Kind.RUN: 14, Kind.TASK: 93},
    ),
    "namespaces": (
        "DELETE FROM ContextProperty WHERE name = 'namespace'",
        {},
        {Kind.RUN: 16, Kind.TASK: 104, Kind.ARTIFACT: 47},
    ),
    # Each run has its ROOT still.
    "executions": (
        "DELETE FROM Execution WHERE id > 1",
        {Kind.TASK: 88, Kind.ARTIFACT: 47, Kind.LINK: 79},
        {Kind.RUN: 16, Kind.TASK: 16},
    ),
    # The artifacts have no more runs from which they have their namespaces.
    "runs": (
        "DELETE FROM Context WHERE type_id = (SELECT id FROM Type WHERE name = 'system.PipelineRun')",
        {Kind.RUN: 16, Kind.TASK: 104, Kind.LINK: 79},
        {Kind.ARTIFACT: 47},
    ),
    "artifacts": ("DELETE FROM Artifact WHERE id > 1", {Kind.ARTIFACT: 46, Kind.LINK: 75}, {}),
}
"""What a store loses, but for its oldest rows, which tell which store it is; what is gone then, and what has lost something."""


def assert_nothing_lost(before: Contents, after: Contents) -> None:
    """Every row is there, with all that it had."""
    for kind in Kind:
        table = SHAPES[kind].table.name
        rows = {row[0]: row for row in after[table]}
        for row in before[table]:
            changes = column_changes(kind, row, rows[row[0]])
            assert not empties(kind, changes)
            assert not renames(kind, changes)


async def trued_up(request: ImportRequest) -> Report:
    """What a true-up reports; a second one writes nothing, and the store verifies."""
    before = contents(request.store)
    foretold = await dry_run(request, Watching())
    report = await imported(request)
    after = contents(request.store)
    assert_nothing_lost(before, after)
    assert foretold.plain()["left_alone"] == report.plain()["left_alone"]
    again = await imported(request)
    assert contents(request.store) == after
    assert {again.records[kind][name] for kind in Kind for name in ("created", "updated")} == {0}
    assert again.plain()["left_alone"] == report.plain()["left_alone"]
    return report


def figures(report: Report, name: str) -> dict[Kind, int]:
    """One figure of the kinds that have it."""
    return {kind: counts[name] for kind, counts in report.records.items() if counts[name]}


@pytest.mark.parametrize("name", LOSSES)
async def test_what_a_source_loses_stays(name: str, migrated_url: str, tmp_path: Path) -> None:
    source, empty = copied("kfp_main", tmp_path), contents(migrated_url)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    statement, gone, kept = LOSSES[name]
    change(source, statement, *NEW_RUN)
    report = await trued_up(request)
    assert report.records[Kind.RUN]["created"] == 1
    assert (figures(report, "gone"), figures(report, "kept_values")) == (gone, kept)
    found = await verify(request, Watching())
    assert (found.difference_count, found.differences) == (0, [])
    assert figures(found, "not_in_source") == figures(report, "gone")
    assert figures(found, "kept_values") == figures(report, "kept_values")
    for line in (line for told in (report, found) for line in told.lines() if "gone in the source" in line):
        assert ", such as " in line
    await undo(request, lambda *_: None)
    assert contents(migrated_url) == empty


async def test_rows_that_clients_changed_or_deleted_are_named_though_the_source_is_as_it_was(
    migrated_url: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    execute(migrated_url, f"UPDATE tasks SET display_name = 'mine' WHERE id = '{TASK_OF_EXECUTION_4}'")
    [(artifact,)] = execute(
        migrated_url, "SELECT artifact_id FROM artifact_tasks GROUP BY artifact_id ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    execute(migrated_url, f"UPDATE artifacts SET description = 'mine' WHERE id = '{artifact}'")
    [(link,)] = execute(migrated_url, f"SELECT min(id) FROM artifact_tasks WHERE artifact_id <> '{artifact}'")
    execute(migrated_url, f"DELETE FROM artifact_tasks WHERE id = '{link}'")
    report = await trued_up(request)
    told = {(kind, outcome): cases.examples for kind, outcome, cases in report.tally.left_alone()}
    assert told == {
        (Kind.TASK, Outcome.CHANGED_HERE): [TASK_OF_EXECUTION_4],
        (Kind.ARTIFACT, Outcome.CHANGED_HERE): [artifact],
        (Kind.LINK, Outcome.DELETED_HERE): [link],
    }
    change(source, "DELETE FROM Execution WHERE id = 4")
    report = await imported(request)
    assert report.tally.count(Kind.TASK, Outcome.CHANGED_HERE) == 1


async def test_a_deleted_run_is_counted_with_all_that_went_with_it(migrated_url: str, tmp_path: Path) -> None:
    request = asked_for_file(copied("kfp_main", tmp_path), migrated_url)
    await imported(request)
    counts = [
        execute(migrated_url, f"SELECT count(*) FROM {table} WHERE run_id = '{RUN}'")[0][0]
        for table in ("tasks", "artifact_tasks")
    ]
    for table, column in (("artifact_tasks", "run_id"), ("tasks", "run_id"), ("runs", "id")):
        execute(migrated_url, f"DELETE FROM {table} WHERE {column} = '{RUN}'")
    report = await trued_up(request)
    assert [report.records[kind]["deleted_here"] for kind in (Kind.RUN, Kind.TASK, Kind.LINK)] == [1, *counts]
    assert report.records[Kind.TASK]["unchanged"] == report.records[Kind.TASK]["imported"] - counts[0]


async def test_an_artifact_that_clients_deleted_gets_no_new_link(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    execute(migrated_url, "DELETE FROM artifact_tasks")
    execute(migrated_url, "DELETE FROM artifacts")
    change(
        source,
        "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (900, 1, 4, 3, 1)",
        "INSERT INTO EventPath (event_id, is_index_step, step_key) VALUES (900, 0, 'more')",
    )
    report = await trued_up(request)
    assert report.records[Kind.LINK]["without_parent"] == 1
    assert report.records[Kind.LINK]["deleted_here"] == 79


def metrics(url: str) -> set[tuple[str, float]]:
    """The names and numbers of all metrics that are linked."""
    rows = execute(
        url,
        "SELECT DISTINCT a.name, a.number_value FROM artifacts a JOIN artifact_tasks l ON l.artifact_id = a.id "
        f"WHERE a.type = {int(ArtifactType.Metric)}",
    )
    return {(name, number) for name, number in rows}


async def test_metrics_keep_their_names_when_one_goes_or_comes(
    migrated_url: str, make_migrated: Callable[[], str], tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    request, count = asked_for_file(source, migrated_url), "SELECT count(*) FROM artifacts"
    one_more = (
        "INSERT INTO ArtifactProperty (artifact_id, name, is_custom_property, double_value) "
        "SELECT artifact_id, '{}', 1, 0.25 FROM ArtifactProperty WHERE name = 'loss'"
    )
    await imported(request)
    first, [(had,)] = metrics(migrated_url), execute(migrated_url, count)
    [(of_loss,)] = execute(f"sqlite:///{source}", f"SELECT count(*) FROM ({METRICS})")
    # Both before the first name and after it: the first metric has the id of the artifact.
    change(source, one_more.format("aaa"), one_more.format("zzz"))
    report = await trued_up(request)
    assert metrics(migrated_url) == first | {("aaa", 0.25), ("zzz", 0.25)}
    assert execute(migrated_url, count) == [(had + 2 * of_loss,)]
    assert report.records[Kind.ARTIFACT]["gone"] == 0
    fresh = make_migrated()
    await imported(asked_for_file(source, fresh))
    assert execute(migrated_url, "SELECT count(*) FROM artifact_tasks") == execute(
        fresh, "SELECT count(*) FROM artifact_tasks"
    )
    change(
        source,
        "DELETE FROM ArtifactProperty WHERE name = 'loss'",
        "UPDATE ArtifactProperty SET double_value = 0.75 WHERE name = 'zzz'",
    )
    report = await trued_up(request)
    assert metrics(migrated_url) == (first - {("zzz", 0.25)}) | {("aaa", 0.25), ("zzz", 0.75)}
    assert report.records[Kind.ARTIFACT]["gone"] == of_loss
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_link_whose_id_is_held_by_a_kept_one_comes_under_another(migrated_url: str, tmp_path: Path) -> None:
    request = asked_for_file(copied("kfp_main", tmp_path), migrated_url)
    await imported(request)
    links = "SELECT task_id, artifact_id, type, iteration FROM artifact_tasks ORDER BY 1, 2, 3, 4"
    before = execute(migrated_url, links)
    # As if the import had written it for another task of the run, under the id that the source gives to something else now.
    [(link, run_id, task_id)] = execute(
        migrated_url, "SELECT id, run_id, task_id FROM artifact_tasks ORDER BY id LIMIT 1"
    )
    other = f"SELECT min(id) FROM tasks WHERE run_id = '{run_id}' AND id <> '{task_id}'"
    execute(migrated_url, f"UPDATE artifact_tasks SET task_id = ({other}) WHERE id = '{link}'")
    row = next(row for row in contents(migrated_url)["artifact_tasks"] if row[0] == link)
    execute(migrated_url, f"UPDATE imported_rows SET digest = {digest(Kind.LINK, row)} WHERE row_id = '{link}'")
    report = await trued_up(request)
    assert (report.records[Kind.LINK]["created"], report.records[Kind.LINK]["gone"]) == (1, 1)
    assert set(before) < set(execute(migrated_url, links))
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_link_does_not_become_equal_to_one_that_is_kept(migrated_url: str, tmp_path: Path) -> None:
    request = asked_for_file(copied("kfp_main", tmp_path), migrated_url)
    await imported(request)
    [(link,)] = execute(migrated_url, "SELECT min(id) FROM artifact_tasks WHERE iteration = -1")
    row = dict(zip(LINK, next(row for row in contents(migrated_url)["artifact_tasks"] if row[0] == link), strict=True))
    # The import once gave both an iteration, which is kept, and the first another type, which follows the source.
    values = {"iteration": 5, "type": 8}
    execute(migrated_url, f"UPDATE artifact_tasks SET iteration = 5, type = 8 WHERE id = '{link}'")
    names = ", ".join(f"`{name}`" if migrated_url.startswith("mysql") else f'"{name}"' for name in LINK)
    other = row | {"id": "kept", "iteration": 5}
    execute(migrated_url, f"INSERT INTO artifact_tasks ({names}) VALUES {tuple(other.values())}")
    execute(
        migrated_url,
        f"INSERT INTO imported_rows (row_id, import_id, kind, digest) VALUES ('kept', 1, {int(Kind.LINK)}, {noted(other)})",
    )
    execute(migrated_url, f"UPDATE imported_rows SET digest = {noted(row | values)} WHERE row_id = '{link}'")
    report = await trued_up(request)
    assert (report.records[Kind.LINK]["gone"], report.records[Kind.LINK]["kept_values"]) == (1, 1)
    assert (await verify(request, Watching())).difference_count == 0


def noted(link: dict[str, Any]) -> int:
    """What an import notes of a link."""
    return digest(Kind.LINK, tuple(link.values()))


async def test_a_new_task_leaves_its_key_to_the_one_that_is_kept(migrated_url: str, tmp_path: Path) -> None:
    source, kfp = copied("kfp_main", tmp_path), f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    execute(kfp, f"UPDATE run_details SET UUID = '{RUN}' WHERE UUID = '{RUN_ID}'")
    request = asked_for_file(source, migrated_url, kfp=kfp)
    await imported(request)
    keys = "SELECT id, logical_key FROM tasks WHERE logical_key IS NOT NULL ORDER BY id"
    before = execute(migrated_url, keys)
    execution = next(id for id in range(2, 200) if Ids().task(id) in dict(before))
    # The same task once more, under another id.
    change(
        source,
        f"UPDATE ExecutionProperty SET execution_id = 900 WHERE execution_id = {execution}",
        f"UPDATE ExecutionProperty SET int_value = 900 WHERE name = 'parent_dag_id' AND int_value = {execution}",
        f"UPDATE Association SET execution_id = 900 WHERE execution_id = {execution}",
        f"UPDATE Event SET execution_id = 900 WHERE execution_id = {execution}",
        f"UPDATE Execution SET id = 900 WHERE id = {execution}",
    )
    report = await trued_up(request)
    assert (report.records[Kind.TASK]["created"], report.records[Kind.TASK]["gone"]) == (1, 1)
    assert execute(migrated_url, keys) == before
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_run_that_lost_its_root_has_one_root_still(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    roots = f"SELECT run_id, id, state, finished_at FROM tasks WHERE type = {int(TaskType.ROOT)} ORDER BY run_id, id"
    states = "SELECT id, state, finished_at FROM runs ORDER BY id"
    before = execute(migrated_url, roots), execute(migrated_url, states)
    change(source, "DELETE FROM Execution WHERE id > 1 AND name LIKE 'run/%'")
    await trued_up(request)
    assert (execute(migrated_url, roots), execute(migrated_url, states)) == before
    # Nor does a run begin again when the source has lost what had ended it.
    change(source, "DELETE FROM Execution WHERE id > 1")
    await trued_up(request)
    assert (execute(migrated_url, roots), execute(migrated_url, states)) == before


async def test_a_task_that_moves_to_another_run_stays_with_its_links(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    run = f"SELECT run_id FROM tasks WHERE id = '{TASK_OF_EXECUTION_4}'"
    before = execute(migrated_url, run)
    change(
        source,
        *NEW_RUN,
        "DELETE FROM Association WHERE execution_id = 4",
        "INSERT INTO Association (context_id, execution_id) VALUES (900, 4)",
        "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (900, 1, 4, 3, 1)",
        "INSERT INTO EventPath (event_id, is_index_step, step_key) VALUES (900, 0, 'more')",
    )
    report = await trued_up(request)
    assert execute(migrated_url, run) == before
    assert report.records[Kind.LINK]["created"] >= 1
    links = execute(migrated_url, f"SELECT DISTINCT run_id FROM artifact_tasks WHERE task_id = '{TASK_OF_EXECUTION_4}'")
    assert links == before
    assert (await verify(request, Watching())).difference_count == 0


async def test_what_changes_and_what_is_lost_at_once_are_both_seen_to(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    change(source, *CHANGED_PAYLOAD)
    report = await trued_up(request)
    shown: list[Any] = execute(
        migrated_url, f"SELECT display_name, state FROM tasks WHERE id = '{TASK_OF_EXECUTION_4}'"
    )
    assert [(name, state) for name, state in shown] == [("evaluate", 4)]
    assert report.records[Kind.TASK]["updated"] >= 1
    assert report.tally.count(Kind.TASK, Outcome.KEPT_VALUES) == 1


async def test_a_row_that_a_client_changes_while_it_is_compared_is_left_alone(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copied("kfp_main", tmp_path)
    request = asked_for_file(source, migrated_url)
    await imported(request)
    change(source, "UPDATE Execution SET last_known_state = 4 WHERE id = 4")

    async def then_changed(ledger: Ledger, kind: Kind, rows: Any, **options: Any) -> Any:
        expected = await expected_rows(ledger, kind, rows, **options)
        if kind is Kind.TASK:
            execute(migrated_url, f"UPDATE tasks SET display_name = 'mine' WHERE id = '{TASK_OF_EXECUTION_4}'")
        return expected

    monkeypatch.setattr(plan, "expected_rows", then_changed)
    report = await imported(request)
    shown = execute(migrated_url, f"SELECT display_name, state FROM tasks WHERE id = '{TASK_OF_EXECUTION_4}'")
    assert [(name, state == 4) for name, state in shown] == [("mine", False)]
    assert report.records[Kind.TASK]["changed_here"] == 1
