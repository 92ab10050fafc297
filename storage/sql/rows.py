"""Rows ⇄ records: the columns of a table in the order of a record's fields, and back. Used by the per-table files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Result, literal_column

from storage.slices import in_slices
from storage.sql.prepared import Rows

ROWS_AT_ONCE = 250
"""How many rows become records in one piece, without letting other calls go on: each takes some ten microseconds."""

Record = TypeVar("Record")

_READERS: dict[tuple[type[Any], tuple[str, ...]], tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}


class RowVanished(Exception):
    """An insert found its key taken, but cannot read the row with it: it has been deleted, or another key was taken.

    The per-table files raise this; only `SqlStore` catches it, and runs the callback again.
    """


def field_names(record: Any) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    return tuple(field.name for field in fields(record))


def columns_of(table: FromClause, record: type[Any], *, leaving_out: Sequence[str] = ()) -> list[ColumnElement[Any]]:
    """Return the table's columns in the order of the record's fields, so that `record(*row)` works."""
    return [table.c[name] for name in field_names(record) if name not in leaving_out]


def values_of(record: Any, *, leaving_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a record as column values."""
    key = (type(record), leaving_out)
    if key not in _READERS:
        names = tuple(name for name in field_names(key[0]) if name not in leaving_out)
        _READERS[key] = names, attrgetter(*names)
    names, read_values = _READERS[key]
    return dict(zip(names, read_values(record), strict=True))


def inline_literal(constant: str) -> ColumnElement[str]:
    """Inline a trusted constant instead of binding it: with a bound value, a generic plan cannot use a partial index."""
    assert constant.replace("_", "").isalnum() or not constant, "only words that need no escaping"
    return literal_column(f"'{constant}'")


def inline_number(number: int) -> ColumnElement[Any]:
    """Inline a number of ours instead of binding it: a partial index is used only if its condition can be read in the text."""
    return literal_column(str(int(number)))


def inline_numbers(numbers: Iterable[int]) -> list[ColumnElement[Any]]:
    """Inline several numbers of ours."""
    return [inline_number(number) for number in numbers]


async def records(result: Result[Any] | Rows, record: Callable[[Any], Record]) -> list[Record]:
    """Return the records of all rows of a result; many are made in slices."""
    rows = result.all()
    all_records = [record(row) for row in rows[:ROWS_AT_ONCE]]
    if len(rows) > ROWS_AT_ONCE:
        starts = range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE)
        await in_slices(starts, lambda start: all_records.extend(map(record, rows[start : start + ROWS_AT_ONCE])))
    return all_records
