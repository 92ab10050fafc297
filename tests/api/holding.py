"""Another writer that keeps rows locked, so that calls of a server must wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from storage.contract import Lock, WriteTx
from storage.sql.store import SqlStore
from tests.signals import Signal


@contextlib.asynccontextmanager
async def somebody_holding(url: str, run_id: str, task_id: str) -> AsyncIterator[None]:
    """Another writer of the same store that holds a run and a task of it until the block ends."""
    store, held, free = SqlStore(url), Signal(), Signal()

    async def hold(tx: WriteTx) -> None:
        await tx.tasks.lock([task_id])
        await tx.runs.lock(run_id, Lock.UPDATE)
        held.set()
        await free.wait()

    holder = asyncio.create_task(store.write(hold))
    await held.wait()
    try:
        yield
    finally:
        free.set()
        await holder
        await store.close()
