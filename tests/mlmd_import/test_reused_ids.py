"""A store that gives ids of imported rows to other rows is refused; if it is permitted, these rows get ids of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.read import store
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import undo
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.write.row_kinds import Kind
from storage.model import TaskType
from tests.databases.queries import execute
from tests.mlmd_import.imports import (
    Contents,
    Watching,
    asked_for_file,
    change,
    command,
    contents,
    copied,
    everything,
    imported,
    ran,
)

pytestmark = pytest.mark.one_database

LATER = 86_400_000
"""A day in milliseconds."""

LAST_RUNS = "SELECT id FROM Context WHERE type_id = 11 ORDER BY id DESC LIMIT 3"
OF_LAST_RUNS = f"SELECT execution_id FROM Association WHERE context_id IN ({LAST_RUNS})"
MADE = f"SELECT artifact_id FROM Event WHERE type = 4 AND execution_id IN ({OF_LAST_RUNS})"
OTHER_LAST_RUNS = (
    f"UPDATE Artifact SET create_time_since_epoch = create_time_since_epoch + {LATER} WHERE id IN ({MADE})",
    f"UPDATE Execution SET create_time_since_epoch = create_time_since_epoch + {LATER}, "
    f"last_update_time_since_epoch = last_update_time_since_epoch + {LATER} WHERE id IN ({OF_LAST_RUNS})",
    f"UPDATE Context SET name = 'other-' || id, create_time_since_epoch = create_time_since_epoch + {LATER} "
    f"WHERE id IN ({LAST_RUNS})",
)
"""What a source becomes whose last runs were lost with a restored backup, and others were recorded under their ids."""

ONE_OTHER_EXECUTION = (
    f"UPDATE Execution SET create_time_since_epoch = create_time_since_epoch + {LATER} WHERE id = 4",
    "UPDATE ExecutionProperty SET string_value = 'another' WHERE execution_id = 4 AND name = 'task_name'",
)


def tables_of(contents: Contents) -> dict[str, set[str]]:
    """The rows of each table but the bookkeeping of imports, as texts."""
    return {name: set(map(repr, rows)) for name, rows in contents.items() if not name.startswith("import")}


def are_kept(once: Contents, now: Contents) -> bool:
    """Whether every row is still there as it was."""
    before, after = tables_of(once), tables_of(now)
    return all(before[name] <= after[name] for name in before)


async def reused(request: ImportRequest) -> Report:
    """An import that is refused without the flag, and done with it."""
    with pytest.raises(ImportRefused, match="add --reused-ids"):
        await imported(request)
    return await imported(with_flag(request))


def with_flag(request: ImportRequest) -> ImportRequest:
    """The request with the flag."""
    return ImportRequest(request.source, request.store, prune=request.prune, yes=request.yes, reused_ids=True)


@pytest.mark.parametrize("prune", [False, True])
async def test_a_restored_backup_with_other_rows_is_refused_or_imported_beside_the_old_rows(
    migrated_url: str, tmp_path: Path, prune: bool
) -> None:
    empty, file = contents(migrated_url), copied("kfp_main", tmp_path)
    request = asked_for_file(file, migrated_url, prune=prune, yes=prune)
    first = await imported(asked_for_file(file, migrated_url))
    once, whole = contents(migrated_url), everything(migrated_url)
    change(file, *OTHER_LAST_RUNS)
    pattern = (
        r"^execution \d+ of the source was created at 20\S+ \S+, but what was imported under this id at 20.*backup"
    )
    with pytest.raises(ImportRefused, match=pattern):
        await imported(request)
    foretold = await dry_run(request, Watching())
    assert any("would be refused without --reused-ids: execution" in sentence for sentence in foretold.refusals)
    assert everything(migrated_url) == whole

    assert (await dry_run(with_flag(request), Watching())).refusals == []
    report = await imported(with_flag(request))
    now = contents(migrated_url)
    assert are_kept(once, now)
    assert report.records[Kind.RUN]["imported"] == first.records[Kind.RUN]["imported"] + 3
    others = [row for row in now["tasks"] if row[1].startswith("other-")]
    assert len(others) == report.findings.count(Rule.IDS_REUSED) - len(
        {row[1] for row in now["artifact_tasks"] if row[3].startswith("other-")} - {row[0] for row in once["artifacts"]}
    )
    assert {row[1] for row in others if row[6] == int(TaskType.ROOT)} == {row[0] for row in now["runs"]} - {
        row[0] for row in once["runs"]
    }
    assert (await verify(request, Watching())).difference_count == 0
    # They are known now, so that the next import needs no flag.
    again = await imported(request)
    assert contents(migrated_url) == now
    assert again.findings.count(Rule.IDS_REUSED) == report.findings.count(Rule.IDS_REUSED) > 0
    await undo(request, lambda *_: None)
    assert contents(migrated_url) == empty


async def test_what_the_sample_misses_is_found_before_its_batch_is_written(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SAMPLE_ROWS", 1)
    file = copied("kfp_main", tmp_path)
    request = asked_for_file(file, migrated_url)
    await imported(request)
    once = contents(migrated_url)
    change(file, *ONE_OTHER_EXECUTION)
    with pytest.raises(ImportRefused, match=r"execution 4 of run \S+ of the source was created at"):
        await imported(request)
    assert tables_of(contents(migrated_url)) == tables_of(once)
    await imported(with_flag(request))
    now = contents(migrated_url)
    assert are_kept(once, now)
    assert [row[4] for row in now["tasks"] if repr(row) not in set(map(repr, once["tasks"]))] == ["another"]
    assert (await verify(request, Watching())).difference_count == 0


async def test_runs_that_are_numbered_by_their_contexts_get_other_ids(migrated_url: str, tmp_path: Path) -> None:
    file = copied("tfx_like", tmp_path)
    request = asked_for_file(file, migrated_url)
    first = await imported(request)
    once = contents(migrated_url)
    run = "SELECT id FROM Context WHERE name = 'run-2'"
    change(
        file,
        "UPDATE Execution SET create_time_since_epoch = create_time_since_epoch + 5 WHERE id IN "
        f"(SELECT execution_id FROM Association WHERE context_id = ({run}))",
        f"UPDATE Context SET create_time_since_epoch = create_time_since_epoch + 5, name = 'another' WHERE id = ({run})",
    )
    report = await reused(request)
    now = contents(migrated_url)
    assert are_kept(once, now)
    assert report.records[Kind.RUN]["imported"] == first.records[Kind.RUN]["imported"] + 1
    (new,) = {row[0] for row in now["runs"]} - {row[0] for row in once["runs"]}
    assert len([row for row in now["tasks"] if row[1] == new]) == 2
    assert {row[3] for row in now["artifact_tasks"] if repr(row) not in set(map(repr, once["artifact_tasks"]))} == {new}
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_context_that_is_another_one_is_found_by_itself(migrated_url: str, tmp_path: Path) -> None:
    file = copied("tfx_like", tmp_path)
    request = asked_for_file(file, migrated_url)
    await imported(request)
    once = contents(migrated_url)
    change(
        file,
        "DELETE FROM Association WHERE context_id = (SELECT id FROM Context WHERE name = 'run-2')",
        "UPDATE Context SET create_time_since_epoch = create_time_since_epoch + 5, name = 'another' WHERE name = 'run-2'",
    )
    with pytest.raises(ImportRefused, match=r"context \d+ .*of the source was created at"):
        await imported(request)
    await imported(with_flag(request))
    now = contents(migrated_url)
    assert are_kept(once, now)
    assert "another" in {row[3] for row in now["runs"]}
    assert (await verify(request, Watching())).difference_count == 0


async def test_artifacts_without_a_run_get_other_ids(migrated_url: str, tmp_path: Path) -> None:
    file = copied("tfx_like", tmp_path)
    request = asked_for_file(file, migrated_url)
    report = await imported(request)
    once = contents(migrated_url)
    (example, *_) = next(one for one in report.findings if one.rule is Rule.ARTIFACTS_WITHOUT_TASK).examples
    id = int(example.split()[1])
    change(
        file,
        f"UPDATE Artifact SET create_time_since_epoch = create_time_since_epoch + 5, uri = 's3://o' WHERE id = {id}",
    )
    await reused(request)
    now = contents(migrated_url)
    assert are_kept(once, now)
    (new,) = [row for row in now["artifacts"] if repr(row) not in set(map(repr, once["artifacts"]))]
    assert (new[5], new[0] == Ids().artifact(id, namespace=None, metric=None)) == ("s3://o", False)
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_root_that_mlmd_does_not_have_is_not_taken_from_another_run(migrated_url: str, tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    request = asked_for_file(file, migrated_url)
    change(file, f"DELETE FROM Execution WHERE name LIKE 'run/%' AND id IN ({OF_LAST_RUNS})")
    await imported(request)
    once = contents(migrated_url)
    change(file, *OTHER_LAST_RUNS)
    await imported(with_flag(request))
    now = contents(migrated_url)
    assert are_kept(once, now)
    roots = [row[1] for row in now["tasks"] if row[6] == int(TaskType.ROOT)]
    assert sorted(roots) == sorted(row[0] for row in now["runs"])
    assert (await verify(request, Watching())).difference_count == 0


@pytest.mark.parametrize("name", ["kfp_main", "tfx_like", "kfp_v1_metadata_writer", "damaged_nulls"])
async def test_a_source_that_only_changed_is_not_taken_for_another(
    migrated_url: str, tmp_path: Path, name: str, make_migrated: Callable[[], str]
) -> None:
    file = copied(name, tmp_path)
    request = asked_for_file(file, migrated_url)
    await imported(request)
    change(
        file,
        "UPDATE Context SET last_update_time_since_epoch = last_update_time_since_epoch + 9, name = name || '-renamed' "
        "WHERE id > 3",
        "UPDATE Execution SET last_update_time_since_epoch = last_update_time_since_epoch + 9, last_known_state = 4",
        "UPDATE Artifact SET last_update_time_since_epoch = last_update_time_since_epoch + 9, uri = uri || '-moved'",
        "DELETE FROM Execution WHERE id IN (2, 3, 9, 10)",
    )
    report = await imported(request)
    assert report.findings.count(Rule.IDS_REUSED) == 0


@pytest.mark.parametrize("undated", [4, 25])
async def test_a_row_without_a_time_is_not_taken_for_another_when_the_first_time_of_its_run_changes(
    migrated_url: str, tmp_path: Path, undated: int
) -> None:
    file = copied("kfp_main", tmp_path)
    change(
        file,
        "UPDATE Context SET create_time_since_epoch = 0",
        f"UPDATE Execution SET create_time_since_epoch = 0 WHERE id = {undated}",
    )
    request = asked_for_file(file, migrated_url)
    await imported(request)
    [before] = execute(migrated_url, f"SELECT created_at FROM tasks WHERE id = '{Ids().task(undated)}'")
    others = f"SELECT execution_id FROM Association WHERE execution_id NOT IN ({undated}, {undated + 1})"
    change(file, f"DELETE FROM Execution WHERE id IN ({others})", f"DELETE FROM Event WHERE execution_id IN ({others})")
    report = await imported(request)
    assert report.findings.count(Rule.IDS_REUSED) == 0
    [after] = execute(migrated_url, f"SELECT created_at FROM tasks WHERE id = '{Ids().task(undated)}'")
    # A loop keeps its times when the source has lost tasks.
    assert (before == after) == (undated == 25)


def test_the_command_names_the_flag_and_takes_it(migrated_url: str, tmp_path: Path) -> None:
    file = copied("kfp_main", tmp_path)
    words = command(f"sqlite:///{file}", migrated_url)
    assert ran(*words).returncode == 0
    change(file, *ONE_OTHER_EXECUTION)
    refused = ran(*words)
    assert (refused.returncode, "execution 4 of the source was created at" in refused.stderr) == (1, True)
    assert "or add --reused-ids" in refused.stderr
    assert ran(*words, "--verify", "--reused-ids").returncode == 2
    assert ran(*words, "--reused-ids").returncode == 0
    assert ran(*words, "--verify").returncode == 0
