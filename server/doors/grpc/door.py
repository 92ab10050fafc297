"""The gRPC door: generic handlers built from the descriptors, with standard health and reflection beside them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from server.calls.dispatcher import Caller, Dispatcher
from server.calls.methods import Method
from server.doors.grpc.reflection import REFLECTION_SERVICES, add_reflection
from server.errors import Status

HANDSHAKE_TIMEOUT_MS = 5_000  # a client that connects and says nothing is cut off
IDLE_TIMEOUT_MS = 600_000

# While the process is at work calls wait to be begun. Beyond a thousand of them gRPC would cancel some at random, which no
# client takes for a reason to try again.
WAITING_CALLS = 100_000

# gRPC's own limit drops calls by chance from 8 KiB on, which a token that names the groups of its user reaches; proxies
# in front let through 60 KiB at most.
METADATA_BYTES = 64 * 1024

# gRPC's own rule ends a connection, with the calls on it, after three pings within five minutes. Go's clients may be told to
# ping every ten seconds, others every second, between calls too; an answer costs next to nothing.
PING_INTERVAL_MS = 500

# When gRPC stops it drops the calls that have arrived and not begun; the caller sees CANCELLED. So it is told to stop in a
# moment without any: new calls are held until every caller waits for an answer, and go on when connections take no more.
QUIET_SECONDS = 0.05
HOLD_SECONDS = 1.0

Context = grpc.aio.ServicerContext[bytes, bytes]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcDoor:
    """A gRPC server on one address; `port` is known after start."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        methods: Iterable[Method],
        *,
        max_message_bytes: int,
        with_reflection: bool,
        share_port: bool = False,
    ) -> None:
        self._methods = [method for method in methods if dispatcher.serves(method)]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", METADATA_BYTES),
                ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                # Where workers do not need it, it would let a second server take a part of the calls in silence.
                ("grpc.so_reuseport", int(share_port)),
                ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS),
                ("grpc.max_connection_idle_ms", IDLE_TIMEOUT_MS),
                ("grpc.server.max_pending_requests", WAITING_CALLS),
                ("grpc.server.max_pending_requests_hard_limit", WAITING_CALLS),
            ]
        )
        self._gate = _Gate()
        for service in dict.fromkeys(method.service for method in self._methods):
            handlers: dict[str, Any] = {
                method.path.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(
                    _behaviour(dispatcher, method, self._gate)
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
        """Listen, say SERVING, and return the port; raises OSError when the address is taken."""
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        await self._server.start()
        # For the server as a whole, and for each service.
        for service in ("", *self._services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, drain_seconds: float) -> None:
        """Say NOT_SERVING, take no new calls, finish those in flight, then close; all within the seconds."""
        end = time.monotonic() + drain_seconds
        await self._health.enter_graceful_shutdown()
        await self._gate.hold(min(HOLD_SECONDS, drain_seconds / 4))
        stopping = asyncio.create_task(self._server.stop(max(0.0, end - time.monotonic())))
        # Callers must hear that their connection ends before they have an answer and send the next call.
        await asyncio.sleep(QUIET_SECONDS)
        self._gate.open()
        await stopping


class _Gate:
    """What every call passes, `async with gate`: counts those that arrived and those that left, holds new ones while closed."""

    def __init__(self) -> None:
        self._arrived, self._entered, self._left = 0, 0, 0
        self._open = asyncio.Event()
        self._open.set()

    async def __aenter__(self) -> None:
        self._arrived += 1
        await self._open.wait()
        self._entered += 1

    async def __aexit__(self, *_: object) -> None:
        self._left += 1

    def open(self) -> None:
        """Let calls pass."""
        self._open.set()

    async def hold(self, longest_seconds: float) -> None:
        """Let no call pass and return in a moment when none is at work and none arrives, or else after so many seconds."""
        self._open.clear()
        end = time.monotonic() + longest_seconds
        while (begun := time.monotonic()) < end:
            before = (self._arrived, self._left)
            await asyncio.sleep(QUIET_SECONDS)
            # Who woke up late was not there to see calls arrive.
            in_time = time.monotonic() - begun < 2 * QUIET_SECONDS
            if in_time and self._entered == self._left and (self._arrived, self._left) == before:
                return


def _behaviour(dispatcher: Dispatcher, method: Method, gate: _Gate) -> Callable[[bytes, Context], Awaitable[bytes]]:
    """Return the handler of one method; it takes and gives bytes, so that a malformed request is ours to answer."""

    async def behaviour(data: bytes, context: Context) -> bytes:
        async with gate:
            remaining = context.time_remaining()
            caller = Caller(
                door="grpc",
                peer=context.peer(),
                metadata={key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)},
                timeout_seconds=remaining,
            )
            outcome = await dispatcher.dispatch_bytes(method, data, caller)
        if outcome.answer is None:
            await _abort(context, outcome.status)
            return b""  # never sent
        return outcome.answer.SerializeToString()

    return behaviour


async def _abort(context: Context, status: Status) -> None:
    """End the call with a status; its handler is to return at once.

    gRPC keeps the error that ends a call, in a cycle with the call and until the next call arrives, and raises it again when
    the handler has returned. With a traceback it would keep the handler's frame, and thus the request.
    """
    trailing = (("grpc-status-details-bin", status.message_proto().SerializeToString()),)
    try:
        await context.abort(_CODES[status.code], status.message, trailing)
    except grpc.aio.AbortError as error:
        error.__traceback__ = None
