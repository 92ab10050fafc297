"""Which contexts make up a batch: runs with up to a given number of executions in total, or a single larger run. `store` calls this."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import integer
from migrations.mlmd.read.horizon import Horizon, within
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types

_CONTEXTS_PER_PAGE = 500


async def read_page(
    connection: AsyncConnection, schema: Schema, types: Types, horizon: Horizon, after: int
) -> list[tuple[int, int]]:
    """Return the ids of the next contexts that are runs, in ascending order, each with its number of executions."""
    contexts, associations = schema["context"], schema["association"]
    id, context_id = contexts.column("id"), associations.column("context_id")
    statement = (
        select(id)
        .where(contexts.column("type_id").in_(sorted(types.run_kinds)), id > after, within(id, horizon.contexts))
        .order_by(id)
        .limit(_CONTEXTS_PER_PAGE)
    )
    ids = [integer(row[0]) for row in await connection.execute(statement)]
    counting = select(context_id, func.count()).where(context_id.in_(ids)).group_by(context_id)
    counts: dict[int, int] = {row[0]: row[1] for row in await connection.execute(counting)}
    return [(id, counts.get(id, 0)) for id in ids]


def batches_of(page: Sequence[tuple[int, int]], executions_per_batch: int) -> list[list[int]]:
    """Return the context ids of a page, cut into batches."""
    batches: list[list[int]] = []
    room = 0
    for context_id, executions in page:
        if not batches or executions > room:
            batches.append([])
            room = executions_per_batch
        batches[-1].append(context_id)
        room -= executions
    return batches
