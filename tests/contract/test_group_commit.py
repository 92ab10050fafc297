"""Writes that wait on a SQLite file share a COMMIT, and nobody notices but for the time."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage.contract import WriteTx
from storage.errors import AlreadyExists, Conflict, OutcomeUnknown, Unavailable
from storage.sql.store import SqlStore
from storage.sql.thread_turns import TransactionLost
from storage.sql.transaction_threads import ThreadOptions
from tests.contract.builders import a_run, a_task, an_experiment
from tests.contract.concurrency import while_locked
from tests.contract.queued_writes import (
    commits_of,
    creating,
    failing_commits,
    hold_commit,
    kept,
    queue,
    together,
    waiting,
)
from tests.contract.test_commits import no_file_grows
from tests.databases import sqlite_path
from tests.faults.waiting import until
from tests.signals import Signal

pytestmark = pytest.mark.databases("sqlite")

NAMES = [f"run-{number}" for number in range(10)]
ENDLESS = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) "


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine groups would end before all writes of a test are in them."""
    for name in ("GROUP_SECONDS", "LONG_SECONDS"):
        monkeypatch.setattr(f"storage.sql.group_commit.{name}", 60)


class Refused(Exception):
    """What a callback of these tests raises."""


def pausing(run_id: str, begun: Signal, goes_on: Signal) -> Callable[[WriteTx], Any]:
    async def write(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id=run_id))
        begun.set()
        await goes_on.wait()

    return write


def refusing(run_id: str) -> Callable[[WriteTx], Any]:
    async def write(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id=run_id))
        raise Refused

    return write


async def test_writes_that_wait_share_a_commit_in_the_order_in_which_they_came(store: SqlStore) -> None:
    commits, log = commits_of(store), list[str]()
    assert await together(store, *(creating(name, log) for name in NAMES)) == NAMES
    assert log == NAMES
    assert await kept(store, *NAMES) == NAMES
    assert len(commits) == 2, "the one of the write for which the others waited, and theirs"


async def test_a_write_for_which_nobody_waits_has_no_savepoint(store: SqlStore) -> None:
    async def write(tx: Any) -> bool:
        try:
            await tx.tasks._connection.execute(text("ROLLBACK TO one_of_a_group"))
        except OperationalError:
            return False
        return True

    assert await store.write(write) is False
    assert await together(store, write, creating("next")) == [True, "next"]


async def test_so_many_writes_share_a_commit_at_most(migrated_url: str) -> None:
    store = SqlStore(migrated_url, threads=ThreadOptions(group_max=4))
    commits = commits_of(store)
    assert await together(store, *map(creating, NAMES)) == NAMES
    assert len(commits) == 1 + 3
    await store.close()


async def test_answers_are_the_same_where_no_writes_share_a_commit(migrated_url: str) -> None:
    store = SqlStore(migrated_url, threads=ThreadOptions(group_max=1))
    commits = commits_of(store)
    answers = await together(store, *map(creating, NAMES), refusing("half"), creating(NAMES[0]))
    assert answers[:-2] == NAMES
    assert [type(answer) for answer in answers[-2:]] == [Refused, AlreadyExists]
    assert await kept(store, *NAMES, "half") == NAMES
    assert len(commits) == 1 + len(NAMES)
    await store.close()


async def test_no_further_write_begins_when_those_that_are_done_have_waited_long_enough(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sql.group_commit.GROUP_SECONDS", 0)
    commits = commits_of(store)
    assert await together(store, *map(creating, NAMES)) == NAMES
    assert len(commits) == 1 + len(NAMES)


async def test_a_write_that_takes_long_is_undone_and_runs_again_on_its_own(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sql.group_commit.LONG_SECONDS", 0)
    commits, log = commits_of(store), list[str]()
    assert await together(store, *(creating(name, log) for name in NAMES[:3])) == NAMES[:3]
    assert log == [NAMES[0], NAMES[1], NAMES[1], NAMES[2]]
    assert await kept(store, *NAMES) == NAMES[:3]
    assert len(commits) == 1 + 3


async def test_nobody_is_answered_before_the_commit_not_even_with_an_error(store: SqlStore) -> None:
    is_held, let_go = hold_commit(store, 2)
    tasks = await waiting(store, creating("first"), refusing("half"), creating("first"), creating("last"))
    await until(is_held.is_set)
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in tasks)
    let_go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, Refused, AlreadyExists, str]


async def test_a_write_that_fails_leaves_nothing_behind_and_its_neighbours_do_not_notice(store: SqlStore) -> None:
    experiment = an_experiment()

    async def without_parent(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id="child"))
        await tx.tasks.create(a_task("no such run"))

    async def twice(tx: WriteTx) -> None:
        await tx.runs.create(a_run(id="child"))
        await tx.experiments.create(experiment)
        await tx.experiments.create(an_experiment(name=experiment.name))

    answers = await together(
        store, creating("a"), refusing("half"), without_parent, creating("b"), twice, creating("c")
    )
    assert [answers[index] for index in (0, 3, 5)] == ["a", "b", "c"]
    assert [type(answers[index]) for index in (1, 2, 4)] == [Refused, Conflict, AlreadyExists]
    assert await kept(store, "a", "half", "child", "b", "c") == ["a", "b", "c"]


async def test_a_write_sees_what_its_neighbours_have_written(store: SqlStore) -> None:
    async def write(tx: WriteTx) -> str:
        return (await tx.runs.head("first")).id

    assert await together(store, creating("first"), write) == ["first", "first"]


