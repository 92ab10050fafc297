"""The wheel on every CPython of this machine: whatever the user has in his folder and on his path, the program is ours."""

import subprocess
from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Value

from server import __version__
from tests.api.client import Api, refusal
from tests.databases.private import free_port
from tests.databases.session import current_session
from tests.faults.cluster import Server, clean_environment
from tests.wheel.environments import built_wheel, install
from tests.wheel.interpreters import interpreters

NAMES = ("migrations", "server", "storage")
LARGE = "x" * 500_000  # such a value is converted in a helper process
SECONDS = 120.0

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("python", interpreters())]


@pytest.fixture
def programs(python: str) -> Path:
    """The folder `bin` of an environment in which the wheel is installed, made once per run of the suite."""
    session = current_session()
    make = lambda: str(install(built_wheel(), interpreters()[python], session.folder / f"wheel-{python}"))  # noqa: E731
    return Path(session.once(f"wheel-{python}.path", make))


def plant(folder: Path) -> None:
    """Put packages into the folder that have the names of ours, and must not be imported."""
    for name in NAMES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('imported a package of the user')\n")


def words(*command: str | Path, folder: Path, path: str = ".") -> str:
    """What a command says in a folder that is on its path."""
    environment = clean_environment({"PYTHONPATH": path})
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_packages_of_the_users_own_are_not_taken_for_ours(programs: Path, tmp_path: Path) -> None:
    plant(tmp_path)
    assert words(programs / "lineal-server", "--help", folder=tmp_path).startswith("Usage: lineal-server [OPTIONS]")
    version = words(programs / "python", "-m", "lineal_server", "--version", folder=tmp_path)
    assert version == f"lineal-server, version {__version__}\n"


def test_our_packages_are_not_there_for_others(programs: Path, tmp_path: Path) -> None:
    program = f"import importlib.util as u, lineal_server; print(*map(u.find_spec, {NAMES}))"
    assert words(programs / "python", "-c", program, folder=tmp_path) == "None None None\n"


@pytest.mark.databases("postgresql")
async def test_a_server_with_workers_answers(programs: Path, migrated_url: str) -> None:
    server = Server(
        migrated_url,
        *("--workers", "2", "--no-package-url-validation"),
        environment={"PYTHONPATH": "."},
        program=programs / "lineal-server",
    )
    plant(server.folder)  # where it is started
    try:
        server.start()
        api = Api(server.grpc)
        await api.GetHealthz()
        assert len(server.workers()) == 2
        text = Value(string_value=LARGE)
        run = await api.CreateRun(run={"display_name": "r", "runtime_config": {"parameters": {"text": text}}})
        assert run.runtime_config.parameters["text"] == text
        assert len(server.workers()) > 2, "no helper process was needed"
        version = {"package_url": {"pipeline_url": f"http://127.0.0.1:{free_port()}/p.yaml"}}
        refused = await refusal(api.CreatePipelineAndVersion(pipeline={"name": "p"}, pipeline_version=version))
        assert refused.message == "the package URL could not be fetched"
        await api.channel.close()
    finally:
        server.close()
