"""Experiments, pipelines and versions come from KFP's own database; a name that Lineal has already means what it has."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrations.mlmd.dry_run import CREATE, TAKEN, dry_run
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import CHANGED, KEPT, REMOVED, undo
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import Outcome
from tests.databases import sqlite_path
from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import RUNS_FILE
from tests.mlmd_import.imports import Watching, asked, asked_for_file, change, contents, copied, imported
from tests.mlmd_import.test_only_adds import trued_up

pytestmark = pytest.mark.one_database

KFP_RUN = "3883dfda-8676-4706-a06c-aecb5dba8e01"


@pytest.fixture
def request_with_kfp(migrated_url: str, tmp_path: Path) -> ImportRequest:
    """kfp_main, of whose runs KFP's database knows the first."""
    kfp = f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    for table, column in (("run_details", "UUID"), ("tasks", "RunUUID")):
        execute(kfp, f"UPDATE {table} SET {column} = '{KFP_RUN}' WHERE {column} = '{RUN_ID}'")
    return asked("kfp_main", migrated_url, kfp=kfp)


async def test_groups_come_before_the_runs_that_refer_to_them(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    before = contents(migrated_url)
    foretold = await dry_run(request_with_kfp, Watching())
    report = await imported(request_with_kfp)
    columns = "experiment_id, pipeline_id, pipeline_version_id, display_name"
    assert execute(migrated_url, f"SELECT {columns} FROM runs") == [("e1", "p1", "v1", "my rün")]
    groups = (Kind.EXPERIMENT, Kind.PIPELINE, Kind.VERSION)
    assert [report.records[kind]["created"] for kind in groups] == [1, 1, 1]
    assert [foretold.records[kind][CREATE] for kind in Kind] == [report.records[kind]["created"] for kind in Kind]
    assert report.findings.count(Rule.RUNS_NOT_IN_KFP) == 15
    assert (await verify(request_with_kfp, Watching())).difference_count == 0
    once = contents(migrated_url)
    again = await imported(request_with_kfp)
    assert contents(migrated_url) == once
    assert again.tally.left_alone() == []
    await undo(request_with_kfp, lambda *_: None)
    assert contents(migrated_url) == before


def insert_run(url: str, **fields: str) -> None:
    """A run that a client made."""
    row = {"id": "mine", "experiment_id": "x", "description": "", "state_history": "[]", **fields}
    names = ", ".join([*row, "created_at", "scheduled_at", "updated_at"])
    values = ", ".join([*(f"'{value}'" for value in row.values()), "1, 1, 1"])
    execute(url, f"INSERT INTO runs ({names}) VALUES ({values})")


def insert_version(url: str, **fields: str) -> None:
    """A version that a client made."""
    row = {"name": "mine", "description": "", "package_url": "", "code_source_url": "", **fields}
    names, values = ", ".join(row), ", ".join(f"'{value}'" for value in row.values())
    execute(url, f"INSERT INTO pipeline_versions ({names}, created_at) VALUES ({values}, 1)")


USES: dict[str, tuple[Callable[[str], None], set[Kind]]] = {
    "a run of an experiment": (lambda url: insert_run(url, experiment_id="e1"), {Kind.EXPERIMENT}),
    "a run of a version": (
        lambda url: insert_run(url, pipeline_version_id="v1"),
        {Kind.VERSION, Kind.PIPELINE},
    ),
    "a version of a pipeline": (lambda url: insert_version(url, id="mine", pipeline_id="p1"), {Kind.PIPELINE}),
}
"""What clients put below imported groups, and of which kinds an undo then keeps the imported row."""

GROUPS = {Kind.EXPERIMENT: "experiments", Kind.PIPELINE: "pipelines", Kind.VERSION: "pipeline_versions"}


@pytest.mark.parametrize("use", USES)
async def test_undo_keeps_groups_below_which_clients_put_something(
    migrated_url: str, request_with_kfp: ImportRequest, use: str
) -> None:
    put, kept_kinds = USES[use]
    before = contents(migrated_url)
    await imported(request_with_kfp)
    put(migrated_url)
    whole = contents(migrated_url)
    report = await undo(request_with_kfp, lambda *_: None)
    left = contents(migrated_url)
    for kind, table in GROUPS.items():
        mine = [row for row in whole[table] if row[0] == "mine"]
        imported_rows = [row for row in whole[table] if row not in before[table] and row not in mine]
        assert len(imported_rows) == 1
        assert report.records[kind] == {REMOVED: kind not in kept_kinds, CHANGED: 0, KEPT: kind in kept_kinds}
        assert left[table] == sorted([*before[table], *mine, *(imported_rows if kind in kept_kinds else [])], key=repr)
    assert left["runs"] == [row for row in whole["runs"] if row[0] == "mine"]


async def test_a_name_that_is_taken_means_what_bears_it(migrated_url: str, request_with_kfp: ImportRequest) -> None:
    columns = "id, name, namespace, description, storage_state, created_at"
    execute(
        migrated_url, f"INSERT INTO experiments ({columns}) VALUES ('mine', 'trials', 'team-x', '', 'AVAILABLE', 1)"
    )
    execute(
        migrated_url,
        "INSERT INTO pipelines (id, name, namespace, display_name, description, created_at) "
        "VALUES ('own', 'training', 'team-a', '', '', 1)",
    )
    execute(
        migrated_url,
        "INSERT INTO pipeline_versions (id, pipeline_id, name, description, package_url, code_source_url, created_at) "
        "VALUES ('first', 'own', 'first', '', '', '', 1)",
    )
    report = await imported(request_with_kfp)
    assert execute(migrated_url, "SELECT experiment_id, pipeline_id, pipeline_version_id FROM runs") == [
        ("mine", "own", "v1")
    ]
    assert execute(migrated_url, "SELECT pipeline_id, name FROM pipeline_versions WHERE id = 'v1'") == [
        ("own", "first-v1")
    ]
    assert [report.tally.count(kind, Outcome.TAKEN) for kind in (Kind.EXPERIMENT, Kind.PIPELINE)] == [1, 1]
    assert (await verify(request_with_kfp, Watching())).difference_count == 0


async def test_groups_that_kfp_renames_or_loses_stay(migrated_url: str, request_with_kfp: ImportRequest) -> None:
    kfp = request_with_kfp.kfp
    columns = "UUID, Name, Description, CreatedAtInSec, LastRunCreatedAtInSec, Namespace, StorageState"
    for id, name in (("e8", "second"), ("e9", "third")):
        row = f"INSERT INTO experiments ({columns}) VALUES ('{id}', '{name}', 'd', 3, 7, 'team-x', 'AVAILABLE')"
        execute(kfp, row)
    await imported(request_with_kfp)
    groups = [
        f"SELECT id, name FROM {table} ORDER BY id" for table in ("experiments", "pipelines", "pipeline_versions")
    ]
    before = [execute(migrated_url, statement) for statement in groups]
    # Two names are exchanged, a third is given to another experiment, and all else is gone.
    execute(kfp, "UPDATE experiments SET Name = 'second', Namespace = 'team-x' WHERE UUID = 'e1'")
    execute(kfp, "UPDATE experiments SET Name = 'trials', Description = 'new' WHERE UUID = 'e8'")
    execute(kfp, "UPDATE experiments SET UUID = 'e10' WHERE UUID = 'e9'")
    execute(kfp, "DELETE FROM pipeline_versions")
    execute(kfp, "DELETE FROM pipelines")
    report = await trued_up(request_with_kfp)
    assert [execute(migrated_url, statement) for statement in groups] == before
    assert execute(migrated_url, "SELECT description FROM experiments WHERE id = 'e8'") == [("new",)]
    assert report.records[Kind.EXPERIMENT]["kept_values"] == 2
    assert [report.records[kind]["gone"] for kind in (Kind.EXPERIMENT, Kind.PIPELINE, Kind.VERSION)] == [1, 1, 1]
    assert (await verify(request_with_kfp, Watching())).difference_count == 0


async def test_a_specification_that_was_deleted_comes_back_with_what_needs_it(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    await imported(request_with_kfp)
    execute(migrated_url, "UPDATE runs SET pipeline_spec_id = NULL")
    execute(migrated_url, "DELETE FROM pipeline_versions")
    execute(migrated_url, "DELETE FROM pipeline_specs")
    execute(request_with_kfp.kfp, "UPDATE pipeline_versions SET UUID = 'v2', Name = 'again'")
    report = await imported(request_with_kfp)
    assert [report.records[kind]["created"] for kind in (Kind.SPEC, Kind.VERSION)] == [1, 1]
    assert execute(migrated_url, "SELECT count(*) FROM pipeline_versions WHERE pipeline_spec_id IS NOT NULL") == [(1,)]


async def test_names_that_are_the_same_when_cut_mean_one_experiment(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    columns = "UUID, Name, Description, CreatedAtInSec, LastRunCreatedAtInSec, Namespace, StorageState"
    for id, name in (("e2", "n" * 200), ("e3", "n" * 201)):
        row = f"INSERT INTO experiments ({columns}) VALUES ('{id}', '{name}', '', 3, 7, 'team-x', 'AVAILABLE')"
        execute(request_with_kfp.kfp, row)
    foretold = await dry_run(request_with_kfp, Watching())
    report = await imported(request_with_kfp)
    assert report.tally.count(Kind.EXPERIMENT, Outcome.TAKEN) == foretold.records[Kind.EXPERIMENT][TAKEN] == 1
    assert execute(migrated_url, "SELECT id FROM experiments WHERE namespace = 'team-x' ORDER BY id") == [
        ("e1",),
        ("e2",),
    ]
    assert (await verify(request_with_kfp, Watching())).difference_count == 0


async def test_versions_of_a_pipeline_that_is_missing_have_no_place(request_with_kfp: ImportRequest) -> None:
    execute(request_with_kfp.kfp, "UPDATE pipelines SET UUID = 'p2'")
    foretold = await dry_run(request_with_kfp, Watching())
    report = await imported(request_with_kfp)
    assert report.records[Kind.VERSION]["without_parent"] == foretold.records[Kind.VERSION]["without_parent"] == 1
    assert foretold.records[Kind.VERSION][CREATE] == report.records[Kind.VERSION]["created"] == 0
    assert (await verify(request_with_kfp, Watching())).difference_count == 0


@pytest.mark.databases("sqlite")
async def test_a_dry_run_for_a_new_store_knows_its_default_experiment(
    database_url: str, request_with_kfp: ImportRequest
) -> None:
    execute(request_with_kfp.kfp, "UPDATE experiments SET Name = 'Default', Namespace = ''")
    request = replace(request_with_kfp, store=database_url)
    foretold = await dry_run(request, Watching())
    assert not sqlite_path(database_url).exists()
    report = await imported(request)
    assert foretold.records[Kind.EXPERIMENT][TAKEN] == report.records[Kind.EXPERIMENT]["taken"] == 1


async def test_a_task_whose_logical_key_a_client_took_comes_without_it(
    migrated_url: str, request_with_kfp: ImportRequest
) -> None:
    await imported(request_with_kfp)
    [(id,)] = execute(migrated_url, f"SELECT min(id) FROM tasks WHERE run_id = '{KFP_RUN}' AND parent_task_id <> ''")
    execute(migrated_url, f"DELETE FROM artifact_tasks WHERE task_id = '{id}'")
    execute(migrated_url, f"DELETE FROM imported_rows WHERE row_id = '{id}'")
    execute(migrated_url, f"UPDATE tasks SET id = 'by-a-client' WHERE id = '{id}'")
    report = await imported(request_with_kfp)
    assert report.records[Kind.TASK]["created"] == 1
    keys = execute(migrated_url, f"SELECT id, logical_key IS NULL FROM tasks WHERE id IN ('by-a-client', '{id}')")
    assert {row_id: bool(lacking) for row_id, lacking in keys} == {"by-a-client": False, id: True}
    assert (await imported(request_with_kfp)).records[Kind.TASK]["updated"] == 0


async def test_a_run_that_kfp_recorded_in_both_ways_loses_neither(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    workflow = next(run["run_name"] for run in json.loads(RUNS_FILE.read_text())["runs"] if run["run_id"] == KFP_RUN)
    change(
        source,
        "INSERT INTO Type (id, name, type_kind) VALUES (900, 'KfpRun', 2)",
        "INSERT INTO Context (id, type_id, name, create_time_since_epoch, last_update_time_since_epoch) "
        f"VALUES (900, 900, '{workflow}', 1795300000000, 1795300000000)",
        "INSERT INTO Execution (id, type_id, last_known_state, create_time_since_epoch, last_update_time_since_epoch) "
        "VALUES (900, 13, 3, 1795300000000, 1795300000000)",
        "INSERT INTO Association (context_id, execution_id) VALUES (900, 900)",
    )
    request = asked_for_file(source, migrated_url, kfp=str(RUNS_FILE))
    report = await imported(request)
    assert report.findings.count(Rule.RUNS_WITH_TAKEN_ID) == 1
    assert [report.records[kind]["created"] for kind in (Kind.RUN, Kind.TASK)] == [17, 105]
    assert (await imported(request)).records[Kind.TASK]["unchanged"] == 105


@pytest.mark.parametrize("column", ["ExperimentUUID", "JobUUID", "PipelineId", "PipelineVersionId"])
async def test_ids_that_no_column_takes_do_not_stop_an_import(request_with_kfp: ImportRequest, column: str) -> None:
    execute(request_with_kfp.kfp, f"UPDATE run_details SET {column} = '{'i' * 255}' || char(0)")
    report = await imported(request_with_kfp)
    assert report.findings.count(Rule.TEXTS_CUT) == 1
    assert (await verify(request_with_kfp, Watching())).difference_count == 0
