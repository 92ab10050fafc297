"""The newest rows of a store when it was surveyed. The readers call this: rows beyond them wait for the next import.

Programs go on writing while a store is read, and each batch is a later snapshot than the one before. Which rows exist is decided
by the survey, so that all batches agree on it; what is in these rows is read when they are.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.schema import Schema
from storage.record import record

UNFINISHED_ROWS = 10_000
"""How many rows of a table transactions that had not ended at the time of the survey may have written; their ids are below the
newest one, because databases give out ids when rows are written, not when they are committed."""


@record
class Horizon:
    """The highest ids by table, 0 for an empty one; None where every row counts, because ids are not numbers."""

    contexts: int | None = None
    artifacts: int | None = None
    events: int | None = None
    associations: int | None = None

    @classmethod
    async def read(cls, connection: AsyncConnection, schema: Schema) -> "Horizon":
        """Return the horizon of a store as it is now."""
        names = ("context", "artifact", "event", "association")
        return cls(*[await _highest_id(connection, schema[name]) for name in names])


def within(column: ColumnElement[Any], highest: int | None) -> ColumnElement[bool]:
    """Return the condition that an id is not beyond a horizon."""
    return true() if highest is None else column <= highest


async def _highest_id(connection: AsyncConnection, table: ForeignTable) -> int | None:
    if not table.has:
        return 0
    highest = (await connection.execute(select(func.max(table.column("id"))))).scalar()
    return 0 if highest is None else highest if isinstance(highest, int) else None
