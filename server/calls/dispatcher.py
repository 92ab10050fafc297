"""The one path of every call, whichever door it came through:
deadline (identity → policy → handler) → errors → one line in the log.

Doors turn bytes into messages and answers into bytes; rules are in the services.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from server.calls import policy, statuses
from server.calls.authority import Authority
from server.calls.call import Call, Handler, PlainHandler, PlainRequest, Shared
from server.calls.caller import Caller
from server.calls.methods import Method
from server.calls.request_size import check_parts
from server.errors import ApiError, InvalidArgument
from server.process.telemetry import log
from storage import deadlines

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Answer]):
    """How a call ended: an answer, or a status that is not OK."""

    status: statuses.Status
    answer: Answer | None = None


Observer = Callable[[str, str, str, float], None]
"""Is told of every call that ended: its method, its door, the name of its code, the seconds it took."""


class Dispatcher:
    """Takes requests of the served methods to their handlers; refuses to be made when one lacks a policy line."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        shared: Shared,
        authority: Authority,
        *,
        plain_handlers: Mapping[str, PlainHandler] | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._handlers, self._plain_handlers = handlers, plain_handlers or {}
        policy.require_lines([*self._handlers, *self._plain_handlers])
        self._shared, self._authority, self._observe = shared, authority, observe

    def serves(self, method: Method) -> bool:
        """Say whether a method has a handler; the others are UNIMPLEMENTED."""
        return method.name in self._handlers

    async def dispatch_bytes(self, method: Method, data: bytes, caller: Caller) -> Outcome[Message]:
        """Call with a serialized request."""
        try:
            request = method.request.FromString(data)
        except (DecodeError, ValueError):
            error = InvalidArgument(f"the request is no {method.request.DESCRIPTOR.name} message")
            return self.refuse(method.name, error, caller)
        try:
            check_parts(request, len(data))
        except InvalidArgument as error:
            return self.refuse(method.name, error, caller)
        return await self.dispatch(method, request, caller)

    async def dispatch(self, method: Method, request: Message, caller: Caller) -> Outcome[Message]:
        """Call with a request message."""
        return await self._timed(method.name, request, self._handlers[method.name], caller)

    async def dispatch_plain(
        self, name: str, request: PlainRequest, caller: Caller
    ) -> Outcome[Message | dict[str, Any]]:
        """Take what is no RPC, such as an upload, the same way, to the plain handler of the name."""
        return await self._timed(name, request, self._plain_handlers[name], caller)

    def refuse(self, name: str, error: ApiError, caller: Caller) -> Outcome[Any]:
        """Answer what a door could not read as a request."""
        status = statuses.to_status(error)
        start = time.monotonic()
        self._log(name, Call(self._shared, caller, start=start), status, start, None)
        return Outcome(status)

    async def _timed(
        self, name: str, request: Any, handler: Callable[[Call, Any], Awaitable[Answer]], caller: Caller
    ) -> Outcome[Answer]:
        start = time.monotonic()
        call = Call(self._shared, caller, start=start)
        try:
            answer = await self._run(name, request, handler, call)
        except asyncio.CancelledError:
            self._log(name, call, statuses.Status(1, "CANCELLED", "the caller went away"), start, None)
            raise
        except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a status
            # A variable that outlives this clause would make a cycle: the error's traceback holds this frame, and that the
            # request, until a garbage collection.
            status = statuses.to_status(error)
            self._log(name, call, status, start, error)
            return Outcome(status)
        self._log(name, call, statuses.OK, start, None)
        return Outcome(statuses.OK, answer)

    async def _run(
        self, name: str, request: Any, handler: Callable[[Call, Any], Awaitable[Answer]], call: Call
    ) -> Answer:
        # The store limits its retries by it. Each call runs in a task of its own, so no other call sees what is set here.
        token = deadlines.deadline_at.set(call.deadline)
        try:
            # Around the authority too: one that does not answer must not hold a call for longer than its caller waits.
            async with asyncio.timeout(call.caller.timeout_seconds):
                identity = await self._authority.identify(call.metadata)
                rule = policy.POLICY[name]
                call.admit(identity, None if rule.open else await self._authority.authorise(identity, rule, request))
                return await handler(call, request)
        finally:
            deadlines.deadline_at.reset(token)

    def _log(self, name: str, call: Call, status: statuses.Status, start: float, failure: BaseException | None) -> None:
        seconds, caller = time.monotonic() - start, call.caller
        if self._observe is not None:
            self._observe(name, caller.door, status.code_name, seconds)
        line = {
            "method": name,
            "door": caller.door,
            "peer": caller.peer,
            "code": status.code_name,
            "ms": round(seconds * 1000, 2),
        }
        if status.unexpected or caller.request_id():
            line["request_id"] = call.request_id
        if status.unexpected:
            log.error("call", **line, error_id=status.data["error_id"], exc_info=failure)
        elif status.code:
            log.info("call", **line, reason=status.reason, message=status.message)
        else:
            log.info("call", **line)
