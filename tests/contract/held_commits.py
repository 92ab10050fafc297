"""Databases in which a COMMIT waits. Called by the store's tests."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import event, text

from storage.sql.store import SqlStore
from tests.databases.queries import execute

HELD = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for backup lock' AND db = DATABASE()",
}

# What is deferred runs in COMMIT.
_FUNCTION = """CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$"""
_TRIGGER = """CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait()"""

_HOLD = {
    "postgresql": ("SELECT pg_advisory_lock(1)",),
    # Writes go on under it, and commits wait: for those of the whole server.
    "mysql": tuple(f"BACKUP STAGE {stage}" for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT")),
}
_LET_GO = {"postgresql": "SELECT pg_advisory_unlock(1)", "mysql": "BACKUP STAGE END"}

HANGING_SECONDS = 60


@asynccontextmanager
async def commits_held(kind: str, url: str, store: SqlStore) -> AsyncIterator[Callable[[], bool]]:
    """Within the block, commits of new runs by the store wait; yields whether one does."""
    holding = _held_in_the_thread(store) if kind == "sqlite" else _held_by_the_server(kind, url)
    async with holding as is_held:
        yield is_held


@asynccontextmanager
async def _held_in_the_thread(store: SqlStore) -> AsyncIterator[Callable[[], bool]]:
    is_held, let_go = threading.Event(), threading.Event()
    engine = store.sync_engines[0]  # of the thread that writes

    def wait(_: object) -> None:
        is_held.set()
        let_go.wait(HANGING_SECONDS)

    event.listen(engine, "commit", wait)
    try:
        yield is_held.is_set
    finally:
        let_go.set()  # the listener stays: it may be running


@asynccontextmanager
async def _held_by_the_server(kind: str, url: str) -> AsyncIterator[Callable[[], bool]]:
    if kind == "postgresql":
        for statement in (_FUNCTION, _TRIGGER):
            await asyncio.to_thread(execute, url, statement)
    other = SqlStore(url)
    async with other.engines[0].connect() as connection:
        for statement in _HOLD[kind]:
            await connection.execute(text(statement))
        try:
            yield lambda: bool(execute(url, HELD[kind]))
        finally:
            await connection.execute(text(_LET_GO[kind]))
    await other.close()
