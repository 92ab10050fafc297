"""Histories are in order, whichever call waited for which, and whatever the clock does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from lineal.v2beta1 import experiment_pb2, run_pb2

from server.calls.call import microseconds_now
from storage.contract import WriteTx
from storage.sql.store import SqlStore
from tests.api.builders import a_root, get_task, new_run, new_task, run_state, unique
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.holding import somebody_holding
from tests.contract.concurrency import SOON, while_locked

Task = run_pb2.PipelineTask
HOUR_NANOSECONDS = 3600 * 10**9


async def a_run_and_root(api: Api, state: str = "RUNNING") -> tuple[str, str]:
    """A run and its ROOT, by their ids."""
    run_id = await new_run(api)
    return run_id, (await api.CreateTask(run_id=run_id, task=a_root(state))).task_id


async def moments(api: Api, run_id: str, task_id: str) -> tuple[list[int], list[int]]:
    """When the entries in the histories of a run and of a task were made."""
    run, task = await api.GetRun(run_id=run_id), await get_task(api, run_id, task_id)
    histories = ([entry.update_time.ToMicroseconds() for entry in each.state_history] for each in (run, task))
    run_moments, task_moments = histories
    return run_moments, task_moments


def a_workflow(run_id: str, phase: str) -> str:
    return f'{{"metadata":{{"labels":{{"pipeline/runid":"{run_id}"}}}},"status":{{"phase":"{phase}"}}}}'


WAITING: dict[str, Callable[[Api, str, str], Awaitable[Any]]] = {
    "UpdateTask": lambda api, run_id, task_id: api.UpdateTask(
        run_id=run_id, task_id=task_id, task=Task(state="SUCCEEDED")
    ),
    "UpdateTasksBulk": lambda api, run_id, task_id: api.UpdateTasksBulk(
        run_id=run_id, tasks={task_id: Task(state="SUCCEEDED")}
    ),
    "RetryRun": lambda api, run_id, _: api.RetryRun(run_id=run_id),
    "ReportWorkflow": lambda api, run_id, _: api.ReportWorkflow(workflow=a_workflow(run_id, "Running")),
}


@pytest.mark.parametrize("rpc", WAITING)
async def test_a_call_that_waits_for_another_says_when_it_wrote_and_not_when_it_came(
    serve: Serve, migrated_url: str, rpc: str
) -> None:
    api = await serve()
    run_id, root_id = await a_run_and_root(api, "FAILED")
    async with somebody_holding(migrated_url, run_id, root_id):
        call = asyncio.ensure_future(WAITING[rpc](api, run_id, root_id))
        await asyncio.wait([call], timeout=SOON)
        assert not call.done()
        freed_at = microseconds_now()
    await call
    run_moments, task_moments = await moments(api, run_id, root_id)
    assert run_moments[-1] >= freed_at
    if rpc != "ReportWorkflow":
        assert task_moments[-1] >= freed_at


async def test_histories_are_in_order_when_many_write_at_once(api: Api) -> None:
    run_id, root_id = await a_run_and_root(api)
    states = ["FAILED", "RUNNING", "SUCCEEDED"] * 8
    await asyncio.gather(*(api.UpdateTask(run_id=run_id, task_id=root_id, task=Task(state=state)) for state in states))
    for each in await moments(api, run_id, root_id):
        assert each == sorted(each)


async def test_histories_are_in_order_when_the_clock_steps_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, root_id = await a_run_and_root(api)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - HOUR_NANOSECONDS)
    for state in ("FAILED", "RUNNING", "FAILED"):
        await api.UpdateTask(run_id=run_id, task_id=root_id, task=Task(state=state))
    await api.RetryRun(run_id=run_id)
    await api.TerminateRun(run_id=run_id)
    await api.UpdateTask(run_id=run_id, task_id=root_id, task=Task(state="FAILED"))
    run = await api.GetRun(run_id=run_id)
    assert run.finished_at == run.state_history[-1].update_time
    for each in await moments(api, run_id, root_id):
        assert len(each) >= 5
        assert each == sorted(each)


async def test_a_change_of_a_run_or_a_task_is_later_than_the_one_before_whatever_the_clock_says(
    serve: Serve, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, store = await serve(), SqlStore(migrated_url)
    run_id, root_id = await a_run_and_root(api)
    leaf_id = await new_task(api, run_id, "leaf")
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - HOUR_NANOSECONDS)

    async def changed_at() -> tuple[int, int]:
        run = await store.read(lambda tx: tx.runs.head(run_id))
        return run.updated_at, (await store.read(lambda tx: tx.tasks.get(root_id))).updated_at

    before = await changed_at()
    for update in (Task(state="FAILED"), Task(state="RUNNING"), Task(state="FAILED")):
        await api.UpdateTask(run_id=run_id, task_id=root_id, task=update)
        after = await changed_at()
        assert after > before
        assert after[1] > before[1]
        before = after
    await api.RetryRun(run_id=run_id)
    await api.TerminateRun(run_id=run_id)
    await api.UpdateTask(run_id=run_id, task_id=leaf_id, task=Task(display_name="still there"))
    assert (await changed_at())[0] == before[0] + 3
    await store.close()


async def test_a_new_task_is_in_its_state_since_no_earlier_than_what_its_history_says(api: Api) -> None:
    later = Task.TaskStatus(state="FAILED", update_time={"seconds": 4_000_000_000})
    run_id = await new_run(api)
    task_id = await new_task(api, run_id, state_history=[later])
    _, task_moments = await moments(api, run_id, task_id)
    assert task_moments == [4_000_000_000_000_000] * 2


async def test_a_run_is_not_unarchived_while_its_experiment_is_being_archived(serve: Serve, migrated_url: str) -> None:
    api, store = await serve(), SqlStore(migrated_url)
    experiment = await api.CreateExperiment(experiment=experiment_pb2.Experiment(display_name=unique("experiment")))
    run_id = await new_run(api, experiment_id=experiment.experiment_id)
    await api.ArchiveRun(run_id=run_id)

    async def archive(tx: WriteTx) -> None:
        # As ArchiveExperiment does.
        await tx.experiments.set_storage_state(experiment.experiment_id, "ARCHIVED")
        await tx.runs.archive_of_experiment(
            experiment.experiment_id, after=None, limit=10, updated_at=microseconds_now()
        )

    async with while_locked(store, archive):
        unarchiving = asyncio.ensure_future(code(api.UnarchiveRun(run_id=run_id)))
        await asyncio.wait([unarchiving], timeout=SOON)
    assert await unarchiving == "FAILED_PRECONDITION"
    assert (await api.GetRun(run_id=run_id)).storage_state == run_pb2.Run.ARCHIVED
    await store.close()


async def test_a_run_that_is_being_unarchived_is_archived_with_its_experiment(serve: Serve, migrated_url: str) -> None:
    api, store = await serve(), SqlStore(migrated_url)
    experiment = await api.CreateExperiment(experiment=experiment_pb2.Experiment(display_name=unique("experiment")))
    run_id = await new_run(api, experiment_id=experiment.experiment_id)
    await api.ArchiveRun(run_id=run_id)
    # UnarchiveRun has locked the experiment and waits for the run, which somebody holds.
    async with somebody_holding(migrated_url, run_id, "no task"):
        unarchiving = asyncio.ensure_future(code(api.UnarchiveRun(run_id=run_id)))
        await asyncio.wait([unarchiving], timeout=SOON)
        archiving = asyncio.ensure_future(code(api.ArchiveExperiment(experiment_id=experiment.experiment_id)))
        await asyncio.wait([archiving], timeout=SOON)
    assert await asyncio.gather(unarchiving, archiving) == ["OK", "OK"]
    assert (await api.GetRun(run_id=run_id)).storage_state == run_pb2.Run.ARCHIVED
    assert await run_state(api, run_id) == "PENDING"
    await store.close()
