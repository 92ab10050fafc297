"""The REST door: RPCs and routes of APIs over HTTP, without code for a particular one.

The composition root creates it, and passes the plain routes, which belong to no API. Routing, binding, JSON and HTTP are in
modules of their own.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from server.api import Api, HttpForm, StreamBody
from server.calls.admission import Admission
from server.calls.dispatcher import Dispatcher
from server.calls.http_calls import HttpResponse
from server.calls.methods import HttpRule, Method
from server.calls.statuses import Status
from server.config import Settings
from server.doors.http.browser_guard import BrowserGuard
from server.doors.http.cors import Cors
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.plain_routes import FORWARDED_HEADERS, Route
from server.doors.http.responses import failure_status, unknown_path, wrong_verb
from server.doors.http.routes import ANY_VERB, BadTemplate, Match, Redirect, Router, WrongVerb
from server.doors.http.server import HttpServer
from server.doors.rest.api_routes import route_handler
from server.doors.rest.forms import Forms, wrong_verb_response
from server.doors.rest.rpc_routes import Calling, error_response, rpc_handler
from server.errors import InvalidArgument
from server.process.refused import Refusals

DOOR = "rest"
"""The door's name in the log and in metrics."""

GRACE_SECONDS = 0.5
"""How long after its deadline a call may still answer before the connection answers 504."""


ErrorPage = Callable[[HttpRequest, Status, int], HttpResponse | None]
"""Returns what a browser is shown when a request leads nowhere, given a status and the HTTP status; None for other clients."""


class RestDoor:
    """An HTTP server on one address. Raises BadTemplate if two routes have the same verb and template."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        apis: Sequence[Api],
        settings: Settings,
        *,
        plain_routes: Sequence[Route] = (),
        error_page: ErrorPage | None = None,
        admission: Admission | None = None,
        probe_paths: Collection[str] = (),
        share_port: bool = False,
        refusals: Refusals | None = None,
    ) -> None:
        self._refusals = refusals or Refusals()
        self._dispatcher, self._settings = dispatcher, settings
        self._forms, self._error_page = Forms(apis), error_page
        self._router, self._streamed = Router[HttpHandler](), Router[None]()
        for verbs, path, handler in plain_routes:
            for verb in verbs:
                self._router.add(verb, path, self._plain(path, handler))
        self._has_streams = False
        self._add_apis(apis, plain_paths={path for _, path, _ in plain_routes})
        self._cors = Cors(settings.cors_origins, [name for api in apis for name in api.headers])
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
            connections_per_peer=settings.connections_per_peer_max,
        )
        self._server = HttpServer(
            self.answer,
            limits,
            streams=self._is_streamed if self._has_streams else None,
            write_error=self._forms.write_error,
            admission=admission,
            probe_paths=probe_paths,
            share_port=share_port,
            on_refusal=partial(self._refusals.note, DOOR),
        )

    async def start(self, address: str) -> int:
        """Listen and return the port; raises OSError if the address is in use."""
        return await self._server.start(address)

    async def stop(self, drain_seconds: float) -> None:
        """Accept no new requests, finish those in flight, then close, all within `drain_seconds`."""
        await self._server.stop(drain_seconds)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer any request."""
        refusal = self._guard.refusal(request)
        if refusal is not None:
            self._note(request, refusal[0])
            return self._shown(request, *refusal) or self._forms.write_error(request.path, *refusal)
        preflight = self._cors.preflight(request)
        if preflight is not None:
            return preflight
        return self._cors.with_headers(request, await self._routed(request))

    async def _routed(self, request: HttpRequest) -> HttpResponse:
        forms, path = self._forms, request.path
        try:
            match = self._router.match(request.verb, path)
        except InvalidArgument as error:
            status = failure_status(error, "rest.path")
            self._note(request, status)
            return self._shown(request, status, status.http_status) or error_response(forms.of(path), status)
        if isinstance(match, Match):
            request.values = match.values
            return await match.target(request)
        if isinstance(match, Redirect):
            return _redirect(match.path, request.query)
        if isinstance(match, WrongVerb):
            self._note(request, wrong_verb())
            return forms.wrong_verb(path, match.verbs)
        self._note(request, unknown_path())
        return self._shown(request, unknown_path(), 404) or forms.unknown_path(path)

    def _shown(self, request: HttpRequest, status: Status, http_status: int) -> HttpResponse | None:
        return None if self._error_page is None else self._error_page(request, status, http_status)

    def _note(self, request: HttpRequest, status: Status) -> None:
        self._refusals.note(DOOR, status, request.peer, verb=request.verb)

    def _is_streamed(self, verb: str, path: str) -> bool:
        try:
            return isinstance(self._streamed.match(verb, path), Match)
        except InvalidArgument:  # the router of all routes raises it again
            return False

    # Routes.

    def _add_apis(self, apis: Sequence[Api], *, plain_paths: set[str]) -> None:
        methods = {method.full_name: method for api in apis for method in api.methods}
        for api in apis:
            self._add_routes(api)
            for method in api.methods:
                if method.http is not None and method.http.path not in plain_paths:
                    self._add_rpc(api, method, method.http)
            for alias in api.aliases:
                if alias.full_name not in methods:
                    raise BadTemplate(f"{alias.template} is an alias of {alias.full_name}, which no API has")
                self._add_rpc(
                    api, methods[alias.full_name], HttpRule(alias.verb, alias.template, "", takes_query=False)
                )

    def _add_rpc(self, api: Api, method: Method, rule: HttpRule) -> None:
        self._router.add(rule.verb, rule.path, rpc_handler(method, rule, self._calling(api, api.form)))

    def _add_routes(self, api: Api) -> None:
        for route in api.routes:
            form = route.form or api.form
            handler = route_handler(route, self._calling(api, form), self._settings)
            for verb in route.verbs:
                self._router.add(verb, route.template, handler)
                if isinstance(route.body, StreamBody):
                    self._streamed.add(verb, route.template, None)
                    self._has_streams = True
            if route.exclusive:
                self._router.add(ANY_VERB, route.template, _wrong_verb_handler(form, route.verbs))

    def _calling(self, api: Api, form: HttpForm) -> Calling:
        return Calling(self._dispatcher, self._settings.rest_seconds, (*FORWARDED_HEADERS, *api.headers), form)

    def _plain(self, path: str, handler: HttpHandler) -> HttpHandler:
        async def handle(request: HttpRequest) -> HttpResponse:
            try:
                async with asyncio.timeout(self._settings.rest_seconds):
                    return await handler(request)
            except Exception as error:  # noqa: BLE001 - errors of plain routes become statuses here, those of APIs in the dispatcher
                return error_response(self._forms.of(path), failure_status(error, path))

        return handle


def _wrong_verb_handler(form: HttpForm, verbs: Iterable[str]) -> HttpHandler:
    """Return the handler of all verbs that an exclusive route does not accept."""

    async def handle(request: HttpRequest) -> HttpResponse:
        return wrong_verb_response(form, verbs)

    return handle


def _redirect(path: str, query: str) -> HttpResponse:
    # Browsers read a backslash as a slash, and two slashes as the start of another host.
    location = path.replace("\\", "%5C") + ("?" + query if query else "")
    return HttpResponse(301, b"", "text/plain; charset=utf-8", (("location", location),))
