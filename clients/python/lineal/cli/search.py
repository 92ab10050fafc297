"""`lineal search`: finds runs, tasks, artifacts and experiments."""

from typing import TYPE_CHECKING, Any

import click

from lineal._texts import moment
from lineal.cli import lists, options, words
from lineal.cli.connection import Command, with_client
from lineal.cli.formats import Column, Format

if TYPE_CHECKING:
    from lineal.client import Client

KINDS = ("run", "task", "artifact", "experiment")


@click.command("search", cls=Command)
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Find only things of this kind. May be repeated."
)
@options.output_option()
@options.limit_option()
@options.namespace_option()
@with_client
def search(
    client: "Client",
    text: tuple[str, ...],
    kinds: tuple[str, ...],
    format: Format,
    limit: int | None,
    namespace: str | None,
) -> None:
    """Find runs, tasks, artifacts and experiments by ids, uris, words of their names, and qualifiers.

    Qualifiers are state:, pipeline:, experiment:, type:, since:, until: and metric:; all words must hold. Exact ids and uris come
    first, then names, the newest first. Ids are printed as run/ID, which every command takes.

    \b
      lineal search churn state:failed since:2d
      lineal search 'metric:auc>0.87' --kind run -o ids
    """
    items = client.search(
        query=" ".join(text),
        kinds=kinds,
        namespace=namespace or "",
        page_size=lists.page_size(limit, format),
    )
    lists.show_list(items, COLUMNS, format=format, limit=limit, id_of=lambda node: node.ref, noun="results")


def _state(node: Any) -> Any:
    return words.State(node.state) if node.state else None


COLUMNS = (
    Column("ref", lambda node: node.ref),
    Column("name", lambda node: node.name, least=8),
    Column("type", lambda node: node.type, rank=2),
    Column("state", _state, rank=1, in_csv=False),
    Column("state", lambda node: node.state, in_table=False),
    Column("number", lambda node: node.number if node.HasField("number") else None, is_number=True),
    Column("created", lambda node: moment(node, "created_at"), rank=4, in_csv=False),
    Column("created_at", lambda node: moment(node, "created_at"), in_table=False),
    Column("finished_at", lambda node: moment(node, "finished_at"), in_table=False),
    Column("run", lambda node: node.run, in_table=False),
    Column("namespace", lambda node: node.namespace, in_table=False),
    Column("uri", lambda node: node.uri, least=12, rank=5),
)
"""The columns of results: of tables, and of CSV."""
