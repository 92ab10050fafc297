"""The demo's store, on a server in a process of its own: what notebooks and data frames are made of."""

from collections.abc import Iterator
from pathlib import Path

import lineal
import pytest
from lineal.v2beta1.run_pb2 import Run

from server.demo_command import fill_new_store
from tests.faults.cluster import Server, serving

END = 1_764_500_000_000_000
"""When the history of the store ends, in microseconds UTC."""


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a filled store; on SQLite, which is all that the demo fills."""
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('demo'), 'demo.sqlite')}"
    fill_new_store(url, now=END)
    with serving(url) as server:
        yield server


@pytest.fixture(scope="session")
def demo(demo_server: Server) -> Iterator[lineal.Client]:
    """A client of it."""
    with lineal.Client(demo_server.grpc) as client:
        yield client


@pytest.fixture(scope="session")
def runs(demo: lineal.Client) -> dict[str, Run]:
    """The runs of the store by name, the last one of each."""
    return {run.display_name: run for run in demo.list_runs()}
