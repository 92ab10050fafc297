"""`lineal tasks`: lists the tasks of a run, and shows one."""

from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType

from lineal._texts import enum_name, first_line, moment, task_duration, task_started, value_words
from lineal.cli import lists, options, terminal, words
from lineal.cli.connection import Group, with_client
from lineal.cli.finding import find, id_of, node_of
from lineal.cli.formats import Column, Format
from lineal.cli.sheets import Sheet
from lineal.cli.words import State

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.filters import Expression
    from lineal.v2beta1.task_pb2 import PipelineTask

VIEWS = ("BASIC", "FULL")


@click.group(cls=Group)
def tasks() -> None:
    """List the tasks of a run, and show one."""


@tasks.command("list")
@click.argument("run")
@options.output_option()
@options.list_options("'state=FAILED' or 'type=RUNTIME and name~train'")
@click.option(
    "--view",
    type=click.Choice(VIEWS, case_sensitive=False),
    help="How much of a task JSON and YAML have: BASIC leaves out inputs, outputs and children; by default everything.",
)
@with_client
def list_tasks(
    client: "Client",
    run: str,
    format: Format,
    filter: "Expression | None",
    sort: str | None,
    limit: int | None,
    view: str | None,
) -> None:
    """List the tasks of a run, in the order in which they were recorded.

    RUN is an id, or the name of exactly one run. `lineal tree RUN` shows the same tasks within each other.
    """
    if view and not format.is_message:
        raise click.UsageError("--view is for JSON and YAML: -o json")
    items = client.list_tasks(
        find(client, "run", run),
        filter=filter,
        order_by=sort or "create_time",
        task_view=(view or ("FULL" if format.is_message else "BASIC")).upper(),
        page_size=lists.page_size(limit, format),
    )
    lists.show_list(items, COLUMNS, format=format, limit=limit, id_of=lambda task: task.task_id, noun="tasks")


@tasks.command("get")
@click.argument("task")
@click.option("--run", metavar="RUN", help="The run of the task, which saves looking it up.")
@options.output_option()
@with_client
def get_task(client: "Client", task: str, run: str | None, format: Format) -> None:
    """Show a task: its state and how it came to it, its inputs and its outputs.

    TASK is an id, or a name that exactly one task has.
    """
    if run is None:
        node = node_of(client, "task", task)
        run_id, task_id = node.run.partition("/")[2], id_of(node)
    else:
        run_id = find(client, "run", run)
        task_id = _task_of(client, run_id, task)
    found = client.get_task(run_id, task_id)
    if format is Format.TABLE:
        terminal.show(_sheet(found))
    else:
        lists.show_one(found, COLUMNS, format=format, id=found.task_id)


def _task_of(client: "Client", run_id: str, word: str) -> str:
    """Return the id of a task of a run, which may be given by a name that only it has there."""
    from lineal.filters import F

    named = client.list_tasks(run_id, filter=F.name == word, task_view="BASIC").first(2)
    return named[0].task_id if len(named) == 1 else word.removeprefix("task/")


def _sheet(task: "PipelineTask") -> RenderableType:
    sheet = Sheet(task.display_name or task.name or task.task_id)
    sheet.line("id", task.task_id)
    sheet.line("name", task.name)
    sheet.line("run", task.run_id)
    sheet.line("parent", task.parent_task_id)
    sheet.line("type", enum_name(task, "type"))
    sheet.line("state", State(enum_name(task, "state")))
    sheet.line("iteration", _iteration(task))
    if task.type_attributes.HasField("iteration_count"):
        sheet.line("iterations", task.type_attributes.iteration_count)
    sheet.line("created", moment(task, "create_time"))
    sheet.line("began", task_started(task))
    sheet.line("ended", moment(task, "end_time"))
    sheet.line("took", task_duration(task))
    sheet.line("cache", task.cache_fingerprint)
    sheet.text("Message", task.status_metadata.message)
    for title, side in (("Inputs", task.inputs), ("Outputs", task.outputs)):
        sheet.pairs(title, ((each.parameter_key, value_words(each.value)) for each in side.parameters))
        rows = [(io.artifact_key, artifact) for io in side.artifacts for artifact in io.artifacts]
        sheet.table(f"{title}: artifacts", rows, _ARTIFACTS)
    sheet.table("Pods", task.pods, _PODS)
    sheet.table("States", task.state_history, _HISTORY)
    return sheet.renderable()


def _iteration(task: "PipelineTask") -> Any:
    return task.type_attributes.iteration_index if task.type_attributes.HasField("iteration_index") else None


def _name(task: "PipelineTask") -> str:
    iteration = _iteration(task)
    return (task.display_name or task.name) + ("" if iteration is None else f" [{iteration}]")


def _message(task: "PipelineTask") -> str:
    return first_line(task.status_metadata.message) or next(
        (first_line(each.error.message) for each in reversed(task.state_history) if each.error.message), ""
    )


COLUMNS = (
    Column("id", lambda task: task.task_id),
    Column("name", _name, least=8, in_csv=False),
    Column("name", lambda task: task.name, in_table=False),
    Column("display_name", lambda task: task.display_name, in_table=False),
    Column("type", lambda task: enum_name(task, "type"), rank=4),
    Column("state", lambda task: State(enum_name(task, "state")), in_csv=False),
    Column("state", lambda task: enum_name(task, "state"), in_table=False),
    Column("iteration", _iteration, in_table=False),
    Column("began", task_started, rank=3, in_csv=False),
    Column("created_at", lambda task: moment(task, "create_time"), in_table=False),
    Column("began_at", task_started, in_table=False),
    Column("ended_at", lambda task: moment(task, "end_time"), in_table=False),
    Column("took", lambda task: task_duration(task, words.now()), rank=1, in_csv=False),
    Column("seconds", task_duration, in_table=False),
    Column("run_id", lambda task: task.run_id, in_table=False),
    Column("parent_task_id", lambda task: task.parent_task_id, in_table=False),
    Column("message", _message, least=16, rank=2),
)
"""The columns of tasks: of tables, and of CSV."""

_ARTIFACTS = (
    Column("key", lambda row: row[0]),
    Column("id", lambda row: row[1].artifact_id),
    Column("name", lambda row: row[1].name, least=8),
    Column("type", lambda row: enum_name(row[1], "type"), rank=2),
    Column("uri", lambda row: row[1].uri, least=16, rank=1),
)
_PODS = (
    Column("pod", lambda pod: pod.name),
    Column("type", lambda pod: enum_name(pod, "type")),
)
_HISTORY = (
    Column("since", lambda status: moment(status, "update_time")),
    Column("state", lambda status: State(enum_name(status, "state"))),
    Column("error", lambda status: first_line(status.error.message), least=16),
)
