"""Two writes that meet. Called by the store's tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from storage.contract import WriteTx
from storage.sql.store import SqlStore

SOON = 0.2
"""Seconds in which an unhindered write is long over."""

Write = Callable[[WriteTx], Awaitable[Any]]


async def assert_waits(store: SqlStore, *, holding: Write, waiting: Write) -> None:
    """Fail unless one write waits for the transaction of another, and then succeeds."""
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold(tx: WriteTx) -> None:
        await holding(tx)
        held.set()
        await let_go.wait()

    holder = asyncio.create_task(store.write(hold))
    await held.wait()
    waiter = asyncio.create_task(store.write(waiting))
    done, _ = await asyncio.wait([waiter], timeout=SOON)
    let_go.set()
    await asyncio.gather(holder, waiter)
    assert not done, "the second write did not wait"
