"""Rows are locked in the order of their keys, whatever the order of a request, of creation, or of the rows on disk.

Otherwise two calls that lock the same rows could wait for each other, and one of them would have to run again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from storage.contract import WriteTx
from storage.model import Task
from storage.sql import tables, tasks
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_link, a_run, a_task, an_artifact, keep
from tests.contract.concurrency import SOON, while_locked
from tests.contract.plans import analyze
from tests.signals import Signal

pytestmark = pytest.mark.databases("postgresql", "mysql")  # on SQLite one transaction writes at a time

LETTERS = "abcde"
HELD, UP_TO_HELD, BEHIND_HELD = "c", ["a", "b", "c"], ["d", "e"]
HANGING_SECONDS = 5.0
OTHER_TASKS = 500
"""Of another run: so many that no database reads all tasks to find those of one run."""


async def tasks_by_letter(store: SqlStore) -> dict[str, Task]:
    """Tasks of one run whose ids begin with letters; the last letter is the oldest task and the first row on disk."""
    run, other = a_run(), a_run()
    tasks = {
        letter: a_task(run.id, id=f"{letter}-{run.id[:8]}", created_at=100 - ord(letter)) for letter in LETTERS[::-1]
    }
    await keep(store, run, other, *tasks.values())
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.tasks), [values_of(a_task(other.id)) for _ in range(OTHER_TASKS)])
    return tasks


async def is_locked(store: SqlStore, task: Task) -> bool:
    """Whether a transaction that has not ended has locked the task."""
    async with store.engines[0].connect() as connection:
        try:
            await connection.exec_driver_sql(f"SELECT id FROM tasks WHERE id = '{task.id}' FOR UPDATE NOWAIT")
        except DBAPIError:
            await connection.invalidate()
            return True
        return False


LOCKS: dict[str, Callable[[WriteTx, Sequence[Task]], Awaitable[Any]]] = {
    "some tasks": lambda tx, tasks: tx.tasks.lock([task.id for task in tasks]),
    "the tasks of a run": lambda tx, tasks: tx.tasks.lock_of_run(tasks[0].run_id),
    "the progress of a run": lambda tx, tasks: tx.tasks.lock_progress(tasks[0].run_id),
}


@pytest.mark.parametrize("at_once", [2, 4096])
@pytest.mark.parametrize("name", LOCKS)
async def test_tasks_are_locked_in_the_order_of_their_ids(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, name: str, at_once: int
) -> None:
    monkeypatch.setattr(tasks, "LOCKED_AT_ONCE", at_once)
    by_letter = await tasks_by_letter(store)
    async with while_locked(store, lambda tx: tx.tasks.lock([by_letter[HELD].id])):
        locking = asyncio.create_task(store.write(lambda tx: LOCKS[name](tx, list(by_letter.values()))))
        locked, end = list[str](), time.monotonic() + HANGING_SECONDS
        while locked != UP_TO_HELD and time.monotonic() < end:
            locked = [letter for letter in LETTERS if await is_locked(store, by_letter[letter])]
    await locking
    assert locked == UP_TO_HELD


@pytest.mark.parametrize("name", LOCKS)
async def test_tasks_are_locked_while_those_of_another_run_are_locked_by_others(store: SqlStore, name: str) -> None:
    runs = [a_run(), a_run()]
    await keep(store, *runs)
    ours, theirs = [[a_task(run.id) for _ in range(OTHER_TASKS)] for run in runs]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.tasks), [values_of(task) for task in (*ours, *theirs)])
    await analyze(store)
    async with while_locked(store, lambda tx: tx.tasks.lock([theirs[0].id])):
        async with asyncio.timeout(HANGING_SECONDS):
            await store.write(lambda tx: LOCKS[name](tx, ours))


async def test_links_are_locked_in_the_order_of_their_keys(store: SqlStore) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    await keep(store, artifact)

    def creating(letters: str, begins: Signal | None = None) -> Callable[[WriteTx], Awaitable[Any]]:
        async def write(tx: WriteTx) -> None:
            if begins is not None:
                begins.set()
            await tx.artifact_tasks.create([a_link(task, artifact, key=letter) for letter in letters])

        return write

    async with while_locked(store, creating(HELD)):
        begins = Signal()
        all_links = asyncio.create_task(store.write(creating(LETTERS[::-1], begins)))
        await begins.wait()
        await asyncio.sleep(SOON)
        async with asyncio.timeout(HANGING_SECONDS):
            await asyncio.gather(*(store.write(creating(letter)) for letter in BEHIND_HELD))
        before = [asyncio.create_task(store.write(creating(letter))) for letter in UP_TO_HELD]
        done, _ = await asyncio.wait([all_links, *before], timeout=SOON)
        assert not done, "a key that comes before the one that is waited for is not locked"
    await asyncio.gather(all_links, *before)
