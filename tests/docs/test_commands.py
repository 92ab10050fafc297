"""Commands that the pages show exist and take what they are shown with."""

import re
import shlex

import click
import pytest

from server.cli import COMMANDS, command_named
from storage.sql.dialects import DATABASES
from tests.docs.pages import CHECKOUT, DOCS, commands

PROGRAM = re.compile(r"(?:\S*/)?lineal-server (.*)")
SHOWN = [(page, match[1]) for page, line in commands() if (match := PROGRAM.fullmatch(line))]
MADE = [(page, line) for page, line in commands() if re.match(r"make( |$)", line)]


def check_arguments(arguments: list[str]) -> None:
    """Raise click.UsageError unless a command takes these arguments; without any, the command is only named."""
    command = command_named(arguments[0])
    if arguments[1:]:
        command.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize(("page", "arguments"), SHOWN)
def test_a_shown_command_of_the_server_is_one(page: str, arguments: str) -> None:
    check_arguments(shlex.split(arguments))


def test_a_command_that_is_none_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        check_arguments(["serve", "--no-such-option"])


@pytest.mark.parametrize(("page", "line"), MADE)
def test_a_shown_target_of_make_is_one(page: str, line: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):.*##", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    words = shlex.split(line)[1:]
    assert {word for word in words if "=" not in word} <= targets
    for word in words:
        if word.startswith("ARGS=") and "serve" in words:
            check_arguments(["serve", *shlex.split(word.removeprefix("ARGS="))])


def test_every_command_of_the_server_stands_in_operations() -> None:
    text = (DOCS / "operations.md").read_text()
    assert [name for name in COMMANDS if f"| `lineal-server {name}` |" not in text] == []
    assert {arguments.split()[0] for _, arguments in SHOWN} == set(COMMANDS)


def test_every_option_of_a_store_url_stands_in_operations() -> None:
    text = (DOCS / "operations.md").read_text()
    options = [option for database in DATABASES for option in database.dialect().url_options]
    assert options
    assert [option for option in options if not re.search(rf"`\?([^`]*&)?{option}=", text)] == []


def test_the_readme_names_make_serve_and_make_test() -> None:
    assert {("README.md", "make serve"), ("README.md", "make test")} <= set(MADE)
