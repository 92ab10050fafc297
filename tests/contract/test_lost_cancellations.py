"""Callers that leave while a connection is made or taken: their calls do not go on, even if the driver loses the cancellation."""

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.listening import listening

HANGING_SECONDS = 20


class Losing:
    """Forgets a cancellation, as asyncio.wait_for does when what it waits for is done at the same moment."""

    def __init__(self) -> None:
        self.is_waiting, self.calls = asyncio.Event(), 0

    def __call__(self, *_: Any) -> None:
        self.calls += 1
        await_only(self._wait())

    async def _wait(self) -> None:
        self.is_waiting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def leave_during(call: Any, losing: Losing) -> asyncio.Task[Any]:
    calling = asyncio.ensure_future(call)
    await losing.is_waiting.wait()
    calling.cancel()
    async with asyncio.timeout(HANGING_SECONDS):
        await asyncio.wait([calling])
    return calling


@pytest.mark.databases("postgresql", "mysql")  # SQLite's threads connect, which no cancellation reaches
@pytest.mark.parametrize("name", ["read", "read_one", "write"])
async def test_a_cancellation_that_is_lost_while_connecting_ends_the_call(migrated_url: str, name: str) -> None:
    store = SqlStore(migrated_url)
    losing, begun = Losing(), list[object]()

    async def callback(tx: object) -> None:
        begun.append(tx)

    engines = store.sync_engines[:2]
    for engine in engines:
        event.listen(engine, "checkout", losing)
    calling = await leave_during(getattr(store, name)(callback), losing)
    for engine in engines:
        event.remove(engine, "checkout", losing)
    assert calling.cancelled()
    assert (losing.calls, begun) == (1, [])
    assert [used for used, _ in store.pool_use().values()] == [0, 0]
    await keep(store, a_run())
    await store.close()


@pytest.mark.databases("mysql")  # PostgreSQL's driver raises an error that is not tried again
async def test_a_cancellation_that_is_lost_ends_the_retries_of_a_call(database_kind: str) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(refuse) as port:
        store = SqlStore(f"{database_kind}://user:password@127.0.0.1:{port}/name")
        losing = Losing()
        event.listen(store.sync_engines[1], "do_connect", losing)
        calling = await leave_during(store.read(lambda tx: tx.runs.head("x")), losing)
        assert calling.cancelled()
        assert losing.calls == 1
        await store.close()


async def test_a_caller_that_was_cancelled_before_may_call(store: SqlStore) -> None:
    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await keep(store, a_run(id="kept"))

    calling = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert (await store.read(lambda tx: tx.runs.head("kept"))).id == "kept"
