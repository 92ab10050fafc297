"""With `abandoned_hours`, an unfinished run to which nothing is written for so long becomes FAILED, and says why."""

import asyncio
from typing import Any

import pytest
from lineal.v2beta1 import run_pb2
from sqlalchemy import update

from server.calls.call import microseconds_now
from server.rules import run_sweep
from storage.sql import tables
from tests.api.builders import a_link, a_root, get_task, new_artifact, new_run, new_task, run_state
from tests.api.client import Api
from tests.api.conftest import Serve
from tests.api.sweeping import HOUR, Sweeper, sweeping

Task = run_pb2.PipelineTask
ABANDONED_HOURS = 24
PATIENCE_SECONDS = 20


async def a_running_run(api: Api) -> tuple[str, str, str]:
    """A run whose ROOT and only step are running; returns the ids of all three."""
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root())
    return run_id, root.task_id, await new_task(api, run_id, parent_task_id=root.task_id)


def a_day_later(url: str, hours: float = ABANDONED_HOURS + 0.01) -> Any:
    """A sweeper by whose clock so many hours have passed."""
    off = int(hours * HOUR) * 1_000_000
    return sweeping(url, abandoned_hours=ABANDONED_HOURS, now=lambda: microseconds_now() + off)


async def watch_for_an_hour(sweeper: Sweeper) -> int:
    """Return how many runs a sweep fails that has seen them unchanged for an hour."""
    first = await sweeper.after(5)
    return first.abandoned + (await sweeper.after(HOUR)).abandoned


async def test_a_run_to_which_nothing_is_written_for_too_long_is_failed_and_says_why(
    serve: Serve, migrated_url: str
) -> None:
    api = await serve()
    run_id, _, task_id = await a_running_run(api)
    pending_id = await new_run(api)
    async with a_day_later(migrated_url) as sweeper:
        assert (await sweeper.after(5)).abandoned == (await sweeper.after(HOUR - 1)).abandoned == 0
        assert (await sweeper.after(1)).abandoned == 2
    run = await api.GetRun(run_id=run_id)
    assert (run.state, run.finished_at) == (run_pb2.FAILED, run.state_history[-1].update_time)
    assert run.state_history[-1].state == run_pb2.FAILED
    assert run.state_history[-1].error.message == "nothing was reported for 24 hours"
    assert run.state_history[-1].error.code == 4
    task = await get_task(api, run_id, task_id)
    assert task.state == Task.FAILED
    assert task.status_metadata.message == "the run was given up, because nothing was reported for too long"
    assert await run_state(api, pending_id) == "FAILED"


async def test_a_server_with_the_setting_fails_a_run_that_it_has_watched(serve: Serve) -> None:
    api = await serve(sweep_seconds=0.05, abandoned_hours=0.5 / HOUR)
    run_id, _, _ = await a_running_run(api)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await run_state(api, run_id) != "FAILED":  # noqa: ASYNC110 - only the server knows when
            await asyncio.sleep(0.05)


async def test_without_the_setting_no_run_is_failed(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, _, _ = await a_running_run(api)
    late = microseconds_now() + int(1000 * HOUR) * 1_000_000
    async with sweeping(migrated_url, now=lambda: late) as sweeper:
        assert await watch_for_an_hour(sweeper) == 0
    assert await run_state(api, run_id) == "RUNNING"


@pytest.mark.parametrize("written", ["run", "task", "link"])
async def test_a_run_that_is_written_to_while_the_sweep_watches_it_is_not_failed(
    serve: Serve, migrated_url: str, written: str
) -> None:
    api = await serve()
    run_id, _, task_id = await a_running_run(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    async with a_day_later(migrated_url) as sweeper:
        await sweeper.after(5)
        await sweeper.after(HOUR - 10)
        if written == "run":
            await api.ArchiveRun(run_id=run_id)
        elif written == "task":
            await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(display_name="still there"))
        else:
            await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id))
        assert (await sweeper.after(20)).abandoned == 0
        assert await run_state(api, run_id) == "RUNNING"
        assert (await sweeper.after(HOUR)).abandoned == 1


async def test_a_run_that_was_written_to_within_the_hours_is_not_watched(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, _, _ = await a_running_run(api)
    async with a_day_later(migrated_url, hours=ABANDONED_HOURS - 0.01) as sweeper:
        assert await watch_for_an_hour(sweeper) == 0
    assert await run_state(api, run_id) == "RUNNING"


async def test_a_link_is_a_write_to_its_run(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, _, task_id = await a_running_run(api)
    other_id, _, _ = await a_running_run(api)
    days_ago = microseconds_now() - int(2 * ABANDONED_HOURS * HOUR) * 1_000_000
    async with sweeping(migrated_url, abandoned_hours=ABANDONED_HOURS) as sweeper:
        async with sweeper.store.engines[0].begin() as connection:
            for table in (tables.runs, tables.tasks):
                await connection.execute(update(table).values(created_at=days_ago, updated_at=days_ago))
        await new_artifact(api, run_id, task_id)
        assert await watch_for_an_hour(sweeper) == 1
    assert (await run_state(api, run_id), await run_state(api, other_id)) == ("RUNNING", "FAILED")


async def test_finished_and_terminated_runs_are_not_abandoned(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, root_id, _ = await a_running_run(api)
    await api.UpdateTask(run_id=run_id, task_id=root_id, task=Task(state="SUCCEEDED"))
    terminated_id, _, _ = await a_running_run(api)
    await api.TerminateRun(run_id=terminated_id)
    async with a_day_later(migrated_url) as sweeper:
        assert await watch_for_an_hour(sweeper) == 0
    assert (await run_state(api, run_id), await run_state(api, terminated_id)) == ("SUCCEEDED", "CANCELED")


async def test_an_abandoned_run_can_be_retried_and_takes_late_reports(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    runs = [await a_running_run(api) for _ in range(2)]
    async with a_day_later(migrated_url) as sweeper:
        assert await watch_for_an_hour(sweeper) == 2
    (retried_id, _, task_id), (late_id, root_id, _) = runs
    await api.RetryRun(run_id=retried_id)
    assert await run_state(api, retried_id) == "RUNNING"
    task = await get_task(api, retried_id, task_id)
    assert (task.state, task.HasField("status_metadata")) == (Task.RUNNING, False)
    await api.UpdateTask(run_id=late_id, task_id=root_id, task=Task(state="SUCCEEDED"))
    assert await run_state(api, late_id) == "SUCCEEDED"


async def test_a_sweep_goes_on_after_the_runs_that_it_has_looked_at(
    serve: Serve, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sweep, "UNFINISHED_AT_ONCE", 2)
    api = await serve()
    run_ids = [await new_run(api) for _ in range(5)]
    async with a_day_later(migrated_url) as sweeper:
        assert await watch_for_an_hour(sweeper) + (await sweeper.after(500)).abandoned == len(run_ids)
    assert {await run_state(api, run_id) for run_id in run_ids} == {"FAILED"}
