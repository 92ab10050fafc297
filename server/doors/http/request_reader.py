"""Bytes of one HTTP/1.1 connection into requests. Nothing here writes or waits: the connection does both.

A request is read whole before its handler runs, unless the handler takes its body as a stream. What is too large or malformed
is refused as early as it shows.
"""

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

import httptools
from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.body_stream import BodyStream
from server.doors.http.limits import HEADERS_MAX, HttpLimits
from server.doors.http.messages import ErrorWriter, HttpRequest, Streams
from server.doors.http.responses import rpc_error_at

_VERSIONS = ("1.1", "1.0")
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


class Phase(Enum):
    """What the next byte of a client belongs to."""

    BETWEEN = auto()  # no request: the next byte begins one
    HEAD = auto()
    BODY = auto()
    ENDED = auto()  # nothing is read any more


@dataclass(frozen=True, slots=True)
class QueuedRequest:
    """A request that can be handled; whether its client may send another on the same connection, and takes a chunked body."""

    request: HttpRequest
    keeps_alive: bool
    takes_chunks: bool


class RequestReader:
    """Reads requests until one is refused.

    `requests` are those nobody has taken yet, oldest first. `refusal` answers the request behind the last of them.
    """

    def __init__(
        self,
        limits: HttpLimits,
        peer: str,
        streams: Streams | None = None,
        write_error: ErrorWriter = rpc_error_at,
    ) -> None:
        self.phase = Phase.BETWEEN
        self.request_count = 0
        """How many requests have begun."""
        self.requests = deque[QueuedRequest]()
        self.refusal: HttpResponse | None = None
        self.stream: BodyStream | None = None
        """What the body that is being read goes into, where its handler takes it as a stream."""
        self._limits, self._peer, self._streams, self._write_error = limits, peer, streams, write_error
        self._parser = httptools.HttpRequestParser(self)
        self._awaits_continue = False
        self._forget_request()

    # What the connection calls.

    def feed(self, data: bytes) -> None:
        """Read what came. Does not raise: what cannot be read becomes the refusal."""
        if self.phase is Phase.ENDED:
            return
        is_inside = self.phase in (Phase.HEAD, Phase.BODY)
        # When these bytes begin two requests, how many belong to which is unknown; the next bytes will tell.
        number = self.request_count if is_inside else self.request_count + 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request is answered in HTTP/1.1, whatever it asks to be upgraded to; what follows may be anything.
            self.phase = Phase.ENDED
        except httptools.HttpParserError:
            self.refuse(400, code_pb2.INVALID_ARGUMENT, "INVALID_HTTP", "the request is no HTTP/1.1")
        if self.request_count == number:
            self._check_raw_size(len(data))

    def takes_continue(self) -> bool:
        """Return whether a client has asked, since the last question, to be told to send its body."""
        asks, self._awaits_continue = self._awaits_continue, False
        return asks

    def refuse(self, http_status: int, code: int, reason: str, message: str) -> None:
        """Read nothing more; the first refusal is the one that is sent."""
        if self.refusal is None:
            path, _ = _split_target(self._url.decode("latin-1"))
            self.refusal = self._write_error(path, Status(code, reason, message), http_status)
        self.end()

    def close(self) -> None:
        """Let go of all that was read.

        The parser holds this reader's methods: left as a cycle, both would stay until a garbage collection.
        """
        self.end()
        self.requests.clear()
        del self._parser

    def end(self) -> None:
        """Read nothing more."""
        self.phase, self.stream, self._body = Phase.ENDED, None, bytearray()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request, unless the one before it was refused: the refusal is the last response."""
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.HEAD
        self.request_count += 1
        self._forget_request()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url
        self._field_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header: a repeated one is appended, a trailer is counted and dropped."""
        self._field_bytes += len(name) + len(value)
        self._header_count += 1
        if self.phase is Phase.HEAD:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
            self._has_hosts |= key == "host" and key in self._headers
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Judge the head before any of the body is kept."""
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
        self.stream = self._begin_stream()
        if self.stream is None and length.isdecimal() and int(length) > self._limits.body_bytes:
            self._refuse_body()
            return
        self.phase = Phase.BODY
        if self.stream is not None:
            self._put_in_line(stream=self.stream)
        has_body = length not in ("", "0") or "transfer-encoding" in self._headers
        expects = self._headers.get("expect", "").lower() == "100-continue"
        self._awaits_continue = has_body and expects and self._parser.get_http_version() == "1.1"

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self.phase is Phase.BODY and self.stream is not None:
            self.stream.feed(body)
        elif self.phase is Phase.BODY:
            self._body += body
            if len(self._body) > self._limits.body_bytes:
                self._refuse_body()

    def on_message_complete(self) -> None:
        """Put the request in line, or end its stream."""
        if self.phase is not Phase.BODY:
            return
        self.phase = Phase.BETWEEN
        if self.stream is None:
            self._put_in_line()
        else:
            self.stream.end()
            self.stream = None

    # Requests.

    def _begin_stream(self) -> BodyStream | None:
        if self._streams is None:
            return None
        path, _ = _split_target(self._url.decode("latin-1"))
        return BodyStream() if self._streams(self._parser.get_method().decode("latin-1"), path) else None

    def _put_in_line(self, *, stream: BodyStream | None = None) -> None:
        path, query = _split_target(self._url.decode("latin-1"))
        verb = self._parser.get_method().decode("latin-1")
        request = HttpRequest(verb, path, query, self._headers, self._body, self._peer, stream=stream)
        is_http_1_1 = self._parser.get_http_version() == "1.1"
        keeps_alive = is_http_1_1 and self._parser.should_keep_alive()
        self.requests.append(QueuedRequest(request, keeps_alive, takes_chunks=is_http_1_1))
        self._body = bytearray()

    # Judgement.

    def _forget_request(self) -> None:
        self._url, self._headers, self._body = b"", dict[str, str](), bytearray()
        self._raw_head_bytes = self._raw_body_bytes = 0  # as they came over the wire
        self._field_bytes = self._header_count = 0  # of the target, the headers and the trailers
        self._has_hosts = False

    def _head_error(self) -> str | None:
        """Return what is wrong with a head that the parser lets pass and a proxy may read in another way."""
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            return "the request is no HTTP/1.1"
        if self._has_hosts or (version == "1.1" and "host" not in self._headers):
            return "a request must name its host once"
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            return "chunked is the only transfer encoding taken"
        return None

    def _check_raw_size(self, received: int) -> None:
        if self.phase is Phase.HEAD:
            self._raw_head_bytes += received
            if self._raw_head_bytes > self._limits.header_bytes:
                self._refuse_head()
        elif self.phase is Phase.BODY and self.stream is None:
            # Chunks of one byte carry five bytes of framing each, and trailers may follow: they are memory too.
            self._raw_body_bytes += received
            if self._raw_body_bytes > 2 * len(self._body) + self._limits.header_bytes:
                self._refuse_body()

    def _refuse_head(self) -> None:
        self.refuse(431, code_pb2.RESOURCE_EXHAUSTED, "HEADERS_TOO_LARGE", "path and headers are too large")

    def _refuse_body(self) -> None:
        message = f"the body is larger than {self._limits.body_bytes} bytes"
        self.refuse(413, code_pb2.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", message)


def _split_target(target: str) -> tuple[str, str]:
    """Return path and query of a request's target, which may be a whole URL (RFC 9112 3.2.2)."""
    origin = _ORIGIN.match(target)
    if origin:
        target = target[origin.end() :]
        target = target if target.startswith("/") else f"/{target}"
    path, _, query = target.partition("#")[0].partition("?")
    return path, query
