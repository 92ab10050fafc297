"""The formats of `-o`: tables for people, JSON, YAML, CSV and ids for programs. Every command that lists or gets calls this.

JSON and YAML have the messages of the API, with the names of its fields and times in UTC. Lists are written while they are read.
"""

import csv
import enum
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import yaml
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.table import Table
from rich.text import Text

from lineal._texts import printable
from lineal.cli import terminal, words

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\n]")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Format(enum.Enum):
    """A format of the option -o."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    IDS = "ids"

    @property
    def is_message(self) -> bool:
        """Whether it shows messages of the API, and not columns."""
        return self in (Format.JSON, Format.YAML)


@dataclass(frozen=True)
class Column:
    """A column of tables and of CSV: `value` is a text, number, time, duration or `words.State` of an item, or None.

    In a table too wide for the screen, flexible columns are cut. `name` is the column's name in CSV, and in capitals in tables.
    """

    name: str
    value: Callable[[Any], Any]
    flexible: bool = False
    is_number: bool = False
    in_table: bool = True
    in_csv: bool = True


def write_messages(items: Iterable[Message], format: Format) -> None:
    """Write messages as one JSON array, or as one YAML list."""
    if format is Format.YAML:
        is_empty = True
        for item in items:
            is_empty = False
            sys.stdout.write(yaml_text([plain_message(item)]))
        if is_empty:
            sys.stdout.write("[]\n")
        return
    separator = "[\n"
    for item in items:
        sys.stdout.write(separator + textwrap.indent(json_text(plain_message(item)), "  "))
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def write_message(item: Message, format: Format) -> None:
    """Write one message as JSON or YAML."""
    value = plain_message(item)
    sys.stdout.write(yaml_text(value) if format is Format.YAML else f"{json_text(value)}\n")


def write_csv(items: Iterable[Any], columns: Sequence[Column]) -> None:
    """Write rows under a line of names. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    columns = [column for column in columns if column.in_csv]
    write_rows([column.name for column in columns], ([column.value(item) for column in columns] for item in items))


def write_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of plain values as CSV, as `write_csv` does."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in chain([names], rows):
        writer.writerow([_csv_cell(words.plain(value)) for value in row])


def write_ids(ids: Iterable[str]) -> None:
    """Write one id per line."""
    for id in ids:
        terminal.write(printable(id))


def table(items: Iterable[Any], columns: Sequence[Column], *, with_head: bool = True) -> Table:
    """Return a table; columns that are empty in all rows are left out, but for the first two."""
    now = words.now()
    columns = [column for column in columns if column.in_table]
    rows = [[column.value(item) for column in columns] for item in items]
    kept = [
        number
        for number in range(len(columns))
        if number < 2 or not rows or any(row[number] not in (None, "") for row in rows)
    ]
    made = empty_table(with_head=with_head)
    for number in kept:
        column = columns[number]
        add_column(made, column.name, flexible=column.flexible, is_number=column.is_number)
    for row in rows:
        made.add_row(*(words.shown(row[number], now) for number in kept))
    return made


def empty_table(*, with_head: bool = True) -> Table:
    """Return a table without lines between its cells."""
    return Table(box=None, pad_edge=False, show_header=with_head, header_style="bold", padding=(0, 2, 0, 0))


def add_column(
    table: Table, name: str, *, flexible: bool = False, is_number: bool = False, as_is: bool = False
) -> None:
    """Add a column to a table; one that is not flexible is never cut. `as_is` is for names that come from the store."""
    table.add_column(
        Text(printable(name) if as_is else name.replace("_", " ").upper()),
        no_wrap=True,
        overflow="ellipsis",
        justify="right" if is_number else "left",
        min_width=6 if flexible else None,
        ratio=None,
    )


def plain_message(item: Message) -> Any:
    """Return a message as plain values: names as in the API, times in UTC, enums by their names."""
    return json_format.MessageToDict(item, preserving_proto_field_name=True)


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON; characters that a terminal would act on are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNPRINTABLE.sub(_escaped, text)


def yaml_text(value: Any) -> str:
    """Return a value as YAML; in one with characters that a terminal would act on, all that is not ASCII is escaped."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    if all(line.isprintable() for line in text.split("\n")):
        return text
    escaped: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=120)
    return escaped


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _csv_cell(value: str | int | float) -> str | int | float:
    if not isinstance(value, str):
        return value
    text = printable(value) if terminal.is_for_people() else value
    return f"'{text}" if text.startswith(_FORMULAS) else text


def at_most(items: Iterable[Any], limit: int | None, on_more: Callable[[], None]) -> Iterator[Any]:
    """Yield so many items at most, all if there is no limit; calls `on_more` if there are more."""
    for number, item in enumerate(items):
        if number == limit:
            on_more()
            return
        yield item
