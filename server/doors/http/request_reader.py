"""Parses the bytes of one HTTP/1.1 connection into requests, without I/O: the connection reads, writes and waits.

A request is complete before its handler runs, unless the handler reads the body as a stream. A request that is too large or
malformed is refused as soon as this can be seen.
"""

import re
from collections import deque
from enum import Enum, auto

import httptools
from google.rpc import code_pb2

from server.calls.admission import Holding
from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.body_stream import BodyStream
from server.doors.http.limits import HEADERS_MAX, HttpLimits
from server.doors.http.messages import ErrorWriter, HttpRequest, Streams
from server.doors.http.responses import rpc_error_at
from storage.record import record

SMALL_BODY = 64 * 1024
"""Bodies up to this size (bytes) are not counted while they arrive: there are only as many as connections."""

BUSY = Status(code_pb2.UNAVAILABLE, "TOO_MANY_CONNECTIONS", "too many connections are open")

_VERSIONS = ("1.1", "1.0")
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


class Phase(Enum):
    """What the next byte from the client belongs to."""

    BETWEEN = auto()  # no request: the next byte begins one
    HEAD = auto()
    BODY = auto()
    ENDED = auto()  # no more bytes are read


@record
class QueuedRequest:
    """A request ready for its handler; whether the connection stays open after it, and whether the client accepts chunks."""

    request: HttpRequest
    keeps_alive: bool
    takes_chunks: bool
    holding: Holding | None = None
    """The bytes that its body holds, if it is large."""


