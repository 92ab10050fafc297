"""Each RPC stays in a constant number of statements, however much there is to read or write.

BEGIN and COMMIT are not counted, an executemany counts as one.
"""

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2

from storage.model import TaskState, TaskType
from storage.sql.dialects.mysql import JOINED
from storage.sql.store import SqlStore
from tests.api.builders import (
    a_link,
    a_parameter,
    a_root,
    a_task,
    an_artifact,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    new_tasks,
    unique,
    where,
    with_inputs,
)
from tests.api.client import Api
from tests.api.statements import Statements
from tests.contract.builders import a_task as a_task_row
from tests.contract.builders import keep

SIZES = (1, 10, 1000)


async def many_tasks(url: str, run_id: str, count: int) -> list[str]:
    """Keep running tasks past the server, which is the quick way."""
    tasks = [a_task_row(run_id, type=TaskType.RUNTIME.value, state=TaskState.RUNNING.value) for _ in range(count)]
    store = SqlStore(url)
    await keep(store, *tasks)
    await store.close()
    return [task.id for task in tasks]


async def a_busy_run(api: Api, task_count: int) -> tuple[str, str, list[str]]:
    """A run whose tasks all have a parent, an output and an input."""
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root())
    task_ids = await new_tasks(api, run_id, task_count, parent_task_id=root.task_id)
    artifact_ids = [await new_artifact(api, run_id, task_id, name=run_id) for task_id in task_ids]
    for task_id in task_ids:
        await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_ids[0]))
    return run_id, root.task_id, task_ids


async def test_create_run_takes_at_most_four_statements_one_of_them_in_another_transaction(
    api: Api, statements: Statements
) -> None:
    experiment_id = (await api.GetRun(run_id=await new_run(api))).experiment_id
    statements.clear()
    await new_run(api, experiment_id=experiment_id)
    assert 0 < statements.count <= 4


async def test_create_task_takes_at_most_three_statements(api: Api, statements: Statements) -> None:
    run_id = await new_run(api)
    statements.clear()
    await api.CreateTask(run_id=run_id, task=a_task(scope_path="root.train"))
    assert 0 < statements.count <= 3


async def test_create_task_sent_again_takes_at_most_four_statements(api: Api, statements: Statements) -> None:
    run_id = await new_run(api)
    await api.CreateTask(run_id=run_id, task=a_task(scope_path="root.train"))
    statements.clear()
    await api.CreateTask(run_id=run_id, task=a_task(scope_path="root.train"))
    assert 0 < statements.count <= 4, "one that finds that the task cannot be created at once"


async def test_create_task_takes_one_more_for_a_parent_and_one_more_for_root(api: Api, statements: Statements) -> None:
    run_id, parent_id = await new_run_and_task(api)
    statements.clear()
    await new_task(api, run_id, parent_task_id=parent_id)
    assert 0 < statements.count <= 4
    statements.clear()
    await api.CreateTask(run_id=run_id, task=a_root(parent_task_id=parent_id))
    assert 0 < statements.count <= 5


@pytest.mark.parametrize("others", [0, 30])
async def test_update_task_takes_at_most_five_statements(api: Api, statements: Statements, others: int) -> None:
    run_id, root_id, task_ids = await a_busy_run(api, 1 + others)
    statements.clear()
    await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=with_inputs(a_parameter(), state="SUCCEEDED"))
    assert 0 < statements.count <= 5
    statements.clear()
    await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=a_task(parent_task_id=""))
    await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=a_task(parent_task_id=root_id))
    assert 0 < statements.count <= 5 + 6
    statements.clear()
    await api.UpdateTask(run_id=run_id, task_id=root_id, task=a_task("ROOT", type="ROOT", state="SUCCEEDED"))
    assert 0 < statements.count <= 6


