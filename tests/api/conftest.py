"""The servers that the tests call: one that they share, and ones with settings or a store of a test's own."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from migrations.upgrade import upgrade
from server.calls import apart, elsewhere
from server.calls.apart import Helpers
from server.late import Late
from storage.sql.dialects.mysql import MIN_PACKET_BYTES
from tests.api.builders import a_spec
from tests.api.client import Api
from tests.api.service import serving
from tests.api.statements import Statements, watched
from tests.api.writes import Site
from tests.databases import PrivateServer, create_database, create_migrated_database, drop_database
from tests.packages.origin import Origin

Serve = Callable[..., Awaitable[Api]]


@pytest.fixture(scope="session")
def shared_url(database_kind: str) -> Iterator[str]:
    """A store for tests that keep to runs of their own."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def api(shared_url: str) -> AsyncIterator[Api]:
    """A client of a server with default settings on the shared store."""
    async with serving(shared_url) as addresses:
        client = Api(addresses.grpc)
        yield client
        await client.channel.close()


@pytest_asyncio.fixture(scope="session")
async def rest(shared_url: str) -> AsyncIterator[str]:
    """The REST door of a server on the shared store."""
    async with serving(shared_url) as addresses:
        yield addresses.rest


@pytest_asyncio.fixture
async def serve(migrated_url: str) -> AsyncIterator[Serve]:
    """Start servers with settings of the test's own, on one store of its own: serve(bulk_items_max=3)."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings: Any) -> Api:
            addresses = await stack.enter_async_context(serving(migrated_url, **settings))
            client = Api(addresses.grpc)
            stack.push_async_callback(client.channel.close)
            return client

        yield start


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is called in helper processes, in order: functions, and the handlers of whole calls."""
    names: list[str] = []
    run = Helpers.run

    async def noting(self: Helpers, function: Any, *args: Any, **kwargs: Any) -> Any:
        called = function
        if function is elsewhere._answer:
            called = args[1].handler
        elif function is apart._serialized:
            called = args[0]
        if isinstance(called, Late):
            called = called.function()
        names.append(getattr(called, "__name__", type(called).__name__))
        return await run(self, function, *args, **kwargs)

    monkeypatch.setattr(Helpers, "run", noting)
    return names


@pytest.fixture
def statements(shared_url: str) -> Iterator[Statements]:
    """What the shared server sends to its database."""
    with watched(shared_url) as seen:
        yield seen


@pytest.fixture
def roomy_url(database_kind: str, migrated_url: str, start_private_server: Callable[..., PrivateServer]) -> str:
    """A store of the test's own, on a server that takes packets as large as `lineal-server doctor` asks for."""
    if database_kind != "mysql":
        return migrated_url
    server = start_private_server("mysql", settings={"max-allowed-packet": str(MIN_PACKET_BYTES)})
    url = create_database("mysql", server=server.url)
    upgrade(url)
    return url


@pytest_asyncio.fixture
async def roomy_api(roomy_url: str) -> AsyncIterator[Api]:
    """A client of a server on the roomy store."""
    async with serving(roomy_url) as addresses:
        client = Api(addresses.grpc)
        yield client
        await client.channel.close()


@pytest.fixture(scope="module")
def site_url(database_kind: str) -> Iterator[str]:
    """A store that the tests share, small enough to be compared as a whole."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(site_url: str) -> AsyncIterator[Site]:
    """Two servers on the store."""
    async with contextlib.AsyncExitStack() as stack:
        origin = await stack.enter_async_context(Origin().running())
        origin.answer("/p.json", json.dumps(a_spec()).encode())
        addresses = [await stack.enter_async_context(serving(site_url, package_url_validation=False)) for _ in range(2)]
        clients = [Api(each.grpc) for each in addresses]
        for client in clients:
            stack.push_async_callback(client.channel.close)
        yield Site(*clients, addresses[0].rest, site_url, f"http://127.0.0.1:{origin.port}/p.json")
