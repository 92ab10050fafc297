"""Compares clocks: those of the databases' machines with this one's, and the times of the source with now.

Times are imported as they are, so that nothing fails; but lists are sorted by them, and runs that begin tomorrow are first today.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import integer
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.vocabulary.times import LAST_MILLISECOND
from storage.sql.dialects.inquiry import Inquiry, Surroundings

TOLERANCE_SECONDS = 5.0
"""By how much clocks may differ."""

NEWEST_EVENTS = 1000
"""How many events are looked at: their times have no index."""

_NODES = {"execution": "executions", "artifact": "artifacts", "context": "contexts"}
_TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")

Clock = Callable[[], float]
"""Returns this machine's time, in seconds since 1970."""

now: Clock = time.time


async def ask(inquiry: Inquiry, connection: AsyncConnection, label: str) -> tuple[Surroundings, list[str]]:
    """Return what a database says of its surroundings, and a warning if its clock is wrong, or this machine's."""
    before = now()
    surroundings = await inquiry.surroundings(connection)
    after = now()
    if surroundings.now is None:
        return surroundings, []
    # Its clock was read at some time in between.
    ahead, behind = surroundings.now - after, before - surroundings.now
    seconds, direction = (ahead, "ahead of") if ahead > behind else (behind, "behind")
    if seconds <= TOLERANCE_SECONDS:
        return surroundings, []
    return surroundings, [f"the clock of {label} is {seconds:.0f} s {direction} this machine's"]


async def times_ahead(connection: AsyncConnection, schema: Schema) -> list[str]:
    """Return a warning for each kind of row with times after now."""
    limit, warnings = int((now() + TOLERANCE_SECONDS) * 1000), []
    for name, plural in _NODES.items():
        table = schema[name]
        for column in _TIMES if table.has else ():
            if column not in table.columns:
                continue
            latest = integer((await connection.execute(select(func.max(table[column])))).scalar())
            if latest > limit:
                later: Select[Any] = select(func.count()).select_from(table.clause)
                count: int = (await connection.execute(later.where(table.column(column) > limit))).scalar_one()
                warnings.append(_sentence(f"{count} {plural}", column, latest))
    events = schema["event"]
    if "milliseconds_since_epoch" not in events.columns:
        return warnings
    newest = select(events["milliseconds_since_epoch"]).order_by(events.column("id").desc()).limit(NEWEST_EVENTS)
    times = [integer(row[0]) for row in await connection.execute(newest)]
    if count := sum(one > limit for one in times):
        warnings.append(_sentence(f"{count} of the newest {len(times)} events", "milliseconds_since_epoch", max(times)))
    return warnings


def _sentence(rows: str, column: str, latest: int) -> str:
    moment = datetime.fromtimestamp(min(latest, LAST_MILLISECOND) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{rows} of the source have a {column} after now by this machine's clock, up to {moment}"
