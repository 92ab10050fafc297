"""Plain routes: what is served over HTTP beside the transcoded RPCs, such as uploads, health and pages.

Composition collects them and hands them to the REST door. Handlers take a whole request, with the fields of the path in
`values`, and may raise what services raise.
"""

from server.calls.dispatcher import Caller
from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.responses import wrong_verb

Route = tuple[tuple[str, ...], str, HttpHandler]
"""Verbs, a path template, and what answers them.

The verb `*` answers all that the path has no other answer for; without it they get 501. A plain route goes before an RPC
with the same template, and one with `*` also before RPCs whose template merely fits its path.
"""

FORWARDED_HEADERS = ("authorization", "x-clear-tags")
"""The headers that go on to the dispatcher as metadata, as in the reference; no other does."""


def caller_of(request: HttpRequest, *, timeout_seconds: float, **metadata: str) -> Caller:
    """Return what the dispatcher is told of a request's caller, with further metadata by name (`_` for `-`)."""
    headers = request.headers
    forwarded = {name: headers[name] for name in FORWARDED_HEADERS if name in headers}
    further = {name.replace("_", "-"): value for name, value in metadata.items()}
    return Caller(door="rest", peer=request.peer, metadata=forwarded | further, timeout_seconds=timeout_seconds)


def closed_to_others(*verbs: str) -> HttpHandler:
    """Return a handler for `*` that says which verbs a path takes: 405."""

    async def handle(request: HttpRequest) -> HttpResponse:
        answer = wrong_verb(405)
        answer.headers = (("allow", ", ".join(verbs)),)
        return answer

    return handle
