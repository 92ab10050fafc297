"""The REST door: the methods behind HTTP and JSON by their google.api.http rules, with no code for a particular one.

Composition makes it, and passes the routes that are not RPCs; routing, binding, JSON and HTTP have files of their own.
"""

import asyncio
from collections.abc import Iterable, Sequence

from google.rpc import code_pb2

from server.calls.dispatcher import Dispatcher
from server.calls.methods import HttpRule, Method
from server.config import Settings
from server.doors.http.browser_guard import BrowserGuard
from server.doors.http.cors import Cors
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.plain_routes import Route, caller_of
from server.doors.http.responses import failure_answer, not_found, outcome_answer, refusal, wrong_verb
from server.doors.http.routes import Match, Redirect, Router, WrongVerb
from server.doors.http.server import HttpServer
from server.doors.rest.binding import Binding
from server.errors import ApiError, InvalidArgument

GRACE_SECONDS = 0.5
"""How long after its deadline a call may still answer by itself, before the connection answers 504."""

CLEARS_TAGS = {"x_clear_tags": "true"}
"""The metadata of a call whose body has an empty object for the tags, named as KFP's gateway names it."""


class RestDoor:
    """An HTTP server on one address. Raises BadTemplate when two routes are the same."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        methods: Iterable[Method],
        settings: Settings,
        *,
        plain_routes: Sequence[Route] = (),
        share_port: bool = False,
    ) -> None:
        self._dispatcher, self._timeout_seconds = dispatcher, settings.rest_seconds
        self._router = Router[HttpHandler]()
        for verbs, path, handler in plain_routes:
            for verb in verbs:
                self._router.add(verb, path, self._plain(path, handler))
        paths = {path for _, path, _ in plain_routes}
        for method in methods:
            if method.http is not None and method.http.path not in paths:
                self._router.add(method.http.verb, method.http.path, self._transcoded(method, method.http))
        self._cors = Cors(settings.cors_origins)
        self._guard = BrowserGuard(
            cors_origins=settings.cors_origins, allowed_hosts=settings.allowed_hosts, address=settings.rest
        )
        limits = HttpLimits(
            header_seconds=settings.http_header_seconds,
            body_seconds=settings.http_body_seconds,
            answer_seconds=settings.rest_seconds + GRACE_SECONDS,
            idle_seconds=settings.http_idle_seconds,
            header_bytes=settings.http_header_bytes_max,
            body_bytes=settings.message_bytes_max,
            connections=settings.http_connections_max,
        )
        self._server = HttpServer(self.answer, limits, share_port=share_port)

    async def start(self, address: str) -> int:
        """Listen and return the port; raises OSError when the address is taken."""
        return await self._server.start(address)

    async def stop(self, drain_seconds: float) -> None:
        """Take no new requests, finish those in flight, then close; all within the seconds."""
        await self._server.stop(drain_seconds)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer any request."""
        refusal_answer = self._guard.refused(request)
        if refusal_answer is not None:
            return refusal_answer
        preflight = self._cors.preflight(request)
        if preflight is not None:
            return preflight
        return self._cors.with_headers(request, await self._routed(request))

    async def _routed(self, request: HttpRequest) -> HttpResponse:
        try:
            match = self._router.match(request.verb, request.path)
        except InvalidArgument as error:
            return failure_answer(error, "rest.path")
        if isinstance(match, Match):
            request.values = match.values
            return await match.target(request)
        if isinstance(match, Redirect):
            return _moved(match.path, request.query)
        return wrong_verb() if isinstance(match, WrongVerb) else not_found()

    def _plain(self, path: str, handler: HttpHandler) -> HttpHandler:
        async def handle(request: HttpRequest) -> HttpResponse:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await handler(request)
            except Exception as error:  # noqa: BLE001 - the dispatcher maps the errors of RPCs, and this those of plain routes
                return failure_answer(error, path)

        return handle

    def _transcoded(self, method: Method, rule: HttpRule) -> HttpHandler:
        if not self._dispatcher.serves(method):
            return _unserved(method)
        binding, dispatcher = Binding(method, rule), self._dispatcher

        async def handle(request: HttpRequest) -> HttpResponse:
            try:
                bound = binding.bind(request.values, request.query, request.body)
            except ApiError as error:
                caller = caller_of(request, timeout_seconds=self._timeout_seconds)
                return outcome_answer(dispatcher.refuse(method.name, error, caller))
            metadata = CLEARS_TAGS if bound.clears_tags else {}
            caller = caller_of(request, timeout_seconds=self._timeout_seconds, **metadata)
            return outcome_answer(await dispatcher.dispatch(method, bound.request, caller))

        return handle


def _unserved(method: Method) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        return refusal(501, code_pb2.UNIMPLEMENTED, "UNIMPLEMENTED", f"{method.name} is not offered here")

    return handle


def _moved(path: str, query: str) -> HttpResponse:
    # Browsers take a backslash for a slash, and two slashes for another host.
    location = path.replace("\\", "%5C") + ("?" + query if query else "")
    return HttpResponse(301, b"", "text/plain; charset=utf-8", (("location", location),))
