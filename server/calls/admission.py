"""How many calls a process works on at once, and how many bytes of requests and answers it holds for them.

Both doors ask before they read a request. Without these limits one client could fill the memory of the server: a request may
have 100 MiB, and as many may arrive at once as there are connections.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from server.errors import ResourceExhausted

SMALL_SIZE = 64 * 1024
"""Requests that are not larger do not wait for larger ones that came before them, if there is room for them."""

STALLED_SECONDS = 1.0
"""A holder that waits so long for its client, without any progress, loses what it holds if another needs the room."""

LOOK_SECONDS = 0.1
"""How often it is looked for such holders while somebody waits."""


class Admission:
    """The limits of a process. Not safe for threads: everything happens on the event loop."""

    def __init__(self, *, calls_max: int, bytes_max: int) -> None:
        self._calls_max, self._bytes_max = calls_max, bytes_max
        self._small, self._large = deque["_Waiter"](), deque["_Waiter"]()
        self._clients: dict[Holding, _Client] = {}
        self._looking: asyncio.TimerHandle | None = None
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

    def _queue(self, count: int) -> deque["_Waiter"]:
        return self._small if count <= SMALL_SIZE else self._large

    def _take(self, count: int) -> bool:
        """Take bytes if they fit; what is larger than all bytes together fits when nothing else is held."""
        if self.bytes and self.bytes + count > self._bytes_max:
            return False
        self.bytes += count
        return True

    def _wake(self) -> None:
        for waiters in (self._small, self._large):
            while waiters and (waiters[0].future.done() or self._take(waiters[0].count)):
                waiter = waiters.popleft()
                if not waiter.future.done():
                    waiter.future.set_result(None)

    def _look(self) -> None:
        """Take their room from holders whose clients have stalled, as much as is waited for, and come back while it is."""
        self._looking = None
        now = asyncio.get_running_loop().time()
        self._wake()
        missing = sum(waiter.count for waiters in (self._small, self._large) for waiter in waiters)
        if not missing:
            return
        for holding in self._stalled(now):
            if missing <= 0:
                break
            missing -= holding.held
            holding.give_up()
        self._look_later()

    def _stalled(self, now: float) -> list["Holding"]:
        """Return the holders whose clients have stalled: those of peers with the most of them first, then by how long they have.

        On a machine that is too busy to read a request in time, its client seems to stall; who makes it so busy has more of them.
        """
        stalled = [each for each in self._clients.items() if now - each[1].progress_at >= STALLED_SECONDS]
        counts = Counter(client.peer for _, client in stalled if client.peer)
        stalled.sort(key=lambda each: (-counts[each[1].peer], each[1].progress_at))
        return [holding for holding, _ in stalled]

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _relieve(self) -> None:
        """While more is held than may be, take their room from those whose requests are arriving, the newest first."""
        excess = self.bytes - self._bytes_max
        for holding in reversed([each for each, client in self._clients.items() if client.is_arriving]):
            if excess <= 0:
                return
            excess -= holding.held
            holding.give_up()


class _Waiter:
    __slots__ = ("count", "future")

    def __init__(self, count: int) -> None:
        self.count = count
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Client:
    """A client that a holder waits for: when it last made progress, and what to do when its holder loses its room."""

    __slots__ = ("give_up", "is_arriving", "peer", "progress_at")

    def __init__(self, give_up: Callable[[], None], progress_at: float, *, is_arriving: bool, peer: str) -> None:
        self.give_up, self.progress_at, self.is_arriving, self.peer = give_up, progress_at, is_arriving, peer


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
        if admission._queue(count) or (admission._small and count > SMALL_SIZE) or not admission._take(count):
            return False
        self.held += count
        return True

    async def reserve(self, count: int) -> None:
        """Hold further bytes as soon as there is room for them; calls get it in the order in which they asked."""
        if self.take(count):
            return
        admission, waiter = self._admission, _Waiter(count)
        admission._queue(count).append(waiter)
        admission._look_later()
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

    def await_client(
        self, give_up: Callable[[], None], *, is_arriving: bool = False, grace_seconds: float = 0.0, peer: str = ""
    ) -> None:
        """Note that the bytes are held for a client, who sends them or takes them, until `client_done` or `leave`.

        `give_up` is called, once, when others need the room: after STALLED_SECONDS without progress, and the grace, and at once if
        more bytes are `arriving` than may be held. It must see to it that this holder leaves. `peer` names the connection, if it may
        have several holders.
        """
        since = asyncio.get_running_loop().time() + grace_seconds
        self._admission._clients[self] = _Client(give_up, since, is_arriving=is_arriving, peer=peer)

    def progressed(self) -> None:
        """Note that the client has sent or taken something."""
        if client := self._admission._clients.get(self):
            client.progress_at = asyncio.get_running_loop().time()

    def arrived(self, count: int) -> None:
        """Hold the bytes that have arrived; if there are more than may be held, the newest of arriving requests are given up."""
        if count > self.held:
            self.progressed()
        self.hold(count)
        if self._admission.bytes > self._admission._bytes_max:
            self._admission._relieve()

    def client_done(self) -> None:
        """Note that the client is not waited for any more."""
        self._admission._clients.pop(self, None)

    def give_up(self) -> None:
        """Give up waiting for the client."""
        if client := self._admission._clients.pop(self, None):
            client.give_up()

    def leave(self) -> None:
        """Hold nothing any more."""
        self.client_done()
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
