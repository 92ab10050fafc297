"""Tags of pipelines and versions: one row per tag, in a table whose first column names what it belongs to."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def tags_of(connection: AsyncConnection, table: Table, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of many rows; those without tags are left out."""
    owner = table.columns[0]
    tags: dict[str, dict[str, str]] = {}
    statement = select(owner, table.c.key, table.c.value).where(owner.in_(ids)).order_by(owner, table.c.key)
    for row_id, key, value in (await connection.execute(statement)).all():
        tags.setdefault(row_id, {})[key] = value
    return tags


async def replace_tags(connection: AsyncConnection, table: Table, row_id: str, tags: Mapping[str, str]) -> None:
    """Replace all tags of a row by these."""
    owner = table.columns[0]
    await connection.execute(delete(table).where(owner == row_id))
    await add_tags(connection, table, row_id, tags)


async def add_tags(connection: AsyncConnection, table: Table, row_id: str, tags: Mapping[str, str]) -> None:
    """Give a new row its tags."""
    if tags:
        name = table.columns[0].name
        rows = [{name: row_id, "key": key, "value": value} for key, value in sorted(tags.items())]
        await connection.execute(insert(table), rows)
