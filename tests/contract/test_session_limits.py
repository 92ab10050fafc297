"""What the database ends by itself, so that nothing outlives the server or the caller that it was for."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text

from migrations.upgrade import upgrade_async
from storage.errors import Unavailable
from storage.sql.dialects.sessions import KEEPALIVE_IDLE_SECONDS, SessionLimits
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.databases import PrivateServer, create_database
from tests.databases.queries import execute
from tests.faults.waiting import until

pytestmark = pytest.mark.databases("postgresql", "mysql")

LIMITS = SessionLimits(statement_seconds=1.0, idle_seconds=2)
SLACK_SECONDS = 20.0
"""What is not ended within this is not ended by a limit."""

HOLD = "UPDATE runs SET namespace = 'held' WHERE id = '{}'"
CANCELLED_SECONDS = 1.0

READ = {
    "postgresql": "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')",
    "mysql": "SELECT @@max_statement_time, @@idle_transaction_timeout",
}
UNLIMITED = {"postgresql": ("0", "0"), "mysql": (0, 0)}
LIMITED = {"postgresql": ("1s", "2s"), "mysql": (1, 2)}

SLOW = {"postgresql": "SELECT pg_sleep(60)", "mysql": "SELECT SLEEP(60)"}
RUNNING = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active' "
    "AND datname = current_database()",
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND db = DATABASE()",
}
WAITS_IN_COMMIT = "SELECT id FROM information_schema.processlist WHERE info = 'COMMIT' AND db = DATABASE()"


@pytest.fixture
async def limited(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store like the server's, whose sessions have limits."""
    store = SqlStore(migrated_url, limits=LIMITS)
    yield store
    await store.close()


async def settings_of(store: SqlStore, kind: str) -> list[tuple[Any, ...]]:
    """The limits of a writing session and of a reading one."""
    rows = []
    for engine in store.engines:
        async with engine.connect() as connection:
            rows.append(tuple((await connection.execute(text(READ[kind]))).one()))
    return rows


async def test_only_sessions_of_a_store_with_limits_have_limits(
    store: SqlStore, limited: SqlStore, database_kind: str
) -> None:
    assert await settings_of(store, database_kind) == [UNLIMITED[database_kind]] * 2
    assert await settings_of(limited, database_kind) == [LIMITED[database_kind]] * 2


async def test_a_statement_ends_with_its_time_limit(store: SqlStore, limited: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    async with store.engines[0].connect() as holder:
        await holder.execute(text(HOLD.format(run.id)))
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            await limited.write(lambda tx: tx.runs.delete(run.id))
        assert LIMITS.statement_seconds / 2 < time.monotonic() - begun < SLACK_SECONDS
        await holder.rollback()


async def test_a_transaction_whose_writer_says_nothing_holds_no_rows_for_long(
    store: SqlStore, limited: SqlStore
) -> None:
    run = a_run()
    await keep(store, run)
    async with limited.engines[0].connect() as silent:
        await silent.execute(text(HOLD.format(run.id)))
        async with asyncio.timeout(SLACK_SECONDS):
            await store.write(lambda tx: tx.runs.set_storage_state(run.id, "ARCHIVED", updated_at=1))
        await silent.invalidate()
    assert (await store.read(lambda tx: tx.runs.get(run.id, with_spec=False))).namespace == run.namespace
    await keep(limited, a_run())


async def test_both_ends_of_a_session_notice_that_the_other_is_gone(store: SqlStore, database_kind: str) -> None:
    for engine in store.engines:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            transport = driver._transport if hasattr(driver, "_transport") else driver._writer.transport
            endpoint = transport.get_extra_info("socket")
            assert endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEPALIVE_IDLE_SECONDS
            if database_kind == "postgresql":
                idle = (await connection.execute(text("SHOW tcp_keepalives_idle"))).scalar_one()
                assert idle == str(KEEPALIVE_IDLE_SECONDS)


@pytest.mark.parametrize("leaves", [True, False], ids=["caller leaves", "deadline passes"])
async def test_a_statement_ends_with_its_caller(
    store: SqlStore, migrated_url: str, database_kind: str, leaves: bool
) -> None:
    async def wait(tx: Any) -> None:
        await tx.runs._connection.execute(text(SLOW[database_kind]))

    def running() -> bool:
        return execute(migrated_url, RUNNING[database_kind]) != [(0,)]

    async def call() -> None:
        async with asyncio.timeout(None if leaves else 2 * CANCELLED_SECONDS):
            await store.write(wait)

    calling = asyncio.create_task(call())
    await until(running)
    if leaves:
        calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    ended = time.monotonic()
    await until(lambda: not running())
    assert time.monotonic() - ended < CANCELLED_SECONDS
    await keep(store, a_run())


@pytest.mark.databases("mysql")
async def test_a_commit_comes_to_its_end_though_its_caller_has_left(
    database_kind: str, start_private_server: Callable[..., PrivateServer], patient_commits: None
) -> None:
    server = start_private_server(database_kind)
    url = create_database(database_kind, server=server.url)
    await upgrade_async(url)
    store, other, run = SqlStore(url), SqlStore(url), a_run()
    await keep(store, a_run())
    async with other.engines[0].connect() as connection:

        async def write(tx: Any) -> None:
            await tx.runs.create(run)
            # Writes go on under it, and commits wait.
            for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"):
                await connection.execute(text(f"BACKUP STAGE {stage}"))

        writing = asyncio.create_task(store.write(write))
        await until(lambda: bool(execute(url, WAITS_IN_COMMIT)))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await store.close()
        await connection.execute(text("BACKUP STAGE END"))
    async with asyncio.timeout(SLACK_SECONDS):
        await until(lambda: not execute(url, WAITS_IN_COMMIT))
    assert (await other.read(lambda tx: tx.runs.head(run.id))).id == run.id
    await other.close()


def test_a_time_limit_is_one_that_databases_take() -> None:
    limits = SessionLimits(statement_seconds=1e12)
    assert limits.statement_milliseconds < 2**31
    assert SessionLimits(statement_seconds=0.0001).statement_milliseconds == 1
