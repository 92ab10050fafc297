"""The store under test: SqlStore on a migrated database of each kind."""

from collections.abc import AsyncIterator

import pytest

from storage.sql.store import SqlStore


@pytest.fixture(autouse=True)
def on_every_driver(every_driver: None) -> None:
    """Run all tests of this folder on every driver."""


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store on a database of its own, closed after the test."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()
