"""The admin door: health and metrics on an address of their own, from a thread with its own event loop.

It answers while the event loop of the calls is busy, and tells when that has stopped. The composition root starts one where the
setting `admin` names an address.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from server.calls.call import Shared
from server.calls.http_calls import HttpResponse
from server.config import Settings
from server.doors.http.browser_guard import BrowserGuard
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.plain_routes import closed_to_others
from server.doors.http.responses import failure_status, rpc_error_at, unknown_path
from server.doors.http.routes import ANY_VERB, Match, Router
from server.doors.http.server import HttpServer
from server.errors import InvalidArgument
from server.process.health import READS, health_routes
from server.process.metrics import Metrics, content_type
from server.process.refused import Refusals
from storage.errors import Unavailable

DOOR = "admin"
"""The door's name in the log and in metrics."""

ANSWER_SECONDS = 1.8
"""How long an answer waits for the event loop of the calls and the database, together: probes often wait for two seconds."""

DEAD_SECONDS = 30.0
"""For how long that event loop may not have run before the process counts as dead; no work of a call takes as long in one piece."""

ADMIN_CONNECTIONS_MAX = 64
"""Maximum number of HTTP connections of the admin door, which are not counted among those of the REST door."""

_BEAT_SECONDS = 1.0
_BODY_BYTES = 64 * 1024

Answer = TypeVar("Answer")


class AdminDoor:
    """An HTTP server in a thread. It is made, started and stopped on the event loop of the calls.

    Until `is_serving` is set, and once it is not any more, the server is not ready.
    """

    def __init__(self, shared: Shared, metrics: Metrics, refusals: Refusals, *, share_port: bool = False) -> None:
        self.is_serving = False
        self._settings: Settings = shared.settings
        self._store, self._metrics = shared.store, metrics
        self._calls_loop = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="admin", daemon=True)
        self._beat_at = time.monotonic()
        self._beats: asyncio.Task[None] | None = None
        self._guard = BrowserGuard(
            cors_origins="", allowed_hosts=self._settings.allowed_hosts, address=self._settings.admin
        )
        self._router = Router[HttpHandler]()
        routes = health_routes(self._settings, is_ready=self._check_ready, why_dead=self._why_dead)
        routes += [(READS, "/metrics", self._figures), ((ANY_VERB,), "/metrics", closed_to_others(*READS))]
        for verbs, path, handler in routes:
            for verb in verbs:
                self._router.add(verb, path, handler)
        self._note = partial(refusals.note, DOOR)
        limits = _limits(self._settings)
        self._server = HttpServer(self._answer, limits, share_port=share_port, on_refusal=self._note)

    async def start(self) -> int:
        """Listen and return the port; raises OSError if the address is in use."""
        self._thread.start()
        try:
            return await self._there(self._start())
        except OSError:
            self._end()
            raise

    async def stop(self) -> None:
        """Close, with the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._there(self._stop())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    async def _there(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what a coroutine returns on the event loop of this door. Called on that of the calls."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # What follows runs in the thread.

    async def _start(self) -> int:
        port = await self._server.start(self._settings.admin)
        self._beats = asyncio.create_task(self._ask_for_beats())
        return port

    async def _stop(self) -> None:
        if self._beats is not None:
            self._beats.cancel()
        await self._server.stop(0)

    async def _ask_for_beats(self) -> None:
        while True:
            with contextlib.suppress(RuntimeError):  # that loop has been closed
                self._calls_loop.call_soon_threadsafe(self._beat)
            await asyncio.sleep(_BEAT_SECONDS)

    def _beat(self) -> None:
        self._beat_at = time.monotonic()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        refusal = self._guard.refusal(request)
        if refusal is not None:
            self._note(refusal[0], request.peer, verb=request.verb)
            return rpc_error_at(request.path, *refusal)
        try:
            match = self._router.match(request.verb, request.path)
            if isinstance(match, Match):
                return await match.target(request)
        except InvalidArgument:
            pass  # a malformed path leads nowhere
        except Exception as error:  # noqa: BLE001 - answered as the REST door answers it
            status = failure_status(error, "admin")
            return rpc_error_at(request.path, status, status.http_status)
        self._note(unknown_path(), request.peer, verb=request.verb)
        return rpc_error_at(request.path, unknown_path(), 404)

    def _why_dead(self) -> str:
        seconds = time.monotonic() - self._beat_at
        return f"the event loop has not run for {seconds:.0f} seconds" if seconds > DEAD_SECONDS else ""

    async def _check_ready(self) -> None:
        if not self.is_serving:
            raise Unavailable("the server is starting or draining")
        try:
            await self._on_calls_loop(self._store.ready())
        except TimeoutError:
            raise Unavailable("the event loop does not answer") from None

    async def _figures(self, request: HttpRequest) -> HttpResponse:
        with contextlib.suppress(TimeoutError):  # the size of the store is then as old as it is
            await self._on_calls_loop(self._metrics.measure())
        return HttpResponse(200, self._metrics.present(), content_type())

    async def _on_calls_loop(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what a coroutine returns on the event loop of the calls; raises TimeoutError after ANSWER_SECONDS."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._calls_loop))


def _limits(settings: Settings) -> HttpLimits:
    return HttpLimits(
        header_seconds=settings.http_header_seconds,
        body_seconds=settings.http_header_seconds,
        answer_seconds=2 * ANSWER_SECONDS,
        idle_seconds=settings.http_idle_seconds,
        header_bytes=settings.http_header_bytes_max,
        body_bytes=_BODY_BYTES,
        connections=ADMIN_CONNECTIONS_MAX,
    )
