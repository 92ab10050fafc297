"""A run that KFP's driver has only begun gets a ROOT task of the import's own, until MLMD has its root."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.write.row_kinds import Kind
from tests.databases.queries import execute
from tests.mlmd_import.beside import assert_like_a_fresh_import, make_source
from tests.mlmd_import.imports import imported
from tests.mlmd_import.source_writer import RUN, SourceWriter
from tests.mlmd_import.whole import assert_one_root_each, assert_whole

pytestmark = pytest.mark.one_database

NAME = "begun"


@pytest.fixture
def writer(tmp_path: Path) -> SourceWriter:
    """A program that writes to a copy of kfp_main."""
    return SourceWriter(make_source("kfp_main", "sqlite", tmp_path))


async def begun(writer: SourceWriter, store: str) -> tuple[ImportRequest, int, str]:
    """Import a run that is only a context; return the id of this, and that of the ROOT task."""
    context_id = writer.context(RUN, NAME, namespace="team-a", resource_name="run-resource")
    request = ImportRequest(writer.url, store)
    await imported(request)
    [(root,)] = execute(store, f"SELECT id FROM tasks WHERE run_id = '{NAME}'")
    assert root == Ids().root(context_id)
    return request, context_id, root


async def test_a_run_that_is_imported_after_each_step_of_its_driver_is_as_if_imported_at_once(
    writer: SourceWriter, migrated_url: str, make_migrated: Callable[[], str]
) -> None:
    request, context_id, _ = await begun(writer, migrated_url)
    writer.insert("ParentContext", context_id=context_id, parent_context_id=1)
    await imported(request)
    assert execute(migrated_url, f"SELECT display_name FROM runs WHERE id = '{NAME}'") == [("linear-training",)]
    root = writer.root_of(context_id, NAME)
    report = await imported(request)
    assert report.records[Kind.TASK]["removed"] == 1
    writer.event(writer.task(context_id, "first", parent=root), writer.artifact())
    await imported(request)
    assert_whole(migrated_url)
    await assert_like_a_fresh_import(request, make_migrated())


async def test_tasks_of_the_made_root_come_under_the_root(
    writer: SourceWriter, migrated_url: str, make_migrated: Callable[[], str]
) -> None:
    request, context_id, made_root = await begun(writer, migrated_url)
    task = writer.execution(context_id, task_name="lost", display_name="lost")
    await imported(request)
    parents = f"SELECT parent_task_id FROM tasks WHERE id = '{Ids().task(task)}'"
    assert execute(migrated_url, parents) == [(made_root,)]
    root = writer.root_of(context_id, NAME)
    await imported(request)
    assert execute(migrated_url, parents) == [(Ids().task(root),)]
    await assert_like_a_fresh_import(request, make_migrated())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tasks SET display_name = 'mine' WHERE id = '{root}'",
        "INSERT INTO tasks (id, run_id, parent_task_id, namespace, name, display_name, type, state, cache_fingerprint, "
        "scope_path, created_at, updated_at) SELECT 'mine', run_id, id, namespace, 'mine', 'mine', 2, 2, '', 'root.mine', "
        "created_at, updated_at FROM tasks WHERE id = '{root}'",
        "INSERT INTO artifact_tasks (id, run_id, task_id, artifact_id, type, {key}, iteration, producer) "
        "SELECT 'mine', '{run}', '{root}', id, 1, 'mine', -1, '{{}}' FROM artifacts ORDER BY id LIMIT 1",
    ],
)
async def test_a_made_root_that_a_client_uses_stays(writer: SourceWriter, migrated_url: str, change: str) -> None:
    request, context_id, made_root = await begun(writer, migrated_url)
    key = "`key`" if migrated_url.startswith("mysql") else '"key"'
    execute(migrated_url, change.format(root=made_root, run=NAME, key=key))
    writer.root_of(context_id, NAME)
    await imported(request)
    assert made_root in [row[0] for row in execute(migrated_url, f"SELECT id FROM tasks WHERE run_id = '{NAME}'")]
    mine = "SELECT id FROM tasks WHERE id = 'mine' UNION SELECT id FROM artifact_tasks WHERE id = 'mine'"
    assert execute(migrated_url, mine) == ([] if change.startswith("UPDATE") else [("mine",)])
    assert_one_root_each(migrated_url)
