"""The pytest side of the harness: the databases' fixtures, and the session around the run. Loaded by tests/conftest.py.

    def test_something(database_url): ...                  an empty database, once per kind
    def test_something(migrated_url): ...                  one at the newest schema, once per kind
    @pytest.mark.databases("postgresql", "mysql")          … of these kinds only
    def test_something(start_private_server): ...          a server of one's own: start_private_server("postgresql")

DB=sqlite (a comma list) restricts a run: tests of other kinds are deselected. Otherwise a missing database is an error.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.databases.fresh import create_database, create_migrated_database, drop_database
from tests.databases.kinds import KINDS, UnknownKind, chosen_kinds
from tests.databases.private import PrivateServer
from tests.databases.session import OpenSession, current_session, open_session

KIND_FIXTURE = "database_kind"

_session = pytest.StashKey[OpenSession | None]()


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database this run of the test is for: each of the chosen ones in turn."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str) -> Iterator[str]:
    """The plain URL of a new, empty database, dropped after the test."""
    url = create_database(database_kind)
    yield url
    drop_database(url)


@pytest.fixture
def migrated_url(database_kind: str) -> Iterator[str]:
    """The plain URL of a new database at the newest schema, dropped after the test."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest.fixture
def start_private_server() -> Iterator[Callable[..., PrivateServer]]:
    """Starts servers that the test may kill, freeze and restart: start_private_server(kind, settings={…}).

    They begin with a copy of data prepared once per session, and are closed after the test.
    """
    servers: list[PrivateServer] = []

    def start(kind: str, **options: Any) -> PrivateServer:
        server = PrivateServer(kind, prepared=current_session().prepared(kind), **options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


def pytest_configure(config: pytest.Config) -> None:
    """Open the session in the process that controls the run."""
    config.addinivalue_line("markers", "databases(*kinds): run for these kinds of database only")
    try:
        chosen_kinds()
    except UnknownKind as error:
        raise pytest.UsageError(str(error)) from error
    # The long rounds of a soak run may write more than memory holds.
    config.stash[_session] = open_session(in_memory=not config.getoption("--soak", default=False))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers, also after an interrupt."""
    session = config.stash.get(_session, None)
    if session:
        session.close()


def pytest_report_header() -> str:
    """Name the kinds this run is for."""
    return f"databases: {', '.join(chosen_kinds())}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a database once per kind."""
    if KIND_FIXTURE in metafunc.fixturenames:
        kinds = [kind for kind in chosen_kinds() if kind in _wanted(metafunc.definition)]
        metafunc.parametrize(KIND_FIXTURE, kinds, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of kinds that DB= leaves out; pytest would call an empty choice a skip."""
    left_out = [item for item in items if not set(_wanted(item)) & set(chosen_kinds())]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _wanted(node: pytest.Item) -> tuple[str, ...]:
    marker = node.get_closest_marker("databases")
    kinds = marker.args if marker else KINDS
    if unknown := set(kinds) - set(KINDS):
        raise pytest.UsageError(f"{node.nodeid}: no such databases: {', '.join(sorted(unknown))}")
    return kinds
