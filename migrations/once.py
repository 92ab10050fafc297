"""Schema changes that may run twice: databases whose DDL commits at once can be left half way through a migration."""

from dataclasses import dataclass

from alembic import op
from sqlalchemy import inspect
from sqlalchemy.schema import SchemaItem

from storage.sql.dialects import partial_index


@dataclass(frozen=True)
class NewIndex:
    """An index to make: its columns, and the rows it is limited to where the database can."""

    name: str
    columns: tuple[str, ...]
    where: str | None = None


def create_table(name: str, *items: SchemaItem, indexes: tuple[NewIndex, ...] = ()) -> None:
    """Create a table and its indexes, those of them that are missing."""
    if not inspect(op.get_bind()).has_table(name):
        op.create_table(name, *items)
    existing = {index["name"] for index in inspect(op.get_bind()).get_indexes(name)}
    for index in indexes:
        if index.name not in existing:
            options = partial_index(index.where) if index.where else {}
            op.create_index(index.name, name, list(index.columns), **options)
