"""The store under test: SqlStore on a migrated database of each kind."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from migrations.upgrade import upgrade_async
from storage.sql.store import SqlStore
from tests.contract.plans import counted_store
from tests.databases import PrivateServer, create_database, create_migrated_database, drop_database

COMMIT_SECONDS = 60


@pytest.fixture(autouse=True)
def on_every_driver(every_driver: None) -> None:
    """Run all tests of this folder on every driver."""


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store on a database of its own, closed after the test."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


@pytest.fixture(scope="module")
def busy_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str]:
    """A database for all tests of a file, which only read; its `upgrade_and_fill` migrates the database and writes rows."""
    url = create_migrated_database(database_kind, upgrade=request.module.upgrade_and_fill)
    yield url
    drop_database(url)


@pytest.fixture(scope="module")
async def busy_store(busy_url: str) -> AsyncIterator[SqlStore]:
    """A store of many rows that the database has counted."""
    async with counted_store(busy_url) as store:
        yield store


@pytest.fixture
def patient_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A COMMIT waits for as long as it is held; on MySQL and MariaDB it is given up otherwise, and its transaction run again."""
    monkeypatch.setattr("storage.sql.dialects.mysql_session.TABLE_SECONDS", COMMIT_SECONDS)


@pytest.fixture
async def own_url(
    database_kind: str, migrated_url: str, start_private_server: Callable[..., PrivateServer]
) -> AsyncIterator[str]:
    """A database of the test's own; on a server of its own where commits are held for the whole server."""
    if database_kind != "mysql":
        yield migrated_url
        return
    url = create_database(database_kind, server=start_private_server(database_kind).url)
    await upgrade_async(url)
    yield url
