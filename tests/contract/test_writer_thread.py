"""Writes to a SQLite file: whole transactions on one thread, first in, first out."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from storage.contract import ReadTx, WriteTx
from storage.errors import PoolExhausted, Unavailable
from storage.sql.large_reads import LargeReads
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_run, a_task, keep
from tests.contract.concurrency import SOON, while_locked
from tests.signals import Signal

pytestmark = pytest.mark.databases("sqlite")


def naming(log: list[str], name: str) -> Callable[[WriteTx], Any]:
    async def write(tx: WriteTx) -> None:
        log.append(name)
        await tx.runs.create(a_run(id=name))

    return write


async def kept(store: SqlStore, *run_ids: str) -> list[str]:
    """Those runs that are stored."""
    found = []
    for run_id in run_ids:
        async with store.engines[1].connect() as connection:
            count = (await connection.exec_driver_sql(f"SELECT count(*) FROM runs WHERE id = '{run_id}'")).scalar_one()
        found += [run_id] * count
    return found


async def test_a_transaction_is_handed_over_once(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await a_kept_task(store)
    threads: list[str] = []
    handed_back: list[object] = []
    loop = asyncio.get_running_loop()
    hand_back = loop.call_soon_threadsafe

    def see(*_: Any) -> None:
        threads.append(threading.current_thread().name)

    def count(*arguments: Any, **options: Any) -> asyncio.Handle:
        handed_back.append(arguments)
        return hand_back(*arguments, **options)

    async def write(tx: WriteTx) -> None:
        for number in range(10):
            [locked] = (await tx.tasks.lock([task.id])).values()
            await tx.tasks.update([(locked, replace(locked, name=f"{number}"))])

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    for engine in store.sync_engines:
        event.listen(engine, "before_cursor_execute", see)
    await store.write(write)
    assert threads == ["writer"] * 21
    assert len(handed_back) == 1


async def test_writes_take_turns_in_the_order_in_which_they_came(store: SqlStore) -> None:
    log: list[str] = []
    names = [f"run-{number}" for number in range(30)]
    async with while_locked(store, naming(log, "first")):
        writing = []
        for name in names:
            writing.append(asyncio.create_task(store.write(naming(log, name))))
            await asyncio.sleep(0)
    await asyncio.gather(*writing)
    assert log == ["first", *names]


async def test_a_caller_that_leaves_the_queue_is_let_go_at_once_and_never_has_its_turn(store: SqlStore) -> None:
    log: list[str] = []
    async with while_locked(store, naming(log, "first")):
        waiting = asyncio.create_task(store.write(naming(log, "gone")))
        await asyncio.sleep(0.05)
        waiting.cancel()
        async with asyncio.timeout(SOON):
            await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
    await store.write(naming(log, "next"))
    assert log == ["first", "next"]
    assert await kept(store, "first", "gone", "next") == ["first", "next"]


async def test_a_caller_that_leaves_during_its_turn_is_let_go_at_once_and_ends_at_its_next_statement(
    store: SqlStore,
) -> None:
    begun, goes_on, log = Signal(), Signal(), list[str]()

    async def write(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id="gone"))
        begun.set()
        await goes_on.wait()
        await tx.runs.create(a_run(id="gone too"))
        log.append("not reached")

    writing = asyncio.create_task(store.write(write))
    await begun.wait()
    writing.cancel()
    async with asyncio.timeout(SOON):
        await asyncio.gather(writing, return_exceptions=True)
    goes_on.set()
    await store.write(naming(log, "next"))
    assert log == ["next"]
    assert await kept(store, "gone", "gone too", "next") == ["next"]


async def test_a_turn_that_does_not_come_before_the_deadline_fails_and_never_comes(migrated_url: str) -> None:
    store, log = SqlStore(migrated_url), list[str]()
    async with while_locked(store, naming(log, "first")):
        with pytest.raises(PoolExhausted):
            await store.until(time.monotonic() + 0.1).write(naming(log, "late"))
    await store.write(naming(log, "next"))
    assert log == ["first", "next"]
    await store.close()


async def test_a_turn_without_a_deadline_is_waited_for_as_long_as_retries_last(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sql.store.RETRY_SECONDS", 0.1)
    store, log = SqlStore(migrated_url), list[str]()
    async with while_locked(store, naming(log, "first")):
        with pytest.raises(Unavailable, match="no database connection became free in time"):
            await store.write(naming(log, "late"))
    await store.write(naming(log, "next"))
    assert log == ["first", "next"]
    await store.close()


@pytest.mark.parametrize("waits", ["a step", "a future"])
async def test_a_callback_that_awaits_anything_else_fails_and_leaves_nothing_behind(
    store: SqlStore, waits: str
) -> None:
    future = asyncio.get_running_loop().create_future()

    async def write(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id="half"))
        await (asyncio.sleep(0) if waits == "a step" else future)

    with pytest.raises(RuntimeError, match="awaited something other than its transaction"):
        await store.write(write)
    await keep(store, a_run(id="next"))
    assert await kept(store, "half", "next") == ["next"]


async def test_closing_lets_those_in_the_queue_have_their_turns(migrated_url: str) -> None:
    before, store, log = set(threading.enumerate()), SqlStore(migrated_url), list[str]()
    async with while_locked(store, naming(log, "first")):
        writing = [asyncio.create_task(store.write(naming(log, name))) for name in ("second", "third")]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
    await closing
    assert log == ["first", "second", "third"]
    assert "writer" not in {thread.name for thread in set(threading.enumerate()) - before}
    await asyncio.gather(*writing)


async def test_readers_do_not_hold_up_a_writer(store: SqlStore) -> None:
    task, goes_on = await a_kept_task(store), asyncio.Event()
    reading = asyncio.Semaphore(0)

    async def read(tx: ReadTx) -> None:
        await tx.tasks.get(task.id)
        reading.release()
        await goes_on.wait()

    readers = [asyncio.create_task(store.read(read)) for _ in range(10)]
    for _ in range(3):
        await reading.acquire()
    async with asyncio.timeout(SOON):
        await keep(store, a_task(task.run_id))
    goes_on.set()
    await asyncio.gather(*readers)


async def test_large_answers_take_half_of_the_time_while_there_are_writes() -> None:
    has_writes, ends = True, list[float]()
    reads = LargeReads(lambda: has_writes)

    async def read() -> int:
        return 1

    async def answer() -> None:
        assert await reads.run(read) == 1
        time.sleep(0.02)  # noqa: ASYNC251 - as the making of an answer does
        ends.append(time.monotonic())

    await asyncio.gather(*(answer() for _ in range(5)))
    assert all(later - earlier >= 0.039 for earlier, later in itertools.pairwise(ends))
    has_writes = False
    ends.clear()
    await asyncio.sleep(0.05)
    await asyncio.gather(*(answer() for _ in range(5)))
    assert ends[-1] - ends[0] < 4 * 0.039


async def test_a_large_read_that_is_given_up_lets_the_next_one_have_its_turn() -> None:
    reads, order = LargeReads(lambda: True), list[str]()

    async def answer(name: str) -> None:
        async def read() -> None:
            return None

        await reads.run(read)
        order.append(name)

    first, gone, last = (asyncio.create_task(answer(name)) for name in ("first", "gone", "last"))
    await first
    gone.cancel()
    async with asyncio.timeout(1):
        await last
    assert order == ["first", "last"]
