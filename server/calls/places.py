"""A few places for which callers wait, each in turn: who asks often does not keep those waiting who ask once."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """So many places. Calls of one host get them in the order in which they came, and hosts take turns.

    Not safe for threads: everything happens on the event loop.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, peer: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it until the block ends; `peer` is the caller's address with its port."""
        await self._take(peer.rpartition(":")[0])
        try:
            yield
        finally:
            self._give_on()

    async def _take(self, host: str) -> None:
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # it was given a place at the same moment
                self._give_on()
            raise

    def _give_on(self) -> None:
        while self._waiting:
            host, waiters = self._waiting.popitem(last=False)
            waiter = waiters.popleft()
            if waiters:
                self._waiting[host] = waiters  # behind all others
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
