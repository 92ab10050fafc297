"""Who gets a connection: how many there are in all and per peer, which one ends to make room, and a few for probes only.

The HTTP server asks for each new connection. Nothing here knows of sockets.
"""

from enum import Enum, auto
from typing import Protocol

from server.doors.http.limits import PROBE_CONNECTIONS, HttpLimits


class Place(Enum):
    """What a connection may do."""

    REGULAR = auto()
    PROBE = auto()  # above the maximum: one request, and only if it is a probe
    NONE = auto()  # too many are open
    NONE_FOR_PEER = auto()  # its peer has too many


class Occupant(Protocol):
    """A connection, as far as it concerns others."""

    def close_if_idle(self) -> bool:
        """Close unless a request has arrived, be it unread; return whether it is closed."""

    def end_unless_answering(self) -> bool:
        """Refuse what may still arrive, and close, unless a request is being answered; return whether it is closed."""


class Places:
    """The places of one server. Each operation takes the same time however many connections there are."""

    def __init__(self, limits: HttpLimits, *, takes_probes: bool) -> None:
        self._limits = limits
        self._probes_max = PROBE_CONNECTIONS if takes_probes else 0
        self._regular: dict[Occupant, str] = {}
        self._probing: dict[Occupant, str] = {}
        self._idle: dict[Occupant, None] = {}  # in the order of their last responses
        self._per_peer: dict[str, int] = {}

    def take(self, connection: Occupant, host: str) -> Place:
        """Give a new connection its place, if need be the one of the connection that has been idle for longest."""
        peer_max = self._limits.connections_per_peer
        if peer_max and self._per_peer.get(host, 0) >= peer_max:
            return Place.NONE_FOR_PEER
        if len(self._regular) < self._limits.connections or self._close_idle():
            self._regular[connection] = host
        elif len(self._probing) < self._probes_max or self._end_probe():
            self._probing[connection] = host
        else:
            return Place.NONE
        if peer_max:
            self._per_peer[host] = self._per_peer.get(host, 0) + 1
        return Place.REGULAR if connection in self._regular else Place.PROBE

    def leave(self, connection: Occupant) -> None:
        """Free the place of a connection; one without a place may call this too."""
        self.busy(connection)
        host = self._regular.pop(connection, None)
        if host is None:
            host = self._probing.pop(connection, None)
        if host is None or not self._limits.connections_per_peer:
            return
        self._per_peer[host] -= 1
        if not self._per_peer[host]:
            del self._per_peer[host]

    def idle(self, connection: Occupant) -> None:
        """Note that a connection waits for its next request: it may be closed to make room."""
        if connection in self._regular:
            self._idle[connection] = None

    def busy(self, connection: Occupant) -> None:
        """Note that a connection has received the beginning of a request."""
        self._idle.pop(connection, None)

    def _close_idle(self) -> bool:
        while self._idle:
            connection = next(iter(self._idle))
            del self._idle[connection]
            if connection.close_if_idle():
                self.leave(connection)
                return True
        return False

    def _end_probe(self) -> bool:
        # A probe is sent as soon as there is a connection: clients that send nothing must not keep probes out for seconds.
        for connection in self._probing:
            if connection.end_unless_answering():
                self.leave(connection)
                return True
        return False
