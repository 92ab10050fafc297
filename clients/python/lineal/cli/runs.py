"""`lineal runs`: lists runs, shows one, makes them, and archives, terminates or deletes them."""

from typing import TYPE_CHECKING, Any

import click

from lineal._texts import duration_words, moment, number_words, value_words
from lineal.cli import lists, options, terminal, words
from lineal.cli.connection import Group, with_client
from lineal.cli.finding import find
from lineal.cli.formats import Column, Format
from lineal.cli.run_sheet import run_sheet
from lineal.filters import F

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.filters import Expression
    from lineal.v1.overview_pb2 import RunSummary

FINISHED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})

VIEWS = ("BASIC", "DEFAULT", "RUNTIME_ONLY", "FULL")


@click.group(cls=Group)
def runs() -> None:
    """List runs, show one, make, archive, terminate and delete them.

    RUN is an id, or the name of exactly one run.
    """


view_option = click.option(
    "--view",
    type=click.Choice(VIEWS, case_sensitive=False),
    help="How much of a run JSON and YAML have: BASIC is ids, names, states and times; DEFAULT adds the specification and "
    "what it was started with, FULL also the tasks; RUNTIME_ONLY is FULL without the specification.",
)


@runs.command("list")
@options.output_option()
@options.list_options("'state=FAILED and created_at>2026-01-31'")
@options.namespace_option()
@click.option("--experiment", metavar="EXPERIMENT", help="Only runs of this experiment, an id or a name.")
@click.option(
    "--column",
    "extra",
    multiple=True,
    metavar="COLUMN",
    help="Show a parameter or a metric as a column of the table or the CSV: param:NAME or metric:NAME. May be repeated.",
)
@view_option
@with_client
def list_runs(
    client: "Client",
    format: Format,
    filter: "Expression | None",
    sort: str | None,
    limit: int | None,
    namespace: str | None,
    experiment: str | None,
    extra: tuple[str, ...],
    view: str | None,
) -> None:
    """List runs, the newest first.

    The table says of each run how it ended: of a failed one which task failed first, and with what, of others their metrics.

    \b
      lineal runs list --filter 'state=FAILED and created_at>2026-01-31'
      lineal runs list --column metric:auc --column param:learning_rate --sort 'created_at desc'
      lineal runs list --filter 'name~churn' -o ids
    """
    _check_view(view, format)
    if extra and format not in (Format.TABLE, Format.CSV):
        raise click.UsageError("--column is for tables and CSV; JSON and YAML show whole messages")
    asked: dict[str, Any] = {
        "filter": filter,
        "sort_by": sort or "created_at desc",
        "namespace": namespace or "",
        "experiment_id": find(client, "experiment", experiment) if experiment else "",
        "page_size": lists.page_size(limit, format),
    }
    if format in (Format.TABLE, Format.CSV):
        items: Any = client.list_run_summaries(columns=extra, **asked)
    else:
        items = client.list_runs(view=(view or "BASIC").upper(), **asked)
    lists.show_list(
        items,
        [*COLUMNS, *map(_extra_column, extra)],
        format=format,
        limit=limit,
        id_of=lambda run: run.run_id,
        noun="runs",
    )


@runs.command("get")
@click.argument("run")
@options.output_option()
@view_option
@with_client
def get_run(client: "Client", run: str, format: Format, view: str | None) -> None:
    """Show a run: how it ended and why, what it was started with, what it made.

    The table says where it failed first and what was different when it last succeeded. JSON and YAML are the run itself.
    """
    _check_view(view, format)
    run_id = find(client, "run", run)
    if format is Format.TABLE:
        terminal.show(run_sheet(client.get_run_report(run_id)))
    elif format is Format.CSV:
        client.get_run(run_id, view="BASIC")  # a list of none would not say that there is no such run
        lists.show_one(
            client.list_run_summaries(filter=F.run_id == run_id).first(1)[0], COLUMNS, format=format, id=run_id
        )
    else:
        lists.show_one(client.get_run(run_id, view=(view or "DEFAULT").upper()), COLUMNS, format=format, id=run_id)


def _check_view(view: str | None, format: Format) -> None:
    if view and not format.is_message:
        raise click.UsageError("--view is for JSON and YAML: -o json")


def _took(run: "RunSummary") -> Any:
    """Return how long a run took, or has been at work."""
    if run.state in FINISHED:
        return words.between(moment(run, "created_at"), moment(run, "finished_at"))
    spent = words.between(moment(run, "created_at"), words.now())
    return None if spent is None else f"{duration_words(spent)} so far"


def _seconds(run: "RunSummary") -> Any:
    return words.between(moment(run, "created_at"), moment(run, "finished_at"))


def _outcome(run: "RunSummary") -> str:
    """Return what failed first, or the metrics."""
    if run.HasField("failed"):
        return f"{run.failed.name}: {run.failed.message}" if run.failed.message else run.failed.name
    return ", ".join(f"{metric.name} {number_words(metric.value)}" for metric in run.metrics)


def _state(run: "RunSummary") -> Any:
    state = words.State(run.state)
    return words.archived(state) if run.archived else state


def _extra_column(name: str) -> Column:
    def value(run: "RunSummary") -> Any:
        if name not in run.columns:
            return None
        kind = run.columns[name].WhichOneof("kind")
        return run.columns[name].number_value if kind == "number_value" else value_words(run.columns[name])

    return Column(name.partition(":")[2] or name, value, is_number=name.startswith("metric:"))


COLUMNS = (
    Column("id", lambda run: run.run_id),
    Column("name", lambda run: run.display_name, least=8),
    Column("state", _state, in_csv=False),
    Column("state", lambda run: run.state, in_table=False),
    Column("archived", lambda run: run.archived, in_table=False),
    Column("created", lambda run: moment(run, "created_at"), rank=1, in_csv=False),
    Column("created_at", lambda run: moment(run, "created_at"), in_table=False),
    Column("finished_at", lambda run: moment(run, "finished_at"), in_table=False),
    Column("took", _took, rank=3, in_csv=False),
    Column("seconds", _seconds, in_table=False),
    Column("experiment", lambda run: run.experiment_name or run.experiment_id, least=8, rank=4),
    Column("experiment_id", lambda run: run.experiment_id, in_table=False),
    Column("pipeline", lambda run: run.pipeline_name or run.pipeline_id, least=8, rank=5),
    Column("pipeline_id", lambda run: run.pipeline_id, in_table=False),
    Column("pipeline_version_id", lambda run: run.pipeline_version_id, in_table=False),
    Column("namespace", lambda run: run.namespace, in_table=False),
    Column("outcome", _outcome, least=16, rank=2),
)
"""The columns of runs: of tables, and of CSV."""
