"""The gRPC door's connections, looked for among the files of this process: the library does not hand them out.

A file may be closed by another thread at any time, and its number given to another file. So each is looked at before it is used,
and none is closed here: to close a copy of a database's file, even once, would release the locks that SQLite has on it.
"""

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Collection
from urllib.parse import unquote

FOLDER = "/dev/fd"

# struct tcp_info of linux/tcp.h; kernels older than 4.1 give less.
_BYTES_RECEIVED = struct.Struct("@128xQ")

Endpoint = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]


def shut_down(peers: Collection[str], port: int) -> int:
    """Shut down the connections of these peers, in gRPC's spelling, to a port of this process; return how many there were."""
    wanted = {endpoint for peer in peers if (endpoint := endpoint_of(peer)) is not None}
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


def clients(port: int) -> dict[Endpoint, int]:
    """Return the files of all connections to a port of this process, by client."""
    numbers = [int(name) for name in os.listdir(FOLDER)]
    return {client: number for number in numbers if (client := _client_of(number, port)) is not None}


def bytes_received(descriptor: int, client: Endpoint, port: int) -> int | None:
    """Return how many bytes have come on a connection since its beginning; None if it is closed, or the kernel does not tell."""
    if _client_of(descriptor, port) != client:
        return None
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED.size)
    except OSError:
        return None
    finally:
        connection.detach()
    return int(_BYTES_RECEIVED.unpack(info)[0]) if len(info) == _BYTES_RECEIVED.size else None


def endpoint_of(peer: str) -> Endpoint | None:
    """Read a peer in gRPC's spelling, such as ipv4:127.0.0.1:1234 or ipv6:%5B::1%5D:1234."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    try:
        return _endpoint(host.strip("[]"), int(port))
    except ValueError:
        return None


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


def _endpoint(host: str, port: int) -> Endpoint:
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address, port
