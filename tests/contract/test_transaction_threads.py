"""Transactions on a SQLite file: each whole on a thread, first in, first out."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from storage.contract import ReadTx, WriteTx
from storage.errors import PoolExhausted, Unavailable
from storage.sql.dialects.sqlite import READERS
from storage.sql.store import SqlStore
from storage.sql.transaction_threads import RECENT_SECONDS
from tests.contract.builders import a_kept_task, a_run, a_task, keep
from tests.contract.concurrency import SOON, while_locked
from tests.faults.waiting import until
from tests.signals import HANGING_SECONDS, Signal

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


def watched(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[object]]:
    """The threads on which statements are executed from now on, and what is handed back to the event loop."""
    threads, handed_back = list[str](), list[object]()
    loop = asyncio.get_running_loop()
    hand_back = loop.call_soon_threadsafe

    def see(*_: Any) -> None:
        threads.append(threading.current_thread().name)

    def count(*arguments: Any, **options: Any) -> asyncio.Handle:
        handed_back.append(arguments)
        return hand_back(*arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    for engine in store.sync_engines:
        event.listen(engine, "before_cursor_execute", see)
    return threads, handed_back


async def test_a_transaction_is_handed_over_once(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await a_kept_task(store)

    async def write(tx: WriteTx) -> None:
        for number in range(10):
            [locked] = (await tx.tasks.lock([task.id])).values()
            await tx.tasks.update([(locked, replace(locked, name=f"{number}"))])

    threads, handed_back = watched(store, monkeypatch)
    await store.write(write)
    assert threads == ["writer"] * 20
    assert len(handed_back) == 1


async def test_a_read_is_handed_over_once(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await a_kept_task(store)

    async def read(tx: ReadTx) -> None:
        for _ in range(10):
            await tx.tasks.get(task.id)

    threads, handed_back = watched(store, monkeypatch)
    await store.read(read)
    assert threads == ["reader"] * 10
    assert len(handed_back) == 1


@pytest.mark.parametrize("is_write", [True, False])
async def test_the_statement_of_a_caller_that_leaves_is_interrupted(store: SqlStore, *, is_write: bool) -> None:
    log: list[str] = []
    endless = text(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT max(n) FROM numbers"
    )

    async def work(tx: Any) -> None:
        log.append("begun")
        await tx.tasks._connection.execute(endless)

    working = [asyncio.create_task((store.write if is_write else store.read)(work)) for _ in range(READERS)]
    await until(lambda: len(log) == (1 if is_write else READERS))
    for one in working:
        one.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    async with asyncio.timeout(HANGING_SECONDS):
        await keep(store, a_run(id="next"))
        assert (await store.read(lambda tx: tx.runs.head("next"))).id == "next"


async def test_a_store_says_whether_there_are_writes(migrated_url: str) -> None:
    store, log = SqlStore(migrated_url), list[str]()
    await store.read(lambda tx: tx.runs.task_counts(["run"]))
    assert not store.has_writes()
    async with while_locked(store, naming(log, "first")):
        await asyncio.sleep(2 * RECENT_SECONDS)
        assert store.has_writes()
    await until(lambda: not store.has_writes())
    await store.close()


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
    task, goes_on = await a_kept_task(store), Signal()
    begun = [Signal() for _ in range(READERS)]

    async def read(tx: ReadTx, reader: int) -> None:
        await tx.tasks.get(task.id)
        begun[min(reader, READERS - 1)].set()
        await goes_on.wait()

    readers = [asyncio.create_task(store.read(lambda tx, number=number: read(tx, number))) for number in range(10)]  # type: ignore[misc]
    for signal in begun:
        await signal.wait()
    async with asyncio.timeout(SOON):
        await keep(store, a_task(task.run_id))
    goes_on.set()
    await asyncio.gather(*readers)
