"""Every command explains itself, and wrong questions end with status 2."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from server.calls.web_ui import ui_address
from server.cli import COMMANDS, command_named
from server.config import setting_fields, variable_of
from tests.cli.program import lineal
from tests.faults.cluster import clean_environment, run_program


def test_help_names_every_command() -> None:
    done = lineal("--help")
    assert done.exit_code == 0
    assert {"config", "doctor", "serve", "upgrade"} <= set(COMMANDS)
    assert [command for command in COMMANDS if f"\n  {command} " not in done.output] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_says_what_it_does(command: str) -> None:
    done = lineal(command, "--help")
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: lineal-server {command} [OPTIONS]")
    assert (command_named(command).help or "missing").splitlines()[0] in " ".join(done.output.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_has_the_first_sentences_of_their_help(command: str) -> None:
    assert command_named(command).get_short_help_str(limit=200) == COMMANDS[command][1]


@pytest.mark.parametrize("command", ["serve", "config", "doctor"])
def test_help_shows_each_setting_with_its_variable(command: str) -> None:
    text = " ".join(lineal(command, "--help").output.split())
    for setting in setting_fields():
        assert f"--{setting.name.replace('_', '-')}" in text
        assert f"[{variable_of(setting.name)};" in text


@pytest.mark.parametrize("arguments", [("serve", "--no-such-flag"), ("nothing",), ("serve", "--pool-size", "many")])
def test_what_is_not_understood_ends_with_status_2(arguments: tuple[str, ...]) -> None:
    done = lineal(*arguments)
    assert done.exit_code == 2
    assert "Error: " in done.stderr


def test_version_is_that_of_the_distribution() -> None:
    assert lineal("--version").output == f"lineal-server, version {version('lineal-server')}\n"


def test_a_command_imports_what_it_needs() -> None:
    program = (
        "import sys; from server.cli import main; main(['config'], standalone_mode=False); print('#', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, env=clean_environment(), capture_output=True, text=True
    )
    assert not {"server.app", "migrations.mlmd", "alembic", "grpc"} & set(done.stdout.rpartition("# ")[2].split())


def test_the_module_is_the_program() -> None:
    command = [sys.executable, "-m", "server", "--version"]
    as_module = subprocess.run(command, check=True, env=clean_environment(), capture_output=True, text=True)
    assert as_module.stdout == run_program("--version").stdout


@pytest.mark.parametrize(
    ("rest", "address"),
    [
        ("127.0.0.1:8888", "http://127.0.0.1:8888/"),
        ("0.0.0.0:80", "http://localhost:80/"),
        ("[::]:80", "http://localhost:80/"),
        ("[::1]:80", "http://[::1]:80/"),
        (":80", "http://localhost:80/"),
    ],
)
def test_the_address_for_a_browser_is_one_that_it_can_open(rest: str, address: str) -> None:
    assert ui_address(rest) == address


def test_an_address_that_was_set_ends_with_one_slash() -> None:
    for chosen in ("https://lineal.example/ui", "https://lineal.example/ui/"):
        assert ui_address("127.0.0.1:8888", chosen) == "https://lineal.example/ui/"
