"""The HTTP server with handlers of the tests' own: slow ones, large answers, failures, and its end."""

import asyncio
import contextlib
import errno
import socket
import time
from dataclasses import replace

import pytest

from server.calls.http_calls import HttpResponse
from server.doors.http.messages import HttpRequest, page
from server.doors.http.server import HttpServer
from tests.leftovers import LARGE_BYTES, large_values
from tests.rest.client import connected, request_text
from tests.rest.http_servers import LIMITS, Start, until


async def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, f"{request.verb} {request.path} {request.query} {request.body.decode()}".encode())


async def large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, b"x" * 8_000_000)


class Slow:
    """A handler that waits to be told, and remembers what became of its calls."""

    def __init__(self) -> None:
        self.may_answer, self.begun, self.cancelled = asyncio.Event(), 0, 0

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.begun += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return HttpResponse(200, b"done")


@pytest.mark.slow
async def test_half_a_request_is_gone_although_the_call_before_it_does_not_end(start: Start) -> None:
    may_end = asyncio.Event()

    async def stubborn(request: HttpRequest) -> HttpResponse:
        while not may_end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await may_end.wait()
        return HttpResponse(200)

    server, address = await start(stubborn, replace(LIMITS, body_bytes=4 * LARGE_BYTES))
    before = large_values()
    async with connected(address) as wire:
        half = request_text("POST", "/", Content_Length=str(3 * LARGE_BYTES)) + b"x" * 2 * LARGE_BYTES
        await wire.send(request_text("GET", "/") + half)
        await until(lambda: not wire.writer.transport.get_write_buffer_size())
        await until(lambda: bool(large_values() - before - {id(half)}))
        wire.writer.transport.abort()
        await until(lambda: not large_values() - before - {id(half)})
    assert not server.connection_count
    may_end.set()


async def test_a_handler_is_given_the_whole_request(start: Start) -> None:
    _, address = await start(echo)
    async with connected(address) as wire:
        await wire.send(request_text("POST", "/a%2Fb?c=%20d#e", b"body"))
        assert (await wire.answer()).body == b"POST /a%2Fb c=%20d body"
        await wire.send(request_text("GET", "http://elsewhere:80/x/y?z"))
        assert (await wire.answer()).body == b"GET /x/y z "


async def test_a_request_in_single_bytes_is_read_as_a_whole(start: Start) -> None:
    _, address = await start(echo)
    async with connected(address) as wire:
        for byte in request_text("POST", "/path?query", b"body", X_One="1"):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await wire.answer()).body == b"POST /path query body"


async def test_headers_that_come_again_are_joined(start: Start) -> None:
    async def accepts(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, request.headers["x-many"].encode())

    _, address = await start(accepts)
    async with connected(address) as wire:
        await wire.send("GET / HTTP/1.1\r\nX-Many: a\r\nx-many:  b \r\nHost: localhost\r\n\r\n")
        assert (await wire.answer()).body == b"a, b"


