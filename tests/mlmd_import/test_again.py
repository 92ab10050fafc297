"""Importing again brings what is new or changed in the source, and leaves alone what clients wrote."""

from pathlib import Path

import pytest

from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import Outcome
from tests.databases import create_migrated_database, drop_database
from tests.databases.queries import execute
from tests.mlmd_import.imports import asked, asked_for_file, change, contents, copied, imported, main_request

TASKS_OF_KFP_MAIN = 104
NEW_RUN = (
    "INSERT INTO Context (id, type_id, name, create_time_since_epoch, last_update_time_since_epoch) "
    "VALUES (900, 11, 'e1111111-1111-4111-8111-111111111111', 1795300000000, 1795300000000)",
    "INSERT INTO Execution (id, type_id, last_known_state, name, create_time_since_epoch, last_update_time_since_epoch) "
    "VALUES (900, 12, 2, 'run/e1111111-1111-4111-8111-111111111111', 1795300000000, 1795300000000)",
    "INSERT INTO Association (context_id, execution_id) VALUES (900, 900)",
)
CHANGED_PAYLOAD = (
    "UPDATE ExecutionProperty SET string_value = 'renamed' WHERE execution_id = 4 AND name = 'display_name'",
    "UPDATE Execution SET last_known_state = 4 WHERE id = 4",
)
TASK_OF_EXECUTION_4 = "d7ae219d-9d1f-5862-acd4-d4e53a3dff33"


async def test_a_second_import_changes_nothing(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    once = contents(migrated_url)
    report = await imported(main_request(migrated_url))
    assert contents(migrated_url) == once
    assert report.records[Kind.TASK]["unchanged"] == report.records[Kind.TASK]["imported"] == TASKS_OF_KFP_MAIN
    assert {report.records[kind]["created"] for kind in Kind} == {0}


async def test_what_is_new_or_changed_comes_with_the_next_import(
    migrated_url: str, database_kind: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, *NEW_RUN, *CHANGED_PAYLOAD)
    report = await imported(asked_for_file(source, migrated_url, prune=True, yes=True))
    other = create_migrated_database(database_kind)
    await imported(asked_for_file(source, other))
    assert contents(migrated_url) == contents(other)
    drop_database(other)
    assert report.records[Kind.RUN]["created"] == report.records[Kind.TASK]["created"] == 1
    assert report.records[Kind.TASK]["updated"] >= 1


async def test_links_that_the_source_no_longer_gives_are_removed(
    migrated_url: str, database_kind: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Event WHERE id = 2", "UPDATE EventPath SET step_key = 'other' WHERE event_id = 4")
    report = await imported(asked_for_file(source, migrated_url, prune=True, yes=True))
    other = create_migrated_database(database_kind)
    await imported(asked_for_file(source, other))
    assert contents(migrated_url)["artifact_tasks"] == contents(other)["artifact_tasks"]
    drop_database(other)
    assert report.records[Kind.LINK]["removed"] >= 2


async def test_links_that_go_with_their_tasks_are_counted_and_forgotten(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    first = await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Execution")
    report = await imported(asked_for_file(source, migrated_url, prune=True, yes=True))
    assert report.records[Kind.LINK]["removed"] == first.records[Kind.LINK]["imported"] > 0
    assert report.records[Kind.LINK]["imported"] == 0
    assert report.records[Kind.LINK]["deleted_here"] == 0
    assert execute(migrated_url, f"SELECT count(*) FROM imported_rows WHERE kind = {int(Kind.LINK)}") == [(0,)]


async def test_rows_that_clients_changed_are_left_alone(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    execute(migrated_url, f"UPDATE tasks SET display_name = 'mine' WHERE id = '{TASK_OF_EXECUTION_4}'")
    change(source, *CHANGED_PAYLOAD)
    report = await imported(asked_for_file(source, migrated_url))
    shown = execute(migrated_url, f"SELECT display_name FROM tasks WHERE id = '{TASK_OF_EXECUTION_4}'")
    assert shown == [("mine",)]
    (found,) = [found for found in report.tally.left_alone() if found[0] is Kind.TASK]
    assert found[1] is Outcome.CHANGED_HERE
    assert (found[2].count, found[2].examples) == (1, [TASK_OF_EXECUTION_4])


async def test_runs_that_clients_deleted_do_not_come_back(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    # A client's DeleteRun is this statement; tasks and links go with it.
    execute(migrated_url, "DELETE FROM artifact_tasks WHERE run_id = '3883dfda-8676-4706-a06c-aecb5dba8e01'")
    execute(migrated_url, "DELETE FROM tasks WHERE run_id = '3883dfda-8676-4706-a06c-aecb5dba8e01'")
    execute(migrated_url, "DELETE FROM runs WHERE id = '3883dfda-8676-4706-a06c-aecb5dba8e01'")
    before = contents(migrated_url)
    report = await imported(main_request(migrated_url))
    assert contents(migrated_url) == before
    assert report.tally.count(Kind.RUN, Outcome.DELETED_HERE) == 1


async def test_a_run_that_was_there_before_is_left_alone_with_its_tasks(migrated_url: str) -> None:
    run_id = "3883dfda-8676-4706-a06c-aecb5dba8e01"
    columns = "id, experiment_id, description, state_history, created_at, scheduled_at, updated_at"
    execute(migrated_url, f"INSERT INTO runs ({columns}) VALUES ('{run_id}', 'e', 'mine', '[]', 1, 1, 1)")
    report = await imported(main_request(migrated_url))
    assert execute(migrated_url, f"SELECT description FROM runs WHERE id = '{run_id}'") == [("mine",)]
    assert execute(migrated_url, f"SELECT count(*) FROM tasks WHERE run_id = '{run_id}'") == [(0,)]
    assert report.tally.count(Kind.RUN, Outcome.TAKEN) == 1
    assert report.records[Kind.RUN]["imported"] == 15


async def test_another_store_needs_an_id_of_its_own(migrated_url: str) -> None:
    await imported(asked("tfx_like", migrated_url))
    before = contents(migrated_url)
    with pytest.raises(SourceRefused, match="use another --store-id for this one"):
        await imported(asked("kfp_main", migrated_url))
    assert contents(migrated_url) == before
    report = await imported(asked("kfp_main", migrated_url, store_id="cluster-b"))
    assert report.records[Kind.TASK]["created"] == TASKS_OF_KFP_MAIN
    assert report.tally.left_alone() == []