async def test_a_neighbour_that_leaves_before_its_turn_never_has_it(store: SqlStore) -> None:
    log = list[str]()
    async with while_locked(store, creating("holder")):
        tasks = await queue(store, *(creating(name, log) for name in NAMES[:3]))
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log == await kept(store, *NAMES) == [NAMES[0], NAMES[2]]


async def test_a_neighbour_that_leaves_during_its_turn_leaves_nothing_behind(store: SqlStore) -> None:
    begun, goes_on = Signal(), Signal()
    tasks = await waiting(store, creating("a"), pausing("gone", begun, goes_on), creating("b"))
    await begun.wait()
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    goes_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert tasks[1].cancelled()
    assert await kept(store, "a", "gone", "b") == ["a", "b"]


async def test_a_neighbour_that_leaves_after_its_turn_has_reached_commit(store: SqlStore) -> None:
    begun, goes_on = Signal(), Signal()
    tasks = await waiting(store, creating("a"), pausing("b", begun, goes_on))
    await begun.wait()
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    goes_on.set()
    await tasks[1]
    assert tasks[0].cancelled()
    assert await kept(store, "a", "b") == ["a", "b"]


async def test_a_deadline_that_passes_while_neighbours_have_their_turns_leaves_the_outcome_unknown(
    store: SqlStore,
) -> None:
    begun, goes_on, seconds = Signal(), Signal(), 1.0

    async def call() -> None:
        deadline = time.monotonic() + seconds
        async with asyncio.timeout(seconds):
            await store.until(deadline).write(creating("late"))

    async with while_locked(store, creating("holder")):
        calling = asyncio.create_task(call())
        await asyncio.sleep(0)
        [last] = await queue(store, pausing("last", begun, goes_on))
    with pytest.raises(OutcomeUnknown, match="the deadline passed during COMMIT"):
        await calling
    goes_on.set()
    await last
    assert await kept(store, "late", "last") == ["late", "last"]


async def test_an_interrupted_insert_undoes_the_group_whose_other_writes_run_again(store: SqlStore) -> None:
    begun, log = Signal(), list[str]()

    async def endless(tx: Any) -> None:
        begun.set()
        await tx.tasks._connection.execute(
            text(f"INSERT INTO settings (name, value) {ENDLESS}SELECT 'x' || n, '' FROM n")
        )

    tasks = await waiting(store, creating("a", log), endless, creating("b", log))
    await begun.wait()
    await asyncio.sleep(0.05)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (log, tasks[1].cancelled()) == (["a", "a", "b"], True)
    assert await kept(store, "a", "b") == ["a", "b"]
    assert await store.page_token_key()


async def test_a_commit_that_fails_for_a_group_is_tried_again_for_each(store: SqlStore) -> None:
    commits, log = commits_of(store), list[str]()
    failing_commits(store, sqlite3.SQLITE_FULL, numbers=(2, 4))
    answers = await together(store, *(creating(name, log) for name in NAMES[:3]), refusing("half"))
    assert answers[0] == NAMES[0]
    assert [type(answer) for answer in answers[1:]] == [Unavailable, str, Refused]
    assert log == [*NAMES[:3], *NAMES[:3]]
    assert await kept(store, *NAMES, "half") == [NAMES[0], NAMES[2]]
    assert len(commits) == 1 + 1 + 3


async def test_an_unknown_outcome_is_said_to_each_whose_write_may_have_happened(store: SqlStore) -> None:
    log = list[str]()
    failing_commits(store, sqlite3.SQLITE_IOERR_FSYNC, numbers=(2,))
    answers = await together(store, *(creating(name, log) for name in NAMES[:3]), refusing("half"))
    assert [type(answer) for answer in answers] == [OutcomeUnknown] * 3 + [Refused]
    assert len({id(answer) for answer in answers}) == 4
    assert log == NAMES[:3], "what may have happened must not happen again"
    assert await store.write(creating("next")) == "next"


async def test_a_disk_that_fails_during_the_commit_of_a_group_leaves_each_outcome_unknown(
    store: SqlStore, migrated_url: str
) -> None:
    log = f"{sqlite_path(migrated_url)}-wal"
    with no_file_grows() as limit:

        async def last(tx: WriteTx) -> None:
            await tx.runs.create(a_run(id="last"))
            limit(os.stat(log).st_size)

        answers = await together(store, creating("a"), creating("b"), last)
    assert [type(answer) for answer in answers] == [OutcomeUnknown] * 3
    assert await store.write(creating("next")) == "next"


async def test_a_full_disk_fails_only_the_write_that_finds_it(store: SqlStore) -> None:
    async def too_large(tx: Any) -> None:
        connection = tx.tasks._connection
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages + 8}"))
        await tx.runs.create(a_run(id="large", pipeline_spec="x" * 1_000_000))

    answers = await together(store, creating("a"), too_large, creating("b"))
    assert [answers[0], answers[2]] == ["a", "b"]
    assert type(answers[1]) is Unavailable
    assert await kept(store, "a", "large", "b") == ["a", "b"]


@pytest.mark.parametrize("neighbours", [0, 1])
async def test_nothing_is_written_outside_a_transaction_that_the_database_has_rolled_back(
    store: SqlStore, neighbours: int
) -> None:
    async def write(tx: Any) -> None:
        await tx.runs.create(a_run(id="half"))
        await tx.tasks._connection.execute(text("ROLLBACK"))
        await tx.runs.create(a_run(id="other half"))

    answers = await together(store, *map(creating, NAMES[:neighbours]), write)
    assert answers[:-1] == NAMES[:neighbours]
    assert type(answers[-1]) is TransactionLost
    assert await kept(store, *NAMES, "half", "other half") == NAMES[:neighbours]
