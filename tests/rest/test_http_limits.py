"""Clients that do not mean well, or not well enough: half requests, no requests, too much, too many."""

import asyncio
import time

import pytest

from tests.rest.client import Wire, ask, connected, request_text
from tests.rest.conftest import Serve

pytestmark = pytest.mark.slow

HALF_HEADS = [
    "",
    "G",
    "GET /heal",
    "GET /healthz HTTP/1.1\r\n",
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
]
HALF_BODIES = [
    request_text("POST", "/apis/v2beta1/runs", Content_Length="1000") + b'{"disp',
    request_text("POST", "/apis/v2beta1/runs", Content_Length="10"),
    request_text("POST", "/apis/v2beta1/runs", Transfer_Encoding="chunked") + b"5\r\n{",
    request_text("POST", "/apis/v2beta1/runs", Transfer_Encoding="chunked") + b"1\r\n{\r\n",
    request_text("POST", "/apis/v2beta1/runs", Transfer_Encoding="chunked") + b"0\r\nTrailer: ",
]
HEALTHY = request_text("GET", "/healthz")


async def seconds_until_the_end(wire: Wire) -> tuple[float, bytes]:
    started = time.monotonic()
    data = await wire.rest()
    return time.monotonic() - started, data


async def drip(wire: Wire) -> None:
    for _ in range(100):
        await wire.send("X")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("half", HALF_HEADS)
async def test_half_a_head_is_given_up_within_the_configured_seconds(serve: Serve, half: str) -> None:
    async with connected(await serve(http_header_seconds=0.8)) as wire:
        await wire.send(half)
        seconds, data = await seconds_until_the_end(wire)
    assert 0.2 < seconds <= 0.9
    assert data.startswith(b"HTTP/1.1 408 ") if half else data == b""


@pytest.mark.parametrize("half", HALF_BODIES)
async def test_half_a_body_is_given_up_within_the_configured_seconds(serve: Serve, half: bytes) -> None:
    async with connected(await serve(http_body_seconds=0.8)) as wire:
        await wire.send(half)
        seconds, data = await seconds_until_the_end(wire)
    assert 0.2 < seconds <= 0.9
    assert data.startswith(b"HTTP/1.1 408 ")
    assert b"REQUEST_TIMEOUT" in data


@pytest.mark.parametrize("beginning", [b"GET /healthz HTTP/1.1\r\nX-Slow: ", HALF_BODIES[0], HALF_BODIES[3]])
async def test_a_client_that_drips_gains_no_time(serve: Serve, beginning: bytes) -> None:
    async with connected(await serve(http_header_seconds=0.8, http_body_seconds=0.8)) as wire:
        await wire.send(beginning)
        started = time.monotonic()
        ended = asyncio.create_task(wire.rest())
        while not ended.done() and time.monotonic() < started + 5:
            await asyncio.sleep(0.05)
            wire.writer.write(b"1\r\nx\r\n" if b"chunked" in beginning else b" ")
        assert time.monotonic() - started < 1.2
        assert b" 408 " in await ended


async def test_a_client_that_drips_on_after_its_refusal_is_cut_off(serve: Serve) -> None:
    async with connected(await serve(http_header_seconds=0.4)) as wire:
        await wire.send("GET /healthz HTTP/1.1\r\n")
        assert (await wire.answer()).status == 408
        with pytest.raises(ConnectionError):
            await drip(wire)


async def test_a_connection_may_rest_between_requests_for_the_configured_seconds(serve: Serve) -> None:
    async with connected(await serve(http_idle_seconds=1.0, http_header_seconds=0.4)) as wire:
        for _ in range(3):
            await wire.send(HEALTHY)
            assert (await wire.answer()).status == 200
            await asyncio.sleep(0.55)
        seconds, data = await seconds_until_the_end(wire)
    assert data == b""
    assert seconds < 0.6


async def test_the_second_request_of_a_connection_has_a_deadline_too(serve: Serve) -> None:
    async with connected(await serve(http_header_seconds=0.6)) as wire:
        await wire.send(HEALTHY + b"GET /heal")
        assert (await wire.answer()).status == 200
        seconds, data = await seconds_until_the_end(wire)
    assert data.startswith(b"HTTP/1.1 408 ")
    assert seconds <= 0.8


async def test_a_body_over_the_limit_is_refused_before_it_is_read(serve: Serve) -> None:
    async with connected(await serve(message_bytes_max=1000)) as wire:
        await wire.send(request_text("POST", "/apis/v2beta1/runs", Content_Length="1001"))
        answer = await wire.answer()
        assert (answer.status, answer.reason) == (413, "BODY_TOO_LARGE")
        assert answer.headers["connection"] == "close"
        assert await wire.rest() == b""


async def test_a_body_within_the_limit_is_read(serve: Serve) -> None:
    text = b'{"display_name": "x"}'.ljust(1000)
    answer = await ask(await serve(message_bytes_max=1000), "POST", "/apis/v2beta1/runs", text=text)
    assert answer.status == 200


async def test_a_client_that_sends_all_before_it_reads_gets_its_413(serve: Serve) -> None:
    address = await serve(message_bytes_max=1000)
    answer = await ask(address, "POST", "/apis/v2beta1/runs", text=b"x" * 20_000_000)
    assert (answer.status, answer.reason) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("size", [10, 4000])
