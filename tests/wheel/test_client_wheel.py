"""The client's wheel on every CPython of this machine: alone, with the lowest versions, and beside Kubeflow Pipelines' SDK."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lineal import __version__

from tests.databases import create_migrated_database, drop_database
from tests.databases.session import current_session
from tests.faults.cluster import clean_environment, serving
from tests.wheel.environments import CHECKOUT, built_client, client_dependencies, install_client, run
from tests.wheel.interpreters import OLDEST_OF_CLIENT, interpreters

PYTHONS = interpreters(OLDEST_OF_CLIENT)
KFP = CHECKOUT / ".venv-kfp"
SECONDS = 120.0

PROGRAM = """
import asyncio, sys
import lineal
assert not any(name.partition(".")[0] in ("grpc", "google") for name in sys.modules if name != "google")
with lineal.Client(sys.argv[1]) as client:
    run = client.create_run(run={"display_name": "r", "runtime_config": {"parameters": {"lr": 0.1}}})
    assert client.get_run(run.run_id, view="FULL").runtime_config.parameters["lr"].number_value == 0.1
    assert run.run_id in [each.run_id for each in client.list_runs(page_size=2)]
    try:
        client.get_run("none")
    except lineal.errors.NotFound as error:
        assert error.reason == "NOT_FOUND"

async def read():
    async with lineal.aio.Client(sys.argv[1]) as client:
        return (await client.get_run(run.run_id)).run_id

assert asyncio.run(read()) == run.run_id
import google.protobuf, grpc
print(lineal.__version__, lineal.__file__, google.protobuf.__version__, grpc.__version__)
"""

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def address(database_kind: str) -> Iterator[str]:
    """A served store."""
    url = create_migrated_database(database_kind)
    with serving(url) as server:
        yield server.grpc
    drop_database(url)


def environment_of(version: str) -> Path:
    """The interpreter of an environment in which the wheel is installed, made once per run of the suite."""
    session = current_session()
    make = lambda: str(install_client(PYTHONS[version], session.folder / f"client-{version}"))  # noqa: E731
    return Path(session.once(f"client-{version}.path", make))


def called(python: Path, packages: Path | str, address: str) -> list[str]:
    """What the program says: versions of ours, where it was imported from, versions of protobuf and of gRPC."""
    done = subprocess.run(
        [python, "-W", "error", "-c", PROGRAM, address],
        env=clean_environment({"PYTHONPATH": str(packages)}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["newest", "lowest"])
@pytest.mark.parametrize("version", PYTHONS)
def test_it_makes_calls_with_the_newest_and_the_lowest_versions(version: str, versions: str, address: str) -> None:
    python = environment_of(version)
    ours, place, protobuf, grpc = called(python, client_dependencies(PYTHONS[version], versions), address)
    assert (ours, Path(place).is_relative_to(python.parents[1])) == (__version__, True)
    assert (protobuf, grpc) == ("6.31.1", "1.75.1") if versions == "lowest" else protobuf.startswith("7.")


@pytest.mark.slow
def test_it_makes_calls_beside_the_sdk_of_kubeflow_pipelines(address: str) -> None:
    version = run(KFP / "bin" / "python", "-c", "import sys; print(*sys.version_info[:2], sep='.')").strip()
    python = environment_of(version)
    [packages] = KFP.glob("lib/python3*/site-packages")
    # It has a client of its own, so that what this test has installed goes first.
    own = python.parents[1] / "lib" / f"python{version}" / "site-packages"
    _, place, protobuf, _ = called(python, f"{own}:{packages}", address)
    assert Path(place).is_relative_to(python.parents[1])
    assert protobuf.startswith("6.")


def test_the_wheel_is_pure_typed_and_only_ours() -> None:
    wheel = built_client()
    assert wheel.name == f"lineal-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"lineal-{__version__}.dist-info/METADATA").decode()
    assert {name.partition("/")[0] for name in names} == {"lineal", f"lineal-{__version__}.dist-info"}
    sources = {
        path.relative_to(CHECKOUT / "clients" / "python") for path in (CHECKOUT / "clients/python").rglob("*.py*")
    }
    expected = {path.as_posix() for path in sources if "__pycache__" not in path.parts and path.parts[0] == "lineal"}
    assert expected | {"lineal/py.typed"} <= names
    assert "Requires-Python: >=3.10" in metadata
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert len(required) == 3
