"""The reader of HTTP requests, without a connection: however its bytes are cut, the same requests and the same refusal."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from server.doors.http.limits import HttpLimits
from server.doors.http.request_reader import Phase, RequestReader

LIMITS = HttpLimits(
    header_seconds=1,
    body_seconds=1,
    answer_seconds=1,
    idle_seconds=1,
    header_bytes=512,
    body_bytes=16,
    connections=1,
)
PEER = "127.0.0.1:1"


def read(pieces: Sequence[bytes], limits: HttpLimits = LIMITS) -> RequestReader:
    """Return a reader that was fed some pieces."""
    reader = RequestReader(limits, PEER)
    for piece in pieces:
        reader.feed(piece)
    return reader


def cut(stream: bytes, size: int) -> list[bytes]:
    """Return a stream in pieces of a size."""
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def summary(reader: RequestReader) -> tuple[object, ...]:
    """Return all that a connection sees of a reader."""
    requests = [
        (r.request.verb, r.request.path, r.request.query, dict(r.request.headers), bytes(r.request.body), r.keeps_alive)
        for r in reader.requests
    ]
    return reader.phase, reader.request_count, requests, reader.refusal and (reader.refusal.status, reader.refusal.body)


GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nA: 1\r\nA: 2\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED_HEAD = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"3\r\nabc\r\n0\r\nT: 1\r\n\r\n"

STREAMS: dict[str, tuple[bytes, Phase, list[bytes], int | None]] = {
    "nothing": (b"", Phase.BETWEEN, [], None),
    "one": (GET, Phase.BETWEEN, [b""], None),
    "three in a row": (GET + POST + CHUNKED, Phase.BETWEEN, [b"", b"abc", b"abc"], None),
    "half a head": (POST + GET[:20], Phase.HEAD, [b"abc"], None),
    "half a body": (GET + POST[:-1], Phase.BODY, [b""], None),
    "no HTTP": (GET + b"\x00\x01", Phase.ENDED, [b""], 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n" + GET, Phase.ENDED, [], 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + GET, Phase.ENDED, [], 400),
    "another encoding": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        Phase.ENDED,
        [],
        400,
    ),
    "a large head": (b"GET /" + b"a" * 600, Phase.ENDED, [], 431),
    "a large length": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n", Phase.ENDED, [], 413),
    "large chunks": (CHUNKED_HEAD + b"9\r\n123456789\r\n" * 2, Phase.ENDED, [], 413),
    "an upgrade": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00",
        Phase.ENDED,
        [b""],
        None,
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_cuts_between_bytes_change_nothing(name: str) -> None:
    stream, phase, bodies, status = STREAMS[name]
    whole = read([stream] if stream else [])
    assert (whole.phase, [bytes(r.request.body) for r in whole.requests]) == (phase, bodies)
    assert (whole.refusal.status if whole.refusal else None) == status
    for size in (1, 2, 7, 64):
        assert summary(read(cut(stream, size))) == summary(whole), size


def test_a_request_names_its_parts() -> None:
    [one] = read([GET]).requests
    assert (one.request.verb, one.request.path, one.request.query, one.request.peer) == ("GET", "/a", "b=c", PEER)
    assert one.request.headers == {"host": "x", "a": "1, 2"}
    assert one.keeps_alive


@pytest.mark.parametrize(("version", "keeps_alive"), [(b"1.1", True), (b"1.0", False)])
def test_a_client_of_http_1_0_sends_one_request(version: bytes, keeps_alive: bool) -> None:
    [one] = read([GET.replace(b"1.1", version)]).requests
    assert one.keeps_alive is keeps_alive


def test_framing_counts_as_a_body() -> None:
    limits = replace(LIMITS, body_bytes=1_000)
    reader = read([CHUNKED_HEAD, *[b"1;" + b"x" * 60 + b"\r\na\r\n"] * 20], limits)
    assert reader.refusal
    assert reader.refusal.status == 413


def test_a_client_that_waits_is_told_once_to_go_on() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    reader = read([head])
    assert reader.takes_continue()
    assert not reader.takes_continue()
    for other in (head.replace(b" 3", b" 0"), head.replace(b"HTTP/1.1", b"HTTP/1.0"), POST):
        assert not read([other]).takes_continue()


def test_only_the_first_refusal_is_sent() -> None:
    reader = read([GET])
    reader.refuse(408, 4, "REQUEST_TIMEOUT", "late")
    reader.refuse(400, 3, "INVALID_HTTP", "malformed")
    reader.feed(GET)
    assert reader.refusal
    assert reader.refusal.status == 408
    assert (reader.request_count, len(reader.requests)) == (1, 1)