@pytest.mark.parametrize("others", [0, 30])
async def test_get_task_takes_at_most_three_statements(api: Api, statements: Statements, others: int) -> None:
    run_id, root_id, _ = await a_busy_run(api, 1 + others)
    statements.clear()
    await api.GetTask(run_id=run_id, task_id=root_id)
    assert 0 < statements.count <= 3


def reads_of(api: Api, run_id: str, task_ids: list[str]) -> list[Callable[[], Awaitable[Any]]]:
    """Every list, and the views of a run that have tasks."""
    return [
        lambda: api.ListTasks(run_id=run_id, page_size=200),
        # Of this run's alone: a page with what other tests left might be large, and read in another process.
        lambda: api.ListArtifacts(page_size=200, filter=where("name", "EQUALS", string_value=run_id)),
        lambda: api.ListArtifactTasks(run_ids=[run_id], page_size=200),
        lambda: api.ListArtifactTasks(task_ids=task_ids),
        lambda: api.GetRun(run_id=run_id, view="FULL"),
        lambda: api.GetRun(run_id=run_id, view="RUNTIME_ONLY"),
    ]


@pytest.mark.parametrize("others", [0, 30])
async def test_lists_and_get_run_full_take_at_most_four_statements(
    api: Api, statements: Statements, others: int
) -> None:
    run_id, root_id, task_ids = await a_busy_run(api, 1 + others)
    for read in reads_of(api, run_id, task_ids):
        statements.clear()
        await read()
        assert 0 < statements.count <= 4
    statements.clear()
    await api.ListTasks(run_id=run_id, parent_id=root_id)
    assert 0 < statements.count <= 5


@pytest.mark.parametrize("view", ["DEFAULT", "BASIC", "FULL", "RUNTIME_ONLY"])
async def test_list_runs_takes_the_same_statements_for_any_number_of_runs(
    api: Api, statements: Statements, view: str
) -> None:
    name = unique("run")
    counts = []
    for more in (1, 20):
        for _ in range(more):
            await new_task(api, await new_run(api, display_name=name))
        statements.clear()
        await api.ListRuns(
            view=view, filter=f'{{"predicates":[{{"key":"name","operation":1,"string_value":"{name}"}}]}}'
        )
        counts.append(statements.count)
    assert 0 < counts[0] == counts[1] <= 4


async def test_create_artifact_takes_at_most_three_statements(api: Api, statements: Statements) -> None:
    run_id, task_id = await new_run_and_task(api)
    statements.clear()
    await new_artifact(api, run_id, task_id)
    assert 0 < statements.count <= 3


async def test_create_artifact_takes_one_more_to_see_whether_it_is_a_replay(api: Api, statements: Statements) -> None:
    run_id, task_id = await new_run_and_task(api)
    statements.clear()
    await new_artifact(api, run_id, task_id, uri=unique("s3"))
    assert 0 < statements.count <= 4


@pytest.mark.parametrize("created_before", ["not at all", "with reuse", "without reuse"])
async def test_create_artifact_with_reuse_takes_at_most_seven_statements(
    api: Api, statements: Statements, created_before: str
) -> None:
    run_id, task_id = await new_run_and_task(api)
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out", "artifact": an_artifact(uri=unique("s3"))}
    if created_before != "not at all":
        await api.CreateArtifact(reuse_if_exists=created_before == "with reuse", **request)
    statements.clear()
    await api.CreateArtifact(reuse_if_exists=True, **request)
    await api.CreateArtifact(reuse_if_exists=True, **request)
    assert 0 < statements.count <= 2 * 7


async def sizes_of_bulk_calls(statements: Statements, calls: dict[int, Any]) -> list[int]:
    """Return how many statements each call took."""
    counts = []
    for size in SIZES:
        statements.clear()
        await calls[size]()
        counts.append(statements.count)
    return counts


async def test_create_artifacts_bulk_takes_at_most_eight_statements_for_any_size(
    api: Api, statements: Statements
) -> None:
    run_id, task_id = await new_run_and_task(api)
    item = artifact_pb2.CreateArtifactRequest(
        run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact()
    )
    calls = {size: lambda size=size: api.CreateArtifactsBulk(artifacts=[item] * size) for size in SIZES}
    counts = await sizes_of_bulk_calls(statements, calls)
    assert 0 < counts[0] <= counts[1] == counts[2] <= 8


