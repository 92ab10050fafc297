"""A terminated run whose pods say nothing more is canceled by the sweep, and takes its running tasks along."""

import asyncio
from typing import Any

import pytest
from lineal.v2beta1 import run_pb2

from server.calls.call import microseconds_now
from server.config import Settings
from server.rules import run_state as run_state_rules
from server.rules import run_sweep, task_writes
from storage.contract import Lock, WriteTx
from storage.errors import Unavailable
from storage.sql.store import SqlStore
from tests.api.builders import a_root, a_task, get_task, new_run, new_task, run_state
from tests.api.client import Api
from tests.api.conftest import Serve
from tests.api.statements import Statements
from tests.api.sweeping import GRACE_SECONDS, HOUR, SWEEP_SECONDS, Sweeper, sweeping
from tests.contract.builders import a_run as a_kept_run
from tests.contract.builders import a_task as a_kept_task_of
from tests.contract.concurrency import SOON, while_locked

Task = run_pb2.PipelineTask
PATIENCE_SECONDS = 20
MESSAGE = "the run was canceled before this task reported its end"


async def a_terminated_run(api: Api, *states: str) -> tuple[str, list[str]]:
    """A run that was terminated, with a running ROOT and below it a task in each state; returns the ids, ROOT's first."""
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root())
    task_ids = [
        await new_task(api, run_id, f"{number}", state=state, parent_task_id=root.task_id)
        for number, state in enumerate(states)
    ]
    await api.TerminateRun(run_id=run_id)
    return run_id, [root.task_id, *task_ids]


async def states_of(api: Api, run_id: str, task_ids: list[str]) -> list[str]:
    """The names of the states of tasks."""
    tasks = [await get_task(api, run_id, task_id) for task_id in task_ids]
    return [Task.TaskState.Name(task.state) for task in tasks]


def assert_ended(task: Any) -> None:
    """Fail unless a task was ended with its run."""
    assert task.state == Task.FAILED
    assert task.status_metadata.message == MESSAGE
    assert task.state_history[-1].state == Task.FAILED
    assert task.end_time.seconds > 0
    moments = [entry.update_time.ToMicroseconds() for entry in task.state_history]
    assert moments == sorted(moments)


@pytest.mark.parametrize("states", [(), ("SUCCEEDED", "FAILED")])
async def test_a_terminated_run_in_which_nothing_runs_is_canceled_within_fifteen_seconds(
    serve: Serve, migrated_url: str, states: tuple[str, ...]
) -> None:
    api = await serve()
    run_id, task_ids = await a_terminated_run(api, *states) if states else (await new_run(api), [])
    if not states:
        await api.TerminateRun(run_id=run_id)
    async with sweeping(migrated_url) as sweeper:
        assert (await sweeper.after(5)).canceled == 0
        assert await run_state(api, run_id) == "CANCELING"
        assert (await sweeper.after(5)).canceled == 1
    run = await api.GetRun(run_id=run_id)
    assert (run.state, run.state_history[-1].state) == (run_pb2.CANCELED, run_pb2.CANCELED)
    assert run.finished_at == run.state_history[-1].update_time
    for task_id in task_ids[:1]:
        assert_ended(await get_task(api, run_id, task_id))


def test_by_default_the_second_look_at_a_run_is_made_in_time_and_enough() -> None:
    seconds = Settings().sweep_seconds
    assert 2 * seconds < 15
    assert run_sweep.SETTLE_SECONDS <= seconds == SWEEP_SECONDS
    assert Settings().cancel_grace_seconds == GRACE_SECONDS


async def test_a_terminated_run_in_which_a_leaf_runs_is_canceled_after_its_grace(
    serve: Serve, migrated_url: str
) -> None:
    api = await serve()
    run_id, task_ids = await a_terminated_run(api, "RUNNING", "SUCCEEDED", "SKIPPED", "RUNTIME_STATE_UNSPECIFIED")
    async with sweeping(migrated_url) as sweeper:
        await sweeper.after(5)
        assert (await sweeper.after(GRACE_SECONDS - 1)).canceled == 0
        assert await run_state(api, run_id) == "CANCELING"
        assert (await sweeper.after(1)).canceled == 1
    assert await run_state(api, run_id) == "CANCELED"
    expected = ["FAILED", "FAILED", "SUCCEEDED", "SKIPPED", "RUNTIME_STATE_UNSPECIFIED"]
    assert await states_of(api, run_id, task_ids) == expected
    for task_id in task_ids[:2]:
        assert_ended(await get_task(api, run_id, task_id))


