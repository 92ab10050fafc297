"""Answers that clients do not take: the connection is closed, as over HTTP. The gRPC door runs this, its handlers report to it.

An answer keeps its memory and its place among the calls until the client's flow control has let all of it through, which the
client may never do. The library can end neither such a call nor a connection, so that the connection's socket is looked for
among the files of this process. That is slow, and rare.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import time
from collections.abc import Collection
from urllib.parse import unquote

from server.process.telemetry import log

SLOWEST_BYTES = 256 * 1024
"""How many bytes per second of a large answer a client must take at least, in addition to the time for any answer."""

SWEEP_SECONDS = 0.5

FOLDER = "/dev/fd"

Endpoint = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]


class Deliveries:
    """The answers of one server that are on their way."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        # In the order in which they began: when, how large, to whom.
        self._begun: dict[object, tuple[float, int, str]] = {}

    def begin(self, call: object, size: int, peer: str) -> None:
        """Note that a call is being answered, with so many bytes."""
        self._begun[call] = (time.monotonic(), size, peer)

    def end(self, call: object) -> None:
        """Note that a call is over; it may end before it is answered."""
        self._begun.pop(call, None)

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
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                peers = self.late_peers(time.monotonic())
                if peers and (count := shut_down(peers, port)):
                    log.warning("connections closed", door="grpc", connections=count, why="an answer was not taken")
            except Exception as error:  # noqa: BLE001 - a defect must not end the watch
                log.error("grpc", where="deliveries", exc_info=error)


def shut_down(peers: Collection[str], port: int) -> int:
    """Shut down the connections of these peers, in gRPC's spelling, to a port of this process; return how many there were."""
    wanted = {endpoint for peer in peers if (endpoint := _endpoint_of(peer)) is not None}
    count = 0
    for name in os.listdir(FOLDER):
        # Only what is certainly such a connection may be copied: to close a copy of a database's file, even once, would
        # release the locks that SQLite has on it. Other threads may close a file meanwhile, and open another in its place.
        if _client_of(int(name), port) not in wanted:
            continue
        with contextlib.suppress(OSError):
            copy = os.dup(int(name))
            if _client_of(copy, port) in wanted:
                with socket.socket(fileno=copy) as connection:
                    connection.shutdown(socket.SHUT_RDWR)
                count += 1
    return count


def _client_of(descriptor: int, port: int) -> Endpoint | None:
    """Return who is connected to a port by a file; None if it is not such a connection."""
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getsockname()[1] != port:
            return None
        return _endpoint(*connection.getpeername()[:2])
    except (OSError, ValueError):
        return None
    finally:
        connection.detach()


def _endpoint_of(peer: str) -> Endpoint | None:
    """Read a peer such as ipv4:127.0.0.1:1234 or ipv6:%5B::1%5D:1234."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    try:
        return _endpoint(host.strip("[]"), int(port))
    except ValueError:
        return None


def _endpoint(host: str, port: int) -> Endpoint:
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address, port
