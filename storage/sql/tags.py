"""Tags of pipelines and versions: one row per tag, in a table whose first column is the owner's id."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Delete, Insert, Select, Table, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import pipeline_tags, pipeline_version_tags

_TABLES = (pipeline_tags, pipeline_version_tags)
_INSERT: dict[Table, Insert] = {table: insert(table) for table in _TABLES}
_DELETE: dict[Table, Delete] = {
    table: delete(table).where(table.columns[0] == bindparam("row_id")) for table in _TABLES
}


class _Statements:
    """Statements on tags whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.of_rows: dict[Table, Select[Any]] = {}
        for table in _TABLES:
            owner = table.columns[0]
            tags = select(owner, table.c.key, table.c.value).where(dialect.among(owner, "ids"))
            self.of_rows[table] = tags.order_by(owner, table.c.key)


async def tags_of(
    connection: AsyncConnection, dialect: Dialect, table: Table, ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the tags of many rows; those without tags are left out."""
    tags: dict[str, dict[str, str]] = {}
    statement = dialect.statements(_Statements).of_rows[table]
    for row_id, key, value in (await connection.execute(statement, {"ids": dialect.text_list(ids)})).all():
        tags.setdefault(row_id, {})[key] = value
    return tags


async def replace_tags(connection: AsyncConnection, table: Table, row_id: str, tags: Mapping[str, str]) -> None:
    """Replace all tags of a row with these."""
    await connection.execute(_DELETE[table], {"row_id": row_id})
    await add_tags(connection, table, row_id, tags)


async def add_tags(connection: AsyncConnection, table: Table, row_id: str, tags: Mapping[str, str]) -> None:
    """Insert the tags of a new row."""
    if tags:
        name = table.columns[0].name
        rows = [{name: row_id, "key": key, "value": value} for key, value in sorted(tags.items())]
        await connection.execute(_INSERT[table], rows)
