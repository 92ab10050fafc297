"""Work on many items in slices between which the event loop answers other calls. Storage, services and doors call this."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import TypeVar

SLICE_SECONDS = 0.005
"""How long a call works before it lets others go on."""

Item = TypeVar("Item")


async def _pause() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return  # a thread of its own, as SQLite's writer: it hands over the interpreter's lock every few milliseconds
    await asyncio.sleep(0)


async def in_slices(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Do the work on each item, in order. Work that takes less than a slice is not interrupted."""
    # By the clock, not by a number of items: a task takes 50 microseconds, an artifact of 15 MiB half a second.
    end = perf_counter() + SLICE_SECONDS
    for item in items:
        work(item)
        if perf_counter() >= end:
            await _pause()
            end = perf_counter() + SLICE_SECONDS


async def in_turn(items: Iterable[Item], work: Callable[[Item], Awaitable[None] | None]) -> None:
    """Do the work on each item as `in_slices` does; where it returns something to await, wait for it before the next item."""
    end = perf_counter() + SLICE_SECONDS
    for item in items:
        rest = work(item)
        if rest is not None:
            await rest
        elif perf_counter() >= end:
            await _pause()
        else:
            continue
        end = perf_counter() + SLICE_SECONDS
