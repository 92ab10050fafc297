"""Which server the command talks to: the options of `lineal` itself, which every command takes as well, and the client made of them.

The options are those settings of the client that say how to reach a server, and are derived from them.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, cast

import click

from lineal.cli.exits import Failure, Status
from lineal.settings import Settings, variable_of

if TYPE_CHECKING:
    from lineal.client import Client

# gRPC's core writes to standard error by itself, such as when a connection fails. It reads this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

LEFT_OUT = frozenset({"token", "keepalive_seconds"})
"""Settings without an option. What is on a command line can be read by every user of the machine: tokens come from a variable or file."""

_TYPES: dict[str, Any] = {"tls": bool, "plain_text_token": bool, "timeout_seconds": float, "retries": int}
_METAVARS = {"server": "HOST:PORT", "timeout_seconds": "SECONDS", "retries": "NUMBER"}
_CLIENT = "lineal.client"


def connection_options(*, hidden: bool = False) -> list[click.Option]:
    """Return the options that say how to reach the server; hidden ones are taken, but not part of a command's help."""
    return [_option(field, hidden=hidden) for field in fields(Settings) if field.name not in LEFT_OUT]


def _option(field: Any, *, hidden: bool) -> click.Option:
    flag = f"--{field.name.replace('_', '-')}"
    is_switch = _TYPES.get(field.name) is bool
    default = "" if field.default in ("", None) else f"; default {_default_text(field.default)}"
    return click.Option(
        [f"{flag}/--no-{flag[2:]}" if is_switch else flag],
        type=_TYPES.get(field.name, str),
        default=None,
        expose_value=False,
        hidden=hidden,
        metavar=None if is_switch else _METAVARS.get(field.name, "FILE"),
        callback=_remember,
        help=f"{field.metadata['meaning']}.  [{variable_of(field.name)}{default}]",
    )


def _default_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep a value for the client; what stands behind the command goes before what stands in front of it."""
    if value is not None:
        context.find_root().meta.setdefault(_ARGUMENTS, {})[parameter.name] = value
    return value


_ARGUMENTS = "lineal.arguments"


def client_of(context: click.Context) -> "Client":
    """Return the client, which is closed when the command ends. Raises SettingsError."""
    root = context.find_root()
    if _CLIENT not in root.meta:
        import lineal

        root.meta[_CLIENT] = lineal.Client(**root.meta.get(_ARGUMENTS, {}))
        root.call_on_close(root.meta[_CLIENT].close)
    return cast("Client", root.meta[_CLIENT])


def server_of(context: click.Context | None) -> str:
    """Return where the client's calls go; "" if there is no client."""
    client = None if context is None else context.meta.get(_CLIENT)
    return "" if client is None else str(client.settings.server)


def with_client(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command's function the client as its first argument."""

    @click.pass_context
    def call(context: click.Context, *arguments: Any, **options: Any) -> Any:
        return context.invoke(function, client_of(context), *arguments, **options)

    return update_wrapper(call, function)


class Command(click.Command):
    """A command that takes the options of the connection, too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.extend(connection_options(hidden=True))


class Group(click.Group):
    """A group of commands, in the order in which they were added."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words after the group's name; without any, show the help. Raises Failure then."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            raise Failure(Status.USAGE)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the manual, not of the alphabet."""
        return list(self.commands)


def words_of(arguments: Sequence[str]) -> list[str]:
    """Return arguments; a single - stands for the words of standard input."""
    words: list[str] = []
    for argument in arguments:
        words += sys.stdin.read().split() if argument == "-" else [argument]
    return words
