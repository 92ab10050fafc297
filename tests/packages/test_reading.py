"""Packages are read in threads, few at once; whoever waits for a turn can give up."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from server.packages.reading import READINGS_MAX, read_apart

PATIENCE_SECONDS = 60.0
SMALL = 1


class Package:
    """A package whose reading begins when a thread takes it, and ends when the test says so."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def read(self) -> str:
        """Return the text, once the test lets it."""
        self.begun.set()
        assert self.end.wait(PATIENCE_SECONDS)
        return "text"


@pytest.fixture
def packages() -> Iterator[list[Package]]:
    """As many packages as are read at once, and one more; all of them end with the test."""
    several = [Package() for _ in range(READINGS_MAX + 1)]
    yield several
    for package in several:
        package.end.set()


async def until_begun(packages: list[Package]) -> None:
    """Wait until the packages are being read."""
    for package in packages:
        assert await asyncio.to_thread(package.begun.wait, PATIENCE_SECONDS)


async def test_one_more_than_are_read_at_once_waits_until_another_is_done(packages: list[Package]) -> None:
    readings = [asyncio.create_task(read_apart(SMALL, package.read)) for package in packages]
    await until_begun(packages[:-1])
    assert not packages[-1].begun.wait(0.1)
    packages[0].end.set()
    await until_begun(packages)
    for package in packages:
        package.end.set()
    assert await asyncio.gather(*readings) == ["text"] * len(packages)


async def test_a_deadline_ends_the_waiting_and_what_waited_is_never_read(packages: list[Package]) -> None:
    *others, late = packages
    readings = [asyncio.create_task(read_apart(SMALL, package.read)) for package in others]
    await until_begun(others)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await read_apart(SMALL, late.read)
    for package in others:
        package.end.set()
    await asyncio.gather(*readings)
    assert not late.begun.wait(0.1)


async def test_a_reading_whose_caller_went_away_still_counts(packages: list[Package]) -> None:
    *others, late = packages
    readings = [asyncio.create_task(read_apart(SMALL, package.read)) for package in others]
    await until_begun(others)
    for reading in readings:
        reading.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
    waiting = asyncio.create_task(read_apart(SMALL, late.read))
    await asyncio.sleep(0)
    assert not late.begun.wait(0.1)
    for package in packages:
        package.end.set()
    assert await waiting == "text"
