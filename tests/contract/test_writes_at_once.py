"""What storage.contract promises of writes that are one statement, and a transaction by themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from storage.contract import Lock, WriteTx
from storage.errors import OutcomeUnknown, Unavailable
from storage.model import Run, RunState, Task, TaskState
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_run, a_task, keep
from tests.contract.concurrency import while_locked
from tests.contract.held_commits import commits_held
from tests.contract.proxy import relay_to
from tests.contract.watching import statements
from tests.faults.waiting import until

servers_only = pytest.mark.databases("postgresql", "mysql")

SHORT_SECONDS = 1.0
HANGING_SECONDS = 20.0


def create(task: Task) -> Callable[[WriteTx], Awaitable[bool]]:
    return lambda tx: tx.tasks.create_at_once(task)


def update(before: Task, after: Task) -> Callable[[WriteTx], Awaitable[bool]]:
    return lambda tx: tx.tasks.update_at_once(before, after)


def create_run(run: Run) -> Callable[[WriteTx], Awaitable[bool]]:
    """Another single statement, whose COMMIT can be held."""

    async def write(tx: WriteTx) -> bool:
        await tx.runs.create(run)
        return True

    return write


async def get(store: SqlStore, task: Task) -> Task | None:
    found = await store.read(lambda tx: tx.tasks.list_of_runs([task.run_id]))
    return next((each for each in found if each.id == task.id), None)


@pytest.fixture
async def run(store: SqlStore) -> Run:
    run = a_run(namespace="team", state=RunState.RUNNING.name)
    await keep(store, run)
    return run


@pytest.fixture
async def task(store: SqlStore, run: Run) -> Task:
    task = a_task(run.id, namespace="team", name="before", state=TaskState.RUNNING.value)
    await keep(store, task)
    return task


def renamed(task: Task, **changes: Any) -> Task:
    return replace(task, name="after", updated_at=task.updated_at + 1, **changes)


@pytest.mark.databases("sqlite")
async def test_nothing_is_written_at_once_where_transactions_cost_no_round_trips(
    store: SqlStore, run: Run, task: Task
) -> None:
    new = a_task(run.id, namespace="team")
    assert not store.writes_at_once
    with statements(store) as sent:
        assert not await store.write_at_once(create(new))
        assert not await store.write_at_once(update(task, renamed(task)))
    assert sent == []
    assert await store.write(create(new)) is False
    assert await store.write(update(task, renamed(task))) is False


@servers_only
async def test_a_task_is_created_at_once_in_a_run_of_its_namespace_that_is_not_being_canceled_under_a_parent_of_that_run(
    store: SqlStore, run: Run, task: Task
) -> None:
    others = [a_run(namespace="team", state=state.name) for state in (RunState.CANCELING, RunState.CANCELED)]
    await keep(store, *others)
    foreign = a_task(others[0].id, namespace="team")
    await keep(store, foreign)
    for parent_task_id in (None, task.id):
        new = a_task(run.id, namespace="team", parent_task_id=parent_task_id, name="new", input_parameters='["é"]')
        with statements(store) as sent:
            assert await store.write_at_once(create(new))
        assert len(sent) == 1
        assert await get(store, new) == new
    refused = [
        a_task(run.id, namespace="other"),
        a_task(run.id, namespace="team", parent_task_id="nowhere"),
        a_task(run.id, namespace="team", parent_task_id=foreign.id),
        a_task("nowhere", namespace="team"),
        *(a_task(other.id, namespace="team") for other in others),
    ]
    for new in refused:
        assert not await store.write_at_once(create(new))
        assert await get(store, new) is None


@servers_only
async def test_nothing_is_created_at_once_under_a_key_that_is_taken(store: SqlStore, run: Run) -> None:
    first, second = (a_task(run.id, namespace="team", logical_key="key") for _ in range(2))
    assert await store.write_at_once(create(first))
    assert not await store.write_at_once(create(second))
    assert not await store.write_at_once(create(replace(first, logical_key=None)))
    assert await get(store, second) is None


async def lock_run(tx: WriteTx, run_id: str, lock: Lock) -> None:
    await tx.runs.lock(run_id, lock)


@servers_only
async def test_nothing_is_created_at_once_in_a_run_that_is_locked(store: SqlStore, run: Run) -> None:
    new = a_task(run.id, namespace="team")
    async with while_locked(store, lambda tx: lock_run(tx, run.id, Lock.UPDATE)), asyncio.timeout(HANGING_SECONDS):
        assert not await store.write_at_once(create(new))
    assert await get(store, new) is None
    async with while_locked(store, lambda tx: lock_run(tx, run.id, Lock.SHARE)):
        assert await store.write_at_once(create(new))


@servers_only
async def test_a_run_is_shared_until_what_is_created_at_once_is_committed(
    store: SqlStore, migrated_url: str, run: Run
) -> None:
    """Who cancels a run must see all of its tasks."""
    async with while_locked(store, lambda tx: tx.tasks.create_at_once(a_task(run.id, namespace="team"))):
        locking = asyncio.create_task(store.write(lambda tx: lock_run(tx, run.id, Lock.UPDATE)))
        done, _ = await asyncio.wait([locking], timeout=SHORT_SECONDS)
    await locking
    assert not done


@servers_only
async def test_a_task_that_is_as_it_was_read_is_updated_at_once(store: SqlStore, task: Task) -> None:
    after = renamed(task, output_parameters='["é"]', finished_at=MOMENT)
    with statements(store) as sent:
        assert await store.write_at_once(update(task, after))
    assert len(sent) == 1
    assert await get(store, task) == after


@servers_only
async def test_a_task_that_has_changed_is_not_updated_at_once(store: SqlStore, task: Task) -> None:
    after = renamed(task)
    for stale in (
        replace(task, updated_at=task.updated_at - 1),
        replace(task, state=TaskState.SUCCEEDED.value),
        replace(task, run_id="nowhere"),
        replace(task, id="nowhere"),
    ):
        assert not await store.write_at_once(update(stale, after))
    assert await get(store, task) == task


@servers_only
async def test_a_task_that_is_locked_is_not_updated_at_once(store: SqlStore, task: Task) -> None:
    async with while_locked(store, lambda tx: tx.tasks.lock([task.id])), asyncio.timeout(HANGING_SECONDS):
        assert not await store.write_at_once(update(task, renamed(task)))
    assert await get(store, task) == task


@servers_only
async def test_a_task_of_a_run_that_is_locked_or_canceled_is_not_updated_at_once(
    store: SqlStore, run: Run, task: Task
) -> None:
    async with while_locked(store, lambda tx: lock_run(tx, run.id, Lock.UPDATE)), asyncio.timeout(HANGING_SECONDS):
        assert not await store.write_at_once(update(task, renamed(task)))
    for state in (RunState.CANCELING, RunState.CANCELED):
        canceled = a_run(namespace="team", state=state.name)
        task = a_task(canceled.id, namespace="team")
        await keep(store, canceled, task)
        assert not await store.write_at_once(update(task, renamed(task)))
        assert await get(store, task) == task


@servers_only
async def test_a_run_is_shared_until_what_is_updated_at_once_is_committed(
    store: SqlStore, run: Run, task: Task
) -> None:
    """Who ends the last task of a run that is being canceled must be seen by the others."""
    async with while_locked(store, lambda tx: tx.tasks.update_at_once(task, renamed(task))):
        locking = asyncio.create_task(store.write(lambda tx: lock_run(tx, run.id, Lock.UPDATE)))
        done, _ = await asyncio.wait([locking], timeout=SHORT_SECONDS)
    await locking
    assert not done


@servers_only
async def test_of_many_updates_at_once_of_one_task_none_is_lost(store: SqlStore, task: Task) -> None:
    async def add() -> bool:
        before = await store.read(lambda tx: tx.tasks.get(task.id))
        return await store.write_at_once(update(before, renamed(before, display_name=before.display_name + "x")))

    done = [await asyncio.gather(*(add() for _ in range(4))) for _ in range(8)]
    after = await store.read(lambda tx: tx.tasks.get(task.id))
    assert len(after.display_name) == sum(map(sum, done)) >= len(done)


@servers_only
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_write_at_once_that_breaks_raises_outcomeunknown(
    store: SqlStore, migrated_url: str, task: Task, arrives: bool
) -> None:
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        await keep(relayed, a_run())  # over a connection that stays open
        relay.cut_at(b"UPDATE tasks", lets_through=arrives)
        with pytest.raises(OutcomeUnknown, match="may have happened"):
            await relayed.write_at_once(update(task, renamed(task)))
        await keep(relayed, a_run())
        await relayed.close()
    assert relay.cuts == 1
    after = await get(store, task)
    assert after is not None
    assert (after.name == "after") <= arrives


@servers_only
async def test_a_connection_that_broke_while_idle_is_not_written_to_at_once(
    store: SqlStore, migrated_url: str, task: Task
) -> None:
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        await keep(relayed, a_run())
        await relay.close_all()
        await asyncio.sleep(SHORT_SECONDS)
        assert await relayed.write_at_once(update(task, renamed(task)))
        await relayed.close()


@servers_only
async def test_a_deadline_that_passes_during_a_write_at_once_raises_outcomeunknown(
    own_url: str, database_kind: str, patient_commits: None
) -> None:
    store, run, seconds = SqlStore(own_url, pool_size=1), a_run(), 3 * SHORT_SECONDS
    await keep(store, a_run())
    async with commits_held(database_kind, own_url, store) as is_held:

        async def call() -> None:
            deadline = time.monotonic() + seconds
            async with asyncio.timeout(seconds):
                await store.until(deadline).write_at_once(create_run(run))

        with pytest.raises(OutcomeUnknown, match="the deadline passed during COMMIT"):
            await call()
        assert is_held()
    await keep(store, a_run())
    assert (await store.read(lambda tx: tx.runs.get(run.id, with_spec=False))).id == run.id
    await store.close()


@servers_only
async def test_a_write_at_once_comes_to_its_end_though_its_caller_leaves(
    own_url: str, database_kind: str, patient_commits: None
) -> None:
    store, run = SqlStore(own_url, pool_size=1), a_run()
    await keep(store, a_run())
    async with commits_held(database_kind, own_url, store) as is_held:
        writing = asyncio.create_task(store.write_at_once(create_run(run)))
        await until(is_held)
        writing.cancel()
        async with asyncio.timeout(HANGING_SECONDS):  # the caller is let go though the statement waits
            await asyncio.gather(writing, return_exceptions=True)
        assert writing.cancelled()
        assert store.pool_use()["writer"] == (1, 1)
    await keep(store, a_run())
    assert (await store.read(lambda tx: tx.runs.get(run.id, with_spec=False))).id == run.id
    await store.close()


@servers_only
async def test_a_write_at_once_without_a_database_raises_unavailable(migrated_url: str, task: Task) -> None:
    async with relay_to(migrated_url) as (_, url):
        relayed = SqlStore(url, connect_seconds=SHORT_SECONDS)
    with pytest.raises(Unavailable):
        await relayed.until(time.monotonic() + SHORT_SECONDS).write_at_once(update(task, renamed(task)))
    await relayed.close()
