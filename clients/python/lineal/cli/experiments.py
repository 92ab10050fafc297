"""`lineal experiments`: lists experiments, and shows one with its last runs."""

from typing import TYPE_CHECKING, Any

import click

from lineal._texts import enum_name, moment
from lineal.cli import lists, options, terminal, words
from lineal.cli.connection import Group, with_client
from lineal.cli.finding import find
from lineal.cli.formats import Column, Format
from lineal.cli.runs import COLUMNS as RUN_COLUMNS
from lineal.cli.sheets import Sheet

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.filters import Expression

LAST_RUNS = 10


@click.group(cls=Group)
def experiments() -> None:
    """List experiments, and show one."""


@experiments.command("list")
@options.output_option()
@options.list_options("'name~churn' or storage_state=AVAILABLE")
@options.namespace_option()
@with_client
def list_experiments(
    client: "Client",
    format: Format,
    filter: "Expression | None",
    sort: str | None,
    limit: int | None,
    namespace: str | None,
) -> None:
    """List experiments, the newest first."""
    items = client.list_experiments(
        filter=filter,
        sort_by=sort or "created_at desc",
        namespace=namespace or "",
        page_size=lists.page_size(limit, format),
    )
    lists.show_list(
        items, COLUMNS, format=format, limit=limit, id_of=lambda each: each.experiment_id, noun="experiments"
    )


@experiments.command("get")
@click.argument("experiment")
@options.output_option()
@with_client
def get_experiment(client: "Client", experiment: str, format: Format) -> None:
    """Show an experiment and its last runs.

    EXPERIMENT is an id, or the name of exactly one experiment.
    """
    found = client.get_experiment(find(client, "experiment", experiment))
    if format is not Format.TABLE:
        lists.show_one(found, COLUMNS, format=format, id=found.experiment_id)
        return
    sheet = Sheet(found.display_name or found.experiment_id)
    sheet.line("id", found.experiment_id)
    sheet.line("state", _state(found))
    sheet.line("created", moment(found, "created_at"))
    sheet.line("last run", moment(found, "last_run_created_at"))
    sheet.line("namespace", found.namespace)
    sheet.text("Description", found.description)
    runs = client.list_run_summaries(
        experiment_id=found.experiment_id, sort_by="created_at desc", page_size=LAST_RUNS + 1
    ).first(LAST_RUNS + 1)
    columns = [column for column in RUN_COLUMNS if column.name != "experiment"]
    sheet.table("Last runs", runs[:LAST_RUNS], columns, more="and older ones" if len(runs) > LAST_RUNS else "")
    terminal.show(sheet.renderable())


def _state(experiment: Any) -> Any:
    return words.State(enum_name(experiment, "storage_state") or "AVAILABLE")


COLUMNS = (
    Column("id", lambda each: each.experiment_id),
    Column("name", lambda each: each.display_name, least=8),
    Column("state", _state, rank=3, in_csv=False),
    Column("storage_state", lambda each: str(_state(each)), in_table=False),
    Column("created", lambda each: moment(each, "created_at"), rank=4, in_csv=False),
    Column("last run", lambda each: moment(each, "last_run_created_at"), rank=1, in_csv=False),
    Column("created_at", lambda each: moment(each, "created_at"), in_table=False),
    Column("last_run_created_at", lambda each: moment(each, "last_run_created_at"), in_table=False),
    Column("namespace", lambda each: each.namespace, in_table=False),
    Column("description", lambda each: each.description, least=12, rank=5),
)
"""The columns of experiments: of tables, and of CSV."""
