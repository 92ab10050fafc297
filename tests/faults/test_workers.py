"""--workers: several processes behind one port, replaced when they die, ended with their parent, however it ends."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.api.builders import new_run
from tests.api.client import code
from tests.databases import processes
from tests.databases.private import free_port
from tests.faults.client import connected
from tests.faults.cluster import Server
from tests.faults.load import Findings, Ledger, Load, audit
from tests.faults.waiting import until
from tests.rest.client import ask

pytestmark = pytest.mark.databases("postgresql")

WORKERS = 3
CONNECTIONS = 60


@pytest_asyncio.fixture
async def server(migrated_url: str, start_server: Callable[..., Server]) -> AsyncIterator[Server]:
    """A server with three workers."""
    yield start_server(migrated_url, "--workers", str(WORKERS))


async def test_calls_of_many_connections_are_spread_over_all_workers(server: Server) -> None:
    assert len(server.workers()) == WORKERS
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(server.grpc)) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(client.GetHealthz() for client in clients))
    assert {line["pid"] for line in server.calls("GetHealthz")} == set(server.workers())


async def test_a_worker_that_is_killed_is_replaced(server: Server) -> None:
    before = set(server.workers())
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: len(set(server.workers()) - {killed}) == WORKERS)
    [replacement] = set(server.workers()) - before
    await until(lambda: any(line["pid"] == replacement for line in server.log_lines() if line["event"] == "serving"))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(server.grpc)) for _ in range(CONNECTIONS)]
        assert {await code(client.GetHealthz()) for client in clients} == {"OK"}
    assert replacement in {line["pid"] for line in server.calls("GetHealthz")}
    [death] = [line for line in server.log_lines() if line["event"] == "worker died"]
    assert (death["worker"], death["status"]) == (killed, -signal.SIGKILL)


async def test_workers_share_the_port_of_the_admin_door(migrated_url: str, start_server: Callable[..., Server]) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = start_server(migrated_url, "--workers", str(WORKERS), "--admin", address)
    assert (await ask(address, "GET", "/readyz")).json == {"ready": True}
    os.kill(min(server.workers()), signal.SIGKILL)
    await until(lambda: len(server.workers()) == WORKERS)
    assert (await ask(address, "GET", "/healthz")).status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_workers(server: Server, number: signal.Signals) -> None:
    workers = server.workers()
    os.kill(server.process_id, number)
    assert await asyncio.to_thread(server.wait) == 0
    assert not [worker for worker in workers if processes.is_running(worker)]


async def test_workers_end_when_their_parent_is_killed(server: Server) -> None:
    workers = server.workers()
    server.kill()
    await until(lambda: not [worker for worker in workers if processes.is_running(worker)])


async def test_workers_that_drain_lose_no_call(
    migrated_url: str, server: Server, seed: int, rounds: Callable[[int, int], int]
) -> None:
    chance, ledger = random.Random(seed), Ledger()
    for _ in range(rounds(1, 10)):
        load = Load(server.grpc, ledger, clients=12, seed=chance.randrange(1_000_000))
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        server.terminate()
        await load.ended()
        assert await asyncio.to_thread(server.wait) == 0
        server.start()
    assert set(ledger.refusals) == {"UNAVAILABLE"}
    assert await audit(server.grpc, ledger.recordings) == Findings()


async def test_a_port_given_by_number_is_shared_too(migrated_url: str, start_server: Callable[..., Server]) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = start_server(migrated_url, "--workers", str(WORKERS), "--grpc", address)
    assert server.grpc == address
    async with connected(address) as api:
        await new_run(api)
