"""Requests whose body the handler takes as a stream: as it comes, no faster than it is taken, and never a part for the whole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio

from server.calls.http_calls import HttpResponse
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import HttpRequest
from server.doors.http.server import HttpServer
from tests.leftovers import nothing_left
from tests.rest.client import Wire, connected, request_text
from tests.rest.http_servers import LIMITS, until

Start = Callable[..., Awaitable[tuple[HttpServer, str]]]

PIECE = b"x" * 65_536


class Taker:
    """A handler that takes bodies of PUT as streams, and remembers them."""

    def __init__(self, *, pieces: int = 1_000_000, pause: float = 0.0) -> None:
        self.pieces, self.pause = pieces, pause
        self.data, self.count, self.cancelled = b"", 0, 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    def streams(self, verb: str, path: str) -> bool:
        return (verb, path) == ("PUT", "/stream")

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.stream is None:
            return HttpResponse(200, b"whole " + bytes(request.body))
        try:
            async for piece in request.stream:
                self.data += piece
                self.count += 1
                await asyncio.sleep(self.pause)
                await self.may_go_on.wait()
                if self.count == self.pieces:
                    break
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return HttpResponse(200, f"stream {len(self.data)}".encode())


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Start servers with a taker: start(taker, limits)."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(taker: Taker, limits: HttpLimits = LIMITS) -> tuple[HttpServer, str]:
            server = HttpServer(taker, limits, streams=taker.streams)
            port = await server.start("127.0.0.1:0")
            stack.push_async_callback(server.stop, 0.1)
            return server, f"127.0.0.1:{port}"

        yield begin


def head(length: int | None, **headers: str) -> bytes:
    """The head of a streamed request, of a length or in chunks."""
    framing = {"Transfer_Encoding": "chunked"} if length is None else {"Content_Length": str(length)}
    return request_text("PUT", "/stream", **framing, **headers)


async def sent(wire: Wire, data: bytes) -> None:
    """Send until the server takes no more."""
    with contextlib.suppress(ConnectionError):
        await wire.send(data)


async def test_a_handler_takes_pieces_before_the_body_is_complete(start: Start) -> None:
    taker = Taker()
    _, address = await start(taker)
    async with connected(address) as wire:
        await wire.send(head(6) + b"abc")
        await until(lambda: taker.data == b"abc")
        await wire.send(b"def")
        assert (await wire.answer()).body == b"stream 6"
        await wire.send(request_text("PUT", "/other", b"ghi") + head(None) + b"2\r\njk\r\n0\r\n\r\n")
        assert (await wire.answer()).body == b"whole ghi"
        assert (await wire.answer()).body == b"stream 8"


async def test_a_body_may_be_larger_than_one_that_is_kept(start: Start) -> None:
    taker = Taker()
    _, address = await start(taker)
    size = 3 * LIMITS.body_bytes
    async with connected(address) as wire:
        await wire.send(head(size) + b"x" * size)
        assert (await wire.answer()).body == f"stream {size}".encode()
        await wire.send(request_text("PUT", "/other", b"x" * size))
        assert (await wire.answer()).status == 413


async def test_an_empty_body_is_complete_at_once(start: Start) -> None:
    _, address = await start(Taker())
    async with connected(address) as wire:
        await wire.send(head(0))
        assert (await wire.answer()).body == b"stream 0"


async def test_nothing_is_read_for_a_handler_that_takes_nothing(start: Start) -> None:
    taker = Taker()
    taker.may_go_on.clear()
    _, address = await start(taker)
    size = 400 * len(PIECE)
    async with connected(address) as wire:
        sending = asyncio.create_task(wire.send(head(size) + PIECE * 400))
        await until(lambda: taker.count == 1)
        await asyncio.sleep(0.5)
        assert not sending.done()
        taker.may_go_on.set()
        await sending
        assert (await wire.answer()).body == f"stream {size}".encode()


@pytest.mark.slow
async def test_a_slow_body_has_its_time_from_piece_to_piece(start: Start) -> None:
    taker = Taker()
    _, address = await start(taker, replace(LIMITS, body_seconds=3.0, answer_seconds=3.0))
    async with connected(address) as wire:
        await wire.send(head(6))
        for letter in b"abcdef":
            await asyncio.sleep(0.6)
            await wire.send(bytes([letter]))
        assert (await wire.answer()).body == b"stream 6"


@pytest.mark.parametrize("size", [10, None])
async def test_a_body_that_stops_is_refused_and_its_handler_cancelled(start: Start, size: int | None) -> None:
    taker = Taker()
    _, address = await start(taker, replace(LIMITS, body_seconds=0.5))
    async with connected(address) as wire:
        await wire.send(head(size) + (b"abc" if size else b"3\r\nabc\r\n"))
        assert (await wire.answer()).status == 408
    await until(lambda: taker.cancelled == 1)


async def test_a_body_that_becomes_malformed_is_refused_and_its_handler_cancelled(start: Start) -> None:
    taker = Taker()
    _, address = await start(taker)
    async with connected(address) as wire:
        await wire.send(head(None) + b"3\r\nabc\r\n")
        await until(lambda: taker.data == b"abc")
        await wire.send(b"no length\r\n")
        assert (await wire.answer()).status == 400
    await until(lambda: taker.cancelled == 1)


async def test_a_handler_may_answer_before_it_has_taken_everything(start: Start) -> None:
    _, address = await start(Taker(pieces=1))
    async with connected(address) as wire:
        await wire.send(head(10_000_000) + b"abc")
        answer = await wire.answer()
        assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"stream 3", "close")
        await sent(wire, PIECE * 10)
        assert await wire.rest() == b""


async def test_a_client_that_is_told_to_go_on_sends_its_body(start: Start) -> None:
    _, address = await start(Taker())
    async with connected(address) as wire:
        await wire.send(head(3, Expect="100-continue"))
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"abc")
        assert (await wire.answer()).body == b"stream 3"


async def test_a_client_that_goes_away_cancels_the_handler(start: Start) -> None:
    taker = Taker()
    _, address = await start(taker)
    async with nothing_left():
        async with connected(address) as wire:
            await wire.send(head(10_000_000) + b"abc")
            await until(lambda: taker.data == b"abc")
        await until(lambda: taker.cancelled == 1)


async def test_a_handler_that_takes_no_more_is_ended_at_its_deadline(start: Start) -> None:
    taker = Taker(pause=600.0)
    _, address = await start(taker, replace(LIMITS, answer_seconds=0.5))
    async with connected(address) as wire:
        await wire.send(head(10) + b"abc")
        assert (await wire.answer()).status == 504
    await until(lambda: taker.cancelled == 1)
