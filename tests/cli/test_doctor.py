"""`doctor` finds what would fail a server later: a database that takes no writes, missing rights, sessions without limits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from storage.sql.dialects.sessions import SessionLimits
from storage.sql.store import SqlStore
from storage.sql.tables import metadata
from tests.cli.program import lineal
from tests.databases import PrivateServer, create_database
from tests.databases.engine import database_in
from tests.databases.queries import execute
from tests.migrations.refusing import new_user

servers_only = pytest.mark.databases("postgresql", "mysql")

SAFE = {
    "postgresql": {},
    "mysql": {"max-allowed-packet": "64M", "tcp-keepalive-time": "30"},
}
"""Settings of a server of which nothing is to be said."""


def examined(store: str, expected_status: int) -> list[str]:
    """The lines of `doctor` after those that say that settings, store and schema are right."""
    done = lineal("doctor", "--store", store)
    assert done.exit_code == expected_status, done.output
    assert done.stderr == ""
    settings, answers, schema, *others = done.stdout.splitlines()
    assert (settings, answers.partition(" ")[0], schema.partition(" ")[0]) == ("settings: valid", "store:", "schema:")
    return others


def migrated(kind: str, server: PrivateServer) -> str:
    store = create_database(kind, server=server.url)
    assert lineal("upgrade", "--store", store).exit_code == 0
    return store


@servers_only
def test_a_database_that_takes_no_writes_is_found(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    store = migrated(database_kind, start_private_server(database_kind, settings=SAFE[database_kind]))
    statement = {
        "postgresql": f"ALTER DATABASE {database_in(store)} SET default_transaction_read_only = on",
        "mysql": "SET GLOBAL read_only = 1",
    }[database_kind]
    execute(store, statement)
    assert examined(store, 1) == ["database: it takes no writes: it is a replica, or was made read-only"]


@servers_only
@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (("SELECT",), ("INSERT", "UPDATE", "DELETE")),
        (("SELECT", "INSERT", "DELETE"), ("UPDATE",)),
        (("SELECT", "INSERT", "UPDATE", "DELETE"), ()),
    ],
)
def test_rights_that_are_missing_are_found(
    database_kind: str,
    start_private_server: Callable[..., PrivateServer],
    granted: tuple[str, ...],
    missing: tuple[str, ...],
) -> None:
    store = migrated(database_kind, start_private_server(database_kind, settings=SAFE[database_kind]))
    rights = ", ".join(granted)
    may = {"postgresql": "USAGE", "mysql": rights}[database_kind]
    with new_user(store, database_kind, may=may) as url:
        if database_kind == "postgresql":
            name = url.partition("://")[2].partition(":")[0]
            execute(store, f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {name}")
        others = examined(url, 1 if missing else 0)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    expected = [f"database: its user may not {right} on {tables}" for right in missing]
    assert others == (expected or ["database: its settings are safe"])


@pytest.mark.databases("postgresql")
def test_a_table_without_any_right_is_named_once(
    start_private_server: Callable[..., PrivateServer],
) -> None:
    store = migrated("postgresql", start_private_server("postgresql"))
    with new_user(store, "postgresql", may="USAGE") as url:
        name = url.partition("://")[2].partition(":")[0]
        execute(store, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
        execute(store, f"REVOKE ALL ON runs FROM {name}")
        assert examined(url, 1) == ["database: its user may not SELECT on runs"]


def test_what_is_tried_changes_nothing(migrated_url: str, database_kind: str) -> None:
    async def problems() -> list[str]:
        store = SqlStore(migrated_url, limits=SessionLimits(statement_seconds=60))
        try:
            before = await store.page_token_key()
            found = await store.problems()
            assert await store.page_token_key() == before
            return found
        finally:
            await store.close()

    assert not any("may not" in problem or "takes no" in problem for problem in asyncio.run(problems()))


LOOSENED: dict[str, dict[str, str]] = {
    "postgresql": {
        "idle_in_transaction_session_timeout": "0",
        "statement_timeout": "0",
        "tcp_keepalives_idle": "7200",
    },
    "mysql": {"idle_transaction_timeout": "0", "max_statement_time": "0"},
}


@servers_only
async def test_sessions_without_the_limits_that_they_were_given_are_found(
    migrated_url: str, database_kind: str
) -> None:
    store = SqlStore(migrated_url, limits=SessionLimits(statement_seconds=60))
    names = LOOSENED[database_kind]
    assert not any("own sessions" in problem for problem in await store.problems())
    await store.close()
    store = SqlStore(migrated_url, limits=SessionLimits(statement_seconds=60))

    @event.listens_for(store.engines[0].sync_engine, "connect")
    def loosen(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for name, value in names.items():
            cursor.execute(f"SET SESSION {name} = {value}")
        cursor.close()

    problems = [problem for problem in await store.problems() if "own sessions" in problem]
    await store.close()
    assert sorted(problem.partition(" ")[0] for problem in problems) == sorted(names)


@pytest.mark.databases("mysql")
@pytest.mark.parametrize(
    ("settings", "is_advised"),
    [
        ({}, True),
        ({"tcp-keepalive-time": "7200"}, True),
        ({"tcp-keepalive-time": "30"}, False),
        ({"wait-timeout": "60"}, False),
    ],
)
def test_what_only_the_operator_can_set_is_advised(
    start_private_server: Callable[..., PrivateServer], settings: dict[str, str], is_advised: bool
) -> None:
    store = migrated("mysql", start_private_server("mysql", settings={"max-allowed-packet": "64M", **settings}))
    safe, *advice = examined(store, 0)
    assert safe == "database: its settings are safe"
    assert len(advice) == is_advised
    for sentence in advice:
        assert sentence.startswith("advice: it keeps the sessions of clients that went away without a word ")
        assert "set tcp_keepalive_time to 30, tcp_keepalive_interval to 10 and tcp_keepalive_probes to 3" in sentence
