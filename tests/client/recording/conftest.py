"""Recordings for the tests, each with a spool folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import lineal
import pytest
from lineal._recording import Options, Recording
from lineal.settings import load

from tests.client.recording.places import NOWHERE


class Record(Protocol):
    """Makes recordings."""

    def __call__(self, server: str = "", **options: Any) -> Recording:
        """Return a recording to the tests' server, or to another one; options are those of the recorder, and retries."""
        ...


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where spool files are."""
    return tmp_path / "spool"


@pytest.fixture
def record(address: str, spool: Path) -> Iterator[Record]:
    """Makes recordings to the server of the tests, and closes them."""
    made: list[Recording] = []

    def make(server: str = "", **options: Any) -> Recording:
        settings = load({"server": server or address, "retries": 0 if server == NOWHERE else 8})
        made.append(Recording(settings, Options(**{"spool_dir": str(spool), "flush_seconds": 0.05} | options)))
        return made[-1]

    yield make
    for recording in made:
        recording.close(0.0)


@pytest.fixture
def client(address: str) -> Iterator[lineal.Client]:
    """Another client of that server."""
    with lineal.Client(address) as client:
        yield client
