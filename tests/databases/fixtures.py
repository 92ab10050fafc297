"""The pytest side of the harness: the databases' fixtures, and the session around the run. Loaded by tests/conftest.py.

    def test_something(database_url): ...                  an empty database, once per kind
    def test_something(migrated_url): ...                  one at the newest schema, once per kind
    @pytest.mark.databases("postgresql", "mysql")          … of these kinds only
    def test_something(start_private_server): ...          a server of one's own: start_private_server("postgresql")

    @pytest.mark.one_database                              on the first of the chosen kinds only, unless it names kinds

DB=sqlite (a comma list) restricts a run: tests of other kinds are deselected. Otherwise a missing database is an error.

Tests that use the fixture `every_driver` (those in tests/contract) run once more for MySQL, on the other driver.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.databases.fresh import create_database, create_migrated_database, drop_database
from tests.databases.kinds import KINDS, UnknownKind, chosen_kinds
from tests.databases.private import PrivateServer
from tests.databases.session import OpenSession, current_session, open_session

KIND_FIXTURE = "database_kind"
DRIVER_FIXTURE = "every_driver"
OTHER_DRIVER = "mysql-aiomysql"
"""In the place of a kind: MySQL, on the driver that is installed where the usual one cannot be."""

_session = pytest.StashKey[OpenSession | None]()


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database this run of the test is for: each of the chosen ones in turn."""
    parameter: str = request.param
    return "mysql" if parameter == OTHER_DRIVER else parameter


@pytest.fixture
def every_driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a test runs for the other driver, every store of MySQL that is opened uses it."""
    callspec = getattr(request.node, "callspec", None)
    if callspec is not None and callspec.params.get(KIND_FIXTURE) == OTHER_DRIVER:
        # Late, because the harness serves benchmarks and its own tests without the application.
        from storage.sql.dialects.mysql_aiomysql import DRIVER

        monkeypatch.setattr("storage.sql.dialects.mysql.installed_driver", lambda: DRIVER)


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
    config.addinivalue_line(
        "markers", "one_database: runs on the first of the chosen kinds; what it stands on is tested on every kind"
    )
    config.addinivalue_line(
        "markers", "one_driver: the driver makes no difference (tests of the contract run on both of MySQL's)"
    )
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
    """Run a test that asks for a database once per kind, and on each driver if it wants that."""
    if KIND_FIXTURE in metafunc.fixturenames:
        kinds = [kind for kind in chosen_kinds() if kind in _wanted(metafunc.definition)]
        marked = metafunc.definition.get_closest_marker
        if marked("one_database") and not marked("databases"):
            kinds = kinds[:1]
        if "mysql" in kinds and DRIVER_FIXTURE in metafunc.fixturenames and not marked("one_driver"):
            kinds.append(OTHER_DRIVER)
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
