"""A store of each kind, for worlds that are walked."""

from collections.abc import AsyncIterator

import pytest

from storage.sql.store import SqlStore


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store on a database of its own, closed after the test."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()
