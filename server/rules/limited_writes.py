"""Small writes that nobody waits for long: they are given up when their row does not come free. Rules and the sweep call this."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storage.contract import Store, WriteTx
from storage.errors import Unavailable

Answer = TypeVar("Answer")

_leftovers: set[asyncio.Task[object]] = set()  # what an event loop runs needs a reference


async def write_within(store: Store, seconds: float, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
    """Run a write; raises StorageError, and Unavailable when it has not succeeded after so many seconds."""
    limited = store.until(time.monotonic() + seconds)
    # In a task that is left behind: up to Python 3.11, asyncio.wait_for may forget a cancellation, and drivers use it.
    writing = asyncio.ensure_future(limited.write(fn))
    _leftovers.add(writing)
    writing.add_done_callback(_forget)
    try:
        await asyncio.wait([writing], timeout=seconds)
        if writing.done():
            return writing.result()
        raise Unavailable("a row did not come free in time")
    finally:
        writing.cancel()


def _forget(writing: "asyncio.Task[object]") -> None:
    _leftovers.discard(writing)
    if not writing.cancelled():
        writing.exception()