async def test_an_answer_says_its_date_its_length_and_that_its_type_is_meant(start: Start) -> None:
    _, address = await start(echo)
    async with connected(address) as wire:
        await wire.send(request_text("HEAD", "/"))
        answer = await wire.answer(head_only=True)
        await wire.send(request_text("GET", "/"))
        assert (await wire.answer()).headers == answer.headers | {"content-length": "7"}
    assert answer.headers.keys() == {"date", "content-type", "content-length", "x-content-type-options"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["date"].endswith(" GMT")


async def test_a_page_keeps_to_itself(start: Start) -> None:
    async def front(request: HttpRequest) -> HttpResponse:
        return page("<h1>ü</h1>")

    _, address = await start(front)
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/"))
        answer = await wire.answer()
    assert (answer.headers["content-type"], answer.body.decode()) == ("text/html; charset=utf-8", "<h1>ü</h1>")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_header_cannot_be_broken_into_two(start: Start) -> None:
    async def careless(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"", headers=(("x-echo", "a\r\nx-evil: b"),))

    _, address = await start(careless)
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/"))
        assert (await wire.answer()).headers["x-echo"] == "a  x-evil: b"


async def test_a_handler_that_fails_is_answered_with_an_id_alone(start: Start) -> None:
    async def broken(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("secret")

    _, address = await start(broken)
    async with connected(address) as wire:
        for _ in range(2):
            await wire.send(request_text("GET", "/"))
            answer = await wire.answer()
            assert (answer.status, answer.reason) == (500, "INTERNAL")
            assert b"secret" not in answer.body


async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(start: Start) -> None:
    server, address = await start(large, replace(LIMITS, idle_seconds=0.5))
    host, _, port = address.rpartition(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(request_text("GET", "/"))
        await until(lambda: server.connection_count == 1)
        started = time.monotonic()
        await until(lambda: server.connection_count == 0)
    assert time.monotonic() - started < 2


@pytest.mark.slow
async def test_a_client_that_is_slow_to_take_a_large_answer_gets_all_of_it(start: Start) -> None:
    _, address = await start(large, replace(LIMITS, idle_seconds=0.5))
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/", Connection="close"))
        await wire.reader.readuntil(b"\r\n\r\n")
        size = 0
        while piece := await wire.reader.read(1_000_000):
            size += len(piece)
            await asyncio.sleep(0.15)
    assert size == 8_000_000


async def test_a_call_ends_when_its_client_goes_away(start: Start) -> None:
    slow = Slow()
    server, address = await start(slow)
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/"))
        await until(lambda: slow.begun == 1)
    await until(lambda: slow.cancelled == 1)
    assert server.connection_count == 0


@pytest.mark.slow
async def test_a_client_that_resets_while_it_is_refused_costs_nobody_a_deadline(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, address = await start(echo, replace(LIMITS, header_seconds=0.5))
    # What the system says when the reset comes between the last bytes sent and the end of sending.
    gone = iter([OSError(errno.ENOTCONN, "not connected"), RuntimeError("unforeseen")])
    shutdown = socket.socket.shutdown

    def shutdown_of_a_reset_connection(self: socket.socket, how: int) -> None:
        if (error := next(gone, None)) is not None:
            raise error
        shutdown(self, how)

    monkeypatch.setattr(socket.socket, "shutdown", shutdown_of_a_reset_connection)
    for _ in range(3):
        async with connected(address) as wire:
            await wire.send("GET / HT")
            assert b"408" in await wire.rest()


@pytest.mark.slow
async def test_no_deadline_runs_while_a_handler_does(start: Start) -> None:
    slow = Slow()
    _, address = await start(slow, replace(LIMITS, header_seconds=0.3, body_seconds=0.3, idle_seconds=0.3))
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/") * 2 + b"GET / HT")
        await until(lambda: slow.begun == 1)
        await asyncio.sleep(1.0)
        slow.may_answer.set()
        assert [(await wire.answer()).status for _ in range(3)] == [200, 200, 408]


async def test_a_handler_that_is_late_is_answered_for_even_if_it_does_not_end(start: Start) -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(request: HttpRequest) -> HttpResponse:
        try:
            await asyncio.sleep(100)
        finally:
            await may_end.wait()
            ended.set()
        return HttpResponse(200)

    _, address = await start(stubborn, replace(LIMITS, answer_seconds=0.6))
    async with connected(address) as wire:
        started = time.monotonic()
        await wire.send(request_text("GET", "/"))
        answer = await wire.answer()
        assert (answer.status, answer.reason) == (504, "DEADLINE_EXCEEDED")
        assert await wire.rest() == b""
        assert time.monotonic() - started < 0.8
    assert not ended.is_set()
    may_end.set()
    await asyncio.wait_for(ended.wait(), 1)


@pytest.mark.slow
async def test_requests_waiting_on_one_connection_do_not_pile_up(start: Start) -> None:
    slow = Slow()
    _, address = await start(slow)
    async with connected(address) as wire:
        sending = asyncio.create_task(wire.send(request_text("POST", "/", b"x" * 90_000) * 400))
        await until(lambda: slow.begun == 1)
        await asyncio.sleep(0.5)
        assert not sending.done()
        assert wire.writer.transport.get_write_buffer_size() > 10_000_000
        slow.may_answer.set()
        assert [(await wire.answer()).status for _ in range(400)] == [200] * 400
        await sending


async def test_a_server_that_stops_finishes_what_is_in_hand_and_closes_the_rest(start: Start) -> None:
    slow = Slow()
    server, address = await start(slow)
    async with connected(address) as busy, connected(address) as idle, connected(address) as half:
        await busy.send(request_text("GET", "/"))
        await half.send("GET / HT")
        await until(lambda: slow.begun == 1 and server.connection_count == 3)
        stopping = asyncio.create_task(server.stop(5.0))
        assert await idle.rest() == b""
        assert b" 408 " in await half.rest()
        slow.may_answer.set()
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        await asyncio.wait_for(stopping, 1.0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address.split(":"))


async def test_a_request_that_arrived_before_the_stop_is_answered(start: Start) -> None:
    server, address = await start(echo)
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/first"))
        assert (await wire.answer()).status == 200
        wire.writer.write(request_text("GET", "/last"))
        await server.stop(5.0)
        answer = await wire.answer()
    assert (answer.body, answer.headers["connection"]) == (b"GET /last  ", "close")


async def test_a_server_that_stops_waits_no_longer_than_told(start: Start) -> None:
    slow = Slow()
    server, address = await start(slow)
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/"))
        await until(lambda: slow.begun == 1)
        started = time.monotonic()
        await server.stop(0.3)
        assert 0.2 < time.monotonic() - started < 1.0
        assert await wire.rest() == b""
    assert slow.cancelled == 1


async def test_an_address_that_is_taken_is_refused(start: Start) -> None:
    _, address = await start(echo)
    with pytest.raises(OSError, match="in use"):
        await HttpServer(echo, LIMITS).start(address)
