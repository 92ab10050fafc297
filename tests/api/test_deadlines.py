"""A caller that stops waiting is let go, nothing of its call is kept, and the server serves on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from server import app
from storage.sql.store import SqlStore
from tests.api.builders import a_link, an_artifact, get_task, new_artifact, new_run_and_task, new_task, with_inputs
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.holding import somebody_holding
from tests.api.service import serving
from tests.faults.waiting import until
from tests.logged import logged_lines
from tests.rest.client import ask

SHORT_SECONDS = 0.3
# Of calls that must all reach the server before it, on a machine that does much else.
DEADLINE_SECONDS = 1.5
HANGING_SECONDS = 60
POOL_SIZE = 2


@contextlib.asynccontextmanager
async def closing(address: str) -> AsyncIterator[Api]:
    """A client that is closed at the end of the block."""
    client = Api(address)
    yield client
    await client.channel.close()


async def until_ended(lines: list[dict[str, Any]], calls: int) -> None:
    """Wait until the server has given up that many calls: it learns a little later than the caller that one is over."""
    await until(lambda: sum(line["event"] == "call" and line["code"] != "OK" for line in lines) >= calls)


WRITES: dict[str, Callable[[Any, str, str, str], Awaitable[Any]]] = {
    "CreateTask": lambda api, run_id, task_id, artifact_id: api.CreateTask(
        run_id=run_id, task={"parent_task_id": task_id}, timeout_seconds=DEADLINE_SECONDS
    ),
    "UpdateTask": lambda api, run_id, task_id, artifact_id: api.UpdateTask(
        run_id=run_id, task_id=task_id, task={"state": "FAILED"}, timeout_seconds=DEADLINE_SECONDS
    ),
    "DeleteRun": lambda api, run_id, task_id, artifact_id: api.DeleteRun(
        run_id=run_id, timeout_seconds=DEADLINE_SECONDS
    ),
    "TerminateRun": lambda api, run_id, task_id, artifact_id: api.TerminateRun(
        run_id=run_id, timeout_seconds=DEADLINE_SECONDS
    ),
}


@pytest.mark.parametrize("rpc", WRITES)
async def test_a_call_that_waits_past_its_deadline_is_ended_and_keeps_nothing(
    serve: Serve, migrated_url: str, rpc: str
) -> None:
    api = await serve(pool_size=POOL_SIZE)
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    before = await api.GetRun(run_id=run_id, view="FULL")
    with logged_lines() as lines:
        async with somebody_holding(migrated_url, run_id, task_id):
            # More than the pool has connections: each of them must come back.
            calls = (WRITES[rpc](api, run_id, task_id, artifact_id) for _ in range(2 * POOL_SIZE))
            assert await asyncio.gather(*map(code, calls)) == ["DEADLINE_EXCEEDED"] * 2 * POOL_SIZE
            await until_ended(lines, 2 * POOL_SIZE)
    assert await code(new_task(api, run_id, "later")) == "OK"
    after = await api.GetRun(run_id=run_id, view="FULL")
    assert [task.name for task in after.tasks] == ["train", "later"]
    assert (after.tasks[0], after.state) == (before.tasks[0], before.state)


async def test_a_call_that_gets_no_connection_before_its_deadline_says_so(migrated_url: str) -> None:
    async with serving(migrated_url, pool_size=1, rest_seconds=1.0) as addresses, closing(addresses.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        async with somebody_holding(migrated_url, run_id, task_id):
            # It has the only connection for writing, and waits for a row.
            first = asyncio.ensure_future(api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "first"}))
            await asyncio.sleep(SHORT_SECONDS)
            answer = await ask(addresses.rest, "DELETE", f"/apis/v2beta1/runs/{run_id}")
            assert (answer.status, answer.reason) == (504, "POOL_EXHAUSTED")
            assert not first.done()
        assert (await first).name == "first"


async def test_a_call_with_time_left_waits_for_its_turn(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id, task_id = await new_run_and_task(api)
    async with somebody_holding(migrated_url, run_id, task_id):
        call = asyncio.ensure_future(api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "waited"}))
        await asyncio.sleep(SHORT_SECONDS)
        assert not call.done()
    assert (await call).name == "waited"


@pytest.mark.slow
async def test_a_caller_that_goes_away_leaves_nothing_behind(serve: Serve, migrated_url: str) -> None:
    api = await serve(pool_size=POOL_SIZE)
    run_id, task_id = await new_run_and_task(api)
    with logged_lines() as lines:
        async with somebody_holding(migrated_url, run_id, task_id):
            calls = [
                api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "gone"}) for _ in range(2 * POOL_SIZE)
            ]
            await asyncio.sleep(SHORT_SECONDS)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await until_ended(lines, 2 * POOL_SIZE)
    assert (await api.UpdateTask(run_id=run_id, task_id=task_id, task={"display_name": "d"})).name == "train"


@pytest.mark.parametrize("timeout_seconds", [0.0, 0.001, 0.003, 0.01, 0.03])
async def test_a_bulk_call_that_runs_out_of_time_is_kept_whole_or_not_at_all(api: Api, timeout_seconds: float) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    links = [a_link(run_id, task_id, artifact_id, key=f"key-{number}") for number in range(300)]
    for _ in range(3):
        answer = await code(api.CreateArtifactTasksBulk(artifact_tasks=links, timeout_seconds=timeout_seconds))
        kept = (await api.ListArtifactTasks(task_ids=[task_id])).total_size - 1
        assert kept == 300 if answer == "OK" else kept in (0, 300)
    assert (
        await code(api.CreateArtifact(run_id=run_id, task_id=task_id, producer_key="k", artifact=an_artifact())) == "OK"
    )


async def test_many_updates_cut_short_lose_none_that_was_acknowledged(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)

    async def update(number: int) -> str | None:
        parameter = {"parameter_key": f"key-{number}", "type": "OUTPUT"}
        sent = with_inputs(parameter)
        request = {"run_id": run_id, "task_id": task_id, "task": sent}
        try:
            await api.UpdateTask(**request, timeout_seconds=0.002 * (number % 10))
        except grpc.aio.AioRpcError:
            return None
        return f"key-{number}"

    acknowledged = {key for key in await asyncio.gather(*map(update, range(60))) if key}
    kept = {parameter.parameter_key for parameter in (await get_task(api, run_id, task_id)).inputs.parameters}
    assert acknowledged <= kept


async def test_the_servers_sessions_end_what_outlives_every_caller(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[SqlStore] = []

    def a_store(*arguments: Any, **options: Any) -> SqlStore:
        stores.append(SqlStore(*arguments, **options))
        return stores[-1]

    monkeypatch.setattr(app, "SqlStore", a_store)
    for settings in ({"call_seconds_max": 90.0}, {"call_seconds_max": 30.0, "rest_seconds": 90.0}):
        async with serving(migrated_url, **settings):
            limits = stores[-1].dialect.session_limits
            assert limits is not None
            assert limits.statement_seconds == 90.0
