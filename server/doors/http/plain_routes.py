"""Plain routes: what is served over HTTP in addition to the transcoded RPCs, such as uploads, health and pages.

The composition root collects them and passes them to the REST door. A handler is given a complete request, with the fields of
the path in `values`, and may raise the errors that services raise.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from server.calls.caller import IDEMPOTENCY_KEY, REQUEST_ID, Caller
from server.calls.http_calls import HttpResponse
from server.calls.rpc_form import rpc_error
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.responses import wrong_verb

Route = tuple[tuple[str, ...], str, HttpHandler]
"""Verbs, a path template, and a handler.

The verb `*` matches every verb without a route of its own; without `*`, those are answered with 501. A plain route takes
precedence over an RPC with the same template, and one with `*` also over RPCs whose template merely matches its path.
"""

FORWARDED_HEADERS = ("authorization", IDEMPOTENCY_KEY, REQUEST_ID)
"""The only headers that are passed on to the dispatcher as metadata, in addition to those that an API asks for."""


def caller_of(
    request: HttpRequest,
    *,
    timeout_seconds: float | None,
    names: Sequence[str] = FORWARDED_HEADERS,
    metadata: Mapping[str, str] = MappingProxyType({}),
    takes_json: bool = False,
) -> Caller:
    """Return a request's caller for the dispatcher; its metadata are the named headers, overridden by `metadata`."""
    headers = request.headers
    forwarded = {name: headers[name] for name in names if name in headers}
    return Caller("rest", request.peer, {**forwarded, **metadata}, timeout_seconds, takes_json)


def closed_to_others(*verbs: str) -> HttpHandler:
    """Return a handler for `*` that answers 405 and lists the verbs that a path accepts."""

    async def handle(request: HttpRequest) -> HttpResponse:
        response = rpc_error(wrong_verb(), 405)
        response.headers = (("allow", ", ".join(verbs)),)
        return response

    return handle