@pytest.mark.parametrize("leaf", ["RUNNING", "FAILED"])
async def test_a_write_to_a_task_of_a_canceling_run_begins_its_quiet_time_again(
    serve: Serve, migrated_url: str, leaf: str
) -> None:
    api = await serve()
    run_id, task_ids = await a_terminated_run(api, "RUNNING", leaf)
    quiet = GRACE_SECONDS if leaf == "RUNNING" else 5
    async with sweeping(migrated_url) as sweeper:
        await sweeper.after(5)
        await sweeper.after(quiet - 1)
        await api.UpdateTask(run_id=run_id, task_id=task_ids[2], task=Task(display_name="still there"))
        assert (await sweeper.after(quiet - 1)).canceled == 0
        assert await run_state(api, run_id) == "CANCELING"


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_an_hour_off_cancels_no_run_that_is_two_seconds_old(
    serve: Serve, migrated_url: str, hours: int
) -> None:
    api = await serve()
    run_id, _ = await a_terminated_run(api, "RUNNING")
    off = int(hours * HOUR) * 1_000_000
    async with sweeping(migrated_url, now=lambda: microseconds_now() + off, abandoned_hours=0.5) as sweeper:
        other_id = await new_run(api)
        assert await sweeper.after(2) == await sweeper.after(2) == (0, 0)
    assert (await run_state(api, run_id), await run_state(api, other_id)) == ("CANCELING", "PENDING")


