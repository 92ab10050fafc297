"""A store of each kind, for worlds that are walked."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.app import Addresses
from storage.sql.store import SqlStore
from tests.api.client import Api
from tests.api.conftest import helped
from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.lineage.served import Served, served_on

__all__ = ["helped"]


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store on a database of its own, closed after the test."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


@pytest_asyncio.fixture(scope="session")
async def lineage_server(database_kind: str) -> AsyncIterator[Addresses]:
    """A server on an empty store, for requests that find nothing."""
    url = create_migrated_database(database_kind)
    async with serving(url) as addresses:
        yield addresses
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def api(lineage_server: Addresses) -> AsyncIterator[Api]:
    """A client of that server."""
    client = Api(lineage_server.grpc)
    yield client
    await client.channel.close()


@pytest.fixture
def rest(lineage_server: Addresses) -> str:
    """The address of its REST door."""
    return lineage_server.rest


@pytest.fixture
async def served(migrated_url: str) -> AsyncIterator[Served]:
    """A server on a database of its own."""
    async with served_on(migrated_url) as running:
        yield running
