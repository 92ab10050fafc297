"""How much memory the HTTP server takes for bodies and responses: a budget for all, and no copies of what waits to be read."""

import asyncio
from dataclasses import replace

import pytest

from server.calls import admission as limits
from server.calls.admission import Admission
from server.calls.http_calls import HttpResponse
from server.doors.http.connection import PIECE_SIZE
from server.doors.http.messages import HttpRequest
from server.doors.http.request_reader import SMALL_BODY
from tests.rest.client import connected, request_text
from tests.rest.http_servers import LIMITS, Start, until

BODY = b"x" * 600_000
ROOMY = replace(LIMITS, body_bytes=1_000_000)
HANGING_SECONDS = 20


def a_budget(bytes_max: int = 1_000_000) -> Admission:
    return Admission(calls_max=10, bytes_max=bytes_max)


class Held:
    """A handler that notes the sizes of bodies, and responds when it may."""

    def __init__(self) -> None:
        self.sizes, self.may_respond = list[int](), asyncio.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.sizes.append(len(request.body))
        await self.may_respond.wait()
        return HttpResponse(200, b"done")


async def test_a_body_without_room_is_read_when_others_have_left(start: Start) -> None:
    handler, budget = Held(), a_budget()
    _, address = await start(handler, ROOMY, admission=budget)
    async with connected(address) as first, connected(address) as second, connected(address) as small:
        await first.send(request_text("POST", "/", BODY))
        await until(lambda: handler.sizes == [len(BODY)])
        sending = asyncio.create_task(second.send(request_text("POST", "/", BODY)))
        await small.send(request_text("POST", "/", b"x" * SMALL_BODY))
        await until(lambda: handler.sizes == [len(BODY), SMALL_BODY])  # small bodies pass
        handler.may_respond.set()
        async with asyncio.timeout(HANGING_SECONDS):
            await sending
            for wire in (first, second, small):
                assert (await wire.answer()).body == b"done"
    await until(lambda: budget.bytes == 0)


async def test_a_body_that_finds_no_room_in_time_is_refused_with_503(start: Start) -> None:
    handler, budget = Held(), a_budget()
    _, address = await start(handler, replace(ROOMY, answer_seconds=1.0), admission=budget)
    occupied = budget.holding()
    occupied.hold(900_000)
    async with connected(address) as wire:
        await wire.send(request_text("POST", "/", Content_Length=str(len(BODY)), Expect="100-continue"))
        refused = await wire.answer()
    assert (refused.status, refused.reason, refused.headers["retry-after"]) == (503, "MEMORY_EXHAUSTED", "1")
    occupied.leave()
    assert (handler.sizes, budget.bytes) == ([], 0)


async def test_a_client_is_told_to_go_on_once_there_is_room(start: Start) -> None:
    handler, budget = Held(), a_budget()
    _, address = await start(handler, ROOMY, admission=budget)
    occupied = budget.holding()
    occupied.hold(900_000)
    handler.may_respond.set()
    async with connected(address) as wire:
        await wire.send(request_text("POST", "/", Content_Length=str(len(BODY)), Expect="100-continue"))
        await asyncio.sleep(0.1)
        occupied.leave()
        assert (await wire.answer()).status == 100
        await wire.send(BODY)
        assert (await wire.answer()).body == b"done"


