"""`lineal compare`: the parameters, metrics, inputs and outputs of runs side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from lineal._texts import ABSENT, moment, number_words, printable, short_id
from lineal.cli import formats, options, terminal, words
from lineal.cli.connection import Command, with_client, words_of
from lineal.cli.finding import find_all, id_of
from lineal.cli.formats import Format

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.v1.lineage_pb2 import RunComparison

SECTIONS = (("parameter", "params"), ("metric", "metrics"), ("input", "inputs"), ("output", "outputs"))
"""What is compared: what a row is called, and the field of the answer."""

DIFFERS, SAME = "≠", ""


@click.command("compare", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--differences", is_flag=True, help="Leave out what is the same in all runs.")
@options.output_option(Format.TABLE, Format.JSON, Format.YAML, Format.CSV)
@with_client
def compare(client: "Client", runs: tuple[str, ...], differences: bool, format: Format) -> None:
    """Show the parameters, metrics, inputs and outputs of 2 to 200 runs side by side.

    RUN is an id, or the name of exactly one run; a single - takes ids from standard input. Rows that differ begin with ≠. CSV has
    one row per value and one column per run; of more than 20 runs, only numbers are compared.
    """
    run_ids = find_all(client, "run", words_of(runs))
    if len(run_ids) < 2:
        raise click.UsageError("compare needs two different runs at least")
    answer = client.compare_runs(run_ids=run_ids, only_differences=differences)
    if format is Format.TABLE:
        _show(answer)
    elif format is Format.CSV:
        names = [id_of(run) for run in answer.runs]
        formats.write_rows(
            ["kind", "name", "differs", *names],
            ([kind, row.key, row.differs, *_plain(row)] for kind, row in _rows(answer)),
        )
    else:
        formats.write_message(answer, format)


def _show(answer: "RunComparison") -> None:
    now = words.now()
    table = formats.empty_table()
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    for run in answer.runs:
        table.add_column(Text(printable(run.name)), overflow="fold")
    table.add_row("", "id", *(Text(id_of(run), style="dim") for run in answer.runs))
    table.add_row("", "state", *(words.shown(words.State(run.state), now) for run in answer.runs))
    table.add_row("", "created", *(words.shown(moment(run, "created_at"), now) for run in answer.runs))
    title = ""
    for kind, row in _rows(answer):
        if kind != title:
            table.add_row()
            table.add_row("", Text(f"{kind}s", style="bold"))
            title = kind
        style = "" if row.differs else "dim"
        cells = (Text(text, style=style) for text in _texts(row))
        table.add_row(DIFFERS if row.differs else SAME, Text(printable(row.key), style=style), *cells)
    terminal.show(table)
    if not title:
        click.echo("no differences" if len(answer.runs) else "nothing to compare", err=True)


def _rows(answer: "RunComparison") -> Iterator[tuple[str, Any]]:
    for kind, field in SECTIONS:
        for row in getattr(answer, field):
            yield kind, row


def _texts(row: Any) -> list[str]:
    """Return the cells of a row as texts; artifacts that differ though they have the same uri come with their ids."""
    texts = [_text(cell) for cell in row.cells]
    if row.differs and len(set(texts)) == 1:
        return [
            f"{text}  {short_id(cell.ref)}" if cell.ref else text for text, cell in zip(texts, row.cells, strict=True)
        ]
    return texts


def _text(cell: Any) -> str:
    if not cell.set:
        return ABSENT
    return number_words(cell.number) if cell.HasField("number") else printable(cell.text or cell.ref)


def _plain(row: Any) -> list[Any]:
    """Return the cells of a row for programs; artifacts that differ though they have the same uri are refs."""
    are_refs = (
        row.differs and len({cell.text for cell in row.cells if cell.ref}) == 1 and all(cell.ref for cell in row.cells)
    )
    return [_plain_cell(cell, as_ref=are_refs) for cell in row.cells]


def _plain_cell(cell: Any, *, as_ref: bool) -> Any:
    if not cell.set:
        return None
    return cell.number if cell.HasField("number") else cell.ref if as_ref else cell.text or cell.ref
