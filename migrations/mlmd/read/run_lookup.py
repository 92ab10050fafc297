"""The runs of executions that events name, also of those that the survey has not found in a run. The batch readers call this.

A program may have put an execution into a run since the survey. The execution waits for the next import, but what it made, and
other runs used, comes from its run.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import fetch, integer, with_ids
from migrations.mlmd.read.horizon import UNFINISHED_ROWS, Horizon
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from storage.record import record


@record
class RunLookup:
    """Finds the runs of executions of one store."""

    schema: Schema
    types: Types
    horizon: Horizon
    run_index: RunIndex

    async def of(self, connection: AsyncConnection, execution_ids: Collection[int]) -> dict[int, int]:
        """Return the context of the first run of each execution, without executions that do not belong to a run."""
        runs = {id: context_id for id in execution_ids if (context_id := self.run_index.of(id)) is not None}
        return runs | await self.later(connection, set(execution_ids) - runs.keys())

    async def later(self, connection: AsyncConnection, execution_ids: Collection[int]) -> dict[int, int]:
        """Return the same for executions that the survey has not found in a run."""
        has_runs = self.schema.has_runs and self.types.run_kinds
        if not execution_ids or not has_runs or self.horizon.associations is None:
            return {}
        associations, contexts = self.schema["association"], self.schema["context"]
        execution_id, context_id = associations.column("execution_id"), associations.column("context_id")
        # There is no index on executions, but the newest associations are next to each other.
        statement: Select[Any] = (
            select(execution_id, func.min(context_id))
            .join(contexts.clause, contexts.column("id") == context_id)
            .where(
                associations.column("id") > self.horizon.associations - UNFINISHED_ROWS,
                contexts.column("type_id").in_(sorted(self.types.run_kinds)),
                with_ids(execution_id),
            )
            .group_by(execution_id)
        )
        rows = await fetch(connection, statement, sorted(execution_ids))
        return {integer(row[0]): integer(row[1]) for row in rows}
