"""The gRPC door: generic handlers built from the descriptors, with standard health and reflection beside them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from server.errors import Status
from server.methods import Method
from server.pipeline import Caller, Pipeline

HANDSHAKE_TIMEOUT_MS = 5_000  # a client that connects and says nothing is cut off
IDLE_TIMEOUT_MS = 600_000

# gRPC drops the calls that have arrived and not begun when it stops (the caller sees CANCELLED), so it must be told to in
# a moment when there are none.
QUIET_SECONDS = 0.05
QUIET_WAIT_SECONDS = 0.5

STOPPING = Status(code_pb2.UNAVAILABLE, "STOPPING", "the server is stopping and has not begun this call")

Context = grpc.aio.ServicerContext[bytes, bytes]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcDoor:
    """A gRPC server on one address; `port` is known after start."""

    def __init__(
        self,
        pipeline: Pipeline,
        methods: Iterable[Method],
        *,
        max_message_bytes: int,
        with_reflection: bool,
        share_port: bool = False,
    ) -> None:
        self._methods = [method for method in methods if pipeline.serves(method)]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", -1),
                # Where workers do not need it, it would let a second server take a part of the calls in silence.
                ("grpc.so_reuseport", int(share_port)),
                ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS),
                ("grpc.max_connection_idle_ms", IDLE_TIMEOUT_MS),
            ]
        )
        self._gate = _Gate()
        for service in dict.fromkeys(method.service for method in self._methods):
            handlers: dict[str, Any] = {
                method.path.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(
                    _behaviour(pipeline, method, self._gate)
                )
                for method in self._methods
                if method.service == service
            }
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.services = tuple(dict.fromkeys(method.service for method in self._methods))
        if with_reflection:
            names = (*self.services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    async def start(self, address: str) -> int:
        """Listen, say SERVING, and return the port; raises OSError when the address is taken."""
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        await self._server.start()
        await self.set_serving(True)
        return port

    async def set_serving(self, serving: bool) -> None:
        """Tell health checks, for the server as a whole and for each service."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self.services):
            await self._health.set(service, status)

    async def stop(self, drain_seconds: float) -> None:
        """Say NOT_SERVING, finish calls in flight, refuse those that keep coming, then close; all within the seconds."""
        started = time.monotonic()
        await self._health.enter_graceful_shutdown()
        longest = min(QUIET_WAIT_SECONDS, drain_seconds / 4)
        if not await self._gate.quiet(longest):
            self._gate.closed = True
            await self._gate.quiet(longest)
        await self._server.stop(max(0.0, started + drain_seconds - time.monotonic()))


class _Gate:
    """Sees calls arrive, and refuses them once it is closed."""

    def __init__(self) -> None:
        self.arrived, self.closed = 0, False

    async def quiet(self, longest_seconds: float) -> bool:
        """Wait for a moment in which no call arrives, at most so long; say whether there was one."""
        end = time.monotonic() + longest_seconds
        while (begun := time.monotonic()) < end:
            before = self.arrived
            await asyncio.sleep(QUIET_SECONDS)
            # Who woke up late was not there to see calls arrive.
            if self.arrived == before and time.monotonic() - begun < 2 * QUIET_SECONDS:
                return True
        return False


def _behaviour(pipeline: Pipeline, method: Method, gate: _Gate) -> Callable[[bytes, Context], Awaitable[bytes]]:
    """Return the handler of one method; it takes and gives bytes, so that a malformed request is ours to answer."""

    async def behaviour(data: bytes, context: Context) -> bytes:
        gate.arrived += 1
        if gate.closed:
            await _abort(context, STOPPING)
        remaining = context.time_remaining()
        caller = Caller(
            door="grpc",
            peer=context.peer(),
            metadata={key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)},
            timeout_seconds=remaining,
        )
        outcome = await pipeline.call_bytes(method, data, caller)
        if outcome.answer is None:
            await _abort(context, outcome.status)
        assert outcome.answer is not None
        return outcome.answer.SerializeToString()

    return behaviour


async def _abort(context: Context, status: Status) -> None:
    trailing = (("grpc-status-details-bin", status.message_proto().SerializeToString()),)
    await context.abort(_CODES[status.code], status.message, trailing)
