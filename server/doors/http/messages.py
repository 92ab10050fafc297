"""What the HTTP server gives and takes: one request and one answer, whole. Handlers of plain routes are written in them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from server.doors.http.body_stream import BodyStream

JSON_TYPE = "application/json"

PAGE_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
)
"""What a page sends along: it loads from this server only, runs no script but its files, and is framed by nobody."""


@dataclass(slots=True, eq=False)
class HttpRequest:
    """A request: the path escaped as it was sent, header names in lower case, `values` the fields of a route's template.

    `stream` has the body where the handler runs before that has come whole; `body` is empty then.
    """

    verb: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | bytearray = b""
    peer: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    stream: BodyStream | None = None


@dataclass(slots=True, eq=False)
class HttpResponse:
    """A response; its length, the date and what concerns the connection are added when it is sent.

    A body in pieces is sent as the client takes them: its generator is not asked for the next one earlier, and is closed when
    the client goes away. It needs no length, and each piece has the time that a whole response has otherwise.
    """

    status: int
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


HttpHandler = Callable[[HttpRequest], Awaitable[HttpResponse]]

Streams = Callable[[str, str], bool]
"""Says of a verb and a path, escaped as it was sent, whether the handler takes the body as a stream."""


def page(html: str, *, status: int = 200) -> HttpResponse:
    """Return an HTML page with the headers that keep it to itself."""
    return HttpResponse(status, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)
