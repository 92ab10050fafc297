"""The state of a run follows its ROOT task; a terminated run ends when nothing of it runs any more."""

import asyncio
import time
from typing import Any

import pytest
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_root, new_run, new_task, run_state
from tests.api.client import Api, code
from tests.api.conftest import Serve

FOLLOWED = {
    "RUNNING": "RUNNING",
    "SUCCEEDED": "SUCCEEDED",
    "CACHED": "SUCCEEDED",
    "SKIPPED": "SUCCEEDED",
    "FAILED": "FAILED",
}
ENDS = [state for state in FOLLOWED if state != "RUNNING"]
EPOCH = "1970-01-01T00:00:00Z"
PATIENCE_SECONDS = 20


async def a_run_with_root(api: Api, state: str = "RUNNING") -> tuple[str, str]:
    """Create a run and its ROOT task and return both ids."""
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root(state))
    return run_id, root.task_id


async def set_task(api: Api, run_id: str, task_id: str, state: str) -> None:
    """Report a task's state."""
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=run_pb2.PipelineTask(state=state))


async def history(api: Api, run_id: str) -> list[str]:
    """Return the names of the states that a run has been in."""
    entries = (await api.GetRun(run_id=run_id)).state_history
    return [run_pb2.RuntimeState.Name(entry.state) for entry in entries]


async def finished_at(api: Api, run_id: str) -> Any:
    """Return when a run finished, as text."""
    return (await api.GetRun(run_id=run_id)).finished_at.ToJsonString()


@pytest.mark.parametrize("state", FOLLOWED)
async def test_a_run_follows_the_state_its_root_is_created_in(api: Api, state: str) -> None:
    run_id, _ = await a_run_with_root(api, state)
    assert await run_state(api, run_id) == FOLLOWED[state]
    assert await history(api, run_id) == ["PENDING", FOLLOWED[state]]


@pytest.mark.parametrize("state", ENDS)
async def test_a_run_finishes_with_its_root(api: Api, state: str) -> None:
    run_id, root_id = await a_run_with_root(api)
    assert await finished_at(api, run_id) == EPOCH
    before = time.time() - 1
    await set_task(api, run_id, root_id, state)
    run = await api.GetRun(run_id=run_id)
    assert run_pb2.RuntimeState.Name(run.state) == FOLLOWED[state]
    assert before <= run.finished_at.seconds <= time.time()
    assert await history(api, run_id) == ["PENDING", "RUNNING", FOLLOWED[state]]
    assert run.state_history[-1].update_time == run.finished_at


@pytest.mark.parametrize("state", ENDS)
async def test_a_root_that_runs_again_takes_its_run_along(api: Api, state: str) -> None:
    run_id, root_id = await a_run_with_root(api, state)
    await set_task(api, run_id, root_id, "RUNNING")
    assert await run_state(api, run_id) == "RUNNING"
    assert await finished_at(api, run_id) == EPOCH
    assert await history(api, run_id) == ["PENDING", FOLLOWED[state], "RUNNING"]


async def test_a_repeated_state_of_the_root_changes_nothing(api: Api) -> None:
    run_id, root_id = await a_run_with_root(api)
    await set_task(api, run_id, root_id, "SUCCEEDED")
    once = await api.GetRun(run_id=run_id)
    await set_task(api, run_id, root_id, "SUCCEEDED")
    await set_task(api, run_id, root_id, "CACHED")
    assert await api.GetRun(run_id=run_id) == once


async def test_a_bulk_update_moves_the_run_too(api: Api) -> None:
    run_id, root_id = await a_run_with_root(api)
    task_id = await new_task(api, run_id, parent_task_id=root_id)
    done = run_pb2.PipelineTask(state="FAILED")
    await api.UpdateTasksBulk(run_id=run_id, tasks={root_id: done, task_id: done})
    assert await run_state(api, run_id) == "FAILED"


async def test_no_other_task_moves_the_run(api: Api) -> None:
    run_id = await new_run(api)
    task_id = await new_task(api, run_id, type="DAG", state="RUNNING")
    await set_task(api, run_id, task_id, "FAILED")
    await api.CreateTask(run_id=run_id, task=a_root("RUNTIME_STATE_UNSPECIFIED"))
    assert (await run_state(api, run_id), await history(api, run_id)) == ("PENDING", ["PENDING"])


async def test_a_root_created_again_does_not_move_the_run(api: Api) -> None:
    run_id, root_id = await a_run_with_root(api)
    await set_task(api, run_id, root_id, "SUCCEEDED")
    again = await api.CreateTask(run_id=run_id, task=a_root("RUNNING"))
    assert (again.task_id, await run_state(api, run_id)) == (root_id, "SUCCEEDED")


async def test_tasks_of_a_finished_run_may_be_written(api: Api) -> None:
    run_id, root_id = await a_run_with_root(api, "SUCCEEDED")
    task_id = await new_task(api, run_id, parent_task_id=root_id)
    await set_task(api, run_id, task_id, "FAILED")
    assert await run_state(api, run_id) == "SUCCEEDED"


