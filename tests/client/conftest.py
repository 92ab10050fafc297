"""The server that the tests of the client call, and clients of it."""

from collections.abc import Iterator

import lineal
import pytest

from tests.databases import create_migrated_database, drop_database
from tests.faults.cluster import Server, serving


@pytest.fixture(scope="session")
def server(database_kind: str) -> Iterator[Server]:
    """A server in a process of its own, so that a client that waits does not keep it from answering."""
    url = create_migrated_database(database_kind)
    with serving(url) as server:
        yield server
    drop_database(url)


@pytest.fixture(scope="session")
def address(server: Server) -> str:
    """Where that server is."""
    return server.grpc


@pytest.fixture
def client(address: str) -> Iterator[lineal.Client]:
    """A client of that server."""
    with lineal.Client(address) as client:
        yield client
