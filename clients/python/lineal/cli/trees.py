"""`lineal tree` and `lineal lineage`: the tasks of a run, and what made something and came of it, as trees."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from lineal import errors
from lineal._texts import duration_words, enum_name, moment, printable
from lineal.cli import formats, options, terminal, words
from lineal.cli.connection import Command, with_client
from lineal.cli.exits import Failure, Status
from lineal.cli.finding import find
from lineal.cli.formats import Column, Format
from lineal.trees import Part, lineage_lines, task_lines
from lineal.v1 import lineage_pb2

if TYPE_CHECKING:
    from lineal.client import Client

HOPS_MAX = 50
_KINDS = ("artifact", "task", "run")
_STYLES = {
    "name": "bold",
    "type": "dim",
    "duration": "dim",
    "message": "red",
    "note": "dim",
    "uri": "cyan",
    "ref": "dim",
}


@click.command("tree", cls=Command)
@click.argument("run")
@click.option(
    "--iterations", is_flag=True, help="Show the tasks of all iterations of loops, not of the first that failed only."
)
@with_client
def tree(client: "Client", run: str, iterations: bool) -> None:
    """Show the tasks of a run within each other, with their states and how long they took.

    RUN is an id, or the name of exactly one run. A loop says how many of its iterations are in which state.
    """
    found = client.get_run(find(client, "run", run), view="BASIC")
    tasks = list(client.list_tasks(found.run_id, task_view="BASIC", order_by="create_time"))
    if sum(not task.parent_task_id for task in tasks) != 1:  # its ROOT task says the same as the run
        took = words.between(moment(found, "created_at"), moment(found, "finished_at"))
        parts = [Part("name", found.display_name), Part("state", enum_name(found, "state"))]
        if took is not None:
            parts.append(Part("duration", duration_words(took)))
        terminal.write_text(_line("", parts))
    for line in task_lines(tasks, iterations=iterations, now=words.now()):
        terminal.write_text(_line(line.prefix, line.parts))
    if not tasks:
        click.echo("no tasks", err=True)


@click.command("lineage", cls=Command)
@click.argument("start", metavar="ARTIFACT|URI")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what came of it.")
@click.option(
    "--hops", type=click.IntRange(1, HOPS_MAX), default=10, show_default=True, help="How many tasks may lie on the way."
)
@click.option("--parameters", is_flag=True, help="Also follow parameters from task to task.")
@click.option(
    "--cached", is_flag=True, help="Follow tasks that took their results from the cache as if they had made them."
)
@options.output_option()
@with_client
def lineage(
    client: "Client", start: str, up: bool, down: bool, hops: int, parameters: bool, cached: bool, format: Format
) -> None:
    """Show what made an artifact, and what came of it.

    ARTIFACT is an id or a name, or task/ID or run/ID; a URI leads to the artifacts that were written to it or read from it.
    CSV has one row per artifact and task; ids are printed as artifact/ID and task/ID.

    \b
      lineal lineage s3://bucket/model --up
      lineal lineage s3://bucket/data --down -o csv
    """
    asked: dict[str, Any] = {"hops": hops, "cached": cached}
    if up is not down:
        asked["direction"] = "UPSTREAM" if up else "DOWNSTREAM"
    if parameters:
        asked["edges"] = ["INPUT", "OUTPUT", "SAME_AS", "PARAMETER"]
    answer = _ask(client, start, asked)
    if format is Format.TABLE:
        for line in lineage_lines(answer):
            terminal.write_text(_line(line.prefix, line.parts))
    elif format.is_message:
        formats.write_message(answer, format)
    elif format is Format.CSV:
        formats.write_csv(answer.nodes, _NODES)
    else:
        formats.write_ids(node.ref for node in answer.nodes)


def _ask(client: "Client", start: str, asked: dict[str, Any]) -> lineage_pb2.Lineage:
    """Return the answer for the first that a word can mean: a ref, a uri, an id of one kind or another, the name of an artifact."""
    kind, slash, _ = start.partition("/")
    if "://" in start and kind != "uri":
        return client.get_lineage(start=[f"uri/{start}"], **asked)
    if slash and kind in (*_KINDS, "uri"):
        return client.get_lineage(start=[start], **asked)
    for ref in (*(f"{each}/{start}" for each in _KINDS), f"uri/{start}"):
        try:
            return client.get_lineage(start=[ref], **asked)
        except errors.NotFound:
            continue
    try:
        return client.get_lineage(start=[f"artifact/{find(client, 'artifact', start)}"], **asked)
    except errors.NotFound:
        raise Failure(Status.NOT_FOUND, f"no artifact, task or run has the id {start!r}") from None


def _line(prefix: str, parts: Iterable[Part]) -> Text:
    """Return a line of a tree; words before and after a name are one space from it, everything else is two."""
    line = Text(prefix, style="dim")
    previous = ""
    for kind, text in parts:
        if previous:
            line.append(" " if {kind, previous} == {"note", "name"} else "  ")
        look = words.State(text).look
        shown, style = (
            (f"{look.sign} {look.word}", look.style) if kind == "state" else (printable(text), _STYLES.get(kind, ""))
        )
        line.append(shown, style=style or None)
        previous = kind
    return line


_NODES = (
    Column("ref", lambda node: node.ref),
    Column("depth", lambda node: node.depth),
    Column("name", lambda node: node.name),
    Column("type", lambda node: node.type),
    Column("state", lambda node: node.state),
    Column("uri", lambda node: node.uri),
    Column("number", lambda node: node.number if node.HasField("number") else None),
    Column("run", lambda node: node.run),
    Column("created_at", lambda node: moment(node, "created_at")),
    Column("namespace", lambda node: node.namespace),
)
