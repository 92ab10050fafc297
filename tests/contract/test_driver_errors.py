"""What real errors of each driver mean to the store: every Failure is provoked, none is made up."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.upgrade import upgrade_async
from storage.errors import Unavailable, ValueRefused
from storage.sql import tables
from storage.sql.dialects.dialect import Failure
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, a_task, an_artifact, keep
from tests.databases import PrivateServer, create_database, sqlite_path
from tests.migrations.refusing import new_user

servers_only = pytest.mark.databases("postgresql", "mysql")

Act = Callable[[AsyncConnection], Awaitable[Any]]


async def failure_of(store: SqlStore, act: Act, *, writer: bool = True) -> Failure:
    """What the store takes the error of an act for."""
    with pytest.raises(DBAPIError) as caught:
        async with store.engines[0 if writer else 1].connect() as connection:
            await act(connection)
    return store.dialect.failure(caught.value)


def sql(*statements: str) -> Act:
    """An act that sends statements one after the other."""

    async def act(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    return act


def add_run(**changes: Any) -> Act:
    row = {**values_of(a_run(**changes), leaving_out=("pipeline_spec",)), "pipeline_spec_id": None}
    return lambda connection: connection.execute(insert(tables.runs), row)


@asynccontextmanager
async def held_run(store: SqlStore) -> AsyncIterator[AsyncConnection]:
    """Within the block, a transaction holds the run named held."""
    await keep(store, a_run(id="held"))
    async with store.engines[0].connect() as connection:
        await connection.execute(text("UPDATE runs SET namespace = 'x' WHERE id = 'held'"))
        yield connection
        await connection.rollback()


@pytest.mark.parametrize("engine", [0, 1], ids=["writer", "reader"])
async def test_what_an_error_says_holds_no_values(store: SqlStore, engine: int) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with store.engines[engine].connect() as connection:
            await connection.execute(text("SELECT :value FROM no_such_table"), {"value": "a-secret"})
    assert "no_such_table" in str(caught.value)
    assert "a-secret" not in str(caught.value)


UPDATE_HELD = "UPDATE runs SET namespace = 'y' WHERE id = 'held'"


async def test_a_taken_key_is_a_duplicate(store: SqlStore) -> None:
    await keep(store, a_run(id="taken"))
    assert await failure_of(store, add_run(id="taken")) is Failure.DUPLICATE
    await keep(store, an_artifact(id="one", identity_key="identity"))
    twin = values_of(an_artifact(identity_key="identity"))
    act: Act = lambda connection: connection.execute(insert(tables.artifacts), twin)  # noqa: E731
    assert await failure_of(store, act) is Failure.DUPLICATE


async def test_a_row_that_refers_to_nothing_misses_its_parent(store: SqlStore) -> None:
    row = values_of(a_task("nowhere"))
    act: Act = lambda connection: connection.execute(insert(tables.tasks), row)  # noqa: E731
    assert await failure_of(store, act) is Failure.MISSING_PARENT


@servers_only
async def test_a_deadlock_is_to_be_tried_again(store: SqlStore) -> None:
    await keep(store, a_run(id="one"), a_run(id="two"))
    both = asyncio.Barrier(2)

    async def lock(*ids: str) -> None:
        async with store.engines[0].begin() as connection:
            for id in ids:
                await connection.execute(text(f"UPDATE runs SET namespace = 'x' WHERE id = '{id}'"))
                if id == ids[0]:
                    await both.wait()

    results = await asyncio.gather(lock("one", "two"), lock("two", "one"), return_exceptions=True)
    [error] = [result for result in results if result is not None]
    assert isinstance(error, DBAPIError)
    assert store.dialect.failure(error) is Failure.RETRY


@servers_only
async def test_a_lock_that_does_not_come_free_is_to_be_tried_again(store: SqlStore, database_kind: str) -> None:
    limit = {
        "postgresql": "SET LOCAL lock_timeout = '50ms'",
        "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    }[database_kind]
    async with held_run(store):
        assert await failure_of(store, sql(limit, UPDATE_HELD)) is Failure.RETRY
        assert await failure_of(store, sql("SELECT id FROM runs FOR UPDATE NOWAIT")) is Failure.RETRY


@pytest.mark.databases("sqlite")
async def test_a_file_that_another_process_writes_is_to_be_tried_again(store: SqlStore, migrated_url: str) -> None:
    other = sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with store.engines[0].connect() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute("PRAGMA busy_timeout = 10")  # type: ignore[union-attr]
    assert await failure_of(store, sql("SELECT 1")) is Failure.RETRY
    other.close()


@servers_only
async def test_a_snapshot_that_was_overtaken_is_to_be_tried_again(store: SqlStore, database_kind: str) -> None:
    await keep(store, a_run(id="held"))
    level = {
        "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
        "mysql": "SET SESSION innodb_snapshot_isolation = 1",
    }[database_kind]

    async def overtaken(connection: AsyncConnection) -> None:
        await sql(level, "SELECT id FROM runs")(connection)
        async with store.engines[0].begin() as other:
            await other.execute(text("UPDATE runs SET namespace = 'x'"))
        await connection.execute(text(UPDATE_HELD))

    assert await failure_of(store, overtaken, writer=False) is Failure.RETRY


@servers_only
async def test_a_text_longer_than_its_column_is_too_large(store: SqlStore) -> None:
    assert await failure_of(store, add_run(namespace="x" * 64)) is Failure.TOO_LARGE


@pytest.mark.databases("mysql")
async def test_a_number_beyond_its_column_is_too_large(store: SqlStore) -> None:
    assert await failure_of(store, add_run(created_at=2**63)) is Failure.TOO_LARGE


@pytest.mark.databases("sqlite")
async def test_a_text_longer_than_the_file_takes_is_too_large(store: SqlStore) -> None:
    async def limited(connection: AsyncConnection) -> None:
        raw: Any = await connection.get_raw_connection()
        raw.driver_connection._conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
        await add_run(runtime_config="x" * 200_000)(connection)

    assert await failure_of(store, limited) is Failure.TOO_LARGE


@pytest.mark.databases("postgresql", "sqlite")
async def test_more_values_than_a_statement_takes_are_too_large(store: SqlStore, database_kind: str) -> None:
    async def many(connection: AsyncConnection) -> None:
        if database_kind == "sqlite":
            raw: Any = await connection.get_raw_connection()
            raw.driver_connection._conn.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
        await connection.execute(select(tables.runs.c.id).where(tables.runs.c.id.in_([str(n) for n in range(32_768)])))

    assert await failure_of(store, many) is Failure.TOO_LARGE


@pytest.mark.databases("mysql")
async def test_a_statement_larger_than_a_packet_is_refused(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    server = start_private_server(database_kind, settings={"max-allowed-packet": "1M"})
    store = SqlStore(create_database(database_kind, server=server.url))

    async with store.engines[0].begin() as connection:
        await connection.execute(text("CREATE TABLE large (value LONGTEXT CHARACTER SET utf8mb4)"))

    async def write(tx: Any, value: str) -> None:
        await tx.tasks._connection.execute(
            text("INSERT INTO large VALUES (:value)"), [{"value": value}, {"value": "x"}]
        )

    for fits in ("x" * 900_000, "'" * 480_000, "\n" * 480_000, "😀" * 240_000):
        await store.write(lambda tx, fits=fits: write(tx, fits))
    for large in ("x" * 1_100_000, "'" * 530_000, "\\" * 530_000, "😀" * 265_000, "x" * 40_000_000):
        with pytest.raises(ValueRefused):
            await store.write(lambda tx, large=large: write(tx, large))
    await store.close()


async def test_writing_in_a_read_only_transaction_is_refused_by_the_database(
    store: SqlStore, database_kind: str
) -> None:
    act = add_run()
    if database_kind == "mysql":
        act = sql("SET SESSION TRANSACTION READ ONLY", "COMMIT", "DELETE FROM runs")
    expected = Failure.UNAVAILABLE if database_kind == "sqlite" else Failure.READ_ONLY
    assert await failure_of(store, act, writer=False) is expected


@servers_only
async def test_a_right_that_is_missing_is_said_in_the_log_once_and_not_to_callers(
    migrated_url: str, database_kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with new_user(migrated_url, database_kind, may={"postgresql": "USAGE", "mysql": "SELECT"}[database_kind]) as url:
        store = SqlStore(url)
        assert await failure_of(store, sql("DELETE FROM runs")) is Failure.FORBIDDEN
        for _ in range(5):
            with pytest.raises(Unavailable, match=r"^the database does not let the server in, or not do this$"):
                await keep(store, a_run())
        label = store.dialect.label
        await store.close()
    [said] = [record for record in caplog.records if record.name == "storage.sql.troubles"]
    assert said.levelname == "WARNING"
    assert said.getMessage().startswith(f"the store {label} does not give this user a right that this needs: ")


@servers_only
async def test_a_killed_connection_is_a_disconnect(store: SqlStore, database_kind: str) -> None:
    ask, kill = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mysql": ("SELECT CONNECTION_ID()", "KILL CONNECTION {}"),
    }[database_kind]

    async def killed(connection: AsyncConnection) -> None:
        number = (await connection.execute(text(ask))).scalar_one()
        async with store.engines[1].connect() as other:
            await other.execute(text(kill.format(number)))
        await asyncio.sleep(0.1)
        await connection.execute(text("SELECT 1"))

    for _ in range(2):
        assert await failure_of(store, killed) is Failure.DISCONNECTED


@servers_only
async def test_a_connection_killed_while_it_waits_is_a_disconnect(store: SqlStore, database_kind: str) -> None:
    ask, kill, wait = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})", "SELECT pg_sleep(5)"),
        "mysql": ("SELECT CONNECTION_ID()", "KILL CONNECTION {}", "SELECT SLEEP(5)"),
    }[database_kind]

    async def killed(connection: AsyncConnection) -> None:
        number = (await connection.execute(text(ask))).scalar_one()
        waiting = asyncio.create_task(connection.execute(text(wait)))
        await asyncio.sleep(0.1)
        async with store.engines[1].connect() as other:
            await other.execute(text(kill.format(number)))
        await waiting

    assert await failure_of(store, killed) is Failure.DISCONNECTED


@servers_only
async def test_a_statement_ended_by_its_time_limit_is_refused_by_the_database(
    store: SqlStore, database_kind: str
) -> None:
    limited = {
        "postgresql": sql("SET LOCAL statement_timeout = 20", "SELECT pg_sleep(5)"),
        "mysql": sql("SET SESSION max_statement_time = 0.02", "SELECT * FROM runs WHERE id = 'held' FOR UPDATE"),
    }[database_kind]
    async with held_run(store):
        assert await failure_of(store, limited) is Failure.UNAVAILABLE


@pytest.mark.databases("sqlite")
async def test_a_full_file_is_refused_by_the_database(store: SqlStore) -> None:
    async with store.engines[0].connect() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    assert await failure_of(store, add_run(runtime_config="x" * 100_000)) is Failure.UNAVAILABLE


async def test_a_wrong_statement_is_a_defect(store: SqlStore) -> None:
    for statement in ("SELEC 1", "SELECT nothing FROM runs", "SELECT 1 FROM nowhere"):
        assert await failure_of(store, sql(statement)) is Failure.UNKNOWN


@pytest.mark.databases("mysql")
async def test_a_server_that_would_cut_what_is_too_long_refuses_it_all_the_same(
    start_private_server: Callable[..., PrivateServer], database_kind: str
) -> None:
    server = start_private_server(database_kind, settings={"sql-mode": ""})
    url = create_database(database_kind, server=server.url)
    await upgrade_async(url)
    store = SqlStore(url)
    with pytest.raises(ValueRefused):
        await keep(store, a_run(namespace="n" * 64))
    await store.close()
