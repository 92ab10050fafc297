"""What every `list` does with what it has been given: as many rows as were asked for, in the chosen format."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from google.protobuf.message import Message

from lineal.cli import formats, terminal
from lineal.cli.formats import Column, Format
from lineal.cli.options import effective_limit

PAGE_SIZE_MAX = 200


def page_size(limit: int | None, format: Format) -> int:
    """Return how many rows to ask for at a time: one more than are shown, so that it is known whether there are more."""
    count = effective_limit(limit, format)
    return PAGE_SIZE_MAX if count is None else min(count + 1, PAGE_SIZE_MAX)


def show_list(
    items: Iterable[Any],
    columns: Sequence[Column],
    *,
    format: Format,
    limit: int | None,
    id_of: Callable[[Any], str],
    noun: str,
) -> None:
    """Print a list in any format. Items are messages; a table of none says so on standard error."""
    is_cut = False

    def cut() -> None:
        nonlocal is_cut
        is_cut = True

    chosen = formats.at_most(items, effective_limit(limit, format), cut)
    if format.is_message:
        formats.write_messages(chosen, format)
    elif format is Format.CSV:
        formats.write_csv(chosen, columns)
    elif format is Format.IDS:
        formats.write_ids(id_of(item) for item in chosen)
    else:
        _show_table(list(chosen), columns, noun)
    if is_cut and limit is None:
        click.echo("… there are more; --limit all lists them, --filter finds some", err=True)


def _show_table(items: list[Any], columns: Sequence[Column], noun: str) -> None:
    if items:
        terminal.show(formats.table(items, columns))
    else:
        click.echo(f"no {noun}", err=True)


def show_one(item: Message, columns: Sequence[Column], *, format: Format, id: str) -> None:
    """Print one thing in a format that is not a table."""
    if format.is_message:
        formats.write_message(item, format)
    elif format is Format.CSV:
        formats.write_csv([item], columns)
    else:
        formats.write_ids([id])
