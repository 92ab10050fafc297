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
from typing import Any, TypeGuard

import yaml
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.table import Table
from rich.text import Text

from lineal._texts import printable
from lineal.cli import terminal, widths, words

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\n]")
_FREE_FORM = ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")
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

    `name` is the column's name in CSV, and in capitals in tables. What happens to it in a table too wide for the screen, `least` and
    `rank` say, as in `widths.Width`.
    """

    name: str
    value: Callable[[Any], Any]
    least: int = 0
    rank: int = 0
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


def table(items: Iterable[Any], columns: Sequence[Column], *, with_head: bool = True, room: int | None = None) -> Table:
    """Return a table that fits so many columns of the screen, by default all.

    Columns that are empty in all rows are left out, but for the first two.
    """
    now = words.now()
    columns = [column for column in columns if column.in_table]
    rows = [[column.value(item) for column in columns] for item in items]
    kept = [number for number in range(len(columns)) if number < 2 or _has_values(rows, number)]
    cells = [[words.shown(row[number], now) for number in kept] for row in rows]
    heads = [_head(columns[number].name) if with_head else Text("") for number in kept]
    natural = [max(text.cell_len for text in column) for column in zip(heads, *cells, strict=True)]
    shown = widths.fit(
        [
            widths.Width(width, columns[number].least, columns[number].rank)
            for width, number in zip(natural, kept, strict=True)
        ],
        terminal.width() if room is None else room,
    )
    made = empty_table(with_head=with_head)
    for place, width in shown.items():
        is_number = columns[kept[place]].is_number
        made.add_column(
            heads[place], width=width, no_wrap=True, overflow="ellipsis", justify="right" if is_number else "left"
        )
    for row_cells in cells:
        made.add_row(*(row_cells[place] for place in shown))
    return made


def empty_table(*, with_head: bool = True) -> Table:
    """Return a table without lines between its cells."""
    return Table(box=None, pad_edge=False, show_header=with_head, header_style="bold", padding=(0, widths.GAP, 0, 0))


def _has_values(rows: Sequence[Sequence[Any]], number: int) -> bool:
    return not rows or any(row[number] not in (None, "") for row in rows)


def _head(name: str) -> Text:
    return Text(name.replace("_", " ").upper())


def plain_message(item: Message) -> Any:
    """Return a message as plain values: names as in the API, times in UTC, enums by their names, keys of maps sorted."""
    return _with_sorted_maps(json_format.MessageToDict(item, preserving_proto_field_name=True), item.DESCRIPTOR)


def _with_sorted_maps(value: Any, kind: Any) -> Any:
    """Return a message of a kind, as a dict, with its maps in the order of their keys: protobuf's own changes from call to call."""
    if kind.full_name in _FREE_FORM:
        return _with_sorted_keys(value)
    if not _is_object(value):
        return value
    for name, each in value.items():
        field = kind.fields_by_name.get(name)
        inner = None if field is None else field.message_type
        if inner is None:
            continue
        if inner.GetOptions().map_entry:
            values = inner.fields_by_name["value"].message_type
            value[name] = {key: _with_sorted_maps(each[key], values) if values else each[key] for key in sorted(each)}
        elif _is_array(each):
            value[name] = [_with_sorted_maps(item, inner) for item in each]
        else:
            value[name] = _with_sorted_maps(each, inner)
    return value


def _with_sorted_keys(value: Any) -> Any:
    if _is_object(value):
        return {key: _with_sorted_keys(value[key]) for key in sorted(value)}
    return [_with_sorted_keys(each) for each in value] if _is_array(value) else value


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


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
