"""What gRPC runs for each call: admission, reading the one message, the dispatcher, and the answer or the status.

Handlers are stream_unary although every method is unary: gRPC would read the message of a unary handler before it runs, so the
messages of all connections would be in memory before anything could limit them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import grpc

from server.calls.admission import Admission, Admitted
from server.calls.caller import Caller
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.calls.statuses import Status
from server.doors.grpc.deliveries import Deliveries
from server.errors import ApiError, DeadlineExceeded, InvalidArgument

RESERVED_SIZE = 1024 * 1024
"""What a call holds before its message has been read, whose size is unknown until then; few are larger."""

SLOW_SECONDS = 1.0
"""A message that is still incomplete after this long counts as large as a message may be."""

Context = grpc.aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[Any, Context], Awaitable[bytes]]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How large a message may be (bytes), how long it may take to arrive, any call may take, and an answer may lie (seconds)."""

    message_bytes: int
    message_seconds: float
    call_seconds: float
    unread_seconds: float


def behaviour_of(
    dispatcher: Dispatcher,
    method: Method,
    admission: Admission,
    gate: AbstractAsyncContextManager[None],
    limits: CallLimits,
    deliveries: Deliveries,
) -> Behaviour:
    """Return the handler of one method; it takes and returns bytes, so that malformed requests are answered here."""

    async def behaviour(requests: Any, context: Context) -> bytes:
        async with gate:
            caller = _caller(context, limits)
            context.add_done_callback(deliveries.end)  # type: ignore[arg-type]  # it is given the context
            try:
                admitted = admission.enter()
                # Until the answer has been sent, or its caller has left.
                context.add_done_callback(lambda _: admitted.leave())  # type: ignore[arg-type]
                await _admit_bytes(admitted, caller)
                outcome = await dispatcher.dispatch_bytes(method, await _read(context, admitted, limits), caller)
            except ApiError as error:
                outcome = dispatcher.refuse(method, error, caller)
        if outcome.answer is None:
            deliveries.begin(context, 0, caller.peer)
            await _abort(context, outcome.status)
            return b""  # never sent
        data: bytes = outcome.answer.SerializeToString()
        admitted.hold(len(data))
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


async def _read(context: Context, admitted: Admitted, limits: CallLimits) -> bytes:
    """Return the message. Raises DeadlineExceeded when it takes too long to arrive, InvalidArgument when there is none."""
    reading = _Reading(admitted, limits)
    try:
        data = await context.read()
    except asyncio.CancelledError:
        if reading.is_late:
            reading.task.uncancel()
            raise DeadlineExceeded("the request took too long to arrive", reason="REQUEST_TIMEOUT") from None
        raise
    finally:
        reading.timer.cancel()
    if not isinstance(data, bytes):  # the end of the stream
        raise InvalidArgument("the call has no message")
    admitted.hold(len(data))
    return data


class _Reading:
    """Watches a message arrive: one timer per call, and a second one for those that are slow."""

    __slots__ = ("_admitted", "_limits", "is_late", "task", "timer")

    def __init__(self, admitted: Admitted, limits: CallLimits) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._admitted, self._limits, self.task, self.is_late = admitted, limits, task, False
        self.timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._count_whole)

    def _count_whole(self) -> None:
        self._admitted.hold(max(self._limits.message_bytes, self._admitted.held))
        rest = max(self._limits.message_seconds - SLOW_SECONDS, 0.0)
        self.timer = asyncio.get_running_loop().call_later(rest, self._cut)

    def _cut(self) -> None:
        self.is_late = True
        self.task.cancel()


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
