"""The command `lineal`: its groups and commands, and how it ends, whatever happens. The entry point calls `run`."""

import os
import sys
from collections.abc import Sequence

import click

from lineal import __version__
from lineal.cli import exits, terminal
from lineal.cli.artifacts import artifacts
from lineal.cli.compare import compare
from lineal.cli.completion import VARIABLE, completion
from lineal.cli.connection import Group, connection_options, server_of
from lineal.cli.experiments import experiments
from lineal.cli.export import export
from lineal.cli.open_ import open_
from lineal.cli.pipelines import pipelines
from lineal.cli.run_writes import COMMANDS as RUN_WRITES
from lineal.cli.runs import runs
from lineal.cli.search import search
from lineal.cli.sync import sync
from lineal.cli.tasks import tasks
from lineal.cli.trees import lineage, tree
from lineal.cli.watch import watch

NAME = "lineal"


@click.group(
    NAME,
    cls=Group,
    params=connection_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=NAME)
def program() -> None:
    """Show what a Lineal server has recorded of ML pipelines: runs, tasks, artifacts and their lineage.

    The options here say how to reach the server, and may also stand behind a command.
    """


COMMANDS: tuple[click.Command, ...] = (
    *(runs, tasks, artifacts, experiments, pipelines),
    *(tree, lineage, compare, watch, search, export, sync, open_, completion),
)
"""In the order of the manual."""

for each in RUN_WRITES:
    runs.add_command(each)
for each in COMMANDS:
    program.add_command(each)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, by default that of this process, and return its exit status; raises nothing."""
    terminal.prepare_output()
    if VARIABLE in os.environ:
        program.main(prog_name=NAME)  # prints completions, and ends the process
    words = list(sys.argv[1:] if arguments is None else arguments)
    context = None
    try:
        with program.make_context(NAME, words) as context:
            program.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told in one line
        return _ended(error, server_of(context))
    return exits.Status.DONE


def _ended(error: BaseException, server: str) -> int:
    try:
        status = exits.tell(error, server)
        if status is not exits.Status.PIPE_CLOSED:
            sys.stdout.flush()
    except BrokenPipeError:
        status = exits.Status.PIPE_CLOSED
    if status is exits.Status.PIPE_CLOSED:
        exits.let_go_of_output()
    return status