async def test_a_chunked_body_counts_as_large_as_it_may_be_once_it_is_not_small(start: Start) -> None:
    handler, budget = Held(), a_budget(2_000_000)
    _, address = await start(handler, ROOMY, admission=budget)
    async with connected(address) as wire:
        chunk = b"%x\r\n" % SMALL_BODY + b"x" * SMALL_BODY + b"\r\n"
        await wire.send(request_text("POST", "/", Transfer_Encoding="chunked") + chunk)
        await asyncio.sleep(0.1)
        assert budget.bytes == 0
        await wire.send(chunk)
        await until(lambda: budget.bytes == ROOMY.body_bytes)
        await wire.send(b"0\r\n\r\n")
        await until(lambda: budget.bytes == 2 * SMALL_BODY)
        handler.may_respond.set()
        assert (await wire.answer()).body == b"done"
    await until(lambda: budget.bytes == 0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients have stalled after a moment without progress."""
    monkeypatch.setattr(limits, "STALLED_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_body_that_stalls_is_refused_when_another_needs_the_memory(start: Start) -> None:
    handler, budget = Held(), a_budget()
    handler.may_respond.set()
    _, address = await start(handler, ROOMY, admission=budget)
    async with connected(address) as stalled, connected(address) as other:
        await stalled.send(request_text("POST", "/", Content_Length=str(len(BODY))) + b"x")
        await until(lambda: budget.bytes == len(BODY))
        await asyncio.sleep(0.5)  # nobody needs it
        await other.send(request_text("POST", "/", BODY))
        assert (await other.answer()).body == b"done"
        refused = await stalled.answer()
    assert (refused.status, refused.reason, refused.headers["retry-after"]) == (503, "MEMORY_EXHAUSTED", "1")
    assert (handler.sizes, budget.bytes) == ([len(BODY)], 0)


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_stalls_in_a_large_response_is_cut_off_when_another_needs_the_memory(start: Start) -> None:
    size, budget = 20_000_000, a_budget(20_100_000)

    async def large(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"x" * (size if request.verb == "GET" else 1))

    _, address = await start(large, ROOMY, admission=budget)
    async with connected(address) as stalled, connected(address) as other:
        stalled.reader._limit = 1  # type: ignore[attr-defined]  # the client reads nothing beyond its socket's buffer
        await stalled.send(request_text("GET", "/"))
        await until(lambda: budget.bytes == size)
        await other.send(request_text("POST", "/", BODY))
        assert (await other.answer()).body == b"x"
    await until(lambda: budget.bytes == 0)


async def test_a_client_that_leaves_while_it_waits_for_room_leaves_nothing_behind(start: Start) -> None:
    handler, budget = Held(), a_budget()
    _, address = await start(handler, ROOMY, admission=budget)
    async with connected(address) as first:
        await first.send(request_text("POST", "/", BODY))
        await until(lambda: len(handler.sizes) == 1)
        async with connected(address) as second:
            await second.send(request_text("POST", "/", Content_Length=str(len(BODY))))
            await asyncio.sleep(0.1)
        async with connected(address) as third:
            await third.send(request_text("POST", "/", Content_Length=str(len(BODY))) + b"x")
            await asyncio.sleep(0.1)
            handler.may_respond.set()
            await until(lambda: budget.bytes == len(BODY))  # the third's, whose body is still arriving
    await until(lambda: budget.bytes == 0)


async def test_a_large_response_is_held_until_it_was_read_and_not_copied(start: Start) -> None:
    size, budget = 20_000_000, a_budget(2**40)

    async def large(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"x" * size)

    server, address = await start(large, admission=budget)
    async with connected(address) as wire:
        wire.reader._limit = 1  # type: ignore[attr-defined]  # the client reads nothing beyond its socket's buffer
        await wire.send(request_text("GET", "/", Connection="close"))
        await until(lambda: budget.bytes == size)
        [connection] = server._connections
        await asyncio.sleep(0.2)
        assert connection._transport.get_write_buffer_size() <= 2 * PIECE_SIZE
        wire.reader._limit = 2**26  # type: ignore[attr-defined]
        body = (await wire.rest()).partition(b"\r\n\r\n")[2]
    assert len(body) == size
    await until(lambda: budget.bytes == 0)


async def test_a_large_response_has_its_length_and_the_connection_stays(start: Start) -> None:
    async def large(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, bytes(range(256)) * 10_000)

    _, address = await start(large)
    async with connected(address) as wire:
        for _ in range(2):
            await wire.send(request_text("GET", "/"))
            answer = await wire.answer()
            assert answer.headers["content-length"] == "2560000"
            assert answer.body == bytes(range(256)) * 10_000
        await wire.send(request_text("HEAD", "/"))
        assert (await wire.answer(head_only=True)).headers["content-length"] == "2560000"
