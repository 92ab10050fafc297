"""The deadlines of one connection: for its client, and for the handler of its current call.

The HTTP server's sweep compares them with the clock; a timer per request would cost more.
"""

from collections.abc import Callable

from server.doors.http.limits import HttpLimits
from server.doors.http.request_reader import Phase

LINGER_SECONDS = 2.0
"""How long a refused client may continue to send. Many clients send everything before they read, and a reset of the connection
would discard the response."""


class Deadlines:
    """Three independent deadlines, by the event loop's clock; None means no deadline.

    `read`: for the client to send the expected bytes, or to close its side of a connection that is closing.
    `call`: for the handler to answer. `write`: for the client to read some of what was sent.
    """

    __slots__ = ("_deadline_after", "_limits", "call", "read", "write")

    def __init__(self, limits: HttpLimits, deadline_after: Callable[[float], float]) -> None:
        self._limits, self._deadline_after = limits, deadline_after
        self.read: float | None = None
        self.call: float | None = None
        self.write: float | None = None

    def expect_bytes_of(self, phase: Phase) -> None:
        """Restart the deadline for a head or a body. Between requests, and after the last one, no bytes are expected."""
        if phase is Phase.HEAD:
            self.read = self._deadline_after(self._limits.header_seconds)
        elif phase is Phase.BODY:
            self.read = self._deadline_after(self._limits.body_seconds)
        else:
            self.read = None

    def expect_first_request(self) -> None:
        """Give a new client as much time for its first byte as for a head."""
        self.read = self._deadline_after(self._limits.header_seconds)

    def expect_next_request(self) -> None:
        """Start the deadline for the next request on an idle connection."""
        self.read = self._deadline_after(self._limits.idle_seconds)

    def expect_end(self, *, lingers: bool) -> None:
        """Give the client LINGER_SECONDS to finish sending or, unless it `lingers`, no time at all."""
        self.read = self._deadline_after(LINGER_SECONDS if lingers else 0.0)

    def expect_response(self) -> None:
        """Restart the deadline for the handler's response, or for its next piece."""
        self.call = self._deadline_after(self._limits.answer_seconds)

    def expect_progress(self) -> None:
        """Restart the deadline for the client to read some of what was sent."""
        self.write = self._deadline_after(self._limits.idle_seconds)
