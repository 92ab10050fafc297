"""Schema changes that can be repeated: on databases where DDL commits at once, a killed migration leaves some of its changes."""

from dataclasses import dataclass

from alembic import op
from sqlalchemy import inspect
from sqlalchemy.schema import SchemaItem

from storage.sql.dialects import partial_index


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
    index_names = {index["name"] for index in inspect(op.get_bind()).get_indexes(name)}
    for index in indexes:
        if index.name not in index_names:
            options = partial_index(index.where) if index.where else {}
            op.create_index(index.name, name, list(index.columns), **options)
