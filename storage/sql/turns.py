"""Turns at a pool's connections: first come, first served, and nobody waits for longer than its caller does."""

import asyncio
import time

from storage.errors import PoolExhausted, Unavailable


class Caller:
    """The task that makes a call. Up to Python 3.11, asyncio.wait_for may forget a cancellation, and drivers connect with it."""

    __slots__ = ("_cancellations",)

    # The task itself is not kept: it keeps the error that ends it, whose traceback leads to whoever has this.

    def __init__(self) -> None:
        self._cancellations = _cancellations()

    def check(self) -> None:
        """Raise CancelledError if the running task was cancelled since the call began, and goes on nevertheless."""
        if _cancellations() > self._cancellations:
            raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


class Turn:
    """What one attempt of a caller has of a pool: its turn lasts until `ending` has ended, if there is one."""

    __slots__ = ("caller", "ending")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.ending: asyncio.Task[None] | None = None


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

    def give_back(self, turn: Turn) -> None:
        """End a turn, at once or when its ending has ended."""
        if turn.ending is None or turn.ending.done():
            self._free.release()
        else:
            turn.ending.add_done_callback(lambda _: self._free.release())
