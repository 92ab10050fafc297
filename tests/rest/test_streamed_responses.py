"""Responses in pieces: sent as the client takes them, whole or visibly broken off, and given up with their client."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from server.calls.http_calls import HttpResponse
from server.doors.http import connection
from server.doors.http.messages import HttpRequest
from tests.leftovers import nothing_left
from tests.rest.client import connected, request_text
from tests.rest.http_servers import LIMITS, Start, until

PIECE = b"x" * 65_536


class Pieces:
    """A handler whose response has these pieces; remembers how many were asked for, and whether its generator was closed."""

    def __init__(
        self, *pieces: bytes, pause: Callable[[], float] = lambda: 0.0, error: Exception | None = None
    ) -> None:
        self.pieces, self.pause, self.error = pieces, pause, error
        self.asked, self.closed = 0, 0

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, self.body(), "text/plain")

    async def body(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                self.asked += 1
                await asyncio.sleep(self.pause())
                yield piece
            if self.error:
                raise self.error
        finally:
            self.closed += 1


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """The content of a chunked body, and whether it is whole."""
    content = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            return content, data == b"\r\n"
        content, data = content + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return content, False


async def fetched(address: str, request: bytes) -> tuple[str, bytes]:
    """Head and body of the only response on a connection."""
    async with connected(address) as wire:
        await wire.send(request)
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
    return head.decode(), body


@contextlib.asynccontextmanager
async def silent(address: str) -> AsyncIterator[socket.socket]:
    """A client that has sent its request and reads nothing by itself."""
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, request_text("GET", "/", Connection="close"))
        yield client


async def test_pieces_arrive_in_order_and_empty_ones_end_nothing(start: Start) -> None:
    handler = Pieces(b"one ", b"", b"two ", b"three")
    _, address = await start(handler)
    head, body = await fetched(address, request_text("GET", "/", Connection="close"))
    assert "transfer-encoding: chunked" in head
    assert "content-length" not in head
    assert unchunked(body) == (b"one two three", True)
    assert (handler.asked, handler.closed) == (4, 1)


async def test_the_connection_serves_on_after_a_streamed_response(start: Start) -> None:
    _, address = await start(Pieces(b"piece"))
    async with connected(address) as wire:
        await wire.send(request_text("GET", "/") + request_text("GET", "/", Connection="close"))
        data = await wire.rest()
    assert data.count(b"HTTP/1.1 200") == 2
    assert data.count(b"5\r\npiece\r\n0\r\n\r\n") == 2


async def test_a_client_of_http_1_0_reads_to_the_end_of_the_connection(start: Start) -> None:
    _, address = await start(Pieces(b"one ", b"two"))
    head, body = await fetched(address, b"GET / HTTP/1.0\r\n\r\n")
    assert "transfer-encoding" not in head
    assert body == b"one two"


async def test_a_head_request_asks_for_no_piece(start: Start) -> None:
    handler = Pieces(b"piece")
    _, address = await start(handler)
    head, body = await fetched(address, request_text("HEAD", "/", Connection="close"))
    assert head.startswith("HTTP/1.1 200")
    assert (body, handler.asked) == (b"", 0)


async def test_no_piece_is_made_for_a_client_that_does_not_read(start: Start) -> None:
    handler = Pieces(*[PIECE] * 500)
    _, address = await start(handler)
    async with silent(address) as client:
        before = -1
        while before != handler.asked:  # until the buffers of the system are full
            before = handler.asked
            await asyncio.sleep(0.3)
        assert 0 < handler.asked < 400
        data = bytearray()
        while received := await asyncio.get_running_loop().sock_recv(client, 1_000_000):
            data += received
    assert data.count(b"\r\n" + PIECE + b"\r\n") == 500
    assert data.endswith(b"\r\n0\r\n\r\n")


async def test_a_client_that_never_reads_is_cut(start: Start) -> None:
    handler = Pieces(*[PIECE] * 1_000)
    server, address = await start(handler, replace(LIMITS, idle_seconds=0.5))
    async with silent(address):
        await until(lambda: handler.closed == 1)
        await until(lambda: server.connection_count == 0)


async def test_what_breaks_off_with_an_error_is_never_taken_for_the_whole(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[dict[str, Any]] = []
    monkeypatch.setattr(connection, "log", SimpleNamespace(error=lambda event, **fields: errors.append(fields)))
    handler = Pieces(b"one", error=RuntimeError("broken"))
    _, address = await start(handler)
    head, body = await fetched(address, request_text("GET", "/"))
    assert head.startswith("HTTP/1.1 200")
    assert unchunked(body) == (b"one", False)
    assert handler.closed == 1
    assert [(error["where"], error["exc_info"]) for error in errors] == [("stream", handler.error)]


@pytest.mark.slow
async def test_what_comes_too_late_is_never_taken_for_the_whole(start: Start) -> None:
    handler = Pieces(b"one", b"two", pause=iter([0.0, 600.0]).__next__)
    _, address = await start(handler, replace(LIMITS, answer_seconds=2.0))
    head, body = await fetched(address, request_text("GET", "/"))
    assert head.startswith("HTTP/1.1 200")
    assert unchunked(body) == (b"one", False)
    await until(lambda: handler.closed == 1)


@pytest.mark.slow
async def test_the_time_for_a_response_is_each_pieces_own(start: Start) -> None:
    handler = Pieces(*[b"x"] * 6, pause=lambda: 0.6)
    _, address = await start(handler, replace(LIMITS, answer_seconds=3.0))
    _, body = await fetched(address, request_text("GET", "/", Connection="close"))
    assert unchunked(body) == (b"x" * 6, True)


async def test_a_client_that_goes_away_closes_the_generator(start: Start) -> None:
    handler = Pieces(b"one", b"two", pause=iter([0.0, 600.0]).__next__)
    _, address = await start(handler)
    async with nothing_left():
        async with connected(address) as wire:
            await wire.send(request_text("GET", "/"))
            await until(lambda: handler.asked == 2)
        await until(lambda: handler.closed == 1)
