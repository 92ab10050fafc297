"""Rows ⇄ records: the columns of a table in the order of a record's fields, and back. Used by the per-table files."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, literal_column

from storage.contract import Lock


class RowVanished(Exception):
    """An insert met a taken key whose row cannot be read: it was deleted since, or another key of the row was taken.

    The per-table files raise it; `SqlStore` alone catches it, and runs the callback again.
    """


def field_names(record: type[Any]) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    return tuple(field.name for field in fields(record))


def columns_of(table: Table, record: type[Any], *, leaving_out: Sequence[str] = ()) -> list[Column[Any]]:
    """Return the table's columns in the order of the record's fields, so that `record(*row)` works."""
    return [table.c[name] for name in field_names(record) if name not in leaving_out]


def values_of(record: Any, *, leaving_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return a record as column values."""
    return {name: getattr(record, name) for name in field_names(type(record)) if name not in leaving_out}


def inline_literal(constant: str) -> ColumnElement[str]:
    """Inline a trusted constant instead of binding it: a generic plan cannot use a partial index."""
    assert constant.replace("_", "").isalnum() or not constant, "only words that need no escaping"
    return literal_column(f"'{constant}'")


def locked(statement: Select[Any], lock: Lock) -> Select[Any]:
    """Lock the selected rows until the transaction ends; a database with a single writer ignores it."""
    if lock is Lock.UPDATE:
        # Not a key update: inserts that refer to the row, such as a link of a locked task, need not wait.
        return statement.with_for_update(key_share=True)
    return statement.with_for_update(read=True) if lock is Lock.SHARE else statement
