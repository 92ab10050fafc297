"""The one path of every call, whichever door it came through:
identity → policy → deadline → handler → errors → one line in the log.

Doors turn bytes into messages and answers into bytes; rules are in the services.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

from server import errors, policy
from server.auth import Authority
from server.call import Call, Handler
from server.methods import Method
from server.telemetry import log
from storage import deadlines


@dataclass(frozen=True, slots=True)
class Caller:
    """What a door knows of a caller: where it is, what it sent along, and how long it waits (seconds; None: for ever)."""

    door: str
    peer: str = ""
    metadata: Mapping[str, str] | None = None
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: an answer, or a status that is not OK."""

    status: errors.Status
    answer: Message | None = None


class Pipeline:
    """Takes requests of the served methods to their handlers; refuses to be made when one lacks a policy line."""

    def __init__(self, handlers: Mapping[str, Handler], call: Call, authority: Authority) -> None:
        policy.check(handlers)
        self._handlers, self._call, self._authority = handlers, call, authority

    def serves(self, method: Method) -> bool:
        """Say whether a method has a handler; the others are UNIMPLEMENTED."""
        return method.name in self._handlers

    async def call_bytes(self, method: Method, data: bytes, caller: Caller) -> Outcome:
        """Call with a serialized request."""
        started = time.monotonic()
        try:
            request = method.request.FromString(data)
        except (DecodeError, ValueError):
            status = errors.to_status(
                errors.InvalidArgument(f"the request is no {method.request.DESCRIPTOR.name} message")
            )
            self._log(method, caller, status, started, None)
            return Outcome(status)
        return await self.call(method, request, caller)

    async def call(self, method: Method, request: Message, caller: Caller) -> Outcome:
        """Call with a request message."""
        started = time.monotonic()
        failure: BaseException | None = None
        answer: Message | None = None
        status = errors.OK
        try:
            answer = await self._run(method, request, caller, started)
        except asyncio.CancelledError:
            self._log(method, caller, errors.Status(1, "CANCELLED", "the caller went away"), started, None)
            raise
        except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a status
            failure, status = error, errors.to_status(error)
        self._log(method, caller, status, started, failure)
        return Outcome(status, answer)

    async def _run(self, method: Method, request: Message, caller: Caller, started: float) -> Message:
        identity = await self._authority.identify(caller.metadata or {})
        rule = policy.POLICY[method.name]
        if not rule.open:
            await self._authority.authorise(identity, rule, request)
        handler = self._handlers[method.name]
        if caller.timeout_seconds is None:
            return await handler(self._call, request)
        token = deadlines.deadline_at.set(started + caller.timeout_seconds)
        try:
            async with asyncio.timeout(caller.timeout_seconds):
                return await handler(self._call, request)
        finally:
            deadlines.deadline_at.reset(token)

    def _log(
        self, method: Method, caller: Caller, status: errors.Status, started: float, failure: BaseException | None
    ) -> None:
        line = {
            "method": method.name,
            "door": caller.door,
            "peer": caller.peer,
            "code": status.code_name,
            "ms": round((time.monotonic() - started) * 1000, 2),
        }
        if status.unexpected:
            log.error("call", **line, error_id=status.data["error_id"], exc_info=failure)
        elif status.code:
            log.info("call", **line, reason=status.reason, message=status.message)
        else:
            log.info("call", **line)