@pytest.mark.parametrize("root", [None, "RUNNING"])
async def test_a_terminated_run_is_canceling_without_a_trace_in_its_history(api: Api, root: str | None) -> None:
    run_id = await new_run(api) if root is None else (await a_run_with_root(api, root))[0]
    before = await history(api, run_id)
    await api.TerminateRun(run_id=run_id)
    assert (await run_state(api, run_id), await history(api, run_id)) == ("CANCELING", before)
    assert await finished_at(api, run_id) == EPOCH


@pytest.mark.parametrize("root", ENDS)
async def test_a_finished_run_cannot_be_terminated(api: Api, root: str) -> None:
    run_id, _ = await a_run_with_root(api, root)
    assert await code(api.TerminateRun(run_id=run_id)) == "INVALID_ARGUMENT"


async def test_a_run_is_terminated_once(api: Api) -> None:
    run_id = await new_run(api)
    await api.TerminateRun(run_id=run_id)
    assert await code(api.TerminateRun(run_id=run_id)) == "INVALID_ARGUMENT"
    await api.CreateTask(run_id=run_id, task=a_root("FAILED"))
    assert await run_state(api, run_id) == "CANCELED"
    assert await code(api.TerminateRun(run_id=run_id)) == "INVALID_ARGUMENT"


async def test_an_archived_run_can_be_terminated(api: Api) -> None:
    run_id = await new_run(api, storage_state="ARCHIVED")
    await api.TerminateRun(run_id=run_id)
    assert await run_state(api, run_id) == "CANCELING"


@pytest.mark.parametrize("state", ENDS)
async def test_a_canceling_run_is_canceled_when_its_root_ends(api: Api, state: str) -> None:
    run_id, root_id = await a_run_with_root(api)
    await new_task(api, run_id, parent_task_id=root_id)
    await api.TerminateRun(run_id=run_id)
    await set_task(api, run_id, root_id, state)
    assert await history(api, run_id) == ["PENDING", "RUNNING", "CANCELED"]
    assert await run_state(api, run_id) == "CANCELED"
    assert await finished_at(api, run_id) != EPOCH


async def test_a_canceling_run_is_not_brought_back_by_a_running_root(api: Api) -> None:
    run_id = await new_run(api)
    await api.TerminateRun(run_id=run_id)
    await api.CreateTask(run_id=run_id, task=a_root("RUNNING"))
    assert (await run_state(api, run_id), await history(api, run_id)) == ("CANCELING", ["PENDING"])


async def test_a_canceling_run_is_canceled_with_its_last_running_leaf(api: Api) -> None:
    run_id, root_id = await a_run_with_root(api)
    loop_id = await new_task(api, run_id, type="LOOP", parent_task_id=root_id)
    leaves = [await new_task(api, run_id, f"step-{number}", parent_task_id=loop_id) for number in range(2)]
    await api.TerminateRun(run_id=run_id)
    await set_task(api, run_id, leaves[0], "FAILED")
    assert await run_state(api, run_id) == "CANCELING"
    await set_task(api, run_id, leaves[1], "SUCCEEDED")
    assert await run_state(api, run_id) == "CANCELED"
    assert await finished_at(api, run_id) != EPOCH


@pytest.mark.parametrize("state", FOLLOWED)
async def test_a_canceled_run_stays_canceled_whatever_its_root_does(api: Api, state: str) -> None:
    run_id, root_id = await a_run_with_root(api)
    await api.TerminateRun(run_id=run_id)
    await set_task(api, run_id, root_id, "FAILED")
    canceled = await api.GetRun(run_id=run_id)
    await set_task(api, run_id, root_id, state)
    assert await api.GetRun(run_id=run_id) == canceled


async def test_a_canceling_run_whose_pods_died_is_canceled_after_its_grace(serve: Serve) -> None:
    api = await serve(sweep_seconds=0.05, cancel_grace_seconds=0.1)
    (run_id, _), (other_id, _) = await a_run_with_root(api), await a_run_with_root(api)
    await api.TerminateRun(run_id=run_id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await run_state(api, run_id) != "CANCELED":  # noqa: ASYNC110 - only the server knows when
            await asyncio.sleep(0.05)
    assert await history(api, run_id) == ["PENDING", "RUNNING", "CANCELED"]
    assert await finished_at(api, run_id) != EPOCH
    assert await run_state(api, other_id) == "RUNNING"


async def test_a_canceling_run_is_left_alone_within_its_grace(serve: Serve) -> None:
    api = await serve(sweep_seconds=0.02, cancel_grace_seconds=1000.0)
    run_id, _ = await a_run_with_root(api)
    await api.TerminateRun(run_id=run_id)
    await asyncio.sleep(0.3)
    assert await run_state(api, run_id) == "CANCELING"