async def test_create_artifact_tasks_bulk_takes_at_most_eight_statements_for_any_size(
    api: Api, statements: Statements
) -> None:
    run_id, task_id = await new_run_and_task(api)
    item = artifact_pb2.CreateArtifactRequest(
        run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact()
    )
    made = await api.CreateArtifactsBulk(artifacts=[item] * max(SIZES))
    links = [a_link(run_id, task_id, artifact.artifact_id) for artifact in made.artifacts]
    calls = {size: lambda size=size: api.CreateArtifactTasksBulk(artifact_tasks=links[:size]) for size in SIZES}
    counts = await sizes_of_bulk_calls(statements, calls)
    assert 0 < counts[0] <= counts[1] == counts[2] <= 8


@pytest.mark.parametrize("with_parent", [False, True])
async def test_update_tasks_bulk_takes_at_most_eight_statements_for_any_size(
    api: Api, shared_url: str, statements: Statements, with_parent: bool, database_kind: str
) -> None:
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root())
    task_ids = await many_tasks(shared_url, run_id, max(SIZES))
    update = with_inputs(a_parameter(), state="SUCCEEDED", **({"parent_task_id": root.task_id} if with_parent else {}))
    calls = {
        size: lambda size=size: api.UpdateTasksBulk(
            run_id=run_id, tasks={task_id: update for task_id in task_ids[-size:]}
        )
        for size in SIZES
    }
    counts = await sizes_of_bulk_calls(statements, calls)
    # One task comes with its links and its children in one statement, several in two; alone it may be written at once.
    assert 0 < counts[0] <= counts[1] <= 8 + with_parent
    at_once = JOINED[-1] if database_kind == "mysql" else max(SIZES)
    assert counts[2] == counts[1] - 1 + ceil(max(SIZES) / at_once)


async def test_retry_run_takes_the_same_statements_for_any_number_of_tasks(api: Api, statements: Statements) -> None:
    counts = []
    for task_count in (1, 30):
        run_id, root_id, _ = await a_busy_run(api, task_count)
        await api.UpdateTask(run_id=run_id, task_id=root_id, task=run_pb2.PipelineTask(state="FAILED"))
        statements.clear()
        await api.RetryRun(run_id=run_id)
        counts.append(statements.count)
    assert 0 < counts[0] == counts[1]


async def test_deleting_and_retrying_a_run_read_no_documents_of_its_tasks(api: Api, statements: Statements) -> None:
    run_id, root_id, _ = await a_busy_run(api, 2)
    await api.UpdateTask(run_id=run_id, task_id=root_id, task=run_pb2.PipelineTask(state="FAILED"))
    statements.clear()
    await api.RetryRun(run_id=run_id)
    await api.DeleteRun(run_id=run_id)
    reads = [text for text in statements.naming("tasks.id") if text.startswith("SELECT")]
    assert len(reads) == 4
    assert not any(name in text for text in reads for name in ("parameters", "pods", "status_metadata"))
    assert all(text.partition("FROM")[0].strip() == "SELECT tasks.id" for text in reads[2:])  # of DeleteRun


async def test_checks_of_existence_and_ownership_read_light_rows(api: Api, statements: Statements) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    statements.clear()
    await new_artifact(api, run_id, task_id)
    await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id))
    await api.ListArtifactTasks(task_ids=[task_id], artifact_ids=[artifact_id])
    await api.ArchiveRun(run_id=run_id)
    await api.UnarchiveRun(run_id=run_id)
    await api.TerminateRun(run_id=run_id)
    heavy = [text for text in statements.naming("SELECT") if "parameters" in text or "runtime_config" in text]
    assert statements.count > 6
    assert heavy == []
