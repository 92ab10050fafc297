"""Turns at a pool's connections: first come, first served, and nobody waits for longer than its caller does."""

import asyncio
import time

from storage.errors import PoolExhausted, Unavailable


class Turns:
    """As many turns at once as a pool has connections.

    The pool itself lets a call that has just come overtake those that wait.
    """

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def take(self, deadline: float | None, *, patience_seconds: float) -> None:
        """Wait for a turn until a monotonic time, without a deadline for so many seconds.

        Raises PoolExhausted at the deadline, and Unavailable for those that have none.
        """
        if not self._free.locked():
            await self._free.acquire()  # which does not wait
            return
        seconds = patience_seconds if deadline is None else deadline - time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            if deadline is None:
                raise Unavailable("no database connection became free in time") from None
            raise PoolExhausted from None
        except asyncio.CancelledError:
            # By the caller's own timer for the same deadline: what it asks for is to end now, and why is known only here.
            if deadline is not None and time.monotonic() >= deadline:
                raise PoolExhausted from None
            raise

    def give_back(self, after: "asyncio.Task[None] | None" = None) -> None:
        """End a turn, at once or when a task has ended."""
        if after is None or after.done():
            self._free.release()
        else:
            after.add_done_callback(lambda _: self._free.release())
