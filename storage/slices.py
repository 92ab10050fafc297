"""Work on many items in slices between which the event loop answers other calls. Storage, services and doors call this.

The composition root says while what large work gives way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import TypeVar

SLICE_SECONDS = 0.005
"""How long a call works before it lets others go on."""

TURN_SECONDS = 0.05
"""How long a call that needs several slices works before the next one has its turn: time for some hundred tasks."""

Item = TypeVar("Item")


class _LargeWork:
    """What calls with large work share: whose turn it is, and whether they give way. Of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.turn = asyncio.Lock()
        self.gives_way: Callable[[], bool] = lambda: False


_latest: _LargeWork | None = None


def _large_work() -> _LargeWork | None:
    """Return what the calls of the running event loop share; None on a thread of its own, as one for SQLite's transactions."""
    # A process has one event loop; only tests have several, one after the other.
    global _latest
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    if _latest is None or _latest.loop is not loop:
        _latest = _LargeWork(loop)
    return _latest


def give_way_while(claim: Callable[[], bool]) -> None:
    """While the claim is true, large work takes at most half of the time, on the event loop that is running now."""
    shared = _large_work()
    assert shared is not None
    shared.gives_way = claim


async def in_slices(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Do the work on each item, in order. Work that takes less than a slice is not interrupted.

    Calls whose work takes longer take turns. If each did a slice whenever it could, the loop would answer others only after a
    slice of every one of them, and all of them would end late instead of one after the other.
    """

    def do(item: Item) -> None:
        work(item)

    await in_turn(items, do)


async def in_turn(items: Iterable[Item], work: Callable[[Item], Awaitable[None] | None]) -> None:
    """Do the work on each item as `in_slices` does; where it returns something to await, wait for it before the next item."""
    remaining, start = iter(items), perf_counter()
    is_done, rest = _one_slice(remaining, work)
    if is_done:
        return
    shared = _large_work()
    if shared is None:  # the thread hands over the interpreter's lock by itself
        while not is_done:
            if rest is not None:
                await rest
            is_done, rest = _one_slice(remaining, work)
        return
    while not is_done:
        if rest is not None:
            await rest
        else:
            await _let_go_on(shared, perf_counter() - start)
        async with shared.turn:
            start = perf_counter()
            turn_ends = start + TURN_SECONDS
            is_done, rest = _one_slice(remaining, work)
            while not is_done and rest is None and perf_counter() < turn_ends:
                await _let_go_on(shared, perf_counter() - start)
                start = perf_counter()
                is_done, rest = _one_slice(remaining, work)


def _one_slice(
    items: Iterator[Item], work: Callable[[Item], Awaitable[None] | None]
) -> tuple[bool, Awaitable[None] | None]:
    """Return whether all items are done, and what is to be awaited before the next one."""
    # By the clock, not by a number of items: a task takes 50 microseconds, an artifact of 15 MiB half a second.
    end = perf_counter() + SLICE_SECONDS
    for item in items:
        rest = work(item)
        if rest is not None or perf_counter() >= end:
            return False, rest
    return True, None


async def _let_go_on(shared: _LargeWork, worked_seconds: float) -> None:
    # Where a thread writes, it needs the interpreter, and one round of the loop says nothing about how much it got.
    await asyncio.sleep(worked_seconds if shared.gives_way() else 0)
