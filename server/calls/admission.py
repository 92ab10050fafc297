"""How many calls a process works on at once, and how many bytes of requests and answers it holds for them.

Both doors ask before they read a request. Without these limits one client could fill the memory of the server: a request may
have 100 MiB, and as many may arrive at once as there are connections.
"""

import asyncio
from collections import deque

from server.errors import ResourceExhausted


class Admission:
    """The limits of a process. Not safe for threads: everything happens on the event loop."""

    def __init__(self, *, calls_max: int, bytes_max: int) -> None:
        self._calls_max, self._bytes_max = calls_max, bytes_max
        self._waiters = deque["_Waiter"]()
        self.calls = 0
        """How many calls are in work."""
        self.bytes = 0
        """How many bytes are held."""

    def enter(self) -> "Admitted":
        """Admit a call. Raises ResourceExhausted, at once, when there are too many; the caller leaves by `Admitted.leave`."""
        if self.calls >= self._calls_max:
            raise ResourceExhausted(f"the server works on {self._calls_max} calls already", reason="TOO_MANY_CALLS")
        self.calls += 1
        return Admitted(self)

    def holding(self) -> "Holding":
        """Return a holder of bytes that is not a call, such as the body of a request that is still arriving."""
        return Holding(self)

    def _take(self, count: int) -> bool:
        """Take bytes if they fit; what is larger than all bytes together fits when nothing else is held."""
        if self.bytes and self.bytes + count > self._bytes_max:
            return False
        self.bytes += count
        return True

    def _wake(self) -> None:
        waiters = self._waiters
        while waiters and (waiters[0].future.done() or self._take(waiters[0].count)):
            waiter = waiters.popleft()
            if not waiter.future.done():
                waiter.future.set_result(None)


class _Waiter:
    __slots__ = ("count", "future")

    def __init__(self, count: int) -> None:
        self.count = count
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Holding:
    """Bytes that are held until they are let go."""

    __slots__ = ("_admission", "held")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.held = 0
        """How many bytes are held."""

    def take(self, count: int) -> bool:
        """Hold further bytes if there is room for them and nobody waits; return whether they are held."""
        admission = self._admission
        if admission._waiters or not admission._take(count):
            return False
        self.held += count
        return True

    async def reserve(self, count: int) -> None:
        """Hold further bytes as soon as there is room for them; calls get it in the order in which they asked."""
        if self.take(count):
            return
        admission, waiter = self._admission, _Waiter(count)
        admission._waiters.append(waiter)
        try:
            await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                admission.bytes -= count  # granted at the same moment
            admission._wake()
            raise
        self.held += count

    def hold(self, count: int) -> None:
        """Hold this many bytes instead of what is held, without waiting: they are there already."""
        self._admission.bytes += count - self.held
        is_less, self.held = count < self.held, count
        if is_less:
            self._admission._wake()

    def leave(self) -> None:
        """Hold nothing any more."""
        self.hold(0)


class Admitted(Holding):
    """One call in work and the bytes that it holds. Leaving twice does nothing."""

    __slots__ = ("_has_left",)

    def __init__(self, admission: Admission) -> None:
        super().__init__(admission)
        self._has_left = False

    def leave(self) -> None:
        """End the call: its bytes are free for others."""
        if not self._has_left:
            self._has_left = True
            self._admission.calls -= 1
            super().leave()
