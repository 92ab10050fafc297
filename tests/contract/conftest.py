"""The store under test: SqlStore on a migrated database of each kind."""

from collections.abc import AsyncIterator

import pytest

from storage.sql.store import SqlStore

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


@pytest.fixture
def patient_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A COMMIT waits for as long as it is held; on MySQL and MariaDB it is given up otherwise, and its transaction run again."""
    monkeypatch.setattr("storage.sql.dialects.mysql.TABLE_SECONDS", COMMIT_SECONDS)
