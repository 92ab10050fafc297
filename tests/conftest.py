"""What holds for the whole suite: its databases, what a skip means, and how long its rounds are."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator

import google.protobuf
import hypothesis
import pytest

from tests import frozen

pytest_plugins = ["tests.databases.fixtures"]

# Read when grpc is imported. Its handlers around fork() run in the child of every process that a test starts while calls
# are in flight, and crash it now and then before it becomes the program it should be.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

# Tests start hundreds of servers and commands, each of which would compile all modules anew: half of the time of a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

HAS_MLMD_WHEEL = (sys.platform, platform.machine(), sys.implementation.name, sys.version_info[:2]) == (
    "linux",
    "x86_64",
    "cpython",
    (3, 11),
)
"""Whether ml-metadata's last release installs here; elsewhere it cannot run."""

MLMD_WHEEL_TESTS = "tests/mlmd_wheel/test_mlmd_wheel.py::test_every_node_is_what_ml_metadata_answers"
LIVE_WRITER_TESTS = (
    "tests/mlmd_wheel/test_live_writer.py::test_a_store_that_is_written_meanwhile_becomes_like_a_fresh_import"
)
MLMD_RATE_TEST = "tests/benchmarks/test_benchmarks.py::test_a_task_is_27_calls_to_ml_metadata"
MOUNT_TESTS = "tests/faults/test_sqlite_file.py::test_a_file_that_is_served_is_refused_through_another_mount"
MOUNT = (
    "unshare",
    "--mount",
    *(() if os.geteuid() == 0 else ("--map-root-user",)),
    "sh",
    "-c",
    'mount --bind "$0" "$1"',
)
"""A command that mounts a folder or file a second time, in a namespace of its own; further arguments: what, and where."""


SHELLS = ("fish", "zsh")
COMPLETION_TESTS = "tests/cli_client/test_completion.py::test_{shell}_completes"


def _can_mount() -> bool:
    if shutil.which(MOUNT[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        return subprocess.run([*MOUNT, one, other], capture_output=True).returncode == 0


CAN_MOUNT = _can_mount()
"""Whether a folder can be mounted a second time: not in every container."""

ALLOWED_SKIPS = frozenset(
    (
        *(() if HAS_MLMD_WHEEL else (f"{MLMD_WHEEL_TESTS}[{kind}]" for kind in ("sqlite", "postgresql", "mysql"))),
        *(() if HAS_MLMD_WHEEL else (f"{LIVE_WRITER_TESTS}[{kind}]" for kind in ("sqlite", "mysql"))),
        *(() if HAS_MLMD_WHEEL else (MLMD_RATE_TEST,)),
        *(() if CAN_MOUNT else (f"{MOUNT_TESTS}[sqlite-{what}]" for what in ("the folder", "the file"))),
        *(COMPLETION_TESTS.format(shell=shell) for shell in SHELLS if shutil.which(shell) is None),
    )
)
"""Node ids of tests that may be skipped. Any other skip is a failure: what did not run has proved nothing."""

SOAK_VARIABLE = "LINEAL_SOAK"
SOAK_TIMEOUT_SECONDS = 7200

# The same examples in every run: a failure that comes and goes helps nobody in a pull request. The soak run searches.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "soak", hypothesis.settings.get_profile("suite"), derandomize=False, max_examples=2000, print_blob=True
)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """--soak: the long form of every test that has one. --write-snapshots: keep what commands print instead of comparing it."""
    parser.addoption("--soak", action="store_true", default=os.environ.get(SOAK_VARIABLE) == "1", help="long rounds")
    parser.addoption("--write-snapshots", action="store_true", help="write tests/cli_client/snapshots anew")


def pytest_configure(config: pytest.Config) -> None:
    """Register the suite's markers and choose how long property tests search."""
    config.addinivalue_line("markers", "slow: takes seconds, or waits for them (`make quick` leaves it out)")
    config.addinivalue_line(
        "markers", "messages: takes messages of every type (the tests with other versions of protobuf include it)"
    )
    config.addinivalue_line("markers", "soak: has a long form (set by itself; `make soak` selects it)")
    if config.getoption("--soak"):
        hypothesis.settings.load_profile("soak")


def pytest_report_header() -> str:
    """Name the library whose versions the suite is run with one by one."""
    return f"protobuf: {google.protobuf.__version__}"


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """How often to repeat: rounds(short, long) is `short`, and `long` in a soak run."""
    soak = request.config.getoption("--soak")
    return lambda short, long: long if soak else short


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that have a long form, and give them time for it."""
    for item in items:
        if "rounds" in getattr(item, "fixturenames", ()) or hasattr(getattr(item, "obj", None), "hypothesis"):
            item.add_marker("soak")
            if config.getoption("--soak"):
                item.add_marker(pytest.mark.timeout(SOAK_TIMEOUT_SECONDS))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the tests have in common."""
    frozen.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.nodeid not in ALLOWED_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"A skip is a failure here: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failure."""
    report = yield
    if report.skipped and collector.nodeid not in ALLOWED_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"A skip is a failure here: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
