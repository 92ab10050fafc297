"""The servers that scenarios are replayed against."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.api.service import serving
from tests.conformance.scenarios import replay, write_descriptors
from tests.databases import create_migrated_database, drop_database


@pytest.fixture(scope="session")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the descriptors of the served methods."""
    return write_descriptors(tmp_path_factory.mktemp("conformance") / "descriptors.bin")


@pytest.fixture(scope="session")
def shared_url(database_kind: str) -> Iterator[str]:
    """A store that all scenarios share, as they keep apart by themselves."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def shared_server(shared_url: str, descriptors: Path) -> AsyncIterator[Any]:
    """A client of a server on the shared store."""
    async with serving(shared_url) as addresses:
        yield replay.Client(addresses.grpc, addresses.rest, descriptors)


@pytest_asyncio.fixture
async def empty_server(migrated_url: str, descriptors: Path) -> AsyncIterator[Any]:
    """A client of a server whose store is empty."""
    async with serving(migrated_url) as addresses:
        yield replay.Client(addresses.grpc, addresses.rest, descriptors)


@pytest_asyncio.fixture
async def unguarded_server(migrated_url: str, descriptors: Path) -> AsyncIterator[Any]:
    """A client of a server that fetches package URLs unchecked."""
    async with serving(migrated_url, package_url_validation=False) as addresses:
        yield replay.Client(addresses.grpc, addresses.rest, descriptors)
