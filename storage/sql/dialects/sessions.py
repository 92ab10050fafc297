"""Sessions on a database server: how each end notices that the other is gone, and what may take how long."""

import socket
from asyncio import BaseTransport

from storage.record import record

KEEPALIVE_IDLE_SECONDS = 30
KEEPALIVE_INTERVAL_SECONDS = 10
KEEPALIVE_COUNT = 3
UNACKNOWLEDGED_SECONDS = KEEPALIVE_IDLE_SECONDS + KEEPALIVE_COUNT * KEEPALIVE_INTERVAL_SECONDS
"""How long an end that went away without a word is waited for: by default, systems wait for two hours."""

# A writer sends its next statement within milliseconds. One that was suspended for longer runs its transaction again.
IDLE_SECONDS = 15
_STATEMENT_SECONDS_MAX = 2_000_000  # about what PostgreSQL's setting holds, in milliseconds

# Not every system has all of them.
_SOCKET_OPTIONS = (
    ("TCP_KEEPIDLE", KEEPALIVE_IDLE_SECONDS),
    ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
    ("TCP_KEEPCNT", KEEPALIVE_COUNT),
    ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_SECONDS * 1000),
)


@record
class SessionLimits:
    """How long a statement may run, and how long an open transaction may be without one, before the database ends them."""

    statement_seconds: float
    idle_seconds: int = IDLE_SECONDS

    @property
    def statement_milliseconds(self) -> int:
        """The time of a statement, at most what databases accept."""
        return max(1, int(min(self.statement_seconds, _STATEMENT_SECONDS_MAX) * 1000))


def not_in_force(name: str, actual: str, limit: float) -> str:
    """Return the sentence about a setting that a session was given, and does not have."""
    return (
        f"{name} is {actual} in Lineal's own sessions, which set it to {limit:g}, so that what is locked or open when a server "
        "disappears stays so for longer; a proxy in between may share sessions"
    )


def keep_alive(transport: BaseTransport | None) -> None:
    """Let the system ask over an idle TCP connection whether the other end is still there."""
    endpoint = transport.get_extra_info("socket") if transport is not None else None
    if endpoint is None or endpoint.family not in (socket.AF_INET, socket.AF_INET6):
        return
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SOCKET_OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            endpoint.setsockopt(socket.IPPROTO_TCP, option, value)
