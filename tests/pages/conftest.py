"""A server for the pages' tests, on SQLite alone where the kind of database does not matter."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from server.app import Addresses
from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.pages.browser import Browser, launched


@pytest.fixture(scope="session")
def pages_store() -> Iterator[str]:
    """A store that the tests share."""
    url = create_migrated_database("sqlite")
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def served(pages_store: str) -> AsyncIterator[Addresses]:
    """The addresses of a server with default settings."""
    async with serving(pages_store) as addresses:
        yield addresses


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that the tests share."""
    async with launched() as running:
        yield running


@pytest_asyncio.fixture
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """A browser whose tabs know nothing of other tests, and are closed afterwards."""
    yield chromium
    await chromium.close_pages()
