"""A COMMIT that has begun is never cancelled, and whoever waits for it learns when its outcome is unknown."""

import asyncio
import contextlib
import os
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from server.calls.statuses import to_status
from storage.contract import WriteTx
from storage.errors import OutcomeUnknown, PoolExhausted, Unavailable
from storage.model import Run
from storage.sql.dialects.online_ddl import TABLE_SECONDS
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.contract.held_commits import commits_held
from tests.databases.fresh import sqlite_path
from tests.databases.queries import execute
from tests.faults.waiting import until

SHORT_SECONDS = 1.0
HANGING_SECONDS = 20.0


class Injected(Exception):
    """Fails a COMMIT before the database gets it."""


@pytest.fixture
async def single(own_url: str, patient_commits: None) -> AsyncIterator[SqlStore]:
    """A store with one connection for writing."""
    store = SqlStore(own_url, pool_size=1)
    await keep(store, a_run())
    yield store
    await store.close()


def creating(run: Run) -> Callable[[WriteTx], Any]:
    async def write(tx: WriteTx) -> None:
        await tx.runs.create(run)

    return write


async def is_kept(store: SqlStore, run: Run) -> bool:
    async with store.engines[1].connect() as connection:
        rows = await connection.exec_driver_sql(f"SELECT count(*) FROM runs WHERE id = '{run.id}'")
        return bool(rows.scalar_one())


async def test_a_commit_comes_to_its_end_though_its_caller_leaves(
    single: SqlStore, own_url: str, database_kind: str
) -> None:
    run = a_run()
    async with commits_held(database_kind, own_url, single) as is_held:
        writing = asyncio.create_task(single.write(creating(run)))
        await until(is_held)
        writing.cancel()
        async with asyncio.timeout(HANGING_SECONDS):  # the caller is let go though COMMIT waits
            await asyncio.gather(writing, return_exceptions=True)
        assert writing.cancelled()
        await asyncio.sleep(SHORT_SECONDS)
        assert is_held()
        assert single.pool_use()["writer"] == (1, 1)
    await keep(single, a_run())
    assert await is_kept(single, run)
    await until(lambda: single.pool_use()["writer"] == (0, 1))


async def test_a_deadline_that_passes_during_commit_raises_outcomeunknown(
    single: SqlStore, own_url: str, database_kind: str
) -> None:
    run, seconds = a_run(), 3 * SHORT_SECONDS
    async with commits_held(database_kind, own_url, single) as is_held:

        async def call() -> None:
            deadline = time.monotonic() + seconds
            async with asyncio.timeout(seconds):
                await single.until(deadline).write(creating(run))

        with pytest.raises(OutcomeUnknown, match="the deadline passed during COMMIT") as caught:
            await call()
        assert is_held()
        status = to_status(caught.value)
        assert (status.code_name, status.reason) == ("UNAVAILABLE", "OUTCOME_UNKNOWN")
    await keep(single, a_run())
    assert await is_kept(single, run)


async def test_the_turn_of_a_caller_that_left_lasts_until_its_commit_has_ended(
    single: SqlStore, own_url: str, database_kind: str
) -> None:
    async with commits_held(database_kind, own_url, single) as is_held:
        writing = asyncio.create_task(single.write(creating(a_run())))
        await until(is_held)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        with pytest.raises(PoolExhausted):
            await single.until(time.monotonic() + SHORT_SECONDS).write(creating(a_run()))


@pytest.mark.databases("mysql")
async def test_a_write_whose_commit_is_held_by_a_backup_is_run_again(own_url: str, database_kind: str) -> None:
    store, run = SqlStore(own_url), a_run()
    async with commits_held(database_kind, own_url, store) as is_held:
        writing = asyncio.create_task(store.write(creating(run)))
        await until(is_held)
        await asyncio.sleep(TABLE_SECONDS + SHORT_SECONDS)
        assert not writing.done()
    async with asyncio.timeout(HANGING_SECONDS):
        await writing
    assert await is_kept(store, run)
    await store.close()


SESSIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE()",
}


@pytest.mark.databases("postgresql", "mysql")
async def test_a_store_is_closed_though_a_commit_does_not_end(
    own_url: str, database_kind: str, patient_commits: None
) -> None:
    store, other, run = SqlStore(own_url), SqlStore(own_url), a_run()
    async with commits_held(database_kind, own_url, store) as is_held:
        writing = asyncio.create_task(store.write(creating(run)))
        await until(is_held)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        async with asyncio.timeout(HANGING_SECONDS):
            await store.close()
    await until(lambda: execute(own_url, f"SELECT count(*) FROM runs WHERE id = '{run.id}'") == [(1,)])
    await other.close()
    await until(lambda: execute(own_url, SESSIONS[database_kind]) == [(1,)])


@contextlib.contextmanager
def no_file_grows() -> Any:
    """Within the block, this process cannot write behind what files have; Python ignores the signal for it."""
    few, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (few, most))


async def test_a_connection_whose_commit_failed_is_never_used_again(single: SqlStore) -> None:
    connected, run = list[Any](), a_run()
    engines = single.sync_engines[:1]

    def note(connection: object, *_: object) -> None:
        connected.append(connection)

    def fail(_: object) -> None:
        raise Injected

    for engine in engines:
        event.listen(engine, "connect", note)
        event.listen(engine, "commit", fail)
    with pytest.raises(Injected):
        await single.write(creating(run))
    for engine in engines:
        event.remove(engine, "commit", fail)
    assert connected == []
    await keep(single, a_run())
    await keep(single, a_run())
    assert len(connected) == 1, "the transaction of a COMMIT that failed may be open, and the next one would commit it"
    assert not await is_kept(single, run)


@pytest.mark.databases("sqlite")
async def test_a_disk_that_fails_during_commit_raises_outcomeunknown(single: SqlStore, own_url: str) -> None:
    log = f"{sqlite_path(own_url)}-wal"
    attempts = list[int]()
    with no_file_grows() as limit:

        async def write(tx: WriteTx) -> None:
            attempts.append(1)
            await tx.runs.create(a_run())
            limit(os.stat(log).st_size)

        with pytest.raises(OutcomeUnknown, match="the disk failed during COMMIT"):
            await single.write(write)
    assert len(attempts) == 1
    await keep(single, a_run())


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
async def test_only_errors_of_the_disk_leave_the_outcome_of_a_commit_open(single: SqlStore, code: int) -> None:
    attempts, run = list[int](), a_run()
    engine = single.sync_engines[0]  # of the thread that writes

    def fail(_: object) -> None:
        if len(attempts) == 1:
            error = sqlite3.OperationalError("as told")
            error.sqlite_errorcode = code
            raise OperationalError("COMMIT", None, error)

    async def write(tx: WriteTx) -> None:
        attempts.append(1)
        await tx.runs.create(run)

    event.listen(engine, "commit", fail)
    outcome = (await asyncio.gather(single.write(write), return_exceptions=True))[0]
    event.remove(engine, "commit", fail)
    if code == sqlite3.SQLITE_BUSY:
        assert (outcome, len(attempts)) == (None, 2)
    else:
        assert type(outcome) is (Unavailable if code == sqlite3.SQLITE_FULL else OutcomeUnknown)
        assert not await is_kept(single, run)
