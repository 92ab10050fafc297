"""An HTTP/1.1 server on one address, which passes requests to one handler. The REST door runs it.

Built on httptools because no available server times out clients that send half a request, or none.
"""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Collection
from email.utils import formatdate

from server.calls.admission import Admission
from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.connection import Connection
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import ErrorWriter, HttpHandler, OnRefusal, Streams
from server.doors.http.places import Places
from server.doors.http.responses import rpc_error_at
from server.process.telemetry import log

SWEEP_SECONDS = 0.2
"""How often deadlines are compared with the clock. Deadlines are set this much earlier to make up for it."""

BACKLOG = 1024


class HttpServer:
    """Listens, limits the number of connections, and enforces their deadlines."""

    def __init__(
        self,
        handler: HttpHandler,
        limits: HttpLimits,
        *,
        streams: Streams | None = None,
        write_error: ErrorWriter = rpc_error_at,
        admission: Admission | None = None,
        probe_paths: Collection[str] = (),
        share_port: bool = False,
        on_refusal: OnRefusal | None = None,
    ) -> None:
        self.handler, self.streams, self.write_error = handler, streams, write_error
        self.admission = admission or Admission(calls_max=sys.maxsize, bytes_max=sys.maxsize)
        self.limits, self.is_stopping = limits, False
        self.probe_paths = frozenset(probe_paths)
        self.places = Places(limits, takes_probes=bool(probe_paths))
        self._share_port, self._on_refusal = share_port, on_refusal
        self._connections: set[Connection] = set()
        self._cancelled_calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._sweep_task: asyncio.Task[None] | None = None
        self._is_empty, self._has_connections = asyncio.Event(), asyncio.Event()
        self._date = (0, "")

    @property
    def connection_count(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def start(self, address: str) -> int:
        """Listen and return the port; raises OSError if the address is in use."""
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Only for workers: otherwise, a second server would silently receive some of the requests.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(self._share_port))
            listener.bind((host.strip("[]"), int(port)))
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG)
        except OSError:
            listener.close()
            raise
        self._sweep_task = asyncio.create_task(self._sweep())
        return int(listener.getsockname()[1])

    async def stop(self, drain_seconds: float) -> None:
        """Accept no new requests, finish the current ones, and after `drain_seconds` close the connections that remain."""
        if self._server is None or self._sweep_task is None:
            return
        self.is_stopping = True
        self._server.close()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        self._signal_if_empty()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                await self._is_empty.wait()
        for connection in tuple(self._connections):
            connection.reset()
        self._sweep_task.cancel()
        # Transports call connection_lost in the next iteration of the event loop.
        await asyncio.sleep(0)

    def refuse(self, peer: str, path: str, status: Status, http_status: int) -> HttpResponse:
        """Report a request of a peer that is refused unread, and return the response to it."""
        if self._on_refusal is not None:
            self._on_refusal(status, peer)
        return self.write_error(path, status, http_status)

    def opened(self, connection: Connection) -> None:
        """Register a connection, so that its deadlines are enforced."""
        self._connections.add(connection)
        self._has_connections.set()

    def closed(self, connection: Connection) -> None:
        """Unregister a connection."""
        self.places.leave(connection)
        self._connections.discard(connection)
        self._signal_if_empty()

    def keep_cancelled(self, call: asyncio.Task[None]) -> None:
        """Reference a cancelled call until it ends: the event loop has only weak references to tasks."""
        self._cancelled_calls.add(call)
        call.add_done_callback(self._cancelled_calls.discard)

    def deadline(self, seconds: float) -> float:
        """Return the time, by the event loop's clock, at which a deadline must be set to be enforced within `seconds`."""
        return asyncio.get_running_loop().time() + max(seconds - SWEEP_SECONDS, 0.0)

    def date(self) -> str:
        """Return the current time as the value of a Date header."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]

    def _signal_if_empty(self) -> None:
        if self.is_stopping and not self._connections:
            self._is_empty.set()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._connections:  # an idle server does not wake up
                self._has_connections.clear()
                await self._has_connections.wait()
            await asyncio.sleep(SWEEP_SECONDS)
            self._check_all(loop.time())

    def _check_all(self, now: float) -> None:
        # Not inlined in the loop of `_sweep`: its variable would keep the last connection alive long after it has ended.
        for connection in tuple(self._connections):
            try:
                connection.check(now)
            except Exception as error:  # noqa: BLE001 - a defect in one connection must not stop the deadlines of all others
                log.error("http", where="sweep", exc_info=error)
                connection.reset()
