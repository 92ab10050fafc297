"""Many writers at once: what they do to each other is undone by running their callbacks again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from storage.contract import Lock, WriteTx
from storage.errors import Conflict, RowNotFound
from storage.model import ArtifactTask, Task
from storage.sql.store import RETRY_SECONDS, SqlStore
from tests.contract.builders import a_kept_task, a_link, a_run, a_task, an_artifact, keep
from tests.contract.concurrency import while_locked

servers_only = pytest.mark.databases("postgresql", "mysql")

HANGING_SECONDS = 20
"""After this time, a call is assumed to wait for a lock that is never released."""


def locks_in_turn(
    first: Task, second: Task, attempts: list[str], both: asyncio.Barrier
) -> Callable[[WriteTx], Awaitable[None]]:
    """A write that locks two tasks one after the other, and on its first attempt meets another such write in between."""

    async def write(tx: WriteTx) -> None:
        attempts.append(first.id)
        await tx.tasks.lock([first.id])
        if attempts.count(first.id) == 1:
            await both.wait()
        await tx.tasks.lock([second.id])
        await tx.tasks.update([(task, replace(task, name="done")) for task in (first, second)])

    return write


@servers_only
async def test_a_callback_that_meets_a_deadlock_runs_again(store: SqlStore) -> None:
    one, two = await a_kept_task(store), await a_kept_task(store)
    attempts: list[str] = []
    both = asyncio.Barrier(2)
    writes = [locks_in_turn(one, two, attempts, both), locks_in_turn(two, one, attempts, both)]
    await asyncio.gather(*map(store.write, writes))
    assert len(attempts) in (3, 4)  # PostgreSQL may look for deadlocks twice at once, and end both
    heads = await store.read(lambda tx: tx.tasks.heads([one.id, two.id]))
    assert [head.name for head in heads.values()] == ["done", "done"]


@servers_only
async def test_a_write_that_never_gets_through_ends_with_its_callers_deadline(store: SqlStore) -> None:
    task = await a_kept_task(store)
    attempts: list[float] = []

    async def write(tx: Any) -> None:
        attempts.append(time.monotonic())
        await tx.tasks._connection.execute(text("SELECT id FROM tasks FOR UPDATE NOWAIT"))

    async with while_locked(store, lambda tx: tx.tasks.lock([task.id])):
        with pytest.raises(Conflict, match="concurrent writes kept colliding"):
            await store.until(time.monotonic() + 0.5).write(write)
    assert len(attempts) > 3
    assert attempts[-1] - attempts[0] < RETRY_SECONDS / 2


async def test_fifty_writers_of_one_row_all_succeed(store: SqlStore) -> None:
    task = await a_kept_task(store, name="0")

    async def add_one(tx: WriteTx) -> None:
        [locked] = (await tx.tasks.lock([task.id])).values()
        await tx.tasks.update([(locked, replace(locked, name=f"{int(locked.name) + 1}"))])

    await asyncio.gather(*(store.write(add_one) for _ in range(50)))
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == "50"


async def test_fifty_writers_of_one_logical_key_make_one_task(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    tasks = [a_task(run.id, logical_key="key", name=f"{number}") for number in range(50)]
    answers = await asyncio.gather(*(store.write(lambda tx, task=task: tx.tasks.create(task)) for task in tasks))
    assert len({task.id for task in answers}) == 1
    assert await store.read(lambda tx: tx.runs.task_counts([run.id])) == {run.id: 1}


async def test_fifty_writers_of_one_identity_make_one_artifact(store: SqlStore) -> None:
    artifacts = [an_artifact(identity_key="identity", name=f"{number}") for number in range(50)]
    answers = await asyncio.gather(
        *(store.write(lambda tx, artifact=artifact: tx.artifacts.create_unique(artifact)) for artifact in artifacts)
    )
    assert len(set(answers)) == 1


async def test_bulk_writers_of_the_same_links_in_any_order_agree(store: SqlStore) -> None:
    task = await a_kept_task(store)
    artifacts = [an_artifact() for _ in range(20)]
    await keep(store, *artifacts)

    attempts: list[Sequence[ArtifactTask]] = []

    async def write(tx: WriteTx, links: Sequence[ArtifactTask]) -> set[str]:
        attempts.append(links)
        return {link.id for link in await tx.artifact_tasks.create(links)}

    async def link(step: int) -> set[str]:
        links = [a_link(task, artifact) for artifact in artifacts][::step]
        return await store.write(lambda tx: write(tx, links))

    answers = await asyncio.gather(*(link(step) for step in (1, -1) * 10))
    assert len({frozenset(answer) for answer in answers}) == 1
    assert len(answers[0]) == len(artifacts)
    assert len(attempts) == len(answers), "locks taken in one order make no deadlock"


async def test_links_made_and_deleted_at_once_disturb_nobody(store: SqlStore) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    await keep(store, artifact)

    async def make_and_delete() -> None:
        for _ in range(10):
            await store.write(lambda tx: tx.artifact_tasks.create([a_link(task, artifact)]))
            await store.write(lambda tx: tx.artifact_tasks.delete_of_tasks([task.id]))

    await asyncio.gather(*(make_and_delete() for _ in range(8)))
    assert await store.read(lambda tx: tx.artifact_tasks.of_tasks([task.id])) == []


async def test_tasks_made_while_their_run_is_deleted_are_deleted_or_refused(store: SqlStore) -> None:
    runs = [a_run() for _ in range(10)]
    await keep(store, *runs)

    async def create(tx: WriteTx, task: Task) -> None:
        await tx.runs.lock(task.run_id, Lock.SHARE)
        await tx.tasks.create(task)

    tasks = [a_task(run.id, logical_key=run.id) for run in runs for _ in range(3)]
    creating = [store.write(lambda tx, task=task: create(tx, task)) for task in tasks]
    deleting = [store.write(lambda tx, run=run: tx.runs.delete(run.id)) for run in runs]
    results = await asyncio.gather(*creating, *deleting, return_exceptions=True)
    assert [result for result in results if result is not None and not isinstance(result, RowNotFound)] == []
    assert await store.read(lambda tx: tx.runs.task_counts([run.id for run in runs])) == {}


@pytest.mark.databases("sqlite")
async def test_writers_of_two_stores_on_one_file_never_find_it_locked(
    store: SqlStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sql.group_commit.LONG_SECONDS", HANGING_SECONDS)
    other, run = SqlStore(migrated_url), a_run()
    await keep(store, run)
    attempts: list[str] = []

    async def write(tx: WriteTx) -> None:
        attempts.append((await tx.runs.head(run.id)).id)
        await tx.tasks.create(a_task(run.id))

    async def write_and_read(to: SqlStore) -> None:
        for _ in range(5):
            await to.write(write)
            await to.read(lambda tx: tx.runs.task_counts([run.id]))

    await asyncio.gather(*(write_and_read(to) for to in (store, other) for _ in range(16)))
    assert await store.read(lambda tx: tx.runs.task_counts([run.id])) == {run.id: 160}
    assert len(attempts) == 160
    await other.close()


@pytest.mark.databases("postgresql")
async def test_a_link_of_a_task_that_is_being_written_does_not_wait(store: SqlStore) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    await keep(store, artifact)
    async with while_locked(store, lambda tx: tx.tasks.lock([task.id])):
        async with asyncio.timeout(HANGING_SECONDS):
            await keep(store, a_link(task, artifact))
