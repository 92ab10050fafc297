"""Reads by key on a SQLite file: on the thread of the event loop, unless that would keep others waiting."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from server.calls.apart import is_on_event_loop
from storage.contract import ReadTx
from storage.errors import RowNotFound, StorageError
from storage.model import Task
from storage.sql.dialects.sqlite_reads import VALUE_BYTES
from storage.sql.store import SqlStore
from storage.sql.transaction_threads import ThreadOptions
from tests.contract.builders import a_kept_task, keep

pytestmark = pytest.mark.databases("sqlite")

LOOP = threading.main_thread().name
NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {}) SELECT max(n) FROM numbers"


@pytest.fixture
async def threads(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads on which the store's statements are executed from now on; all may take long, but for those that say so."""
    for name in ("AT_ONCE_SECONDS", "WAIT_SECONDS"):
        monkeypatch.setattr(f"storage.sql.dialects.sqlite_reads.{name}", 60)
    await store.read(lambda tx: tx.runs.task_counts(["run"]))
    names: list[str] = []
    for engine in store.sync_engines:
        event.listen(engine, "before_cursor_execute", lambda *_: names.append(threading.current_thread().name))
    return names


def reading(task: Task) -> Callable[[ReadTx], Any]:
    return lambda tx: tx.tasks.get(task.id)


def counting(numbers: int) -> Callable[[Any], Any]:
    async def count(tx: Any) -> int:
        number: int = (await tx.tasks._connection.execute(text(NUMBERS.format(numbers)))).scalar_one()
        return number

    return count


@pytest.fixture
async def task(store: SqlStore) -> Task:
    """A task that is stored."""
    return await a_kept_task(store)


async def test_a_read_by_key_does_not_leave_the_event_loop(store: SqlStore, task: Task, threads: list[str]) -> None:
    assert await store.read_by_key(reading(task)) == task
    assert await store.read(reading(task)) == task
    assert await store.read_one(reading(task)) == task
    assert threads == [LOOP, "reader", "reader"]


async def test_a_reading_thread_opens_the_connection_of_the_event_loop(migrated_url: str) -> None:
    store, names = SqlStore(migrated_url), list[str]()

    async def read(tx: ReadTx) -> None:
        names.append(threading.current_thread().name)
        await tx.runs.task_counts(["run"])

    for _ in range(3):
        await store.read_by_key(read)
    assert names == ["reader", LOOP, LOOP]
    await store.close()


@pytest.mark.parametrize("name", ["AT_ONCE_SECONDS", "WAIT_SECONDS"])
async def test_a_read_that_takes_long_is_repeated_on_a_reading_thread(
    store: SqlStore, task: Task, threads: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"storage.sql.dialects.sqlite_reads.{name}", 0.002)
    assert await store.read_by_key(counting(2_000_000)) == 2_000_000
    assert threads == [LOOP, "reader"]


