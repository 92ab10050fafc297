"""Commands of `lineal` that the pages show exist and take what they are shown with; the manual has all of them."""

import re
import shlex

import click
import pytest
from lineal.cli.program import program

from tests.docs.pages import DOCS, commands

COMMAND = re.compile(r"(?:\S*/)?lineal ((?:[a-z-]+|--[a-z]).*)")
SHOWN = [
    (page, match[1].partition(" | ")[0].partition(" > ")[0].partition(" && ")[0].rstrip(")"))
    for page, line in commands()
    if (match := COMMAND.match(line.removeprefix("RUN=$("))) and "…" not in line and "[OPTIONS]" not in line
]


def check_arguments(arguments: list[str]) -> None:
    """Raise click.UsageError unless the command line takes these words; of a command alone only its name is looked at."""
    group: click.Group = program
    context = click.Context(program, info_name="lineal")
    while arguments:
        command = group.get_command(context, arguments[0])
        if command is None:
            raise click.UsageError(f"there is no command {arguments[0]}")
        if isinstance(command, click.Group):
            group, arguments = command, arguments[1:]
            continue
        if arguments[1:]:
            command.make_context(arguments[0], arguments[1:], parent=context)
        return


@pytest.mark.parametrize(("page", "arguments"), SHOWN)
def test_a_shown_command_of_the_client_is_one(page: str, arguments: str) -> None:
    check_arguments(shlex.split(arguments))


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["runs", "nothing"], ["runs", "list", "--nothing"], ["tree", "a", "b"]]
)
def test_a_command_of_the_client_that_is_none_would_be_noticed(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        check_arguments(arguments)


def test_the_manual_shows_commands_of_every_kind() -> None:
    assert {arguments.split()[0] for page, arguments in SHOWN if page == "docs/cli.md"} >= {"runs", "lineage", "search"}
    assert len(SHOWN) > 10


def test_every_command_of_the_client_has_a_section() -> None:
    text = (DOCS / "cli.md").read_text()
    groups = {name: command for name, command in program.commands.items() if isinstance(command, click.Group)}
    inner = [f"#### lineal {group} {name}\n" for group, commands in groups.items() for name in commands.commands]
    assert [
        title for title in (*(f"### lineal {name}\n" for name in program.commands), *inner) if title not in text
    ] == []
