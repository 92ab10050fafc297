"""gRPC clients that do not take their answers: their connections end, and what the answers held is free again."""

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator

import pytest

from server.doors.grpc.connections import shut_down
from server.doors.grpc.deliveries import SLOWEST_BYTES, Deliveries
from tests.api.builders import new_run
from tests.api.client import METHODS, Api, code
from tests.api.service import serving
from tests.api.test_admission import reason
from tests.faults.attacks import frames
from tests.faults.waiting import until

pytestmark = pytest.mark.databases("sqlite")

HANGING_SECONDS = 20
NEVER_SECONDS = 10_000.0


@contextlib.asynccontextmanager
async def a_client_that_takes_nothing(address: str, name: str) -> AsyncIterator[frames.Connection]:
    """Call a method with an empty message, over a connection whose window for answers is closed."""
    async with frames.connected(address, window=0) as connection:
        await call_again(connection, name, 1)
        yield connection


async def call_again(connection: frames.Connection, name: str, stream: int) -> None:
    """Call a method with an empty message, as the stream of this number."""
    await connection.send(frames.call(METHODS[name].path, stream))
    await connection.send_body(frames.message(b""), stream)


async def test_a_client_that_takes_no_answer_loses_its_connection(migrated_url: str) -> None:
    async with serving(migrated_url, http_idle_seconds=0.5, calls_max=1) as addresses:
        api = Api(addresses.grpc)
        async with a_client_that_takes_nothing(addresses.grpc, "GetHealthz") as connection:
            async with asyncio.timeout(HANGING_SECONDS):
                await until(lambda: connection.is_over)
                while (ended := await code(api.GetHealthz())) != "OK":
                    assert ended == "RESOURCE_EXHAUSTED"
        await api.channel.close()


async def test_an_answer_that_is_not_taken_counts_until_its_connection_ends(migrated_url: str) -> None:
    async with serving(migrated_url, http_idle_seconds=NEVER_SECONDS, calls_max=1) as addresses:
        api = Api(addresses.grpc)
        async with a_client_that_takes_nothing(addresses.grpc, "GetHealthz") as connection:
            async with asyncio.timeout(HANGING_SECONDS):
                for stream in itertools.count(3, 2):
                    if await code(api.GetHealthz()) != "OK":
                        break
                    # There is one place: the silent call may have come while ours was in it, and have been refused.
                    await call_again(connection, "GetHealthz", stream)
                    await asyncio.sleep(0.05)
            assert await reason(api.GetHealthz()) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
        async with asyncio.timeout(HANGING_SECONDS):
            while await code(api.GetHealthz()) != "OK":
                pass
        await api.channel.close()


async def test_clients_that_take_their_answers_stay_connected(migrated_url: str) -> None:
    async with serving(migrated_url, http_idle_seconds=0.1) as addresses:
        api = Api(addresses.grpc)
        await new_run(api)
        async with a_client_that_takes_nothing(addresses.grpc, "GetHealthz") as connection:
            await until(lambda: connection.is_over)
        assert str(api.channel.get_state()) == "ChannelConnectivity.READY"
        await api.channel.close()


def test_a_large_answer_may_take_longer() -> None:
    deliveries = Deliveries(patience_seconds=10.0)
    deliveries.begin("small", 0, "ipv4:127.0.0.1:1")
    deliveries.begin("large", 100 * SLOWEST_BYTES, "ipv4:127.0.0.1:2")
    deliveries.begin("over", 0, "ipv4:127.0.0.1:3")
    deliveries.end("over")
    now = time.monotonic()
    assert deliveries.late_peers(now + 9) == set()
    assert deliveries.late_peers(now + 11) == {"ipv4:127.0.0.1:1"}
    assert deliveries.late_peers(now + 111) == {"ipv4:127.0.0.1:1", "ipv4:127.0.0.1:2"}


@pytest.mark.parametrize(("host", "spelling"), [("127.0.0.1", "ipv4:127.0.0.1"), ("::1", "ipv6:%5B::1%5D")])
def test_only_the_connections_of_the_peers_are_shut_down(host: str, spelling: str) -> None:
    files = len(os.listdir("/dev/fd"))
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        port = listener.getsockname()[1]
        clients = [socket.create_connection((host, port)) for _ in range(2)]
        accepted = [listener.accept()[0] for _ in range(2)]
        peer = f"{spelling}:{clients[0].getsockname()[1]}"
        assert shut_down([peer], port + 1) == 0
        assert shut_down([peer, "unix:", "ipv4:"], port) == 1
        assert clients[0].recv(1) == b""
        accepted[1].send(b"x")
        assert clients[1].recv(1) == b"x"
        for each in (*clients, *accepted):
            each.close()
    assert len(os.listdir("/dev/fd")) == files
