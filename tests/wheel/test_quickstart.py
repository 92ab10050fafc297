"""The client's README, as its reader goes through it: in an environment that is fresh, with wheels alone, command by command."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.databases.private import free_port
from tests.docs.pages import CHECKOUT
from tests.docs.sessions import session, steps
from tests.faults.cluster import START_SECONDS
from tests.wheel.environments import built_client, built_wheel, wheels_with_extras

README = CHECKOUT / "clients" / "python" / "README.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def wait_for(address: str) -> None:
    """Wait as a reader does who goes on to the next block."""
    host, port = address.split(":")
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.1)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables under which nothing but a fresh environment is found, and pip installs nothing but wheels that are here."""
    subprocess.run([sys.executable, "-I", "-m", "venv", tmp_path / "environment"], check=True)
    places = (wheels_with_extras(), built_wheel().parent, built_client().parent)
    server = f"127.0.0.1:{free_port()}"
    return {
        "PATH": f"{tmp_path / 'environment' / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": " ".join(map(str, places)),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # The ports that the page has may be taken on the machine of whoever runs this.
        "LINEAL_GRPC": server,
        "LINEAL_REST": f"127.0.0.1:{free_port()}",
        "LINEAL_SERVER": server,
    }


def test_each_command_and_block_prints_what_the_page_says(environment: dict[str, str], tmp_path: Path) -> None:
    differing = []
    with session(tmp_path / "environment" / "bin" / "python", tmp_path, environment) as reader:
        for step in steps(README):
            outcome = reader.carry_out(step)
            if not outcome.is_as_printed:
                differing.append(f"{step.code}\nprints:\n{outcome.printed}")
            if step.code.endswith("&"):
                wait_for(environment["LINEAL_SERVER"])
    assert not differing, "\n\n".join(differing)


def test_the_page_has_commands_and_python() -> None:
    codes = [step.code for step in steps(README)]
    assert {"pip", "lineal-server", "lineal"} <= {code.split()[0] for code in codes}
    assert sum(step.is_python and step.printed is not None for step in steps(README)) >= 5
