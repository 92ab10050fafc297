"""Lets large reads leave time to writes, where both share one interpreter. SqlStore uses this together with a writer's thread.

Most of what a large read costs is spent after it, on the event loop, by the caller that makes an answer from its rows. The
loop also serves the calls that write: readers that ask again at once would leave it no time for those.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PAUSE_SECONDS_MAX = 0.5

Answer = TypeVar("Answer")


class LargeReads:
    """While there are writes, the rows of large reads are handed out one read after another, with a pause after each.

    A pause is as long as the caller worked until it first let other calls go on. Reads get their rows in the order in which they
    were made.
    """

    def __init__(self, has_writes: Callable[[], bool]) -> None:
        self._has_writes = has_writes
        self._turn = asyncio.Lock()

    async def run(self, read: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run a read, and return what it read when its turn comes."""
        rows = await read()
        if self._has_writes() or self._turn.locked():
            await self._turn.acquire()
            loop = asyncio.get_running_loop()
            # Called when the caller has made its answer, or first waits for something.
            loop.call_soon(self._pause, loop, loop.time())
        return rows

    def _pause(self, loop: asyncio.AbstractEventLoop, started: float) -> None:
        seconds = min(loop.time() - started, PAUSE_SECONDS_MAX) if self._has_writes() else 0.0
        loop.call_later(seconds, self._turn.release)
