"""The gRPC door: generic handlers built from the descriptors, and the standard services for health and reflection."""

import asyncio
import socket
import time
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from server.calls.admission import Admission
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.doors.grpc.arrivals import Arrivals
from server.doors.grpc.behaviour import CallLimits, Traffic, behaviour_of
from server.doors.grpc.deliveries import Deliveries
from server.doors.grpc.reflection import REFLECTION_SERVICES, add_reflection

HANDSHAKE_TIMEOUT_MS = 5_000  # for clients that connect and send nothing
IDLE_TIMEOUT_MS = 600_000

# Calls queue while the process is busy. By default gRPC cancels some at random once a thousand are waiting, and clients do not
# retry a cancelled call. Without a limit, a flood of calls that are reset at once would fill the memory.
WAITING_CALLS = 20_000

# By default gRPC rejects calls at random if their metadata exceeds 8 KiB, as a token that lists its user's groups can. Proxies
# pass on 60 KiB at most.
METADATA_BYTES = 64 * 1024

# By default gRPC closes a connection, with its calls, after three pings within five minutes. Go clients can be configured to
# ping every ten seconds and others every second, even between calls. Answering a ping costs next to nothing.
PING_INTERVAL_MS = 500

# When gRPC stops, it drops calls that have arrived but not started, and their callers see CANCELLED. It is therefore stopped
# while no calls arrive: new ones wait until the others have ended, and continue once connections accept no more calls.
QUIET_SECONDS = 0.05
QUIETS_UNDER_LOAD = 4  # so many times in turn
HOLD_SECONDS = 1.0

STREAMS_MAX = 256
"""Calls at once per connection; further ones wait in the client. Go's and Python's clients have one connection per server."""

IDENTITY_ONLY = 1
"""A bit set of compressions: a compressed message would be unpacked before its size is known."""


class GrpcDoor:
    """A gRPC server on one address; `start` returns its port."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        methods: Iterable[Method],
        admission: Admission,
        limits: CallLimits,
        *,
        with_reflection: bool,
        share_port: bool = False,
    ) -> None:
        self._methods = [method for method in methods if method.handler is not None]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", limits.message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", METADATA_BYTES),
                ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                # Only for workers: otherwise, a second server would silently receive some of the calls.
                ("grpc.so_reuseport", int(share_port)),
                ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS),
                ("grpc.max_connection_idle_ms", IDLE_TIMEOUT_MS),
                ("grpc.max_concurrent_streams", STREAMS_MAX),
                ("grpc.http.overload_protection", 0),
                ("grpc.compression_enabled_algorithms_bitset", IDENTITY_ONLY),
                ("grpc.server.max_pending_requests", WAITING_CALLS),
                ("grpc.server.max_pending_requests_hard_limit", WAITING_CALLS),
            ]
        )
        self._gate = _Gate()
        self._deliveries = Deliveries(limits.unread_seconds)
        self._watch: asyncio.Task[None] | None = None
        self._arrivals = Arrivals(limits.message_bytes)
        traffic = Traffic(admission, self._arrivals, self._deliveries)
        for service in dict.fromkeys(method.service for method in self._methods):
            handlers: dict[str, Any] = {
                method.path.rpartition("/")[2]: grpc.stream_unary_rpc_method_handler(
                    behaviour_of(dispatcher, method, traffic, self._gate, limits)
                )
                for method in self._methods
                if method.service == service
            }
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._services = tuple(dict.fromkeys(method.service for method in self._methods))
        if with_reflection:
            add_reflection(self._server, (*self._services, health.SERVICE_NAME, *REFLECTION_SERVICES))

    async def start(self, address: str) -> int:
        """Listen, set the health to SERVING, and return the port; raises OSError, which says why, if that is not possible."""
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {_why_not(address)}") from error
        await self._server.start()
        self._arrivals.port = port
        self._watch = asyncio.create_task(self._deliveries.watch(port))
        # For the server as a whole, and for each service.
        for service in ("", *self._services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, drain_seconds: float) -> None:
        """Set the health to NOT_SERVING, accept no new calls, finish those in flight, then close, all within `drain_seconds`."""
        end = time.monotonic() + drain_seconds
        await self._health.enter_graceful_shutdown()
        await self._gate.hold(min(HOLD_SECONDS, drain_seconds / 4))
        stop_task = asyncio.create_task(self._server.stop(max(0.0, end - time.monotonic())))
        # Callers must learn that their connection is closing before they get an answer and send the next call.
        await asyncio.sleep(QUIET_SECONDS)
        self._gate.open()
        await stop_task
        if self._watch is not None:
            self._watch.cancel()


def _why_not(address: str) -> str:
    """Return why an address cannot be listened on, which the library does not say."""
    host, _, port = address.rpartition(":")
    try:
        for family, kind, _, _, place in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as listener:
                # As the library does; of a server with several workers, each listens on the port.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(place)
                listener.listen()
    except OSError as error:
        return error.strerror or str(error)
    return "the reason is not known"


class _Gate:
    """Entered by every call with `async with`: counts calls as they arrive and leave and, while closed, makes new ones wait."""

    def __init__(self) -> None:
        self._arrivals, self._entries, self._exits = 0, 0, 0
        self._open = asyncio.Event()
        self._open.set()

    async def __aenter__(self) -> None:
        self._arrivals += 1
        await self._open.wait()
        self._entries += 1

    async def __aexit__(self, *_: object) -> None:
        self._exits += 1

    def open(self) -> None:
        """Let waiting and new calls continue."""
        self._open.set()

    async def hold(self, longest_seconds: float) -> None:
        """Make new calls wait; return once no call is running or arriving, at the latest after `longest_seconds`."""
        self._open.clear()
        end = time.monotonic() + longest_seconds
        quiets = 0
        while (start := time.monotonic()) < end:
            counts = (self._arrivals, self._exits)
            await asyncio.sleep(QUIET_SECONDS)
            # After a late wake-up, calls may have arrived that this process has not seen yet.
            is_on_time = time.monotonic() - start < 2 * QUIET_SECONDS
            is_quiet = is_on_time and self._entries == self._exits and (self._arrivals, self._exits) == counts
            quiets = quiets + 1 if is_quiet else 0
            # Beside calls that wait there are other callers, and on a busy machine they take longer to send their next call.
            has_waiting = self._arrivals > self._entries
            if quiets >= (QUIETS_UNDER_LOAD if has_waiting else 1):
                return
