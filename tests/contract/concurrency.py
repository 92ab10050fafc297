"""Writes that meet. Called by the store's tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from storage.contract import WriteTx
from storage.sql.store import SqlStore
from tests.signals import Signal

SOON = 0.2
"""Seconds in which an unhindered write is long over."""

Write = Callable[[WriteTx], Awaitable[Any]]


@asynccontextmanager
async def while_locked(store: SqlStore, holding: Write) -> AsyncIterator[None]:
    """Within the block, a write of the store has done this and has not ended."""
    in_block, let_go = Signal(), Signal()

    async def hold(tx: WriteTx) -> None:
        await holding(tx)
        in_block.set()
        await let_go.wait()

    holder = asyncio.create_task(store.write(hold))
    await in_block.wait()
    try:
        yield
    finally:
        let_go.set()
        await holder


async def assert_waits(store: SqlStore, *, holding: Write, waiting: Write) -> None:
    """Fail unless one write waits for the transaction of another, and then succeeds."""
    async with while_locked(store, holding):
        waiter = asyncio.create_task(store.write(waiting))
        done, _ = await asyncio.wait([waiter], timeout=SOON)
    await waiter
    assert not done, "the second write did not wait"
