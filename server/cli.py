"""The command line: `lineal-server COMMAND`.

A command is imported when it is asked for, since most of the time of a short one goes into imports.
Exit status: 0 when done, 1 when not done, 2 for wrong usage.
"""

from importlib import import_module
from typing import Any

import click

from server import __version__
from server.process.lasting import all_stays
from storage.redaction import without_secrets

COMMANDS = {
    "config": ("server.commands.config:config", "Print the settings in force as TOML; passwords are hidden."),
    "demo": ("server.commands.demo:demo", "Fill a new store with a small history, and serve it until SIGTERM."),
    "doctor": (
        "server.commands.doctor:doctor",
        "Check settings, store and schema; exit with status 1 if something is wrong.",
    ),
    "import-mlmd": (
        "server.import_command:import_mlmd",
        "Import an MLMD store, or what has changed in it since the last import.",
    ),
    "lineage": ("server.commands.lineage:lineage", "Print what made an artifact, and what came of it."),
    "serve": ("server.commands.serve:serve", "Serve gRPC and REST until SIGTERM."),
    "upgrade": ("server.commands.upgrade:upgrade", "Bring the schema of the store up to date."),
}
"""The commands: where each is, and the first sentence of its help, for which it is not imported."""


def command_named(name: str) -> click.Command:
    """Import and return one of COMMANDS. Raises KeyError for a name that is none of them."""
    module, attribute = COMMANDS[name][0].split(":")
    with all_stays():
        command: click.Command = getattr(import_module(module), attribute)
    return command


class _Commands(click.Group):
    """The commands. What they say of words that they do not understand, such as a URL without --store, has no passwords."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name, if there is one."""
        return command_named(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands as Click does."""
        shown = {name: click.Command(name, help=help) for name, (_, help) in COMMANDS.items()}
        click.Group(commands=shown).format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise click.UsageError(without_secrets(error.format_message()), error.ctx) from None


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="lineal-server")
def main() -> None:
    """Lineal stores the history of ML pipelines: runs, tasks, artifacts and lineage."""
