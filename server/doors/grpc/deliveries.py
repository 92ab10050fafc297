"""Answers that clients do not take: the connection is closed, as over HTTP. The gRPC door runs this, its handlers report to it.

An answer keeps its memory and its place among the calls until the client's flow control has let all of it through, which the
client may never do. The library can end neither such a call nor a connection, so that the connection's socket is looked for
among the files of this process. That is slow, and rare.
"""

import asyncio
import time

from server.doors.grpc.connections import shut_down
from server.process.telemetry import log

SLOWEST_BYTES = 256 * 1024
"""How many bytes per second of a large answer a client must take at least, in addition to the time for any answer."""

SWEEP_SECONDS = 0.5


class Deliveries:
    """The answers of one server that are on their way."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        # In the order in which they began: when, how large, to whom.
        self._begun: dict[object, tuple[float, int, str]] = {}
        self._unwanted = set[str]()
        self._has_work = asyncio.Event()

    def begin(self, call: object, size: int, peer: str) -> None:
        """Note that a call is being answered, with so many bytes."""
        self._begun[call] = (time.monotonic(), size, peer)
        self._has_work.set()

    def end(self, call: object) -> None:
        """Note that a call is over; it may end before it is answered."""
        self._begun.pop(call, None)

    def close(self, peer: str) -> None:
        """Close a peer's connection soon: others need the memory that its answers take."""
        self._unwanted.add(peer)
        self._has_work.set()

    def late_peers(self, now: float) -> set[str]:
        """Return the peers that have not taken an answer in time."""
        peers = set[str]()
        for begun, size, peer in self._begun.values():
            if begun + self._patience_seconds > now:
                break
            if begun + self._patience_seconds + size / SLOWEST_BYTES <= now:
                peers.add(peer)
        return peers

    async def watch(self, port: int) -> None:
        """Close the connections of late peers to this port, until cancelled."""
        while True:
            if not self._begun and not self._unwanted:  # an idle server does not wake up
                self._has_work.clear()
                await self._has_work.wait()
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                peers = self.late_peers(time.monotonic()) | self._unwanted
                self._unwanted.clear()
                if peers and (count := shut_down(peers, port)):
                    log.warning("connections closed", door="grpc", connections=count, why="an answer was not taken")
            except Exception as error:  # noqa: BLE001 - a defect must not end the watch
                log.error("grpc", where="deliveries", exc_info=error)
