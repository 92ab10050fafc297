"""Undo removes what the import made, and only that."""

import pytest

from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import CHANGED, KEPT, REMOVED, undo
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.write.row_kinds import Kind
from tests.databases.queries import execute
from tests.mlmd_import.imports import Watching, asked, contents, imported, main_request

CACHED_ARTIFACT = "20ca2f7d-bb0f-591b-a6e3-d7f1c2e344cd"


def quiet(*_: object) -> None:
    """For progress that is not checked."""


async def test_undo_leaves_what_was_before(migrated_url: str) -> None:
    await imported(asked("tfx_like", migrated_url, store_id="tfx"))
    before = contents(migrated_url)
    await imported(main_request(migrated_url))
    report = await undo(main_request(migrated_url), quiet)
    assert contents(migrated_url) == before
    assert report.records[Kind.TASK] == {REMOVED: 104, CHANGED: 0, KEPT: 0}


async def test_undo_does_without_the_source(migrated_url: str) -> None:
    before = contents(migrated_url)
    await imported(main_request(migrated_url))
    await undo(ImportRequest("", migrated_url), quiet)
    assert contents(migrated_url) == before


async def test_undo_says_which_rows_were_changed_since(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    execute(migrated_url, "UPDATE runs SET description = 'mine' WHERE id = '3883dfda-8676-4706-a06c-aecb5dba8e01'")
    report = await undo(main_request(migrated_url), quiet)
    assert report.records[Kind.RUN] == {REMOVED: 16, CHANGED: 1, KEPT: 0}


async def test_undo_keeps_what_clients_built_upon(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    columns = "id, experiment_id, description, state_history, created_at, scheduled_at, updated_at"
    execute(migrated_url, f"INSERT INTO runs ({columns}) VALUES ('mine', 'e', '', '[]', 1, 1, 1)")
    task = "id, run_id, type, state, scope_path, created_at, updated_at"
    execute(migrated_url, f"INSERT INTO tasks ({task}) VALUES ('mine', 'mine', 2, 2, '', 1, 1)")
    link = "id, artifact_id, task_id, run_id, type, iteration, producer"
    execute(
        migrated_url,
        f"INSERT INTO artifact_tasks ({link}) VALUES ('mine', '{CACHED_ARTIFACT}', 'mine', 'mine', 9, -1, '')",
    )
    report = await undo(main_request(migrated_url), quiet)
    left = contents(migrated_url)
    assert [row[0] for row in left["artifacts"]] == [CACHED_ARTIFACT]
    assert [row[0] for row in left["artifact_tasks"]] == [row[0] for row in left["tasks"]] == ["mine"]
    assert report.records[Kind.ARTIFACT] == {REMOVED: 46, CHANGED: 0, KEPT: 1}


async def test_undo_of_another_source_is_refused(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    before = contents(migrated_url)
    with pytest.raises(SourceRefused, match="another MLMD store"):
        await undo(asked("tfx_like", migrated_url), quiet)
    with pytest.raises(SourceRefused, match="nothing to undo"):
        await undo(asked("kfp_main", migrated_url, store_id="unknown"), quiet)
    assert contents(migrated_url) == before


async def test_an_undone_import_can_be_made_again(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    once = contents(migrated_url)
    await undo(main_request(migrated_url), quiet)
    await imported(main_request(migrated_url))
    assert contents(migrated_url) == once


async def test_after_an_undo_that_kept_rows_an_import_brings_the_others_back(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    once = contents(migrated_url)
    [(run_id,)] = execute(migrated_url, "SELECT min(run_id) FROM artifact_tasks")
    task = "id, run_id, type, state, scope_path, created_at, updated_at"
    execute(migrated_url, f"INSERT INTO tasks ({task}) VALUES ('mine', '{run_id}', 2, 2, '', 1, 1)")
    report = await undo(main_request(migrated_url), quiet)
    assert report.records[Kind.RUN] == {REMOVED: 15, CHANGED: 0, KEPT: 1}
    with pytest.raises(SourceRefused, match="was undone in part; import again"):
        await verify(main_request(migrated_url), Watching())
    again = await imported(main_request(migrated_url))
    assert again.records[Kind.RUN]["created"] == 15
    execute(migrated_url, "DELETE FROM tasks WHERE id = 'mine'")
    assert contents(migrated_url) == once
    assert (await verify(main_request(migrated_url), Watching())).difference_count == 0


async def test_after_an_undo_that_was_interrupted_an_import_brings_everything_back(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    once = contents(migrated_url)
    # What clients had deleted before is to be forgotten with the rest.
    [(task,)] = execute(migrated_url, "SELECT max(id) FROM tasks WHERE id NOT IN (SELECT task_id FROM artifact_tasks)")
    execute(migrated_url, f"DELETE FROM tasks WHERE id = '{task}'")

    def interrupt(phase: str, *_: int) -> None:
        if phase == "artifacts":
            raise KeyError(phase)

    with pytest.raises(KeyError):
        await undo(main_request(migrated_url), interrupt)
    await imported(main_request(migrated_url))
    assert contents(migrated_url) == once
    assert (await verify(main_request(migrated_url), Watching())).difference_count == 0
