"""A server per kind of database, which the tests share, and one with an empty store."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.api.client import Api
from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.ui_pages.visitor import Visitor


@pytest.fixture(scope="session")
def pages_url(database_kind: str) -> Iterator[str]:
    """A store that the tests share."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def visitor(pages_url: str) -> AsyncIterator[Visitor]:
    """A visitor of a server whose store has whatever the tests have recorded."""
    async with serving(pages_url) as addresses:
        api = Api(addresses.grpc)
        yield Visitor(addresses.rest, api)
        await api.channel.close()


@pytest_asyncio.fixture
async def fresh(migrated_url: str) -> AsyncIterator[Visitor]:
    """A visitor of a server whose store is empty."""
    async with serving(migrated_url) as addresses:
        api = Api(addresses.grpc)
        yield Visitor(addresses.rest, api)
        await api.channel.close()