async def test_what_a_task_says_of_itself_is_kept_and_its_history_stays_in_order(
    serve: Serve, migrated_url: str
) -> None:
    api = await serve()
    run_id, _ = await a_terminated_run(api)
    later = microseconds_now() + int(HOUR) * 1_000_000
    history = [Task.TaskStatus(state="FAILED", update_time={"seconds": later // 1_000_000})]
    ahead = a_task("ahead", state_history=history)
    telling = a_task("telling", status_metadata={"message": "m", "custom_properties": {"a": {"number_value": 1}}})
    task_ids = [(await api.CreateTask(run_id=run_id, task=task)).task_id for task in (ahead, telling)]
    async with sweeping(migrated_url) as sweeper:
        await sweeper.after(5)
        await sweeper.after(GRACE_SECONDS)
    tasks = [await get_task(api, run_id, task_id) for task_id in task_ids]
    for task in tasks:
        assert_ended(task)
    assert tasks[1].status_metadata.custom_properties["a"].number_value == 1


async def test_whatever_cancels_a_run_ends_its_running_tasks_in_the_same_call(api: Api) -> None:
    for ending in ("ROOT", "bulk", "report"):
        run_id, task_ids = await a_terminated_run(api, "RUNNING", "SUCCEEDED")
        if ending == "ROOT":
            await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=Task(state="FAILED"))
        elif ending == "report":
            workflow = f'{{"metadata":{{"labels":{{"pipeline/runid":"{run_id}"}}}},"status":{{"phase":"Failed"}}}}'
            await api.ReportWorkflow(workflow=workflow)
        else:
            tasks = {task_ids[0]: Task(state="FAILED"), task_ids[1]: Task(display_name="leaf")}
            answer = await api.UpdateTasksBulk(run_id=run_id, tasks=tasks)
            assert answer.tasks[task_ids[1]] == await get_task(api, run_id, task_ids[1])
        assert await run_state(api, run_id) == "CANCELED"
        assert await states_of(api, run_id, task_ids) == ["FAILED", "FAILED", "SUCCEEDED"]
        assert_ended(await get_task(api, run_id, task_ids[1]))


async def a_canceled_run(api: Api) -> tuple[str, str]:
    """A run that was canceled while a leaf was running; returns its id and the leaf's."""
    run_id, task_ids = await a_terminated_run(api, "RUNNING")
    await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=Task(state="FAILED"))
    return run_id, task_ids[1]


async def test_a_late_report_of_a_task_that_ended_with_its_run_is_taken(api: Api) -> None:
    run_id, leaf_id = await a_canceled_run(api)
    task = await api.UpdateTask(run_id=run_id, task_id=leaf_id, task=Task(state="SUCCEEDED", end_time={"seconds": 9}))
    assert (task.state, task.end_time.seconds, task.HasField("status_metadata")) == (Task.SUCCEEDED, 9, False)
    assert await run_state(api, run_id) == "CANCELED"


async def test_a_retry_starts_tasks_again_that_ended_with_their_run(api: Api) -> None:
    run_id, leaf_id = await a_canceled_run(api)
    await api.RetryRun(run_id=run_id)
    task = await get_task(api, run_id, leaf_id)
    assert (task.state, task.HasField("status_metadata"), task.HasField("end_time")) == (Task.RUNNING, False, False)
    assert await run_state(api, run_id) == "RUNNING"


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_task_that_runs_in_a_canceled_run_is_ended_after_the_grace_of_its_last_write(
    serve: Serve, migrated_url: str, is_new: bool
) -> None:
    api = await serve()
    run_id, leaf_id = await a_canceled_run(api)
    async with sweeping(migrated_url) as sweeper:
        # The sweep has found that nothing runs, and looks again only at a run that has changed.
        await sweeper.after(5)
        await sweeper.after(GRACE_SECONDS)
        if is_new:
            leaf_id = await new_task(api, run_id, "late")
        else:
            await api.UpdateTask(run_id=run_id, task_id=leaf_id, task=Task(state="RUNNING"))
        await sweeper.after(5)
        await sweeper.after(GRACE_SECONDS - 1)
        await api.UpdateTask(run_id=run_id, task_id=leaf_id, task=Task(display_name="still there"))
        await sweeper.after(5)
        await sweeper.after(GRACE_SECONDS - 1)
        assert await states_of(api, run_id, [leaf_id]) == ["RUNNING"]
        await sweeper.after(1)
    assert_ended(await get_task(api, run_id, leaf_id))
    assert await run_state(api, run_id) == "CANCELED"


class _Left(SqlStore):
    """A store whose callers have left by the time their writes are committed."""

    async def write(self, fn: Any) -> Any:
        await super().write(fn)
        raise asyncio.CancelledError


@pytest.mark.parametrize("leaves_at", ["COMMIT", "touch"])
async def test_a_pod_that_dies_while_it_starts_a_task_in_a_canceled_run_leaves_a_run_that_has_changed(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, leaves_at: str
) -> None:
    store = _Left(migrated_url) if leaves_at == "COMMIT" else SqlStore(migrated_url)
    run = a_kept_run(state="CANCELED", updated_at=1)
    begun, touch = asyncio.Event(), run_state_rules._touch

    async def noted_touch(*args: Any) -> None:
        begun.set()
        await touch(*args)

    monkeypatch.setattr(run_state_rules, "_touch", noted_touch)
    await SqlStore.write(store, lambda tx: tx.runs.create(run))
    task = a_kept_task_of(run.id, state=1)
    call = asyncio.ensure_future(task_writes.keep_task(store, task, now=microseconds_now))
    await begun.wait()
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await store.read(lambda tx: tx.runs.head(run.id))).updated_at == 1:  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.01)
    await store.close()


async def test_the_sweep_looks_at_canceled_runs_that_were_touched_within_twice_the_grace(
    serve: Serve, migrated_url: str
) -> None:
    api = await serve()
    run_id, _ = await a_canceled_run(api)
    leaf_id = await new_task(api, run_id, "late")
    for seconds, state in ((2 * GRACE_SECONDS + 60, "RUNNING"), (2 * GRACE_SECONDS - 60, "FAILED")):
        off = int(seconds) * 1_000_000
        async with sweeping(migrated_url, now=lambda off=off: microseconds_now() + off) as sweeper:
            await sweeper.after(5)
            await sweeper.after(GRACE_SECONDS)
        assert await states_of(api, run_id, [leaf_id]) == [state]


async def test_a_write_that_leaves_nothing_running_in_a_canceled_run_does_not_touch_it(
    api: Api, statements: Statements
) -> None:
    run_id, leaf_id = await a_canceled_run(api)
    statements.clear()
    await api.UpdateTask(run_id=run_id, task_id=leaf_id, task=Task(state="SUCCEEDED"))
    assert statements.naming("UPDATE runs") == []
    await new_task(api, run_id, "late")
    assert len(statements.naming("UPDATE runs")) == 1


