"""The limits of HTTP connections. The REST door sets them from the settings."""

from storage.record import record

HEADERS_MAX = 200
"""Headers per request, trailers included."""

PROBE_CONNECTIONS = 8
"""Connections above the maximum that are kept for probes: a server that is only busy must not be restarted for it."""


@record
class HttpLimits:
    """Seconds for a request's head, its body, its response, and between requests; bytes of a head and a body; connections,
    in all and per peer (0 means any number).

    `idle_seconds` is also how long a client may leave a response unread.
    """

    header_seconds: float
    body_seconds: float
    answer_seconds: float
    idle_seconds: float
    header_bytes: int
    body_bytes: int
    connections: int
    connections_per_peer: int = 0
