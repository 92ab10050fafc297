"""What the HTTP server gives to its handler: one request, for one response. Plain routes are written in them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.body_stream import BodyStream

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


HttpHandler = Callable[[HttpRequest], Awaitable[HttpResponse]]

Streams = Callable[[str, str], bool]
"""Says of a verb and a path, escaped as it was sent, whether the handler takes the body as a stream."""

ErrorWriter = Callable[[str, Status, int], HttpResponse]
"""Returns the response to a request that failed: its path ("" while that is unknown), a status, and the HTTP status."""


def page(html: str, *, status: int = 200) -> HttpResponse:
    """Return an HTML page with the headers that keep it to itself."""
    return HttpResponse(status, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)
