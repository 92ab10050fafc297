"""Messages that are still arriving: they count by what has arrived, and are given up for others when they stall or are too many."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.calls import admission
from server.doors.grpc.behaviour import RESERVED_SIZE
from server.doors.grpc.connections import bytes_received, clients
from tests.api.builders import new_run
from tests.api.client import METHODS
from tests.api.conftest import Serve
from tests.api.service import serving
from tests.api.test_admission import reason
from tests.faults.attacks import frames

pytestmark = pytest.mark.databases("sqlite")

HANGING_SECONDS = 20
MEBIBYTE = 1024 * 1024


async def test_calls_without_messages_do_not_keep_others_waiting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "STALLED_SECONDS", 0.2)
    api = await serve(bytes_in_flight_max=4 * RESERVED_SIZE)
    silent = [api.channel.stream_unary(METHODS["CreateRun"].path)() for _ in range(12)]
    # They need not arrive in this order, and the last four keep their places until somebody else asks.
    answers = asyncio.as_completed([reason(call) for call in silent])
    async with asyncio.timeout(HANGING_SECONDS):
        for _ in range(8):
            assert await next(answers) == ("RESOURCE_EXHAUSTED", "MEMORY_EXHAUSTED")
        await new_run(api)
    for call in silent:
        call.cancel()


@asynccontextmanager
async def sending_a_quarter(url: str, *, budget_mebibytes: int) -> AsyncIterator[frames.Connection]:
    """A client that sends 16 of 64 MiB of a message to a server with a budget, for as long as the block lasts."""
    async with (
        serving(url, bytes_in_flight_max=budget_mebibytes * MEBIBYTE) as addresses,
        frames.connected(addresses.grpc) as connection,
        asyncio.timeout(HANGING_SECONDS),
    ):
        await connection.send(frames.call(METHODS["CreateRun"].path, 1))
        quarter = frames.message(bytes(64 * MEBIBYTE))[: 16 * MEBIBYTE]
        sending = asyncio.create_task(connection.send_body(quarter, 1))
        try:
            yield connection
        finally:
            sending.cancel()


async def test_a_message_is_given_up_when_more_has_arrived_than_may_be_held(migrated_url: str) -> None:
    async with sending_a_quarter(migrated_url, budget_mebibytes=8) as connection:
        await connection.has_ended.wait()


async def test_an_incomplete_message_is_waited_for_while_there_is_room(migrated_url: str) -> None:
    async with sending_a_quarter(migrated_url, budget_mebibytes=64) as connection:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.has_ended.wait(), 1.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_kernel_tells_how_much_has_arrived(host: str) -> None:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port)) as near, listener.accept()[0] as far:
            [(client, descriptor)] = clients(port).items()
            assert (descriptor, client[1]) == (far.fileno(), near.getsockname()[1])
            assert bytes_received(descriptor, client, port) == 0
            near.sendall(bytes(1234))
            assert far.recv(1, socket.MSG_PEEK)
            assert bytes_received(descriptor, client, port) == 1234
            assert bytes_received(descriptor, client, port + 1) is None
        assert bytes_received(descriptor, client, port) is None
