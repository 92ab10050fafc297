"""The moments by which one connection's client, or the handler of its call, must have done something.

The HTTP server's sweep compares them with the clock; a timer per request would cost more.
"""

from collections.abc import Callable

from server.doors.http.limits import HttpLimits
from server.doors.http.request_reader import Phase

LINGER_SECONDS = 2.0
"""How long a refused client may go on sending: many read only once they have sent, and a reset destroys the response."""


class Deadlines:
    """Three deadlines that run beside each other; None is no deadline. Moments are of the loop's clock.

    `read`: for the bytes that are due from the client, or for its end of a connection that is closing.
    `call`: for the handler. `write`: for the client to take some of what it was sent.
    """

    __slots__ = ("_limits", "_moment_after", "call", "read", "write")

    def __init__(self, limits: HttpLimits, moment_after: Callable[[float], float]) -> None:
        self._limits, self._moment_after = limits, moment_after
        self.read: float | None = None
        self.call: float | None = None
        self.write: float | None = None

    def expect_bytes_of(self, phase: Phase) -> None:
        """Give the client its time for a head or a body, from now; nothing is due between requests, or after the last."""
        if phase is Phase.HEAD:
            self.read = self._moment_after(self._limits.header_seconds)
        elif phase is Phase.BODY:
            self.read = self._moment_after(self._limits.body_seconds)
        else:
            self.read = None

    def expect_first_request(self) -> None:
        """Give a new client as long for its first byte as for a head."""
        self.read = self._moment_after(self._limits.header_seconds)

    def expect_next_request(self) -> None:
        """Let the connection be idle for a while."""
        self.read = self._moment_after(self._limits.idle_seconds)

    def expect_end(self, *, lingers: bool) -> None:
        """Give the client time to finish sending, or none."""
        self.read = self._moment_after(LINGER_SECONDS if lingers else 0.0)

    def expect_response(self) -> None:
        """Give the handler its time."""
        self.call = self._moment_after(self._limits.answer_seconds)

    def expect_progress(self) -> None:
        """Give the client time to take some of what it was sent."""
        self.write = self._moment_after(self._limits.idle_seconds)
