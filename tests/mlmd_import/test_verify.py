"""Verify finds every row that is not as the source has it; a dry run writes nothing."""

from pathlib import Path

import pytest

from migrations.mlmd.dry_run import CREATE, TAKEN, UNCHANGED, UPDATE, dry_run
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.verify import CHANGED, DIFFERENT, KEPT, LOST, MISSING, NOTE_DIFFERS, UNKNOWN, verify
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.write.row_kinds import Kind
from tests.databases import sqlite_path
from tests.databases.queries import execute
from tests.mlmd_import.imports import (
    Watching,
    asked,
    asked_for_file,
    change,
    contents,
    copied,
    imported,
    main_request,
)
from tests.mlmd_import.test_again import CHANGED_PAYLOAD, NEW_RUN, TASK_OF_EXECUTION_4


async def test_an_import_verifies(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    report = await verify(main_request(migrated_url), Watching())
    assert (report.difference_count, report.differences) == (0, [])
    assert report.records[Kind.ARTIFACT]["in_source"] == report.records[Kind.ARTIFACT]["imported"] == 47


async def test_a_changed_column_is_found_and_named(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    execute(migrated_url, f"UPDATE tasks SET display_name = 'other' WHERE id = '{TASK_OF_EXECUTION_4}'")
    report = await verify(main_request(migrated_url), Watching())
    (difference,) = report.differences
    assert (difference.kind, difference.id) == (Kind.TASK, TASK_OF_EXECUTION_4)
    assert difference.columns == (("display_name", "evaluate", "other"),)
    assert report.records[Kind.TASK][DIFFERENT] == report.difference_count == 1


async def test_a_missing_row_is_found(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    [(link,)] = execute(migrated_url, "SELECT min(id) FROM artifact_tasks")
    execute(migrated_url, f"DELETE FROM artifact_tasks WHERE id = '{link}'")
    report = await verify(main_request(migrated_url), Watching())
    assert [(one.kind, one.id, one.columns) for one in report.differences] == [(Kind.LINK, link, ())]
    assert report.records[Kind.LINK][MISSING] == 1


async def test_rows_that_the_source_lost_are_counted_and_are_no_differences(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Event WHERE id = 2", "DELETE FROM ExecutionProperty WHERE name = 'inputs'")
    report = await verify(asked_for_file(source, migrated_url), Watching())
    assert report.records[Kind.LINK][UNKNOWN] >= 1
    assert report.records[Kind.TASK][KEPT] >= 1
    assert report.difference_count == 0


async def test_damage_to_what_the_source_lost_is_found(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "DELETE FROM Execution WHERE id IN (4, 5)", "DELETE FROM ExecutionProperty WHERE name = 'inputs'")
    other = Ids().task(5)
    execute(migrated_url, f"UPDATE tasks SET display_name = 'mine' WHERE id = '{TASK_OF_EXECUTION_4}'")
    execute(migrated_url, f"DELETE FROM artifact_tasks WHERE task_id = '{other}'")
    execute(migrated_url, f"DELETE FROM tasks WHERE id = '{other}'")
    [(emptied,)] = execute(
        migrated_url,
        f"SELECT min(id) FROM tasks WHERE input_parameters IS NOT NULL AND id NOT IN ('{TASK_OF_EXECUTION_4}', '{other}')",
    )
    execute(migrated_url, f"UPDATE tasks SET input_parameters = NULL WHERE id = '{emptied}'")
    report = await verify(asked_for_file(source, migrated_url), Watching())
    found = {one.id: one for one in report.differences if one.kind is Kind.TASK}
    assert (found[TASK_OF_EXECUTION_4].note, found[other].note) == (CHANGED, LOST)
    # It is as the source has it, but not as the import wrote it.
    assert emptied in found
    assert f"tasks {other}: {LOST}" in list(report.lines())


async def test_damage_to_the_ledger_is_found(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    execute(migrated_url, f"UPDATE imported_rows SET digest = 7 WHERE row_id = '{TASK_OF_EXECUTION_4}'")
    execute(migrated_url, f"UPDATE imported_rows SET row_id = 'nothing' WHERE row_id = '{Ids().task(5)}'")
    report = await verify(main_request(migrated_url), Watching())
    assert {(one.id, one.note) for one in report.differences} == {
        (TASK_OF_EXECUTION_4, NOTE_DIFFERS),
        ("nothing", LOST),
    }
    assert report.plain()["differences"][0]["note"]


async def test_a_row_that_the_source_lost_is_not_made_up_for_by_a_new_one(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "UPDATE EventPath SET step_key = 'other' WHERE event_id = 4")
    report = await verify(asked_for_file(source, migrated_url), Watching())
    assert report.records[Kind.LINK][MISSING] == report.records[Kind.LINK][UNKNOWN] > 0


async def test_verify_needs_an_import_with_the_same_options(migrated_url: str) -> None:
    with pytest.raises(SourceRefused, match="nothing was imported"):
        await verify(asked("kfp_main", migrated_url), Watching())
    await imported(main_request(migrated_url))
    with pytest.raises(SourceRefused, match="other options"):
        await verify(asked("kfp_main", migrated_url), Watching())


async def test_a_dry_run_writes_nothing_and_foretells(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    before = contents(migrated_url)
    foretold = await dry_run(asked_for_file(source, migrated_url), Watching())
    assert contents(migrated_url) == before
    report = await imported(asked_for_file(source, migrated_url))
    for kind in Kind:
        assert foretold.records[kind][CREATE] == report.records[kind]["created"]
    change(source, *NEW_RUN, *CHANGED_PAYLOAD)
    foretold = await dry_run(asked_for_file(source, migrated_url), Watching())
    report = await imported(asked_for_file(source, migrated_url))
    for kind in Kind:
        figures = report.records[kind]
        wanted = (figures["created"], figures["updated"], figures["unchanged"])
        assert tuple(foretold.records[kind][name] for name in (CREATE, UPDATE, UNCHANGED)) == wanted


async def test_a_dry_run_foretells_what_stays_as_clients_wrote_it(migrated_url: str) -> None:
    await imported(main_request(migrated_url, store_id="other"))
    request = main_request(migrated_url, change_options=True)
    foretold = await dry_run(request, Watching())
    report = await imported(request)
    assert foretold.records[Kind.RUN][TAKEN] == report.records[Kind.RUN]["taken"] == 16
    for kind in Kind:
        assert foretold.records[kind][CREATE] == report.records[kind]["created"]
    assert foretold.plain()["left_alone"] == report.plain()["left_alone"]


@pytest.mark.databases("sqlite")
async def test_a_dry_run_needs_no_store(database_url: str) -> None:
    report = await dry_run(asked("kfp_main", database_url), Watching())
    assert report.records[Kind.TASK][CREATE] == 104
    assert not sqlite_path(database_url).exists()
