"""How much of the messages that calls still wait for has arrived. gRPC hands over a message when it is complete, and says nothing
of its size before; but the kernel knows how many bytes it has received on each connection.
"""

import asyncio
from typing import Protocol

from server.calls.admission import Admitted
from server.doors.grpc.connections import Endpoint, bytes_received, clients, endpoint_of

FIRST_LOOK_SECONDS = 0.05
"""A message that is complete by then is counted by its size; few are not."""

LOOK_SECONDS = 0.05
UNKNOWN_SECONDS = 1.0
"""If the kernel does not tell how much it has received, a message that is incomplete for so long counts as large as a message may be."""


class Expected(Protocol):
    """A message that a call waits for."""

    def is_late(self) -> None:
        """It has not come after FIRST_LOOK_SECONDS."""


class Arrivals:
    """The calls whose messages have not arrived after FIRST_LOOK_SECONDS, by connection."""

    def __init__(self, message_bytes: int) -> None:
        self._message_bytes = message_bytes
        self._peers: dict[str, _Peer] = {}
        self._timer: asyncio.Handle | None = None
        self._expected: dict[Expected, float] = {}
        self._first_look: asyncio.Handle | None = None
        self.port = 0
        """Where the door listens."""

    def expect(self, message: Expected) -> None:
        """Call its `is_late` after FIRST_LOOK_SECONDS, unless it `has_come` by then."""
        # One timer for all calls: to set one for each and to cancel it again takes longer than to read a message.
        loop = asyncio.get_running_loop()
        self._expected[message] = loop.time() + FIRST_LOOK_SECONDS
        if self._first_look is None:
            self._first_look = loop.call_later(FIRST_LOOK_SECONDS, self._look_first)

    def has_come(self, message: Expected) -> None:
        """Expect a message no longer."""
        self._expected.pop(message, None)

    def _look_first(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for message in [message for message, moment in self._expected.items() if moment <= now]:
            del self._expected[message]
            message.is_late()
        # In the order in which they began: the first is the next to be late.
        moment = next(iter(self._expected.values()), None)
        self._first_look = None if moment is None else loop.call_at(moment, self._look_first)

    def add(self, admitted: Admitted, peer: str) -> None:
        """Watch a call."""
        loop = asyncio.get_running_loop()
        if peer not in self._peers:
            self._peers[peer] = _Peer(peer)
        self._peers[peer].calls[admitted] = loop.time() + UNKNOWN_SECONDS
        if self._timer is None:
            self._timer = loop.call_soon(self._look)

    def remove(self, admitted: Admitted, peer: str, size: int) -> None:
        """Watch a call no longer, whose message of so many bytes is complete; 0 if it has ended without one."""
        watched = self._peers.get(peer)
        if watched is not None and watched.calls.pop(admitted, None) is not None:
            watched.bytes_of_others += size
            if not watched.calls:
                del self._peers[peer]

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if any(peer.descriptor is None for peer in self._peers.values()):
            descriptors = clients(self.port)
            for peer in self._peers.values():
                if peer.descriptor is None:
                    peer.descriptor = -1 if peer.client is None else descriptors.get(peer.client, -1)
        for peer in self._peers.values():
            arrived = peer.arrived(self._message_bytes, self.port)
            for admitted, unknown_until in peer.calls.items():
                if arrived is not None:
                    count = min(arrived // len(peer.calls), self._message_bytes)
                else:
                    count = self._message_bytes if loop.time() >= unknown_until else 0
                admitted.arrived(max(admitted.held, count))
        if self._peers:
            self._timer = loop.call_later(LOOK_SECONDS, self._look)


class _Peer:
    """The client's end of a connection, and the calls on it that are watched."""

    def __init__(self, name: str) -> None:
        self.client: Endpoint | None = endpoint_of(name)
        self.descriptor: int | None = None
        """The connection's file: None if it has not been looked for, -1 if it was not found."""
        self.calls: dict[Admitted, float] = {}
        self.bytes_of_others = 0
        """How much of what was received on the connection is no part of the messages that are watched."""
        self._is_first = True

    def arrived(self, message_bytes: int, port: int) -> int | None:
        """Return how many bytes the messages that are watched have, or None if that is unknown."""
        if self.client is None or self.descriptor is None or self.descriptor < 0:
            return None
        total = bytes_received(self.descriptor, self.client, port)
        if total is None:
            return None
        if self._is_first and total > message_bytes:
            self.bytes_of_others += total  # most of it came before
        self._is_first = False
        return max(total - self.bytes_of_others, 0)
