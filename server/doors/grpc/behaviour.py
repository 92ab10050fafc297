"""What gRPC runs for each call: admission, reading the one message, the dispatcher, and the answer or the status.

Handlers are stream_unary although every method is unary: gRPC would read the message of a unary handler before it runs, so the
messages of all connections would be in memory before anything could limit them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import grpc

from server.calls.admission import SMALL_SIZE, Admission, Admitted
from server.calls.apart import SerializedMessage
from server.calls.caller import Caller
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.calls.statuses import Status
from server.doors.grpc.arrivals import FIRST_LOOK_SECONDS, Arrivals
from server.doors.grpc.deliveries import Deliveries
from server.doors.grpc.serializing import serialized
from server.doors.grpc.uncancelled import uncancelled
from server.errors import ApiError, DeadlineExceeded, InvalidArgument, ResourceExhausted
from storage.record import record

RESERVED_SIZE = SMALL_SIZE
"""What a call holds before its message has been read; few are larger."""

QUICK_BYTES = 8 * 1024 * 1024
"""How many bytes per second of a large answer a client must take if others need the memory."""

Context = grpc.aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[Any, Context], Awaitable[bytes]]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


@record
class CallLimits:
    """How large a message may be (bytes), how long it may take to arrive, any call may take, and an answer may lie (seconds)."""

    message_bytes: int
    message_seconds: float
    call_seconds: float
    unread_seconds: float


@record
class Traffic:
    """What all calls of a server pass: the limits of the process, and the watches over messages that clients send and take."""

    admission: Admission
    arrivals: Arrivals
    deliveries: Deliveries


def behaviour_of(
    dispatcher: Dispatcher,
    method: Method,
    traffic: Traffic,
    gate: AbstractAsyncContextManager[None],
    limits: CallLimits,
) -> Behaviour:
    """Return the handler of one method; it takes and returns bytes, so that malformed requests are answered here."""

    deliveries = traffic.deliveries

    async def behaviour(requests: Any, context: Context) -> bytes:
        async with gate:
            caller = _caller(context, limits)
            context.add_done_callback(deliveries.end)  # type: ignore[arg-type]  # it is given the context
            try:
                admitted = traffic.admission.enter()
                # Until the answer has been sent, or its caller has left.
                context.add_done_callback(lambda _: admitted.leave())  # type: ignore[arg-type]
                await _admit_bytes(admitted, caller)
                reading = _Reading(admitted, traffic.arrivals, caller.peer, limits.message_seconds)
                outcome = await dispatcher.dispatch_bytes(method, await reading.message(context), caller)
            except ApiError as error:
                outcome = dispatcher.turn_away(method, error, caller)
        if outcome.answer is None:
            deliveries.begin(context, 0, caller.peer)
            await _abort(context, outcome.status)
            return b""  # never sent
        answer = outcome.answer
        data = answer.data if isinstance(answer, SerializedMessage) else await serialized(answer)
        admitted.hold(len(data))
        if len(data) > SMALL_SIZE:
            grace_seconds = len(data) / QUICK_BYTES
            give_up = partial(deliveries.close, caller.peer)
            admitted.await_client(give_up, grace_seconds=grace_seconds, peer=caller.peer)
        deliveries.begin(context, len(data), caller.peer)
        return data

    return behaviour


def _caller(context: Context, limits: CallLimits) -> Caller:
    remaining = context.time_remaining()
    return Caller(
        door="grpc",
        peer=context.peer(),
        metadata={key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)},
        timeout_seconds=limits.call_seconds if remaining is None else min(remaining, limits.call_seconds),
    )


async def _admit_bytes(admitted: Admitted, caller: Caller) -> None:
    """Hold the first bytes, if need be when others have ended: clients of KFP do not try again. Raises DeadlineExceeded."""
    if admitted.take(RESERVED_SIZE):
        return
    try:
        async with asyncio.timeout(caller.timeout_seconds):
            await admitted.reserve(RESERVED_SIZE)
    except TimeoutError:
        raise DeadlineExceeded(
            "the requests of others did not leave enough memory in time", reason="MEMORY_EXHAUSTED"
        ) from None


class _Reading:
    """Waits for a message: with a timer of its own if that is slow to come."""

    __slots__ = ("_admitted", "_arrivals", "_peer", "_refusal", "_seconds", "_task", "_timer")

    def __init__(self, admitted: Admitted, arrivals: Arrivals, peer: str, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._admitted, self._arrivals, self._peer, self._seconds, self._task = admitted, arrivals, peer, seconds, task
        self._refusal: ApiError | None = None
        self._timer: asyncio.Handle | None = None
        arrivals.expect(self)

    async def message(self, context: Context) -> bytes:
        """Return the message. Raises DeadlineExceeded, ResourceExhausted, and InvalidArgument when there is none."""
        size = 0
        try:
            data = await uncancelled(context.read())
            if not isinstance(data, bytes):  # the end of the stream
                raise InvalidArgument("the call has no message")
            size = len(data)
        except asyncio.CancelledError:
            if self._refusal is not None:
                self._task.uncancel()
                raise self._refusal from None
            raise
        finally:
            self._arrivals.has_come(self)
            if self._timer is not None:
                self._timer.cancel()
            self._arrivals.remove(self._admitted, self._peer, size)
            self._admitted.client_done()
        self._admitted.arrived(size)
        return data

    def is_late(self) -> None:
        """Watch how much of the message arrives."""
        self._admitted.await_client(self._give_up, is_arriving=True, peer=self._peer)
        self._arrivals.add(self._admitted, self._peer)
        rest = max(self._seconds - FIRST_LOOK_SECONDS, 0.0)
        self._timer = asyncio.get_running_loop().call_later(rest, self._end)

    def _end(self) -> None:
        self._cancel(DeadlineExceeded("the request took too long to arrive", reason="REQUEST_TIMEOUT"))

    def _give_up(self) -> None:
        message = "there was no memory left for this request before it had arrived; send fewer large ones at once"
        self._cancel(ResourceExhausted(message, reason="MEMORY_EXHAUSTED"))

    def _cancel(self, refusal: ApiError) -> None:
        if self._refusal is None:  # or one cancellation would be left that is not undone
            self._refusal = refusal
            self._task.cancel()


async def _abort(context: Context, status: Status) -> None:
    """End the call with a status; its handler must return at once.

    Until the next call arrives, gRPC keeps the error that ends a call in a reference cycle with the call, and raises it again
    when the handler has returned. Its traceback would keep the handler's frame alive, and with it the request.
    """
    trailing = (("grpc-status-details-bin", status.message_proto().SerializeToString()),)
    try:
        await context.abort(_CODES[status.code], status.message, trailing)
    except grpc.aio.AbortError as error:
        error.__traceback__ = None
