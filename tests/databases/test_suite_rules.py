"""What holds for every run of the suite: no skip passes, no missing database passes, nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.databases import processes
from tests.databases.engine import database_in, with_database
from tests.databases.private import ENGINES, free_port
from tests.databases.programs import VARIABLES
from tests.databases.session import FOLDER_VARIABLE, NAME_PREFIX

ROOT = Path(__file__).parents[2]


def pytest_command(folder: Path, body: str, *options: str) -> list[str]:
    (folder / "test_inner.py").write_text(body)
    plugins = ["-p", "tests.conftest", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", "-c", "pyproject.toml", *plugins, *options, str(folder / "test_inner.py")]


def environment(**changes: str) -> dict[str, str]:
    # The inner run knows nothing of the outer one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "LINEAL_", "DB"))}
    return inherited | changes


def run_suite(folder: Path, body: str, *options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = pytest_command(folder, body, *options)
    return subprocess.run(command, check=False, cwd=ROOT, env=environment(**changes), capture_output=True, text=True)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "body",
    [
        "import pytest\ndef test_it(): pytest.skip('no time')",
        "import pytest\n@pytest.mark.skip(reason='no time')\ndef test_it(): pass",
        "import pytest\npytest.skip('no time', allow_module_level=True)",
        "import pytest\n@pytest.fixture\ndef thing(): pytest.skip('no time')\ndef test_it(thing): pass",
    ],
)
@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_skip_fails_the_run(tmp_path: Path, body: str, options: tuple[str, ...]) -> None:
    done = run_suite(tmp_path, body, *options)
    assert done.returncode == 1 or (done.returncode == 2 and "allow_module_level" in body)
    assert "A skip is a failure here: " in done.stdout
    assert "no time" in done.stdout
    assert "1 failed" in last_line(done) or "1 error" in last_line(done)


def test_the_choice_of_databases_deselects_the_others(tmp_path: Path) -> None:
    body = (
        "import pytest\n"
        "def test_each(database_url): assert database_url.startswith('sqlite:')\n"
        "@pytest.mark.databases('postgresql')\ndef test_one(database_url): raise AssertionError\n"
        "@pytest.mark.databases('mysql')\ndef test_other(): raise AssertionError\n"
    )
    done = run_suite(tmp_path, body, DB="sqlite")
    assert done.returncode == 0
    assert "1 passed, 2 deselected" in last_line(done)


def test_all_databases_take_part_unless_chosen(tmp_path: Path) -> None:
    done = run_suite(tmp_path, "def test_each(database_url): pass", "--collect-only", "-q")
    assert [line.partition("[")[2] for line in done.stdout.splitlines() if "::" in line] == [
        "sqlite]",
        "postgresql]",
        "mysql]",
    ]


def test_an_unknown_database_stops_the_run(tmp_path: Path) -> None:
    done = run_suite(tmp_path, "def test_each(database_url): pass", DB="oracle")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "DB names oracle" in done.stderr


def test_a_missing_database_fails_the_run(tmp_path: Path) -> None:
    urls = {
        "LINEAL_TEST_POSTGRESQL": f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/postgres",
        "LINEAL_TEST_MYSQL": f"mysql://nobody:nothing@127.0.0.1:{free_port()}/",
    }
    done = run_suite(tmp_path, "def test_each(database_url): pass", **urls)
    assert done.returncode != 0
    assert "1 passed, 2 errors" in done.stdout


@pytest.mark.databases("postgresql", "mysql")
def test_named_servers_are_used_and_left_clean(tmp_path: Path, database_kind: str, database_url: str) -> None:
    engine = ENGINES[database_kind]
    server_url = with_database(database_url, engine.home)
    body = (
        "from pathlib import Path; from tests.databases import create_database, create_migrated_database\n"
        "def upgrade(url): pass\n"
        "def test_leaves_three(database_kind):\n"
        "    create_migrated_database(database_kind, upgrade=upgrade)\n"
        f"    Path({str(tmp_path / 'url')!r}).write_text(create_database(database_kind))\n"
    )
    named = {VARIABLES[database_kind]: server_url}
    done = run_suite(tmp_path, body, DB=database_kind, **named)
    assert "1 passed" in last_line(done)
    inner_url = (tmp_path / "url").read_text()
    assert with_database(inner_url, engine.home) == server_url
    assert engine.names(server_url, database_in(inner_url).rpartition("_")[0]) == []
    assert database_in(database_url) in engine.names(server_url, NAME_PREFIX)


@pytest.mark.parametrize(("option", "expected"), [((), 3), (("--soak",), 50)])
def test_a_soak_run_has_longer_rounds(tmp_path: Path, option: tuple[str, ...], expected: int) -> None:
    body = f"def test_it(rounds): assert rounds(3, 50) == {expected}\ndef test_other(): raise AssertionError"
    done = run_suite(tmp_path, body, "-m", "soak", *option)
    assert "1 passed, 1 deselected" in last_line(done)


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_server(tmp_path: Path, database_kind: str, end: signal.Signals) -> None:
    body = (
        "import os, time; from pathlib import Path; from tests.databases.session import FOLDER_VARIABLE\n"
        "def test_slow(database_url):\n"
        f"    print('SESSION', os.environ['{FOLDER_VARIABLE}'], flush=True); time.sleep(600)\n"
    )
    # What a shell starts in the background ignores SIGINT, and so does what that starts.
    heeding = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", heeding, *pytest_command(tmp_path, body, "-s")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(DB=database_kind), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        session = Path(next(line.split()[-1] for line in run.stdout if "SESSION" in line))
        folder = Path((session / f"{database_kind}.folder").read_text())
        server = int((folder / processes.PROCESS_FILE).read_text().split()[0])
        assert processes.is_running(server)
        run.send_signal(end)
        run.communicate()
    deadline = time.monotonic() + 30
    while (folder.exists() or session.exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert not session.exists()
    assert not processes.is_running(server)
