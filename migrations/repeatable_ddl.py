"""Schema changes that can be repeated: on databases where DDL commits at once, a killed migration leaves some of its changes.

Each step is for a store that servers of the release before read and write meanwhile, and go on using afterwards.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import op
from sqlalchemy import Column, Connection, inspect, text
from sqlalchemy.schema import SchemaItem

from storage.sql.dialects import online_ddl, partial_index
from storage.sql.dialects.online_ddl import OnlineDdl


@dataclass(frozen=True)
class NewIndex:
    """An index to create: its columns, and the condition of a partial index, if the database supports it."""

    name: str
    columns: tuple[str, ...]
    where: str | None = None


def create_table(name: str, *items: SchemaItem, indexes: tuple[NewIndex, ...] = ()) -> None:
    """Create a table and its indexes, unless they exist."""
    if not inspect(op.get_bind()).has_table(name):
        op.create_table(name, *items)
    existing = _index_names(name)
    for index in indexes:
        if index.name not in existing:
            options = partial_index(op.get_bind().dialect.name, index.where) if index.where else {}
            op.create_index(index.name, name, list(index.columns), **options)


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column, unless it exists; programs of the release before do not know it, so it is nullable or has a server default."""
    assert column.nullable or column.server_default is not None
    if column.name not in {each["name"] for each in inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def replace_indexes(table: str, *, new: Sequence[NewIndex], old: Sequence[str] = ()) -> None:
    """Build indexes of a table that others write to, and then drop those that they replace.

    What the step has done before is committed on databases that build indexes outside a transaction. There, an index that a
    refused or killed build has left unusable is dropped and built again.
    """
    ddl = online_ddl(op.get_bind().dialect.name)
    with _outside_a_transaction(ddl.is_outside_transactions):
        connection = op.get_bind()
        if ddl.before:
            connection.execute(text(ddl.before))
        for name in ddl.unusable_indexes(connection, table):
            connection.execute(text(ddl.drop_index(name, table)))
        missing = [index for index in new if index.name not in _index_names(table)]
        if not ddl.has_partial_indexes:
            # Of two that differ only in their conditions the second would be a duplicate, which MariaDB is about to refuse.
            _drop(connection, ddl, table, _same_columns(table, old, missing))
        for index in missing:
            connection.execute(text(ddl.create_index(index.name, table, index.columns, index.where)))
        _drop(connection, ddl, table, old)
        if ddl.after:
            connection.execute(text(ddl.after))


def _drop(connection: Connection, ddl: OnlineDdl, table: str, names: Sequence[str]) -> None:
    existing = _index_names(table)
    for name in names:
        if name in existing:
            connection.execute(text(ddl.drop_index(name, table)))


def _same_columns(table: str, names: Sequence[str], new: Sequence[NewIndex]) -> list[str]:
    wanted = {index.columns for index in new}
    existing = inspect(op.get_bind()).get_indexes(table)
    return [
        str(index["name"]) for index in existing if index["name"] in names and tuple(index["column_names"]) in wanted
    ]


@contextmanager
def _outside_a_transaction(is_outside: bool) -> Iterator[None]:
    if not is_outside:
        yield
        return
    with op.get_context().autocommit_block():
        yield


def _index_names(table: str) -> set[str | None]:
    return {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}
