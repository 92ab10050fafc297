"""GetTask, ListTasks and FindCachedTask."""

from typing import Any

import pytest

from tests.api.builders import (
    Task,
    get_task,
    moment,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    new_tasks,
    unique,
)
from tests.api.client import Api, code


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run_id": ""}, "INVALID_ARGUMENT"),
        ({"task_id": ""}, "INVALID_ARGUMENT"),
        ({"task_id": "no-such-task"}, "NOT_FOUND"),
        ({"task_id": "x" * 300}, "NOT_FOUND"),
        ({"task_id": "a\0b"}, "NOT_FOUND"),
        ({"run_id": "no-such-run"}, "INVALID_ARGUMENT"),
    ],
)
async def test_a_task_is_read_by_its_own_ids_only(api: Api, fields: dict[str, Any], expected: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    assert await code(api.GetTask(**({"run_id": run_id, "task_id": task_id} | fields))) == expected


async def test_children_come_oldest_first_and_are_direct_ones(api: Api) -> None:
    run_id, parent_id = await new_run_and_task(api)
    second = await new_task(
        api, run_id, "b", parent_task_id=parent_id, create_time=moment("2024-01-01T00:00:00.000002Z")
    )
    first = await new_task(
        api, run_id, "a", parent_task_id=parent_id, create_time=moment("2024-01-01T00:00:00.000001Z")
    )
    await new_task(api, run_id, "grandchild", parent_task_id=first)
    expected = [(first, "a"), (second, "b")]
    tasks = (await api.ListTasks(run_id=run_id)).tasks
    for task in (await get_task(api, run_id, parent_id), next(task for task in tasks if task.task_id == parent_id)):
        assert [(child.task_id, child.name) for child in task.child_tasks] == expected


async def test_tasks_list_in_the_order_of_their_creation_within_a_second(api: Api) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, 30)
    page = await api.ListTasks(run_id=run_id, page_size=200)
    assert [task.task_id for task in page.tasks] == task_ids
    assert (page.total_size, page.next_page_token) == (30, "")


async def test_listed_tasks_are_what_get_task_returns(api: Api) -> None:
    run_id = await new_run(api)
    for task_id in await new_tasks(api, run_id, 3):
        await new_artifact(api, run_id, await new_task(api, run_id, "child", parent_task_id=task_id))
    tasks = (await api.ListTasks(run_id=run_id)).tasks
    assert list(tasks) == [await get_task(api, run_id, task.task_id) for task in tasks]
    assert sum(len(task.outputs.artifacts) for task in tasks) == sum(len(task.child_tasks) for task in tasks) == 3


async def test_a_parent_limits_a_list_to_its_direct_children(api: Api) -> None:
    run_id, parent_id = await new_run_and_task(api)
    child_id = await new_task(api, run_id, parent_task_id=parent_id)
    await new_task(api, run_id, parent_task_id=child_id)
    page = await api.ListTasks(run_id=run_id, parent_id=parent_id)
    assert ([task.task_id for task in page.tasks], page.total_size) == ([child_id], 1)
    assert (await api.ListTasks(run_id=run_id, parent_id="")).total_size == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run_id": ""}, "INVALID_ARGUMENT"),
        ({"run_id": "", "parent_id": "x"}, "INVALID_ARGUMENT"),
        ({"parent_id": "no-such-task"}, "NOT_FOUND"),
        ({"parent_id": "x" * 300}, "NOT_FOUND"),
        ({"order_by": "unknown"}, "INVALID_ARGUMENT"),
        ({"order_by": "state"}, "INVALID_ARGUMENT"),
        ({"order_by": "name upwards"}, "INVALID_ARGUMENT"),
        ({"order_by": "name asc desc"}, "INVALID_ARGUMENT"),
        ({"filter": "{"}, "INVALID_ARGUMENT"),
        ({"page_token": "nonsense"}, "INVALID_ARGUMENT"),
        ({"parent_id": "no-such-task", "page_size": -1, "order_by": "unknown", "filter": "{"}, "NOT_FOUND"),
    ],
)
async def test_a_senseless_list_is_refused(api: Api, fields: dict[str, Any], expected: str) -> None:
    assert await code(api.ListTasks(**({"run_id": await new_run(api)} | fields))) == expected


async def test_a_parent_of_another_run_is_refused(api: Api) -> None:
    _, task_id = await new_run_and_task(api)
    assert await code(api.ListTasks(run_id=await new_run(api), parent_id=task_id)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("run_id", ["no-such-run", "x" * 300, "a\0b"])
async def test_an_unknown_run_has_no_tasks(api: Api, run_id: str) -> None:
    page = await api.ListTasks(run_id=run_id)
    assert (list(page.tasks), page.total_size, page.next_page_token) == ([], 0, "")


@pytest.mark.parametrize("state", [name for name, _ in Task.TaskState.items() if name != "SUCCEEDED"])
async def test_only_a_task_that_succeeded_is_a_cache_hit(api: Api, state: str) -> None:
    run_id, fingerprint = await new_run(api), unique("fingerprint")
    task_id = await new_task(api, run_id, state=state, cache_fingerprint=fingerprint)
    assert not (await api.FindCachedTask(cache_fingerprint=fingerprint)).HasField("task")
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state="SUCCEEDED"))
    assert (await api.FindCachedTask(cache_fingerprint=fingerprint)).task.task_id == task_id


async def test_the_newest_hit_counts_whatever_its_run_and_type(api: Api) -> None:
    fingerprint = unique("fingerprint")
    fields = {"state": "SUCCEEDED", "cache_fingerprint": fingerprint}
    for second, kind in ((3, "RUNTIME"), (9, "DAG"), (5, "IMPORTER")):
        await new_task(api, await new_run(api), str(second), type=kind, create_time={"seconds": second}, **fields)
    hit = await api.FindCachedTask(cache_fingerprint=fingerprint, namespace="ignored")
    assert (hit.task.name, hit.task.create_time.seconds) == ("9", 9)


async def test_a_hit_comes_with_artifacts_and_without_children(api: Api) -> None:
    run_id, fingerprint = await new_run(api), unique("fingerprint")
    task_id = await new_task(api, run_id, state="SUCCEEDED", cache_fingerprint=fingerprint)
    await new_artifact(api, run_id, task_id)
    await new_task(api, run_id, parent_task_id=task_id)
    expected = await get_task(api, run_id, task_id)
    expected.ClearField("child_tasks")
    assert (await api.FindCachedTask(cache_fingerprint=fingerprint)).task == expected


async def test_fingerprints_compare_by_bytes(api: Api) -> None:
    run_id, fingerprint = await new_run(api), unique("fingerprint")
    await new_task(api, run_id, state="SUCCEEDED", cache_fingerprint=fingerprint)
    for other in (fingerprint.upper(), f"{fingerprint} ", fingerprint[:-1], "%"):
        assert not (await api.FindCachedTask(cache_fingerprint=other)).HasField("task")


async def test_a_fingerprint_is_required(api: Api) -> None:
    for fingerprint in ("", "\0", "f" * 256):
        assert await code(api.FindCachedTask(cache_fingerprint=fingerprint)) == "INVALID_ARGUMENT"
