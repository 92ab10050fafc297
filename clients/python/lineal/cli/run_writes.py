"""`lineal runs create`, `archive`, `unarchive`, `terminate`, `retry` and `delete`: what changes runs."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import yaml
from google.protobuf import json_format

from lineal import errors
from lineal.cli import exits, formats, options, terminal
from lineal.cli.connection import Command, with_client, words_of
from lineal.cli.exits import Failure, Status
from lineal.cli.finding import find, find_all
from lineal.cli.formats import Format
from lineal.cli.pipelines import find_pipeline
from lineal.cli.words import counted, one_line
from lineal.v2beta1 import run_pb2

if TYPE_CHECKING:
    from lineal.client import Client

ASKED_SHOWN = 5
"""How many runs the question before deleting names."""


@click.command("create", cls=Command)
@click.argument("name", required=False)
@click.option("--experiment", metavar="EXPERIMENT", help="The experiment, an id or a name.")
@click.option("--pipeline", metavar="PIPELINE", help="The pipeline that it is a run of, an id or a name.")
@click.option("--pipeline-version", metavar="ID", help="The version of the pipeline; without one the latest.")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="What it is started with. A value that is JSON is read as such, others are texts. May be repeated.",
)
@click.option("--description", help="Free text.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="A file with the run as JSON or YAML, with the names of the API's fields; - is standard input. Options go before it.",
)
@options.output_option(Format.IDS, Format.JSON, Format.YAML, default=Format.IDS)
@with_client
def create_run(
    client: "Client",
    name: str | None,
    experiment: str | None,
    pipeline: str | None,
    pipeline_version: str | None,
    parameters: tuple[str, ...],
    description: str | None,
    file: str | None,
    format: Format,
) -> None:
    """Record a run, and print its id.

    Lineal records: nothing is started by this, but what a recorder or an engine then reports belongs to the run.

    \b
      RUN=$(lineal runs create nightly --experiment churn -p learning_rate=0.1)
    """
    run = _run_of_file(file) if file else run_pb2.Run()
    if name is not None:
        run.display_name = name
    if not run.display_name:
        raise click.UsageError("a run needs a NAME")
    if description is not None:
        run.description = description
    if experiment is not None:
        run.experiment_id = find(client, "experiment", experiment)
    if pipeline is not None or pipeline_version is not None:
        _refer(client, run, pipeline, pipeline_version)
    for parameter in parameters:
        key, value = _parameter(parameter)
        json_format.ParseDict(value, run.runtime_config.parameters[key])
    made = client.create_run(run=run)
    if format.is_message:
        formats.write_message(made, format)
    else:
        formats.write_ids([made.run_id])


def _refer(client: "Client", run: run_pb2.Run, pipeline: str | None, version: str | None) -> None:
    reference = run.pipeline_version_reference
    if pipeline is not None:
        reference.pipeline_id = find_pipeline(client, pipeline)
    if version is not None:
        if not reference.pipeline_id:
            raise click.UsageError("--pipeline-version needs --pipeline")
        reference.pipeline_version_id = version


def _run_of_file(path: str) -> run_pb2.Run:
    with click.open_file(path, encoding="utf-8") as file:
        try:
            content = yaml.safe_load(file.read())  # JSON is YAML
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{path} is neither JSON nor YAML: {one_line(str(error))}") from None
    if not isinstance(content, dict):
        raise click.UsageError(f"{path} has no fields of a run")
    try:
        return json_format.Parse(json.dumps(content, default=_as_text), run_pb2.Run())
    except (json_format.ParseError, TypeError, ValueError) as error:
        raise click.UsageError(f"{path} is not a run: {one_line(str(error))}") from None


def _as_text(value: Any) -> str:
    """Return what YAML has read and JSON does not have, such as a time, as a text."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"--parameter {text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value, parse_constant=_no_constant)
    except ValueError:
        return name, value


def _no_constant(text: str) -> Any:
    """Raise ValueError: NaN and Infinity are no JSON, and become texts."""
    raise ValueError(text)


def _given(client: "Client", given: Sequence[str]) -> list[str]:
    """Return the ids of runs that were named, all of them before anything is done to one."""
    ids = find_all(client, "run", words_of(given))
    if not ids:
        raise click.UsageError("no RUN is given")
    return ids


def _each(ids: Sequence[str], do: Callable[[str], Any], done: str) -> None:
    """Do something to each run, and say so; goes on after a failure, and raises the first one in the end."""
    first: errors.LinealError | None = None
    for id in ids:
        try:
            do(id)
        except errors.LinealError as error:
            if len(ids) > 1:
                exits.complain(f"{id}: {exits.sentence_of(error)}")
            first = first or error
        else:
            terminal.write(f"{done} {id}")
    if first is not None:
        raise first if len(ids) == 1 else Failure(exits.status_of(first))


@click.command("archive", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@with_client
def archive_runs(client: "Client", runs: tuple[str, ...]) -> None:
    """Put runs away: lists show that they are archived. A single - takes ids from standard input."""
    _each(_given(client, runs), client.archive_run, "archived")


@click.command("unarchive", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@with_client
def unarchive_runs(client: "Client", runs: tuple[str, ...]) -> None:
    """Take archived runs back into use."""
    _each(_given(client, runs), client.unarchive_run, "unarchived")


@click.command("terminate", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@with_client
def terminate_runs(client: "Client", runs: tuple[str, ...]) -> None:
    """Ask for runs to be stopped. They are canceling until whatever executes them has stopped them."""
    _each(_given(client, runs), client.terminate_run, "terminated")


@click.command("retry", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@with_client
def retry_runs(client: "Client", runs: tuple[str, ...]) -> None:
    """Let runs that have failed or were canceled begin again."""
    _each(_given(client, runs), client.retry_run, "retried")


@click.command("delete", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@with_client
def delete_runs(client: "Client", runs: tuple[str, ...], yes: bool) -> None:
    """Delete runs with their tasks and links, after a question. Artifacts stay.

    Without --yes and with nobody to answer, nothing is deleted.
    """
    ids = _given(client, runs)
    if not yes:
        _ask(client, ids)
    _each(ids, client.delete_run, "deleted")


def _ask(client: "Client", ids: Sequence[str]) -> None:
    """Ask whether to delete runs. Raises Failure if the answer is not yes, NotFound if a run is named that does not exist."""
    named = [client.get_run(id, view="BASIC") for id in ids]
    shown = ", ".join(one_line(run.display_name) for run in named[:ASKED_SHOWN])
    more = f" and {len(named) - ASKED_SHOWN} more" if len(named) > ASKED_SHOWN else ""
    tasks = sum(run.task_count for run in named)
    question = f"Delete {counted(len(named), 'run')} with {counted(tasks, 'task')}: {shown}{more}? [y/N] "
    click.echo(question, nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        click.echo(err=True)
        raise Failure(Status.DECLINED, "nothing was deleted: nobody answered; --yes deletes without a question")
    if answer.strip().lower() not in ("y", "yes"):
        raise Failure(Status.DECLINED, "nothing was deleted")


COMMANDS: tuple[click.Command, ...] = (
    create_run,
    archive_runs,
    unarchive_runs,
    terminate_runs,
    retry_runs,
    delete_runs,
)
"""In the order of the manual."""