async def test_chunks_over_the_limit_are_refused_when_they_pass_it(serve: Serve, size: int) -> None:
    address = await serve(message_bytes_max=3000, http_header_bytes_max=2000)
    async with connected(address) as wire:
        await wire.send(request_text("POST", "/apis/v2beta1/runs", Transfer_Encoding="chunked"))
        piece = f"{size:x}\r\n".encode() + b" " * size + b"\r\n"
        for _ in range(4000 // size + 1):
            await wire.send(piece)
        answer = await wire.answer()
    assert (answer.status, answer.reason) == (413, "BODY_TOO_LARGE")


async def test_a_chunked_body_is_read(rest: str) -> None:
    async with connected(rest) as wire:
        await wire.send(request_text("POST", "/apis/v2beta1/tasks:findCached", Transfer_Encoding="chunked"))
        await wire.send(b'1c\r\n{"cache_fingerprint": "none"\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n')
        assert (await wire.answer()).json == {}


@pytest.mark.parametrize(
    "tail",
    [b"1;" + b"x" * 5000, b"0\r\nTrailer: " + b"x" * 5000, b"1\r\nx\r\n" * 3000],
    ids=["extension", "trailer", "tiny"],
)
async def test_bytes_around_chunks_count_too(serve: Serve, tail: bytes) -> None:
    async with connected(await serve(http_header_bytes_max=2000, message_bytes_max=10_000)) as wire:
        await wire.send(request_text("POST", "/apis/v2beta1/runs", Transfer_Encoding="chunked"))
        await wire.send(tail)
        assert (await wire.answer()).status == 413


@pytest.mark.parametrize(
    "head",
    [
        request_text("GET", "/apis/v2beta1/runs?filter=" + "x" * 3000),
        request_text("GET", "/healthz", X_Long="x" * 3000),
        request_text("GET", "/healthz", **{f"X_{number}": "x" * 30 for number in range(100)}),
        b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 3000,
        b"GET /" + b"x" * 3000,
        b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    ],
    ids=["query", "header", "headers", "half a header", "half a path", "number of headers"],
)
async def test_path_and_headers_over_the_limit_are_refused(serve: Serve, head: bytes) -> None:
    async with connected(await serve(http_header_bytes_max=2000)) as wire:
        await wire.send(head)
        answer = await wire.answer()
        assert (answer.status, answer.reason) == (431, "HEADERS_TOO_LARGE")
        assert await wire.rest() == b""


async def test_the_longest_filter_fits_into_the_path_escaped_twice(rest: str) -> None:
    escaped_twice = "%257B" * 64 * 1024
    answer = await ask(rest, "GET", f"/apis/v2beta1/runs?filter={escaped_twice}")
    assert (answer.status, answer.reason) == (400, "INVALID_FILTER")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"get /healthz HTTP/1.1\r\n\r\n",
        b"GET /heal\x00thz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n: x\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nContent-Length: " + b"9" * 50 + b"\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /healthz\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_the_connection_ends(rest: str, garbage: bytes) -> None:
    async with connected(rest) as wire:
        await wire.send(garbage)
        data = await wire.rest()
    assert data.startswith(b"HTTP/1.1 400 ")
    assert data.count(b"HTTP/1.1 ") == 1
    assert b"INVALID_HTTP" in data


async def test_requests_in_one_packet_are_answered_in_their_order(rest: str) -> None:
    paths = [f"/apis/v2beta1/runs/run-{number}" for number in range(50)]
    async with connected(rest) as wire:
        await wire.send(b"".join(request_text("GET", path) for path in paths))
        answers = [await wire.answer() for _ in paths]
    assert [answer.json["message"] for answer in answers] == [f"run 'run-{number}' not found" for number in range(50)]


@pytest.mark.parametrize("refused", [[f"X-{number}: y" for number in range(201)], ["Content-Length: 999999999"]])
async def test_a_refused_request_is_answered_and_none_behind_it_in_its_place(rest: str, refused: list[str]) -> None:
    head = "\r\n".join(["GET /healthz HTTP/1.1", "Host: localhost", *refused]) + "\r\n\r\n"
    async with connected(rest) as wire:
        await wire.send(head.encode() + HEALTHY + HEALTHY)
        assert (await wire.answer()).status in (413, 431)
        assert await wire.rest() == b""


@pytest.mark.parametrize("target", ["http://x?a=/healthz", "http://x/?a=/healthz", "HTTP://x?/healthz", "https://x"])
async def test_the_path_of_a_whole_url_begins_at_its_slash(rest: str, target: str) -> None:
    async with connected(rest) as wire:
        await wire.send(request_text("GET", target))
        assert (await wire.answer()).headers["content-type"].startswith("text/html")


async def test_garbage_behind_a_request_does_not_cost_its_answer(rest: str) -> None:
    async with connected(rest) as wire:
        await wire.send(request_text("GET", "/readyz") + HEALTHY + b"\x00\x01\r\n\r\n")
        assert [(await wire.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await wire.rest() == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
async def test_a_connection_ends_after_an_answer_that_is_its_last(rest: str, head: bytes) -> None:
    async with connected(rest) as wire:
        await wire.send(head)
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.rest() == b""


async def test_a_client_that_waits_for_100_continue_gets_it(rest: str) -> None:
    body = b'{"cache_fingerprint": "none"}'
    async with connected(rest) as wire:
        await wire.send(
            request_text("POST", "/apis/v2beta1/tasks:findCached", Content_Length=str(len(body)), Expect="100-continue")
        )
        assert (await wire.answer()).status == 100
        await wire.send(body)
        assert (await wire.answer()).json == {}


async def test_a_client_of_http_1_0_is_never_told_to_continue(rest: str) -> None:
    head = "POST /apis/v2beta1/tasks:findCached HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    async with connected(rest) as wire:
        await wire.send(head)
        assert (await wire.answer()).status == 400


async def test_a_client_that_waits_for_100_continue_with_too_much_is_refused(rest: str) -> None:
    async with connected(rest) as wire:
        await wire.send(request_text("POST", "/apis/v2beta1/runs", Content_Length="999999999", Expect="100-continue"))
        assert (await wire.answer()).status == 413
