"""The manual of `lineal`, made from the command line itself: its help, its options, its exit statuses. docs_blocks.py calls this."""

import inspect
import re
from collections.abc import Iterator

import click
from lineal.cli.exits import Status
from lineal.cli.program import program


def statuses() -> str:
    """Return every exit status, and when the command ends with it."""
    rows = "".join(f"| {status.value} | {status.meaning} |\n" for status in Status)
    return f"| status | when |\n| --- | --- |\n{rows}"


def connection() -> str:
    """Return the options that every command takes."""
    return "".join(_options(program, click.Context(program, info_name="lineal")))


def commands() -> str:
    """Return every command: how it is called, what it does, its options."""
    parent = click.Context(program, info_name="lineal")
    return "\n".join(_sections(program, parent))


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name, command in group.commands.items():
        inner = click.Context(command, info_name=name, parent=context)
        yield _section(command, inner)
        if isinstance(command, click.Group):
            yield from _sections(command, inner)


def _section(command: click.Command, context: click.Context) -> str:
    level = "###" if isinstance(command, click.Group) or context.parent.parent is None else "####"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = "" if isinstance(command, click.Group) else "".join(_options(command, context))
    parts = [f"{level} {context.command_path}\n", "" if isinstance(command, click.Group) else f"`{usage}`\n"]
    parts += [f"{paragraph}\n" for paragraph in _paragraphs(command.help or "")]
    return "\n".join(part for part in [*parts, options] if part)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text in Markdown; those that begin with a line of \\b are commands."""
    for paragraph in re.split(r"\n\n+", inspect.cleandoc(text)):
        first, _, rest = paragraph.partition("\n")
        if first.strip() == "\b":
            yield f"```\n{inspect.cleandoc(rest)}\n```"
        else:
            yield " ".join(paragraph.split())


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        if not isinstance(parameter, click.Option):
            continue
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            yield f"- `{record[0]}`: {' '.join(record[1].split())}\n"
