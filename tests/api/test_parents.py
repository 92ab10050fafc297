"""Parents of tasks never form a cycle, alone, in bulk or one after the other."""

import pytest

from tests.api.builders import Task, get_task, new_run, new_run_and_task, new_task, new_tasks
from tests.api.client import Api, code, refusal

pytestmark = pytest.mark.one_database


async def a_chain(api: Api, size: int) -> tuple[str, list[str]]:
    """A run with tasks each of which is the parent of the next."""
    run_id = await new_run(api)
    task_ids = [await new_task(api, run_id)]
    for _ in range(size - 1):
        task_ids.append(await new_task(api, run_id, parent_task_id=task_ids[-1]))
    return run_id, task_ids


async def move(api: Api, run_id: str, **parents: str) -> str:
    """Move tasks below other parents in one bulk call and return its code."""
    tasks = {task_id: Task(parent_task_id=parent_id) for task_id, parent_id in parents.items()}
    return await code(api.UpdateTasksBulk(run_id=run_id, tasks=tasks))


@pytest.mark.parametrize("size", [1, 2, 3, 40])
async def test_a_task_cannot_move_below_itself_or_its_descendants(api: Api, size: int) -> None:
    run_id, task_ids = await a_chain(api, size)
    update = Task(parent_task_id=task_ids[-1])
    refused = await refusal(api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=update))
    assert (refused.code, "cycle" in refused.message) == ("INVALID_ARGUMENT", True)
    assert not (await get_task(api, run_id, task_ids[0])).HasField("parent_task_id")


async def test_a_task_may_move_anywhere_else(api: Api) -> None:
    run_id, task_ids = await a_chain(api, 4)
    assert await move(api, run_id, **{task_ids[3]: task_ids[0]}) == "OK"
    assert await move(api, run_id, **{task_ids[3]: task_ids[2]}) == "OK"
    assert await move(api, run_id, **{task_ids[2]: ""}) == "OK"
    assert await move(api, run_id, **{task_ids[0]: task_ids[3]}) == "OK"


async def test_a_bulk_is_judged_by_how_it_leaves_the_tasks(api: Api) -> None:
    run_id, (top, middle, bottom) = await a_chain(api, 3)
    assert await move(api, run_id, **{top: bottom, middle: ""}) == "OK"
    assert await move(api, run_id, **{bottom: "", middle: bottom, top: middle}) == "OK"
    assert [(await get_task(api, run_id, id)).parent_task_id for id in (top, middle, bottom)] == [middle, bottom, ""]


@pytest.mark.parametrize("size", [2, 3, 10])
async def test_a_bulk_that_closes_a_cycle_is_refused_whole(api: Api, size: int) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, size)
    circle = dict(zip(task_ids, task_ids[1:] + task_ids[:1], strict=True))
    assert await move(api, run_id, **circle) == "INVALID_ARGUMENT"
    assert not any(task.HasField("parent_task_id") for task in (await api.ListTasks(run_id=run_id)).tasks)


async def test_a_cycle_through_tasks_outside_of_the_bulk_is_refused(api: Api) -> None:
    run_id, (top, _, bottom) = await a_chain(api, 3)
    other_id = await new_task(api, run_id)
    assert await move(api, run_id, **{top: other_id, other_id: bottom}) == "INVALID_ARGUMENT"


async def test_a_parent_of_another_run_is_refused(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    _, other_id = await new_run_and_task(api)
    update = Task(parent_task_id=other_id)
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=update)) == "INVALID_ARGUMENT"
    assert await move(api, run_id, **{task_id: other_id}) == "INVALID_ARGUMENT"


async def test_a_parent_that_stays_is_not_judged_again(api: Api) -> None:
    run_id, (top, bottom) = await a_chain(api, 2)
    update = Task(parent_task_id=top, name="renamed")
    assert (await api.UpdateTask(run_id=run_id, task_id=bottom, task=update)).name == "renamed"
