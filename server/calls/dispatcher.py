"""The path of every call, through either door: deadline (identity → policy → handler) → errors → one line in the log.

Doors convert bytes to messages, and answers to bytes; the rules are in the services.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from server.calls import idempotency, statuses
from server.calls.apart import SerializedMessage, serialized
from server.calls.authority import Authority
from server.calls.call import Call, Handler, Shared
from server.calls.caller import IDEMPOTENCY_KEY, Caller
from server.calls.elsewhere import Elsewhere, Finish
from server.calls.http_calls import HttpCall
from server.calls.methods import Method
from server.calls.policy import Ruled
from server.calls.recording import Recorder, Replayed
from server.calls.request_size import check_parts
from server.errors import ApiError, InvalidArgument, Unimplemented
from server.process.refused import Refusals
from server.process.telemetry import log
from storage.errors import AlreadyExists, Conflict, StorageError, Unavailable
from storage.record import record

Answer = TypeVar("Answer")


@record
class Outcome(Generic[Answer]):
    """How a call ended: an answer, or a status that is not OK."""

    status: statuses.Status
    answer: Answer | None = None


class Operation(Ruled, Protocol):
    """What the dispatcher calls: an RPC or a route. One that is served has a handler and a rule."""

    @property
    def api(self) -> str:
        """The name of its API."""

    @property
    def handler(self) -> Handler | None:
        """The function that answers it."""


Observer = Callable[[str, str, str, str, float], None]
"""Called when a call has ended, with its API, its method, its door, the name of its code, and the seconds it took."""


LARGE_SIZE = 1024 * 1024
"""Requests that are larger are checked and parsed one after another: each takes as much memory again, and time in one piece."""


class Dispatcher:
    """Passes requests to the handlers of RPCs and routes."""

    def __init__(
        self,
        shared: Shared,
        authority: Authority,
        *,
        observe: Observer | None = None,
        elsewhere: Elsewhere | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self._shared, self._authority, self._observe, self._elsewhere = shared, authority, observe, elsewhere
        self._refusals = refusals or Refusals()
        self._large = asyncio.Lock()

    async def dispatch_bytes(self, method: Method, data: bytes, caller: Caller) -> Outcome[Message | SerializedMessage]:
        """Call an RPC with a serialized request; a large one waits for others, until its caller's deadline."""
        size = len(data)
        try:
            if size > LARGE_SIZE:
                begun = time.monotonic()
                async with asyncio.timeout(caller.timeout_seconds), self._large:
                    await check_parts(method.request, data)
                    parsing = time.monotonic()
                    request = method.request.FromString(data)
                    del data  # its call may take long
                    # It begins with another long piece: others, who have been kept waiting, go first.
                    await asyncio.sleep(time.monotonic() - parsing)
                if caller.timeout_seconds is not None:
                    caller = replace(caller, timeout_seconds=caller.timeout_seconds - (time.monotonic() - begun))
            else:
                request = method.request.FromString(data)
        except (DecodeError, ValueError):
            invalid = InvalidArgument(f"the request is not a valid {method.request.DESCRIPTOR.name} message")
            return self.refuse(method, invalid, caller)
        except (InvalidArgument, StorageError, TimeoutError) as error:
            return self.refuse(method, error, caller)
        return await self.dispatch(method, request, caller, request_bytes=size)

    async def dispatch(
        self,
        operation: Operation,
        request: Message | HttpCall,
        caller: Caller,
        *,
        request_bytes: int = 0,
        finish: Finish = serialized,
    ) -> Outcome[Any]:
        """Call an RPC with a message, or a route with an HttpCall; what was sent for it had a size.

        An answer that a helper process has made of much that it read is what `finish` makes of the message there.
        """
        start = time.monotonic()
        call = Call(self._shared, caller, start=start, request_bytes=request_bytes)
        try:
            answer = await self._run(operation, request, call, finish)
        except asyncio.CancelledError:
            self._log(operation, call, statuses.Status(1, "CANCELLED", "the call was cancelled"), start, None)
            raise
        except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a status
            # `error` must not be kept in a variable that outlives this clause: its traceback references this frame, and the
            # cycle would keep the request in memory until a garbage collection.
            status = statuses.to_status(error)
            self._log(operation, call, status, start, error)
            return Outcome(status)
        self._log(operation, call, statuses.OK, start, None)
        return Outcome(statuses.OK, answer)

    def refuse(
        self, operation: Operation, error: ApiError | StorageError | TimeoutError, caller: Caller
    ) -> Outcome[Any]:
        """Return and log the error of a request that a door could not read."""
        status = statuses.to_status(error)
        start = time.monotonic()
        self._log(operation, Call(self._shared, caller, start=start), status, start, None)
        return Outcome(status)

    def turn_away(self, operation: Operation, error: ApiError, caller: Caller) -> Outcome[Any]:
        """Return the error of a call whose request was not read, for want of room or time; such calls have no line each."""
        status = statuses.to_status(error)
        if self._observe is not None:
            self._observe(operation.api, operation.name, caller.door, status.code_name, 0.0)
        self._refusals.note(caller.door, status, caller.peer, method=operation.name)
        return Outcome(status)

    async def _run(self, operation: Operation, request: Message | HttpCall, call: Call, finish: Finish) -> Any:
        handler, rule = operation.handler, operation.rule
        if handler is None or rule is None:
            raise Unimplemented(f"{operation.name} is not supported")
        # Includes the authority: one that does not answer must not hold a call for longer than its caller waits.
        async with asyncio.timeout(call.caller.timeout_seconds):
            identity = await self._authority.identify(call.metadata)
            recorder = None
            if IDEMPOTENCY_KEY in call.metadata:
                recorder = await idempotency.begin(operation, request, call, identity)
            if recorder is not None and (earlier := await recorder.find()) is not None:
                return earlier
            call.admit(identity, None if rule.open else await self._authority.authorise(identity, rule, request))
            if recorder is not None:
                return await _once(handler, call, request, recorder)
            if self._elsewhere is not None and isinstance(request, Message):
                return await self._elsewhere.answer(handler, call, request, finish)
            return await handler(call, request)

    def _log(
        self, operation: Operation, call: Call, status: statuses.Status, start: float, failure: BaseException | None
    ) -> None:
        seconds, caller = time.monotonic() - start, call.caller
        if self._observe is not None:
            self._observe(operation.api, operation.name, caller.door, status.code_name, seconds)
        more = {}
        if status.unexpected or caller.request_id():
            more["request_id"] = call.request_id
        code, ms = status.code_name, round(seconds * 1000, 2)
        if status.unexpected:
            line = {
                "api": operation.api,
                "method": operation.name,
                "door": caller.door,
                "peer": caller.peer,
                "code": code,
            }
            log.error("call", **line, ms=ms, **more, error_id=status.data["error_id"], exc_info=failure)
            return
        if status.code:
            more.update(reason=status.reason, message=status.message)
        log.call(operation.api, operation.name, caller.door, caller.peer, code, ms, more)


async def _once(handler: Handler, call: Call, request: Message | HttpCall, recorder: Recorder) -> Any:
    """Return the answer to a call with an idempotency key: that of an equal call, if this one came second."""
    try:
        answer = await handler(call, request)
    except Replayed as replayed:
        return replayed.answer
    except (ApiError, StorageError) as error:
        # An equal call may have taken the name, or deleted the row. A lost database is not asked: callers try again, with the key.
        if isinstance(error, Unavailable):
            raise
        if (earlier := await recorder.find()) is not None:
            return earlier
        if isinstance(error, AlreadyExists | Conflict):
            await recorder.check_ids()
        raise
    return answer if recorder.sent is None else recorder.sent
