"""A store that the demo has filled, and a server on it; on SQLite, which is all that the demo fills."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from server.demo_command import fill_new_store
from tests.lineage.served import Served, served_on

END = 1_764_500_000_000_000
"""When the history of the tests' store ends, in microseconds UTC."""


@pytest_asyncio.fixture(scope="session")
async def demo_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A filled store."""
    url = f"sqlite:///{demo_file(tmp_path_factory.mktemp('demo'))}"
    await asyncio.to_thread(fill_new_store, url, now=END)
    return url


@pytest_asyncio.fixture(scope="session")
async def demo(demo_url: str) -> AsyncIterator[Served]:
    """A server on it."""
    async with served_on(demo_url) as served:
        yield served


def demo_file(folder: Path) -> Path:
    """Return where a store lies in a folder."""
    return folder / "demo.sqlite"
