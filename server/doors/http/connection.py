"""One HTTP/1.1 connection: bytes → requests → answers, with a deadline in every state in which the client has the word.

The HTTP server makes these. A request is read whole before its handler runs, and handlers of one connection run one after
another. Deadlines are moments that the server's sweep compares (`check`); a timer for each request would cost more.
"""

import asyncio
import contextlib
import re
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Protocol

import httptools
from google.rpc import code_pb2

from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.responses import failure_answer, refusal

LINGER_SECONDS = 2.0
"""How long a refused client may go on sending: many read only once they have sent, and a reset destroys the answer."""

HEADERS_MAX = 200

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LINE_BREAKS = {ord("\r"): " ", ord("\n"): " "}
_VERSIONS = ("1.1", "1.0")
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a request's head, its body, its answer and the time until the next may take; how large, how many."""

    header_seconds: float
    body_seconds: float
    answer_seconds: float
    idle_seconds: float
    header_bytes: int
    body_bytes: int
    connections: int


class Owner(Protocol):
    """What a connection needs of its server."""

    handler: HttpHandler
    limits: HttpLimits
    is_stopping: bool

    def opened(self, connection: "Connection") -> bool:
        """Note a connection; False when there are too many."""

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""

    def abandoned(self, running: asyncio.Task[None]) -> None:
        """Keep a call that was cancelled and has not ended yet."""

    def deadline(self, seconds: float) -> float:
        """Return the moment at which the sweep acts, so that it has acted when the seconds are over."""

    def date(self) -> str:
        """Return the present time for the Date header."""


class _State(Enum):
    FRESH = auto()  # nothing has come yet
    IDLE = auto()  # between requests
    HEAD = auto()
    BODY = auto()
    LAST = auto()  # nothing more is read; answers that are due go out, then the refusal if there is one
    CLOSING = auto()