async def test_of_several_servers_one_cancels_a_run(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_ids = [(await a_terminated_run(api, "FAILED"))[0] for _ in range(5)]
    async with sweeping(migrated_url) as one, sweeping(migrated_url) as other:
        for sweeper in (one, other):
            await sweeper.after(5)
        closed = await asyncio.gather(one.after(5), other.after(5))
    assert sum(each.canceled for each in closed) == len(run_ids)
    for run_id in run_ids:
        history = (await api.GetRun(run_id=run_id)).state_history
        assert [entry.state for entry in history].count(run_pb2.CANCELED) == 1


async def test_a_run_that_goes_on_while_the_sweep_waits_for_it_is_left_alone(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, task_ids = await a_terminated_run(api, "FAILED")

    async def go_on(tx: WriteTx) -> None:
        await tx.runs.lock(run_id, Lock.UPDATE)
        await tx.runs.touch(run_id, now=microseconds_now())

    async with sweeping(migrated_url) as sweeper:
        await sweeper.after(5)
        async with while_locked(sweeper.store, go_on):
            sweep = asyncio.create_task(sweeper.after(5))
            await asyncio.wait([sweep], timeout=SOON)
            assert not sweep.done()
        assert (await sweep).canceled == 0
    assert await run_state(api, run_id) == "CANCELING"
    assert await states_of(api, run_id, task_ids[:1]) == ["RUNNING"]


async def test_pods_that_all_end_at_once_cancel_their_run_once(api: Api) -> None:
    run_id, task_ids = await a_terminated_run(api, *["RUNNING"] * 20)
    end = Task(state="FAILED", status_metadata={"message": "killed"})
    await asyncio.gather(
        *(api.UpdateTask(run_id=run_id, task_id=task_id, task=end) for task_id in task_ids[1:]),
        *(api.UpdateTasksBulk(run_id=run_id, tasks={task_id: end}) for task_id in task_ids[1:]),
    )
    run = await api.GetRun(run_id=run_id)
    assert [entry.state for entry in run.state_history].count(run_pb2.CANCELED) == 1
    assert set(await states_of(api, run_id, task_ids)) == {"FAILED"}
    assert_ended(await get_task(api, run_id, task_ids[0]))
    assert (await get_task(api, run_id, task_ids[1])).status_metadata.message == "killed"


@pytest.mark.databases("postgresql", "mysql")
async def test_a_run_that_somebody_holds_keeps_no_other_from_being_canceled(
    serve: Serve, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sweep, "CLOSE_SECONDS", 1.5)
    api = await serve()
    (held_id, _), (other_id, _) = [await a_terminated_run(api, "FAILED") for _ in range(2)]
    async with sweeping(migrated_url) as sweeper:
        await sweeper.after(5)
        async with while_locked(sweeper.store, lambda tx: tx.runs.lock(held_id, Lock.UPDATE)):
            assert (await sweeper.after(5)).canceled == 1
            assert await run_state(api, other_id) == "CANCELED"
        await sweeper.after(5)
        assert await run_state(api, held_id) == "CANCELING"
        assert (await sweeper.after(60)).canceled == 1


class _Away(SqlStore):
    """A store whose database can be away."""

    is_away = False

    async def read(self, fn: Any) -> Any:
        if self.is_away:
            raise Unavailable("the database is away")
        return await super().read(fn)


@pytest.mark.parametrize("disturbance", ["database", "process"])
async def test_time_in_which_no_pod_could_report_is_not_quiet_time(
    serve: Serve, migrated_url: str, disturbance: str
) -> None:
    api = await serve()
    run_id, _ = await a_terminated_run(api, "RUNNING")
    store = _Away(migrated_url)
    sweeper = Sweeper(store)
    await sweeper.after(5)
    await sweeper.after(GRACE_SECONDS - 1)
    if disturbance == "database":
        store.is_away = True
        with pytest.raises(Unavailable):
            await sweeper.after(5)
        store.is_away = False
    else:
        sweeper.seconds += GRACE_SECONDS
    assert (await sweeper.after(5)).canceled == 0
    assert (await sweeper.after(GRACE_SECONDS)).canceled == 1
    assert await run_state(api, run_id) == "CANCELED"
    await store.close()


async def test_a_run_is_canceled_in_the_same_statements_however_many_tasks_are_running(
    api: Api, statements: Statements
) -> None:
    counts = []
    for count in (1, 30):
        run_id, task_ids = await a_terminated_run(api, *["RUNNING"] * count)
        statements.clear()
        await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=Task(state="FAILED"))
        counts.append(statements.count)
        assert set(await states_of(api, run_id, task_ids)) == {"FAILED"}
    assert counts[0] == counts[1]