class RequestReader:
    """Reads requests until one is refused.

    `requests` are those that are not handled yet, oldest first. `refusal` is the response to the request after the last of them.
    With `probe_paths`, one request is read, and refused unless it has one of these paths and no body.
    """

    def __init__(
        self,
        limits: HttpLimits,
        peer: str,
        streams: Streams | None = None,
        write_error: ErrorWriter = rpc_error_at,
        *,
        probe_paths: frozenset[str] | None = None,
    ) -> None:
        self.phase = Phase.BETWEEN
        self.request_count = 0
        """How many requests have begun."""
        self.requests = deque[QueuedRequest]()
        self.refusal: HttpResponse | None = None
        self.stream: BodyStream | None = None
        """The stream of the body that is being read, if its handler reads it as a stream."""
        self.holding: Holding | None = None
        """What the body that is being read holds, once the connection has admitted it."""
        self._limits, self._peer, self._streams, self._write_error = limits, peer, streams, write_error
        self._probe_paths = probe_paths
        self._parser = httptools.HttpRequestParser(self)
        self._awaits_continue = False
        self._forget_request()

    # Called by the connection.

    def feed(self, data: bytes) -> None:
        """Parse received bytes. Does not raise: a request that cannot be parsed is refused."""
        if self.phase is Phase.ENDED:
            return
        is_inside = self.phase in (Phase.HEAD, Phase.BODY)
        # If these bytes belong to two requests, how many belong to which is unknown: sizes are checked with the next bytes.
        number = self.request_count if is_inside else self.request_count + 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The upgrade is ignored and the request answered in HTTP/1.1; what follows it may be another protocol.
            self.phase = Phase.ENDED
        except httptools.HttpParserError:
            self.refuse(400, code_pb2.INVALID_ARGUMENT, "INVALID_HTTP", "the request is not valid HTTP/1.1")
        if self.request_count == number:
            self._check_raw_size(len(data))

    def takes_continue(self) -> bool:
        """Return whether the client waits for 100 Continue before it sends a body; True only once per request."""
        awaits_continue, self._awaits_continue = self._awaits_continue, False
        return awaits_continue

    def refuse(self, http_status: int, code: int, reason: str, message: str, *headers: tuple[str, str]) -> None:
        """Stop reading; only the first refusal is sent."""
        if self.refusal is None:
            self.refusal = self._write_error(self._path(), Status(code, reason, message), http_status)
            self.refusal.headers += headers
        self.end()

    def close(self) -> None:
        """Stop reading, and release everything that was read.

        The parser references this reader's methods: unless the cycle is broken, both stay until a garbage collection.
        """
        self.end()
        self.drop_requests()
        del self._parser

    def drop_requests(self) -> None:
        """Forget the requests whose handlers have not started."""
        for entry in self.requests:
            if entry.holding is not None:
                entry.holding.leave()
        self.requests.clear()

    def body_bytes(self) -> int:
        """Return how large the body that is being read will be; of a chunked body that is not small, how large it may be."""
        if self.phase is not Phase.BODY or self.stream is not None:
            return 0
        length = self._headers.get("content-length", "")
        if length.isdecimal():
            return int(length)
        return self._limits.body_bytes if len(self._body) > SMALL_BODY else 0

    def end(self) -> None:
        """Stop reading."""
        self.phase, self.stream, self._body = Phase.ENDED, None, bytearray()
        if self.holding is not None:
            self.holding.leave()
            self.holding = None

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Begin a request, unless an earlier one was refused: the refusal is the last response."""
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.HEAD
        self.request_count += 1
        self._forget_request()

    def on_url(self, url: bytes) -> None:
        """Append a part of the target."""
        self._url += url
        self._field_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header: a repeated one is appended, a trailer is counted and dropped."""
        self._field_bytes += len(name) + len(value)
        self._header_count += 1
        if self.phase is Phase.HEAD:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
            self._has_hosts |= key == "host" and key in self._headers
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Check the head before any of the body is stored."""
        if self._field_bytes > self._limits.header_bytes or self._header_count > HEADERS_MAX:
            self._refuse_head()
            return
        if self.phase is not Phase.HEAD:
            return
        error = self._head_error()
        if error:
            self.refuse(400, code_pb2.INVALID_ARGUMENT, "INVALID_HTTP", error)
            return
        length = self._headers.get("content-length", "")
        has_body = length not in ("", "0") or "transfer-encoding" in self._headers
        if self._probe_paths is not None and (has_body or self._path() not in self._probe_paths):
            self.refuse(503, BUSY.code, BUSY.reason, BUSY.message, ("retry-after", "1"))
            return
        self.stream = self._begin_stream()
        if self.stream is None and length.isdecimal() and int(length) > self._limits.body_bytes:
            self._refuse_body()
            return
        self.phase = Phase.BODY
        if self.stream is not None:
            self._queue_request(stream=self.stream)
        expects = self._headers.get("expect", "").lower() == "100-continue"
        self._awaits_continue = has_body and expects and self._parser.get_http_version() == "1.1"

    def on_body(self, body: bytes) -> None:
        """Append a part of the body, or pass it to the stream."""
        if self.phase is Phase.BODY and self.stream is not None:
            self.stream.feed(body)
        elif self.phase is Phase.BODY:
            self._body += body
            if len(self._body) > self._limits.body_bytes:
                self._refuse_body()

    def on_message_complete(self) -> None:
        """Queue the request, or end its stream."""
        if self.phase is not Phase.BODY:
            return
        self.phase = Phase.BETWEEN
        if self.stream is None:
            self._queue_request()
        else:
            self.stream.end()
            self.stream = None
        if self._probe_paths is not None:
            self.end()  # one request only

    # Requests.

    def _path(self) -> str:
        return _split_target(self._url.decode("latin-1"))[0]

    def _begin_stream(self) -> BodyStream | None:
        if self._streams is None:
            return None
        verb = self._parser.get_method().decode("latin-1")
        return BodyStream() if self._streams(verb, self._path()) else None

    def _queue_request(self, *, stream: BodyStream | None = None) -> None:
        path, query = _split_target(self._url.decode("latin-1"))
        verb = self._parser.get_method().decode("latin-1")
        request = HttpRequest(verb, path, query, self._headers, self._body, self._peer, stream=stream)
        is_http_1_1 = self._parser.get_http_version() == "1.1"
        keeps_alive = is_http_1_1 and self._parser.should_keep_alive()
        self.requests.append(QueuedRequest(request, keeps_alive, takes_chunks=is_http_1_1, holding=self.holding))
        if self.holding is not None:
            self.holding.client_done()
        self._body, self.holding = bytearray(), None

    # Checks.

    def _forget_request(self) -> None:
        self._url, self._headers, self._body = b"", dict[str, str](), bytearray()
        self._raw_head_bytes = self._raw_body_bytes = 0  # as received, with framing
        self._field_bytes = self._header_count = 0  # of the target, the headers and the trailers
        self._has_hosts = False

    def _head_error(self) -> str | None:
        """Return what is wrong with a head that the parser accepts but a proxy may interpret differently."""
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            return f"HTTP/{version} is not supported"
        if self._has_hosts or (version == "1.1" and "host" not in self._headers):
            return "the request must have exactly one Host header"
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            return "the only supported transfer encoding is chunked"
        return None

    def _check_raw_size(self, received: int) -> None:
        if self.phase is Phase.HEAD:
            self._raw_head_bytes += received
            if self._raw_head_bytes > self._limits.header_bytes:
                self._refuse_head()
        elif self.phase is Phase.BODY and self.stream is None:
            # Framing counts as well: a chunk of one byte has five more bytes of it, and trailers may follow the last chunk.
            self._raw_body_bytes += received
            if self._raw_body_bytes > 2 * len(self._body) + self._limits.header_bytes:
                self._refuse_body()

    def _refuse_head(self) -> None:
        self.refuse(431, code_pb2.RESOURCE_EXHAUSTED, "HEADERS_TOO_LARGE", "the path and the headers are too large")

    def _refuse_body(self) -> None:
        message = f"the body is larger than {self._limits.body_bytes} bytes"
        self.refuse(413, code_pb2.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", message)


def _split_target(target: str) -> tuple[str, str]:
    """Return the path and the query of a request target, which may be an absolute URL (RFC 9112, 3.2.2)."""
    origin = _ORIGIN.match(target)
    if origin:
        target = target[origin.end() :]
        target = target if target.startswith("/") else f"/{target}"
    path, _, query = target.partition("#")[0].partition("?")
    return path, query
