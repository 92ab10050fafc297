"""Plain routes: what is served over HTTP in addition to the transcoded RPCs, such as uploads, health and pages.

Composition collects them and hands them to the REST door. Handlers take a whole request, with the fields of the path in
`values`, and may raise what services raise.
"""

from server.calls.caller import REQUEST_ID, Caller
from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.responses import wrong_verb

Route = tuple[tuple[str, ...], str, HttpHandler]
"""Verbs, a path template, and what answers them.

The verb `*` takes every verb without a route of its own; without `*` they get 501. A plain route takes precedence over an
RPC with the same template, and one with `*` also over RPCs whose template merely matches its path.
"""

FORWARDED_HEADERS = ("authorization", "x-clear-tags", REQUEST_ID)
"""The only headers passed on to the dispatcher as metadata: those that KFP's API server passes on, and the request id."""


def caller_of(request: HttpRequest, *, timeout_seconds: float, **metadata: str) -> Caller:
    """Return a request's caller for the dispatcher, with additional metadata by name (`_` for `-`)."""
    headers = request.headers
    forwarded = {name: headers[name] for name in FORWARDED_HEADERS if name in headers}
    additional = {name.replace("_", "-"): value for name, value in metadata.items()}
    return Caller(door="rest", peer=request.peer, metadata=forwarded | additional, timeout_seconds=timeout_seconds)


def closed_to_others(*verbs: str) -> HttpHandler:
    """Return a handler for `*` that answers 405 and names the verbs a path takes."""

    async def handle(request: HttpRequest) -> HttpResponse:
        answer = wrong_verb(405)
        answer.headers = (("allow", ", ".join(verbs)),)
        return answer

    return handle
