"""SIGTERM lets calls in flight finish, takes no new ones, and ends the process with status 0 in bounded time."""

import asyncio
import random
from collections.abc import Callable

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.api.builders import a_parameter, new_run_and_task, with_inputs
from tests.api.client import Api, code
from tests.databases.private import free_port
from tests.faults.client import connected
from tests.faults.cluster import Server
from tests.faults.database_faults import writes_held_up
from tests.faults.load import Findings, Ledger, Load, audit
from tests.faults.patient import calling_patiently

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]

IN_FLIGHT = 8
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def ended(server: Server) -> int:
    """Wait for the server without keeping the test's own calls waiting."""
    return await asyncio.to_thread(server.wait)


async def not_serving(server: Server) -> None:
    """Return when the standard health service says NOT_SERVING to one who watches it."""
    async with connected(server.grpc) as client:
        watch = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
        async for answer in watch:
            if answer.status == NOT_SERVING:
                return
    raise AssertionError("the watch ended without NOT_SERVING")


async def refused(server: Server) -> None:
    """Return when the server takes no new calls; what it still takes until then, it answers."""
    async with connected(server.grpc) as late:
        while (ended_with := await code(late.GetHealthz())) != "UNAVAILABLE":
            assert ended_with == "OK"


async def writes_in_flight(api: Api, run_id: str, task_id: str) -> list["asyncio.Task[str]"]:
    """Begin writes and return when the server has taken them."""
    writes = [
        asyncio.create_task(
            code(api.UpdateTask(run_id=run_id, task_id=task_id, task=with_inputs(a_parameter(f"p{n}"))))
        )
        for n in range(IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    # One connection, calls taken in turn: when a later one is answered, those before it have begun.
    await api.GetHealthz()
    return writes


async def test_calls_in_flight_at_sigterm_finish(migrated_url: str, start_server: StartServer) -> None:
    server = start_server(migrated_url)
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        watch = asyncio.create_task(not_serving(server))
        async with writes_held_up(migrated_url) as release:
            writes = await writes_in_flight(api, run_id, task_id)
            server.terminate()
            await watch
            await refused(server)
            assert not [write for write in writes if write.done()]
            await release()
            assert [await write for write in writes] == ["OK"] * IN_FLIGHT
    assert await ended(server) == 0
    server.start()
    async with connected(server.grpc) as api:
        task = await api.GetTask(run_id=run_id, task_id=task_id)
        assert len(task.inputs.parameters) == IN_FLIGHT


async def test_a_call_that_does_not_end_is_cut_off_when_the_drain_time_is_over(
    migrated_url: str, start_server: StartServer
) -> None:
    server = start_server(migrated_url, "--drain-seconds", "1")
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        async with writes_held_up(migrated_url):
            writes = await writes_in_flight(api, run_id, task_id)
            server.terminate()
            assert await ended(server) == 0
            assert "OK" not in [await write for write in writes]


async def test_under_load_nothing_fails_but_calls_that_come_too_late(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int
) -> None:
    chance, ledger = random.Random(seed), Ledger()
    server = start_server(migrated_url)
    for _ in range(rounds(1, 10)):
        load = Load(server.grpc, ledger, seed=chance.randrange(1_000_000))
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        server.terminate()
        await load.ended()
        assert await ended(server) == 0
        server.start()
    assert set(ledger.refusals) == {"UNAVAILABLE"}
    assert ledger.acknowledged
    assert await audit(server.grpc, ledger.recordings) == Findings()
    # Every write that was committed was also answered: nothing is there that nobody was told of.
    assert await written_runs(server) == {recording.run_id for recording in ledger.recordings}


async def written_runs(server: Server) -> set[str]:
    found: set[str] = set()
    async with connected(server.grpc) as api:
        token = ""
        while True:
            page = await api.ListRuns(page_size=200, page_token=token)
            found |= {run.run_id for run in page.runs}
            token = page.next_page_token
            if not token:
                return found


@pytest.mark.databases("postgresql")
async def test_no_call_fails_while_two_servers_are_restarted_in_turn(
    migrated_url: str, start_server: StartServer, rounds: Rounds, report: Report
) -> None:
    servers = [start_server(migrated_url, "--grpc", f"127.0.0.1:{free_port()}") for _ in range(2)]
    async with calling_patiently([server.grpc for server in servers]) as counts:
        for server in servers * rounds(1, 20):
            await asyncio.sleep(0.3)
            server.terminate()
            assert await ended(server) == 0
            await asyncio.to_thread(server.start)
    report(
        f"{counts.calls.total()} calls over {2 * rounds(1, 20)} restarts, 0 failed, {counts.retried.total()} sent again"
    )
