"""What storage.contract promises of the store itself, where nothing breaks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.contract import ReadTx, WriteTx
from storage.errors import Conflict, RowNotFound, ValueRefused
from storage.model import Run, Task
from storage.sql.dialects import sqlite
from storage.sql.store import COLLISION_ATTEMPTS, SqlStore
from tests.contract.builders import a_kept_task, a_link, a_run, a_task, an_artifact, keep
from tests.databases import sqlite_path
from tests.databases.queries import execute
from tests.leftovers import LARGE_BYTES, nothing_left
from tests.signals import Signal

servers_only = pytest.mark.databases("postgresql", "mysql")


HANGING_SECONDS = 30
BUSY_SECONDS = 5
"""How long a writer waits for a lock on SQLite's file that a cancelled call has left behind."""


class Refused(Exception):
    """What a callback of these tests raises."""


async def is_kept(store: SqlStore, run: Run) -> bool:
    return await store.read(lambda tx: tx.runs.task_counts([run.id])) == {run.id: 1}


async def test_everything_read_by_one_callback_belongs_to_one_snapshot(store: SqlStore) -> None:
    task, begun, is_written = await a_kept_task(store, name="before"), Signal(), Signal()

    async def read(tx: ReadTx) -> tuple[Task, Task, dict[str, str]]:
        first = await tx.tasks.get(task.id)
        begun.set()
        await is_written.wait()
        return first, await tx.tasks.get(task.id), await tx.artifacts.namespaces(["later"])

    reading = asyncio.create_task(store.read(read))
    await begun.wait()
    await keep(store, an_artifact(id="later"))
    await store.write(lambda writing: writing.tasks.update([(task, replace(task, name="after"))]))
    is_written.set()
    assert await reading == (task, task, {})
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == "after"


async def test_a_single_statement_reads_the_same_with_and_without_a_snapshot(store: SqlStore) -> None:
    for name in ("one", "two"):
        task = await a_kept_task(store, name=name)
        for read in (store.read, store.read_one, partial(store.read_by_key, is_one=True)):
            assert await read(lambda tx, task=task: tx.tasks.get(task.id)) == task


