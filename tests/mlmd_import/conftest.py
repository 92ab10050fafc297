"""Further stores of a test."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import create_database, create_migrated_database, drop_database


@pytest.fixture
def make_migrated(database_kind: str) -> Iterator[Callable[[], str]]:
    """Makes further stores of the kind of the test's; they are dropped after it."""
    urls: list[str] = []

    def make() -> str:
        urls.append(create_migrated_database(database_kind))
        return urls[-1]

    yield make
    for url in urls:
        drop_database(url)


@pytest.fixture
def make_source_database(database_kind: str) -> Iterator[Callable[[], str]]:
    """Makes databases for sources, of the kind of the test's; they are dropped after it."""
    urls: list[str] = []

    def make() -> str:
        urls.append(create_database(database_kind))
        return urls[-1]

    yield make
    for url in urls:
        drop_database(url)
