"""Requests that are refused before anything works on them: each is counted, and one line a second and reason is logged.

All doors report to it: what admission refuses, what is not valid HTTP or too large or too late, hosts and origins that are not
allowed, paths under which nothing is served. A line for each would let whoever sends them fill the log.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.calls.statuses import Status
from server.process.telemetry import log
from storage.record import record

SECONDS = 1.0
"""How often a line is logged for a reason at a door, at most."""

_OVERLOAD = frozenset({"TOO_MANY_CALLS", "TOO_MANY_CONNECTIONS", "MEMORY_EXHAUSTED"})
"""Reasons that an operator can do something about: the server was given less than is asked of it."""

Count = Callable[[str, str], None]
"""Called for each request that is refused, with the door and the reason."""


class Refusals:
    """The refused requests of a process. A door calls this on its own event loop, which may be another thread's."""

    def __init__(self, count: Count | None = None) -> None:
        self._count = count
        self._left_out: dict[tuple[str, str], _LeftOut] = {}

    def note(self, door: str, status: Status, peer: str, **more: str) -> None:
        """Count a refused request; log it, unless one was logged just now for the same door and reason."""
        if self._count is not None:
            self._count(door, status.reason)
        request = _Refused(door, status, peer, more)
        left_out = self._left_out.get(request.kind)
        if left_out is None:
            self._log(request, 1)
        else:
            left_out.append(request)

    def _log(self, last: "_Refused", number: int) -> None:
        write = log.warning if last.status.reason in _OVERLOAD else log.info
        status = last.status
        more = {**last.more, "requests": number}
        write("refused", door=last.door, peer=last.peer, **more, reason=status.reason, message=status.message)
        self._left_out[last.kind] = _LeftOut()
        asyncio.get_running_loop().call_later(SECONDS, self._end_second, last.kind)

    def _end_second(self, kind: tuple[str, str]) -> None:
        left_out = self._left_out.pop(kind)
        if left_out.last is not None:
            self._log(left_out.last, left_out.number)


@record
class _Refused:
    door: str
    status: Status
    peer: str
    more: Mapping[str, str]

    @property
    def kind(self) -> tuple[str, str]:
        return self.door, self.status.reason


@dataclass(slots=True)
class _LeftOut:
    """How many requests were not logged in this second, and the last of them."""

    number: int = 0
    last: _Refused | None = None

    def append(self, request: _Refused) -> None:
        self.number += 1
        self.last = request
