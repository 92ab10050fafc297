"""Servers for tests of the REST door. They run on SQLite alone: nothing here depends on the kind of database."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.rest.http_servers import Start, starting

Serve = Callable[..., Awaitable[str]]
"""Starts a server with settings of the test's own and returns the address of its REST door: serve(http_body_seconds=1.0)."""


@pytest.fixture(scope="session")
def rest_store() -> Iterator[str]:
    """A store that the tests share."""
    url = create_migrated_database("sqlite")
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def rest(rest_store: str) -> AsyncIterator[str]:
    """The address of a server with default settings."""
    async with serving(rest_store) as addresses:
        yield addresses.rest


@pytest_asyncio.fixture
async def serve(rest_store: str) -> AsyncIterator[Serve]:
    """Start servers with settings of the test's own."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings: Any) -> str:
            return (await stack.enter_async_context(serving(rest_store, **settings))).rest

        yield start


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Start HTTP servers with a handler: start(handler, limits)."""
    async with starting() as begin:
        yield begin