async def test_a_read_of_many_statements_that_takes_long_is_repeated_on_a_reading_thread(
    store: SqlStore, task: Task, threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(tx: ReadTx) -> None:
        for _ in range(20):
            await tx.tasks.get(task.id)
            monkeypatch.setattr("storage.sql.dialects.sqlite_reads.WAIT_SECONDS", 0)

    await store.read_by_key(read)
    assert threads.count(LOOP) == 20
    await store.read_by_key(read)
    assert (threads.count(LOOP), threads.count("reader")) == (20, 20)


async def test_a_large_value_is_read_on_a_reading_thread(store: SqlStore, task: Task, threads: list[str]) -> None:
    large = replace(task, input_parameters="x" * (VALUE_BYTES + 1))
    await store.write(lambda tx: tx.tasks.update([(task, large)]))
    threads.clear()
    assert await store.read_by_key(reading(task)) == large
    assert threads == [LOOP, "reader"]


async def test_a_read_by_key_does_not_wait_for_a_lock(store: SqlStore, threads: list[str]) -> None:
    async def read(tx: Any) -> int:
        timeout: int = (await tx.tasks._connection.execute(text("PRAGMA busy_timeout"))).scalar_one()
        return timeout

    assert await store.read_by_key(read) == 0
    assert await store.read(read) > 0
    assert threads == [LOOP, "reader"]


async def test_a_read_by_key_that_suspends_is_repeated_on_a_reading_thread(
    store: SqlStore, task: Task, threads: list[str]
) -> None:
    async def read(tx: ReadTx) -> Task:
        if is_on_event_loop():
            await asyncio.sleep(0)
        return await tx.tasks.get(task.id)

    assert await store.read_by_key(read) == task
    assert threads == ["reader"]


async def test_a_read_by_key_that_fails_leaves_no_transaction_open(
    store: SqlStore, task: Task, threads: list[str]
) -> None:
    async def read(tx: ReadTx) -> None:
        await tx.tasks.get(task.id)
        raise RowNotFound("task", "other")

    with pytest.raises(RowNotFound, match="'other'"):
        await store.read_by_key(read)
    changed = replace(task, name="changed")
    await store.write(lambda tx: tx.tasks.update([(task, changed)]))
    assert await store.read_by_key(reading(task)) == changed
    assert threads == [LOOP, "writer", LOOP]


async def test_nothing_is_written_by_a_read_by_key(store: SqlStore, task: Task, threads: list[str]) -> None:
    async def write(tx: Any) -> None:
        await tx.tasks._connection.execute(text("DELETE FROM tasks"))

    with pytest.raises((DBAPIError, StorageError)):
        await store.read_by_key(write)
    assert await store.read_by_key(reading(task)) == task
    assert threads[:2] == [LOOP, "reader"]


async def test_a_connection_of_the_event_loop_that_fails_is_replaced(
    store: SqlStore, task: Task, threads: list[str]
) -> None:
    async def fail(tx: Any) -> None:
        await tx.tasks._connection.execute(text("SELECT no_such_function()"))

    with pytest.raises(DBAPIError):
        await store.read_by_key(fail)
    threads.clear()
    for _ in range(2):
        assert await store.read_by_key(reading(task)) == task
    assert threads[-1] == LOOP


async def test_answers_are_the_same_where_nothing_is_read_at_once(migrated_url: str) -> None:
    store, plain = SqlStore(migrated_url), SqlStore(migrated_url, threads=ThreadOptions(reads_at_once=False))
    task = await a_kept_task(store, input_parameters="[]", name="task")
    await keep(store, *(replace(task, id=f"child-{number}", parent_task_id=task.id) for number in range(5)))

    async def read(tx: ReadTx) -> Any:
        return await tx.tasks.get(task.id), await tx.tasks.children(task.run_id, [task.id]), is_on_event_loop()

    await store.read(read)
    assert await store.read_by_key(read) == (*(await plain.read_by_key(read))[:2], True)
    assert (await plain.read_by_key(read))[2] is False
    await store.close()
    await plain.close()


async def test_a_store_that_is_closed_closes_the_connection_of_the_event_loop(migrated_url: str) -> None:
    store = SqlStore(migrated_url)
    for _ in range(2):
        await store.read_by_key(lambda tx: tx.runs.task_counts(["run"]))
    pool: Any = store.sync_engines[-1].pool
    assert pool.checkedout() > 0
    await store.close()
    assert pool.checkedout() == 0


async def test_a_thread_begins_when_all_others_are_busy(migrated_url: str) -> None:
    store, wait = SqlStore(migrated_url), threading.Event()

    async def name(_: ReadTx) -> str:
        return threading.current_thread().name + str(threading.get_ident())

    async def held(tx: ReadTx) -> str:
        wait.wait(10)
        return await name(tx)

    assert len({await store.read(name) for _ in range(3)}) == 1
    waiting = [asyncio.create_task(store.read(held)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (await store.read(name)).startswith("reader")
    wait.set()
    assert len(set(await asyncio.gather(*waiting))) == 2
    await store.close()


async def test_a_thread_that_is_busy_for_a_caller_that_left_keeps_nobody_waiting(migrated_url: str) -> None:
    store, begun, wait = SqlStore(migrated_url), threading.Event(), threading.Event()

    async def held(_: ReadTx) -> None:
        begun.set()
        wait.wait(10)

    async def nothing(_: ReadTx) -> bool:
        return True

    leaving = asyncio.create_task(store.read(held))
    while not begun.is_set():  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.001)
    leaving.cancel()
    await asyncio.sleep(0)
    assert await asyncio.wait_for(store.read(nothing), 5)
    wait.set()
    await store.close()
