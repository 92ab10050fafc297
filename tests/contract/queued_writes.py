"""Writes that wait for the thread that writes, and so share a COMMIT. Called by the tests of SQLite's transactions."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from storage.contract import WriteTx
from storage.sql.store import SqlStore
from tests.contract.builders import a_run
from tests.contract.concurrency import Write, while_locked
from tests.signals import HANGING_SECONDS


def creating(run_id: str, log: list[str] | None = None) -> Callable[[WriteTx], Any]:
    """A write of a run that is noted in a log when its callback is run."""

    async def write(tx: WriteTx) -> str:
        if log is not None:
            log.append(run_id)
        await tx.runs.create(a_run(id=run_id))
        return run_id

    return write


async def kept(store: SqlStore, *run_ids: str) -> list[str]:
    """Those runs that are stored, as another connection sees them."""
    async with store.engines[1].connect() as connection:
        ids = {row[0] for row in await connection.exec_driver_sql("SELECT id FROM runs")}
    return [run_id for run_id in run_ids if run_id in ids]


def commits_of(store: SqlStore) -> list[object]:
    """A list that gets longer with each COMMIT of the thread that writes."""
    commits: list[object] = []
    event.listen(store.sync_engines[0], "commit", commits.append)
    return commits


def hold_commit(store: SqlStore, number: int) -> tuple[threading.Event, threading.Event]:
    """Let the COMMIT of this number, counted from 1, wait; returns what is set when it does, and what lets it go."""
    commits, is_held, let_go = list[object](), threading.Event(), threading.Event()

    def hold(connection: object) -> None:
        commits.append(connection)
        if len(commits) == number:
            is_held.set()
            assert let_go.wait(HANGING_SECONDS)

    event.listen(store.sync_engines[0], "commit", hold)
    return is_held, let_go


def failing_commits(store: SqlStore, code: int, *, numbers: Collection[int]) -> None:
    """Let the commits of these numbers, counted from 1, fail with a result code before the database gets them."""
    commits: list[object] = []

    def fail(connection: object) -> None:
        commits.append(connection)
        if len(commits) in numbers:
            error = sqlite3.OperationalError("as told")
            error.sqlite_errorcode = code
            raise OperationalError("COMMIT", None, error)

    event.listen(store.sync_engines[0], "commit", fail)


async def queue(store: SqlStore, *writes: Write) -> list["asyncio.Task[Any]"]:
    """Call writes, in their order, until each waits for its turn."""
    tasks = []
    for write in writes:
        tasks.append(asyncio.create_task(store.write(write)))
        await asyncio.sleep(0)
    return tasks


async def waiting(store: SqlStore, *writes: Write) -> list["asyncio.Task[Any]"]:
    """Return the calls of writes that have waited together for another one, whose transaction has ended."""
    async with while_locked(store, creating("holder")):
        return await queue(store, *writes)


async def together(store: SqlStore, *writes: Write) -> list[Any]:
    """Return the answers and errors of writes that have waited together."""
    return await asyncio.gather(*await waiting(store, *writes), return_exceptions=True)
