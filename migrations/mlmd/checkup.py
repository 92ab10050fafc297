"""Says of each import into a store whether it is half done, undone in part, or how old it is. `lineal-server doctor` prints it.

Only the store is asked, not the sources. Whether an import runs is known from its lock, which ends with its process.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.write.job import JobState, Phase
from migrations.mlmd.write.target import open_for_reading
from storage.sql.tables import import_jobs

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = ((2 * _DAY, _DAY, "days"), (2 * _HOUR, _HOUR, "hours"), (2 * _MINUTE, _MINUTE, "minutes"), (0, 1, "seconds"))


async def examine_imports(url: str) -> list[str]:
    """Return one sentence for each import into a store, the oldest first. Raises Unavailable."""
    async with open_for_reading(url) as target:

        async def look(connection: AsyncConnection) -> tuple[bool, Sequence[Any]]:
            columns = import_jobs.c
            statement = select(
                *(columns.store_id, columns.source, columns.state, columns.progress),
                *(columns.updated_at, columns.finished_at),
            ).order_by(columns.id)
            rows = (await connection.execute(statement)).all()
            return bool(rows) and await target.dialect.inquiry.is_importing(connection), rows

        is_importing, rows = await target.transact(look)
    unfinished = [row.updated_at for row in rows if row.state != JobState.DONE.value]
    now = time.time_ns() // 1000
    return [_sentence(row, now, runs=is_importing and row.updated_at == max(unfinished, default=None)) for row in rows]


def _sentence(row: Any, now: int, *, runs: bool) -> str:
    which = f"with --store-id {row.store_id}" if row.store_id else "without --store-id"
    name, updated = f"of {row.source}, {which},", _ago(now - row.updated_at)
    if row.state == JobState.DONE.value:
        return f"{name} is complete; it was last trued up {_ago(now - (row.finished_at or row.updated_at))}"
    if row.state == JobState.UNDOING.value:
        if runs:
            return f"{name} is being undone, since {_ago(now - row.updated_at)}"
        return (
            f"{name} is undone in part, since {updated}; run `lineal-server import-mlmd` {which} and --undo again, or without --undo "
            "to import what is gone"
        )
    place = f"at {_phase(row.progress)}, with its last progress {updated}"
    if runs:
        return f"{name} runs now, {place}"
    return (
        f"{name} is half done: it stopped {place}; run the same `lineal-server import-mlmd` {which} again to go on, or with "
        "--undo to remove it"
    )


def _phase(progress: str) -> str:
    name = json.loads(progress).get("phase")
    return Phase[name].value if name in Phase.__members__ else "its beginning"


def _ago(microseconds: int) -> str:
    seconds = max(0, microseconds // 1_000_000)
    size, unit = next((size, unit) for least, size, unit in _UNITS if seconds >= least)
    return f"{seconds // size} {unit} ago"
