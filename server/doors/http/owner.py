"""What a connection needs from the HTTP server that made it."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from server.calls.admission import Admission
from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import ErrorWriter, HttpHandler, Streams
from server.doors.http.places import Places

if TYPE_CHECKING:
    from server.doors.http.connection import Connection


class Owner(Protocol):
    """The server, as its connections see it."""

    handler: HttpHandler
    streams: Streams | None
    write_error: ErrorWriter
    admission: Admission
    limits: HttpLimits
    places: Places
    probe_paths: frozenset[str]
    is_stopping: bool

    def refuse(self, peer: str, path: str, status: Status, http_status: int) -> HttpResponse:
        """Report a request of a peer that is refused unread, and return the response to it."""

    def opened(self, connection: "Connection") -> None:
        """Register a connection, so that its deadlines are enforced."""

    def closed(self, connection: "Connection") -> None:
        """Unregister a connection."""

    def keep_cancelled(self, call: asyncio.Task[None]) -> None:
        """Reference a cancelled call until it ends: the event loop has only weak references to tasks."""

    def deadline(self, seconds: float) -> float:
        """Return the time, by the event loop's clock, at which a deadline must be set to be enforced within `seconds`."""

    def date(self) -> str:
        """Return the current time as the value of a Date header."""
