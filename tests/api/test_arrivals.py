"""Messages that are still arriving: they count by what has arrived, and are given up for others when they stall or are too many."""

import asyncio
import socket

import pytest

from server.calls import admission
from server.doors.grpc.behaviour import RESERVED_SIZE
from server.doors.grpc.connections import bytes_received, clients
from tests.api.builders import new_run
from tests.api.conftest import Serve
from tests.api.service import serving
from tests.api.test_admission import path_of, reason
from tests.faults.attacks import frames

pytestmark = pytest.mark.databases("sqlite")

HANGING_SECONDS = 20
MEBIBYTE = 1024 * 1024


async def test_calls_without_messages_do_not_keep_others_waiting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "STALLED_SECONDS", 0.2)
    api = await serve(bytes_in_flight_max=4 * RESERVED_SIZE)
    silent = [api.channel.stream_unary(path_of("CreateRun"))() for _ in range(12)]
    async with asyncio.timeout(HANGING_SECONDS):
        assert await reason(silent[0]) == ("RESOURCE_EXHAUSTED", "MEMORY_EXHAUSTED")
        await new_run(api)
    for call in silent:
        call.cancel()


async def test_a_message_is_given_up_when_more_has_arrived_than_may_be_held(migrated_url: str) -> None:
    async with (
        serving(migrated_url, bytes_in_flight_max=8 * MEBIBYTE) as addresses,
        frames.connected(addresses.grpc) as connection,
        asyncio.timeout(HANGING_SECONDS),
    ):
        await connection.send(frames.call(path_of("CreateRun"), 1))
        sending = asyncio.create_task(connection.send_body(frames.message(bytes(64 * MEBIBYTE))[: 16 * MEBIBYTE], 1))
        await connection.has_ended.wait()
        sending.cancel()


async def test_an_incomplete_message_is_waited_for_while_there_is_room(migrated_url: str) -> None:
    async with (
        serving(migrated_url, bytes_in_flight_max=64 * MEBIBYTE) as addresses,
        frames.connected(addresses.grpc) as connection,
        asyncio.timeout(HANGING_SECONDS),
    ):
        await connection.send(frames.call(path_of("CreateRun"), 1))
        await connection.send_body(frames.message(bytes(64 * MEBIBYTE))[: 16 * MEBIBYTE], 1)
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
