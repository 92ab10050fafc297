"""The address of a task leads to the row of its run's page that shows it."""

import pytest

from tests.api.builders import a_root, a_task, new_run
from tests.ui_pages.visitor import Visitor, resolved

pytestmark = pytest.mark.one_database


async def location(visitor: Visitor, run_id: str, task_id: str) -> str:
    answer = await visitor.get(f"/runs/{run_id}/tasks/{task_id}")
    assert answer.status == 303
    return answer.headers["location"]


async def test_a_task_is_shown_among_those_of_its_group_and_iteration(visitor: Visitor) -> None:
    run_id = await new_run(visitor.api)
    root = (await visitor.api.CreateTask(run_id=run_id, task=a_root())).task_id
    loop = (await visitor.api.CreateTask(run_id=run_id, task=a_task("loop", type="LOOP", parent_task_id=root))).task_id
    train = a_task(parent_task_id=loop)
    train.type_attributes.iteration_index = 2
    task_id = (await visitor.api.CreateTask(run_id=run_id, task=train)).task_id
    assert await location(visitor, run_id, root) == f"../../../runs/{run_id}#t-{root}"
    assert await location(visitor, run_id, loop) == f"../../../runs/{run_id}?level={root}#t-{loop}"
    assert await location(visitor, run_id, task_id) == f"../../../runs/{run_id}?level={loop}&iteration=2#t-{task_id}"
    for each in (loop, task_id):
        path = resolved(await location(visitor, run_id, each), at=f"/runs/{run_id}/tasks/{each}")
        assert "data-row" in (await visitor.main(path)).by_id(f"t-{each}").attributes


@pytest.mark.parametrize("path", ["/runs/nothing/tasks/nothing", "/runs/x/tasks/%3Cscript%3E"])
async def test_a_task_that_is_not_there_says_so(visitor: Visitor, path: str) -> None:
    assert "Not found" in (await visitor.main(path, status=404)).text