@pytest.fixture
async def keyed(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    """A store that reads by key on the event loop, on SQLite, however long that takes."""
    for name in ("AT_ONCE_SECONDS", "WAIT_SECONDS"):
        monkeypatch.setattr(f"storage.sql.dialects.sqlite_reads.{name}", HANGING_SECONDS)
    await store.read(lambda tx: tx.runs.task_counts(["run"]))  # one of the threads opens the connection for it
    return store


async def test_what_is_read_by_key_belongs_to_one_snapshot(keyed: SqlStore, migrated_url: str) -> None:
    task = await a_kept_task(keyed, name="before")

    async def read(tx: ReadTx) -> tuple[Task, Task]:
        first = await tx.tasks.get(task.id)
        execute(migrated_url, f"UPDATE tasks SET name = 'after' WHERE id = '{task.id}'")
        return first, await tx.tasks.get(task.id)

    assert await keyed.read_by_key(read) == (task, task)
    assert (await keyed.read_by_key(lambda tx: tx.tasks.get(task.id))).name == "after"


async def test_a_read_by_key_returns_what_any_other_read_returns(keyed: SqlStore) -> None:
    task, artifact = await a_kept_task(keyed, name="task"), an_artifact()
    await keep(keyed, artifact, a_link(task, artifact))

    async def read(tx: ReadTx) -> Any:
        return await tx.tasks.get(task.id), await tx.artifact_tasks.of_tasks([task.id]), await tx.runs.head(task.run_id)

    assert await keyed.read_by_key(read) == await keyed.read(read)
    for reads in (keyed.read_by_key, keyed.until(time.monotonic() + 60).read_by_key, keyed.read):
        with pytest.raises(RowNotFound, match="task 'none' not found"):
            await reads(lambda tx: tx.tasks.get("none"))


async def test_a_view_of_a_store_shares_its_connections(migrated_url: str) -> None:
    store = SqlStore(migrated_url, pool_size=1)
    views = [store.until(time.monotonic() + seconds) for seconds in (60, 90)]
    run = a_run()
    await views[0].write(lambda tx: tx.runs.create(run))

    async def read(_: ReadTx) -> tuple[int, int]:
        return store.pool_use()["reader"]

    assert [await view.read(read) for view in (*views, views[0].until(None))] == [(1, 1)] * 3
    assert (await views[1].read_one(lambda tx: tx.runs.head(run.id))).id == run.id
    await views[0].ready()
    assert await views[1].until(time.monotonic() + 60).page_token_key() == await store.page_token_key()
    await views[0].close()


async def test_a_view_without_a_deadline_is_the_store_itself(store: SqlStore) -> None:
    assert store.until(None) is store
    assert store.until(time.monotonic()).until(None) is store


async def test_a_callback_that_raises_leaves_nothing_behind(store: SqlStore) -> None:
    run = a_run()

    async def write(tx: WriteTx) -> None:
        await tx.runs.create(run)
        await tx.tasks.create(a_task(run.id))
        raise Refused

    with pytest.raises(Refused):
        await store.write(write)
    assert not await is_kept(store, run)
    await keep(store, run, a_task(run.id))
    assert await is_kept(store, run)


async def test_a_callback_that_is_cancelled_leaves_nothing_behind(store: SqlStore) -> None:
    run, written, goes_on = a_run(), Signal(), Signal()

    async def write(tx: WriteTx) -> None:
        await tx.runs.create(run)
        await tx.tasks.create(a_task(run.id))
        written.set()
        await goes_on.wait()

    writing = asyncio.create_task(store.write(write))
    await written.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    goes_on.set()
    await keep(store, a_run())
    assert not await is_kept(store, run)


async def test_calls_cancelled_at_any_moment_leave_the_store_usable(store: SqlStore) -> None:
    task = await a_kept_task(store)

    async def write(number: int) -> None:
        async def change(tx: WriteTx) -> None:
            [(_, locked)] = (await tx.tasks.lock([task.id])).items()
            await tx.tasks.update([(locked, replace(locked, name=f"{number}"))])

        await store.write(change)

    for number in range(30):
        writing = [asyncio.create_task(write(number)) for _ in range(4)]
        await asyncio.sleep(0.0007 * number)
        for each in writing:
            each.cancel()
        async with asyncio.timeout(BUSY_SECONDS / 2):
            await asyncio.gather(*writing, return_exceptions=True)
    await asyncio.gather(*(write(99) for _ in range(20)))
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == "99"


@pytest.mark.databases("sqlite")
async def test_a_connection_cut_while_a_cursor_is_open_leaves_no_lock(store: SqlStore) -> None:
    runs = [a_run() for _ in range(3)]
    await keep(store, *runs)
    async with store.engines[0].connect() as connection:
        await connection.execute(text("UPDATE runs SET namespace = 'x'"))
        open_cursor = await connection.stream(text("SELECT id FROM runs"))
        await open_cursor.fetchone()
        await connection.invalidate()
        async with asyncio.timeout(BUSY_SECONDS / 2):
            await keep(store, a_run())
    assert (await store.read(lambda tx: tx.runs.head(runs[0].id))).namespace == ""
    del open_cursor


async def test_a_callback_that_meets_a_row_taken_or_deleted_by_another_runs_again(store: SqlStore) -> None:
    run, loop, others = a_run(), asyncio.get_running_loop(), list[Future[None]]()

    async def write(tx: WriteTx) -> None:
        # Where one write runs after the other, the other one has had its turn.
        if store.dialect.name != "sqlite":
            await asyncio.gather(*map(asyncio.wrap_future, others))
        try:
            await tx.tasks.create(a_task(run.id))
        except DBAPIError:
            others.append(asyncio.run_coroutine_threadsafe(keep(store, run), loop))
            raise

    await store.write(write)
    assert len(others) == 1
    assert await is_kept(store, run)


async def test_nothing_of_an_attempt_that_failed_is_left(store: SqlStore) -> None:
    attempts: list[str] = []

    def writing(value: str) -> Callable[[WriteTx], Awaitable[None]]:
        async def write(tx: WriteTx) -> None:
            longer = f"{value}."
            attempts.append(longer[-3:])
            if len(attempts) == 1:
                await tx.tasks.create(a_task("nowhere"))

        return write

    async with nothing_left():
        await store.write(writing("x" * (2 * LARGE_BYTES)))
    assert attempts == ["xx."] * 2


async def test_writing_no_rows_is_harmless(store: SqlStore) -> None:
    async def write(tx: WriteTx) -> None:
        await tx.artifacts.create([])
        await tx.tasks.update([])
        await tx.artifact_tasks.delete_of_tasks([])
        assert list(await tx.artifact_tasks.create([])) == []
        assert await tx.tasks.lock([]) == {}

    await store.write(write)


async def test_a_key_that_stays_taken_raises_conflict(store: SqlStore) -> None:
    task = await a_kept_task(store, logical_key="one")
    attempts: list[Any] = []

    async def write(tx: WriteTx, logical_key: str | None) -> None:
        attempts.append(1)
        await tx.tasks.create(replace(task, logical_key=logical_key))

    for number, key in enumerate((None, "two"), 1):
        with pytest.raises(Conflict, match="a row with the same key already exists"):
            await store.write(lambda tx, key=key: write(tx, key))
        assert len(attempts) == number * COLLISION_ATTEMPTS


@servers_only
async def test_a_value_that_the_database_cannot_hold_raises_valuerefused(store: SqlStore) -> None:
    with pytest.raises(ValueRefused, match="a value is too large for the database, or there are too many"):
        await keep(store, an_artifact(name="x" * 129))


async def test_every_server_of_a_fleet_gets_the_same_page_token_key(store: SqlStore, migrated_url: str) -> None:
    other = SqlStore(migrated_url)
    keys = [await each.page_token_key() for each in (store, other)]
    await other.close()
    assert keys[0] == keys[1]
    assert len(keys[0]) == 32


async def test_closing_twice_is_harmless(migrated_url: str) -> None:
    store = SqlStore(migrated_url)
    await store.ready()
    await store.close()
    await store.close()


async def test_a_store_that_answers_is_ready_and_has_no_problems(store: SqlStore, database_kind: str) -> None:
    await store.ready()
    # The suite's servers trade durability for speed, which is what the store should notice.
    expected = {"sqlite": "", "postgresql": "fsync is off", "mysql": "innodb_flush_log_at_trx_commit is not 1"}
    assert expected[database_kind] in " ".join(await store.problems())
    assert bool(await store.problems()) == bool(expected[database_kind])


@pytest.mark.databases("sqlite")
async def test_the_write_ahead_log_shrinks_after_a_large_write(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "JOURNAL_LIMIT_BYTES", 256 * 1024)
    store = SqlStore(migrated_url)
    log = sqlite_path(migrated_url).with_name(f"{sqlite_path(migrated_url).name}-wal")
    await keep(store, an_artifact(description="x" * 8 * 1024 * 1024))
    assert log.stat().st_size > 8 * 1024 * 1024
    for _ in range(2):
        await keep(store, an_artifact())
    assert log.stat().st_size <= 256 * 1024
    await store.close()