class Connection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, owner: Owner) -> None:
        self._owner, self._limits = owner, owner.limits
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._state = _State.FRESH
        self._deadline: float | None = None
        self._answer_deadline: float | None = None
        self._stall_deadline: float | None = None
        self._unsent_bytes = 0
        self._running: asyncio.Task[None] | None = None
        self._waiting = deque[tuple[HttpRequest, bool]]()
        self._refusal: HttpResponse | None = None
        self._peer = ""
        self._url, self._headers, self._body = b"", dict[str, str](), bytearray()
        self._head_bytes = self._named_bytes = self._body_raw_bytes = self._header_count = 0
        self._has_hosts = False
        self._begun = 0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address = transport.get_extra_info("peername")
        self._peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
        if self._owner.opened(self):
            self._deadline = self._owner.deadline(self._limits.header_seconds)
        else:
            busy = refusal(503, code_pb2.UNAVAILABLE, "TOO_MANY_CONNECTIONS", "too many connections are open")
            self._send(busy, verb="", closes=True)
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        """End the call in hand: nobody waits for its answer."""
        self._owner.closed(self)
        self._state = _State.CLOSING
        self._waiting.clear()
        self._abandon()
        self._body = bytearray()  # a cancelled call holds this connection until it ends
        # The parser's callbacks are methods of this connection: as a cycle both would stay until a garbage collection.
        del self._parser

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._state in (_State.LAST, _State.CLOSING):
            return
        # When this begins two requests, it is not known which has how much of it; what comes next will tell.
        own = self._begun if self._state in (_State.HEAD, _State.BODY) else self._begun + 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Whatever is asked for, HTTP/1.1 is what is spoken here, and what follows may be anything.
            self._state = _State.LAST
        except httptools.HttpParserError:
            self._refuse(400, code_pb2.INVALID_ARGUMENT, "INVALID_HTTP", "the request is no HTTP/1.1")
        if self._begun == own:
            self._check_sizes(len(data))
        self._go_on()

    def pause_writing(self) -> None:
        """Begin no other call until the client has taken what it was sent."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._stall_deadline = self._owner.deadline(self._limits.idle_seconds)

    def resume_writing(self) -> None:
        """Go on."""
        self._stall_deadline = None
        self._go_on()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request, unless one that was refused came before it: the next answer belongs to that one."""
        if self._state in (_State.LAST, _State.CLOSING):
            return
        self._state = _State.HEAD
        self._begun += 1
        self._url, self._headers, self._body = b"", {}, bytearray()
        self._head_bytes = self._named_bytes = self._body_raw_bytes = self._header_count = 0
        self._has_hosts = False
        self._deadline = self._owner.deadline(self._limits.header_seconds)

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url
        self._named_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; one that comes again is appended, and those behind a body are dropped."""
        self._named_bytes += len(name) + len(value)
        self._header_count += 1
        if self._state is _State.HEAD:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
            self._has_hosts |= key == "host" and key in self._headers
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Judge the head, and let the body come."""
        if self._named_bytes > self._limits.header_bytes or self._header_count > HEADERS_MAX:
            self._refuse_head()
            return
        if self._state is not _State.HEAD or self._refuses_form():
            return
        length = self._headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            self._refuse_body()
            return
        self._state = _State.BODY
        self._deadline = self._owner.deadline(self._limits.body_seconds)
        has_body = length not in ("", "0") or "transfer-encoding" in self._headers
        waits = self._headers.get("expect", "").lower() == "100-continue" and self._parser.get_http_version() == "1.1"
        if has_body and waits and not self._running:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self._state is _State.BODY:
            self._body += body
            if len(self._body) > self._limits.body_bytes:
                self._refuse_body()

    def on_message_complete(self) -> None:
        """Put the request in line."""
        if self._state is not _State.BODY:
            return
        self._state, self._deadline = _State.IDLE, None
        path, query = _target(self._url.decode("latin-1"))
        verb = self._parser.get_method().decode("latin-1")
        request = HttpRequest(verb, path, query, self._headers, self._body, self._peer)
        keeps_alive = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        self._waiting.append((request, keeps_alive))
        self._body = bytearray()

    # What the server calls.

    def check(self, now: float) -> None:
        """End the connection when its deadline is over."""
        if self._stall_deadline is not None and now >= self._stall_deadline:
            unsent = self._transport.get_write_buffer_size()
            if unsent >= self._unsent_bytes:
                self._transport.abort()
                return
            self._unsent_bytes, self._stall_deadline = unsent, self._owner.deadline(self._limits.idle_seconds)
        if self._answer_deadline is not None and now >= self._answer_deadline:
            self._give_up()
        if self._deadline is None or now < self._deadline:
            return
        if self._state in (_State.HEAD, _State.BODY):
            self._refuse(408, code_pb2.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", "the request took too long to arrive")
            self._go_on()
        elif self._state is _State.CLOSING:
            self._transport.abort()
        else:
            self._close()

    def retire(self) -> None:
        """Close at the next sweep unless a request is in hand by then: one may have arrived and not been read yet."""
        if not self._running and not self._waiting and self._state in (_State.FRESH, _State.IDLE, _State.HEAD):
            self._deadline = self._owner.deadline(0.0)

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    # Calls and answers.

    def _go_on(self) -> None:
        """Begin the next call, or end the connection after the last."""
        if not self._running and self._stall_deadline is None and self._state is not _State.CLOSING:
            if self._waiting:
                request, keeps_alive = self._waiting.popleft()
                self._answer_deadline = self._owner.deadline(self._limits.answer_seconds)
                self._running = asyncio.get_running_loop().create_task(self._answer(request, keeps_alive))
            elif self._state is _State.LAST:
                self._end()
                return
        if self._waiting:
            # What is read before it is needed only takes memory; and nobody is late while nobody listens.
            self._transport.pause_reading()
            self._deadline = None
        elif self._state is not _State.CLOSING and not self._transport.is_reading():
            self._transport.resume_reading()
            if self._state in (_State.HEAD, _State.BODY):
                is_head = self._state is _State.HEAD
                seconds = self._limits.header_seconds if is_head else self._limits.body_seconds
                self._deadline = self._owner.deadline(seconds)

    async def _answer(self, request: HttpRequest, keeps_alive: bool) -> None:
        try:
            response = await self._owner.handler(request)
        except Exception as error:  # noqa: BLE001 - the connection must be answered whatever its handler does
            response = failure_answer(error, "rest")
        if self._state is _State.CLOSING:
            return
        self._running = self._answer_deadline = None
        is_last = self._state is _State.LAST and not self._waiting and self._refusal is None
        closes = not keeps_alive or is_last or self._owner.is_stopping
        self._send(response, verb=request.verb, closes=closes)
        if closes:
            self._waiting.clear()
            self._close()
            return
        if self._state is _State.IDLE and not self._waiting:
            self._deadline = self._owner.deadline(self._limits.idle_seconds)
        self._go_on()

    def _give_up(self) -> None:
        """Answer for a handler that is late, and does not end at once though it was told to: drivers take their time."""
        self._abandon()
        late = refusal(504, code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline passed")
        self._send(late, verb="", closes=True)
        self._waiting.clear()
        self._close()

    def _abandon(self) -> None:
        if self._running:
            self._running.cancel()
            self._owner.abandoned(self._running)
        self._running = self._answer_deadline = None

    def _send(self, response: HttpResponse, *, verb: str, closes: bool) -> None:
        lines = [
            f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}",
            f"date: {self._owner.date()}",
            "x-content-type-options: nosniff",
            *[f"{name}: {value.translate(_LINE_BREAKS)}" for name, value in response.headers],
        ]
        if response.status != HTTPStatus.NO_CONTENT:
            lines += [f"content-type: {response.content_type}", f"content-length: {len(response.body)}"]
        if closes:
            lines.append("connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self._transport.write(head if verb == "HEAD" else head + response.body)

    # Ends.

    def _refuses_form(self) -> bool:
        """Refuse what the parser lets pass and a proxy may read in another way."""
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            why = "the request is no HTTP/1.1"
        elif self._has_hosts or (version == "1.1" and "host" not in self._headers):
            why = "a request must name its host once"
        elif self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            why = "chunked is the only transfer encoding taken"
        else:
            return False
        self._refuse(400, code_pb2.INVALID_ARGUMENT, "INVALID_HTTP", why)
        return True

    def _check_sizes(self, received: int) -> None:
        if self._state is _State.HEAD:
            self._head_bytes += received
            if self._head_bytes > self._limits.header_bytes:
                self._refuse_head()
        elif self._state is _State.BODY:
            # Chunks of one byte, and what may stand behind the last, are bytes too.
            self._body_raw_bytes += received
            if self._body_raw_bytes > 2 * len(self._body) + self._limits.header_bytes:
                self._refuse_body()

    def _refuse_head(self) -> None:
        self._refuse(431, code_pb2.RESOURCE_EXHAUSTED, "HEADERS_TOO_LARGE", "path and headers are too large")

    def _refuse_body(self) -> None:
        message = f"the body is larger than {self._limits.body_bytes} bytes"
        self._refuse(413, code_pb2.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", message)

    def _refuse(self, http_status: int, code: int, reason: str, message: str) -> None:
        if self._refusal is None:
            self._refusal = refusal(http_status, code, reason, message)
        self._state, self._deadline = _State.LAST, None

    def _end(self) -> None:
        """Say why, if there is something to say, and let the client finish sending before the connection is closed."""
        if self._refusal:
            self._send(self._refusal, verb="", closes=True)
        self._state = _State.CLOSING
        self._deadline = self._owner.deadline(0.0 if self._owner.is_stopping else LINGER_SECONDS)
        with contextlib.suppress(OSError):  # the client may have reset the connection since it was sent something
            self._transport.write_eof()
        self._transport.resume_reading()

    def _close(self) -> None:
        self._state, self._deadline = _State.CLOSING, None
        self.pause_writing()
        self._transport.close()


def _target(target: str) -> tuple[str, str]:
    """Return path and query of a request's target, which may be a whole URL."""
    origin = _ORIGIN.match(target)
    if origin:
        target = target[origin.end() :]
        target = target if target.startswith("/") else f"/{target}"
    path, _, query = target.partition("#")[0].partition("?")
    return path, query
