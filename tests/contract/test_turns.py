"""Calls that wait for one of few connections: in which order, for how long, and what does not wait with them."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator

import pytest

from storage.contract import ReadTx, WriteTx
from storage.errors import PoolExhausted, Unavailable
from storage.sql import store as sql_store
from storage.sql.store import READY_SECONDS, SqlStore
from tests.contract.builders import a_run, keep
from tests.contract.concurrency import while_locked
from tests.signals import Signal

CALLERS = 12
ROUNDS = 50
SHORT_SECONDS = 0.3


@pytest.fixture
async def narrow(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store with one connection for writing and one for reading."""
    store = SqlStore(migrated_url, pool_size=1)
    yield store
    await store.close()


async def hold(tx: WriteTx) -> None:
    """Keep a connection in use."""
    await tx.runs.task_counts([])


async def test_calls_get_connections_in_the_order_in_which_they_came(narrow: SqlStore) -> None:
    served: list[int] = []
    numbers, chance = itertools.count(), random.Random(1)

    async def call() -> None:
        for _ in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0, 0.002))
            number = next(numbers)

            async def read(tx: ReadTx, number: int = number) -> None:
                served.append(number)
                await tx.runs.task_counts([])

            await narrow.read_one(read)

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    assert served == list(range(CALLERS * ROUNDS))


async def test_a_call_waits_for_a_connection_until_its_deadline(
    narrow: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_store, "RETRY_SECONDS", SHORT_SECONDS)
    async with while_locked(narrow, hold):
        begun = time.monotonic()
        patient = asyncio.create_task(narrow.until(begun + 60).write(hold))
        with pytest.raises(PoolExhausted, match="no database connection became free before the call's deadline"):
            await narrow.until(begun + 2 * SHORT_SECONDS).write(hold)
        assert time.monotonic() - begun >= 2 * SHORT_SECONDS
        with pytest.raises(Unavailable, match="no database connection became free in time") as caught:
            await keep(narrow, a_run())
        assert not isinstance(caught.value, PoolExhausted)
    await patient


async def test_a_timer_of_the_callers_own_for_its_deadline_does_not_hide_why_it_passed(narrow: SqlStore) -> None:
    async with while_locked(narrow, hold):
        deadline = time.monotonic() + SHORT_SECONDS
        with pytest.raises(PoolExhausted):
            async with asyncio.timeout(SHORT_SECONDS):
                await narrow.until(deadline).write(hold)
        leaving = asyncio.create_task(narrow.until(time.monotonic() + 60).write(hold))
        await asyncio.sleep(0.01)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    await keep(narrow, a_run())


async def test_readiness_does_not_wait_for_calls(narrow: SqlStore) -> None:
    ended = Signal()

    async def read(_: ReadTx) -> None:
        await ended.wait()

    reading = [asyncio.create_task(narrow.read(read)) for _ in range(2)]
    async with while_locked(narrow, hold):
        begun = time.monotonic()
        await narrow.ready()
        assert time.monotonic() - begun < READY_SECONDS
    ended.set()
    await asyncio.gather(*reading)
