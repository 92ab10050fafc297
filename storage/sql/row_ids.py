"""Statements on ids, of whichever rows they are. See storage.contract for the promises."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ids import possible_ids
from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import artifacts, experiments, pipeline_versions, pipelines, runs, tasks

_TABLES = (artifacts, tasks, runs, experiments, pipelines, pipeline_versions)


class _Statements:
    """A statement per table."""

    def __init__(self, dialect: Dialect) -> None:
        self.taken = []
        for table in _TABLES:
            rows, condition = dialect.rows_among(table, table.c.id, "ids", columns=("id",))
            self.taken.append(select(rows.c.id).where(condition))


class SqlRowIds:
    """Ids as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that rows have."""
        taken_ids: set[str] = set()
        texts = possible_ids(ids)
        if texts:
            values = {"ids": self._dialect.text_list(texts)}
            for statement in self._dialect.statements(_Statements).taken:
                taken_ids.update((await self._connection.execute(statement, values)).scalars())
        return taken_ids
