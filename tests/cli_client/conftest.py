"""Servers for the command: one on the demo's store, which is only read, and an empty one to write to; both on SQLite."""

import time
from collections.abc import Iterator

import pytest
from lineal import Client

from migrations.upgrade import upgrade
from server.demo_command import fill_new_store
from tests.cli_client.program import ZONE, Lineal
from tests.demo.conftest import END, demo_file
from tests.faults.cluster import Server, serving


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the store of the demo, whose history always ends at the same moment."""
    url = f"sqlite:///{demo_file(tmp_path_factory.mktemp('demo'))}"
    fill_new_store(url, now=END)
    with serving(url, "--ui-url", "https://lineal.example/ui") as server:
        yield server


@pytest.fixture
def lineal(demo_server: Server, zone: None) -> Lineal:
    """The command, with the server of the demo."""
    return Lineal(demo_server.grpc)


@pytest.fixture(scope="session")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store of the tests' own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('empty') / 'store.sqlite'}"
    upgrade(url)
    with serving(url) as server:
        yield server


@pytest.fixture
def writer(empty_server: Server, zone: None) -> Lineal:
    """The command, with that server."""
    return Lineal(empty_server.grpc)


@pytest.fixture
def client(empty_server: Server) -> Iterator[Client]:
    """A client of that server."""
    with Client(empty_server.grpc) as client:
        yield client


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of one zone, wherever the tests run."""
    monkeypatch.setenv("TZ", ZONE)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
