"""Fixtures of the fault tests: servers that end with the test, its random numbers, and a place for its figures."""

import os
import random
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.faults.cluster import Server

SEED_VARIABLE = "LINEAL_SEED"

StartServer = Callable[..., Server]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Starts servers that are closed after the test: start_server(url, "--workers", "3")."""
    servers: list[Server] = []

    def start(store: str, *arguments: str, **options: dict[str, str]) -> Server:
        server = Server(store, *arguments, **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What the test's random numbers begin with: another one in each run, unless LINEAL_SEED names it."""
    chosen = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(1_000_000))
    # Shown when the test fails.
    print(f"repeat with {SEED_VARIABLE}={chosen} python -m pytest '{request.node.nodeid}'")  # noqa: T201
    return chosen


@pytest.fixture
def report(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> Callable[[str], None]:
    """Shows a figure on the terminal, also when the test passes, and keeps it in the report file."""

    def show(figure: str) -> None:
        record_property("figure", figure)
        with capfd.disabled():
            print(f"\n{request.node.name}: {figure}", file=sys.stderr, flush=True)  # noqa: T201

    return show
