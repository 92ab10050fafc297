"""Requests as the HTTP server passes them to its handler, and the types of its callbacks. Plain routes use them directly."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.body_stream import BodyStream

PAGE_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    # With no-referrer, browsers would send forms with the origin `null`, which BrowserGuard refuses.
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
)
"""Headers of HTML pages: a page loads from this server only, runs no inline scripts, and cannot be framed."""


@dataclass(slots=True, eq=False)
class HttpRequest:
    """A request: the path escaped as it was sent, header names in lower case, `values` the fields of the route's template.

    If the handler runs before the body is complete, `stream` has the body, and `body` is empty.
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
"""Given a verb and a path, escaped as it was sent, returns whether the handler reads the body as a stream."""

ErrorWriter = Callable[[str, Status, int], HttpResponse]
"""Returns the response to a failed request, given its path ("" if it is not known yet), a status and the HTTP status."""


OnRefusal = Callable[[Status, str], None]
"""Called for a request that is refused before it reaches the handler, with the status and the peer."""


def page(html: str, *, status: int = 200) -> HttpResponse:
    """Return an HTML page with PAGE_HEADERS."""
    return HttpResponse(status, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)
