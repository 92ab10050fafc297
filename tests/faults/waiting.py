"""Waiting for what happens soon, without a guess when. Called by tests."""

import asyncio
import time
from collections.abc import Callable

# Against hanging: nothing waited for takes a tenth of it.
LONGEST_SECONDS = 60.0


async def until(claim: Callable[[], bool]) -> None:
    """Return when the claim has come true; fails when that takes too long."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)
