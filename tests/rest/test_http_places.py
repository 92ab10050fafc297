"""Who gets a connection when the maximum is open: newcomers before the idle, probes in any case, and no peer all of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.calls.http_calls import HttpResponse
from server.config import InvalidSetting, Settings
from server.doors.http.limits import PROBE_CONNECTIONS
from server.doors.http.messages import HttpRequest
from server.process.health import PROBE_PATHS
from tests.rest.client import Answer, Wire, ask, connected, request_text
from tests.rest.conftest import Serve
from tests.rest.http_servers import LIMITS, Start, until

HEALTHY = request_text("GET", "/healthz")
RUNS = request_text("GET", "/apis/v2beta1/runs")
HALF = b"GET /apis/v2beta1/runs HTTP/1.1\r\n"
BUSY = (503, "TOO_MANY_CONNECTIONS", "1")


def refusal_of(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.reason, answer.headers["retry-after"]


@contextlib.asynccontextmanager
async def wires(address: str, count: int, data: bytes) -> AsyncIterator[list[Wire]]:
    """Connections that have sent this, and received an answer to whole requests."""
    async with contextlib.AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            wire = await stack.enter_async_context(connected(address))
            await wire.send(data)
            if data.endswith(b"\r\n\r\n"):
                assert (await wire.answer()).status == 200
            opened.append(wire)
        yield opened


async def test_the_connection_that_has_been_idle_for_longest_makes_room(serve: Serve) -> None:
    address = await serve(http_connections_max=3)
    async with wires(address, 3, RUNS) as (first, second, third), contextlib.AsyncExitStack() as stack:
        await first.send(RUNS)
        assert (await first.answer()).status == 200
        for oldest in (second, third, first):
            newcomer = await stack.enter_async_context(connected(address))
            await newcomer.send(RUNS)
            assert (await newcomer.answer()).status == 200
            assert await oldest.rest() == b""


async def test_a_connection_with_a_request_under_way_is_not_closed_for_another(serve: Serve) -> None:
    address = await serve(http_connections_max=2)
    async with wires(address, 1, RUNS) as (beginning,), wires(address, 1, RUNS) as (idle,):
        await beginning.send(HALF)
        await asyncio.sleep(0.1)
        async with wires(address, 1, RUNS):
            assert await idle.rest() == b""
            await beginning.send("Host: localhost\r\n\r\n")
            assert (await beginning.answer()).status == 200


async def test_a_request_that_has_arrived_unread_keeps_its_connection(start: Start) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"done")

    server, address = await start(answer, replace(LIMITS, connections=1))
    async with connected(address) as idle:
        await idle.send(request_text("GET", "/"))
        assert (await idle.answer()).status == 200
        (connection,) = server._connections
        idle.writer.write(request_text("GET", "/"))
        assert not connection.close_if_idle()
        assert (await idle.answer()).status == 200
        assert connection.close_if_idle()
        assert await idle.rest() == b""


async def test_a_client_that_has_not_read_its_response_is_not_idle(start: Start) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"done")

    server, address = await start(answer, replace(LIMITS, connections=1))
    async with wires(address, 1, request_text("GET", "/")) as (slow,):
        (connection,) = server._connections
        connection.pause_writing()  # as asyncio does when the client reads too little
        async with connected(address) as newcomer:
            assert refusal_of(await newcomer.answer()) == BUSY
        connection.resume_writing()
        async with wires(address, 1, request_text("GET", "/")):
            assert await slow.rest() == b""


@pytest.mark.parametrize("path", PROBE_PATHS)
async def test_a_probe_is_answered_when_all_connections_are_in_use(serve: Serve, path: str) -> None:
    address = await serve(http_connections_max=2)
    async with wires(address, 2, HALF):
        for _ in range(2 * PROBE_CONNECTIONS):
            async with connected(address) as probe:
                await probe.send(request_text("GET", path) * 2)
                answer = await probe.answer()
                assert (answer.status, answer.headers["connection"]) == (200, "close")
                assert await probe.rest() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        RUNS,
        RUNS + HEALTHY,
        request_text("POST", "/apis/v1beta1/healthz", Content_Length="1000000"),
        request_text("POST", "/apis/v1beta1/healthz", Transfer_Encoding="chunked"),
    ],
)
async def test_other_requests_than_probes_are_refused_when_all_are_in_use(serve: Serve, request_bytes: bytes) -> None:
    address = await serve(http_connections_max=2)
    async with wires(address, 2, HALF):
        for _ in range(2 * PROBE_CONNECTIONS):
            async with connected(address) as newcomer:
                await newcomer.send(request_bytes)
                answer = await newcomer.answer()
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                assert await newcomer.rest() == b""
    await asyncio.sleep(0.1)
    async with wires(address, 1, RUNS) as (wire,):
        await wire.send(RUNS)
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("data", [b"", HALF, RUNS])
async def test_clients_that_send_no_probe_do_not_keep_probes_out(serve: Serve, data: bytes) -> None:
    address = await serve(http_connections_max=1)
    async with wires(address, 1, HALF), contextlib.AsyncExitStack() as stack:
        for _ in range(PROBE_CONNECTIONS):
            other = await stack.enter_async_context(connected(address))
            await other.send(data)
        assert (await ask(address, "GET", "/healthz")).status == 200


async def test_refused_clients_that_do_not_close_do_not_add_up(start: Start) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"done")

    server, address = await start(answer, replace(LIMITS, connections=1), probe_paths=["/healthz"])
    async with wires(address, 1, HALF), contextlib.AsyncExitStack() as stack:
        for _ in range(3 * PROBE_CONNECTIONS):
            other = await stack.enter_async_context(connected(address))
            await other.send(RUNS)
            assert (await other.answer()).status == 503
        assert server.connection_count <= 1 + PROBE_CONNECTIONS


async def test_a_probe_that_is_being_answered_keeps_its_connection(start: Start) -> None:
    may_answer, begun = asyncio.Event(), list[str]()

    async def answer(request: HttpRequest) -> HttpResponse:
        begun.append(request.path)
        await may_answer.wait()
        return HttpResponse(200, b"done")

    _, address = await start(answer, replace(LIMITS, connections=1), probe_paths=["/healthz"])
    async with contextlib.AsyncExitStack() as stack:
        probes = [await stack.enter_async_context(connected(address)) for _ in range(1 + PROBE_CONNECTIONS)]
        for probe in probes:
            await probe.send(HEALTHY)
        await until(lambda: len(begun) == len(probes))
        async with connected(address) as newcomer:
            assert refusal_of(await newcomer.answer()) == BUSY
        may_answer.set()
        assert [(await probe.answer()).status for probe in probes] == [200] * len(probes)


async def test_one_peer_has_at_most_as_many_connections_as_the_setting_says(serve: Serve) -> None:
    address = await serve(connections_per_peer_max=2)
    for _ in range(3):
        async with wires(address, 2, RUNS) as opened:
            async with connected(address) as third:
                assert refusal_of(await third.answer()) == BUSY
                assert await third.rest() == b""
            async with other_address(address) as other:
                await other.send(RUNS)
                assert (await other.answer()).status == 200
            for wire in opened:
                await wire.send(RUNS)
                assert (await wire.answer()).status == 200
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def other_address(address: str) -> AsyncIterator[Wire]:
    """Connect from another address of this host."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
    yield Wire(reader, writer)
    writer.close()


def test_any_number_of_connections_per_peer_is_zero() -> None:
    assert Settings(connections_per_peer_max=0).connections_per_peer_max == 0
    with pytest.raises(InvalidSetting, match="connections_per_peer_max"):
        Settings(connections_per_peer_max=-1)
