"""Where the artifacts of a batch come from, also when they were made in runs outside of it. The batch reader calls this."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import fetch, integer, with_ids
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.vocabulary.events import OUTPUT_TYPES, key_of
from migrations.mlmd.vocabulary.rows import EventRow, ExecutionRow, Origin
from migrations.mlmd.vocabulary.times import is_time


class OriginReader:
    """Finds the first event that made each artifact in a run, else the first that used it in one."""

    def __init__(self, schema: Schema, rows: RowReader, run_index: RunIndex) -> None:
        self._schema = schema
        self._rows = rows
        self._run_index = run_index

    async def of(
        self,
        connection: AsyncConnection,
        artifact_ids: Sequence[int],
        events: Iterable[EventRow],
        executions: Mapping[int, ExecutionRow],
    ) -> dict[int, Origin]:
        """Return the artifact_origins of artifacts that events of a batch name, still without namespaces."""
        known = {event.id: event for event in events}
        first = await self._first_events(connection, artifact_ids)
        missing = sorted(set(first.values()) - known.keys())
        if missing:
            known |= {event.id: event for event in await self._rows.events_by_id(connection, missing)}
        artifact_origins = {artifact_id: known[event_id] for artifact_id, event_id in first.items()}
        artifact_origins |= await self._outside_of_runs(connection, artifact_origins)
        foreign = sorted({event.execution_id for event in artifact_origins.values()} - executions.keys())
        makers = dict(executions)
        if foreign:
            makers |= {row.id: row for row in await self._rows.executions(connection, foreign, names_only=True)}
        return {artifact_id: self._home(event, makers) for artifact_id, event in artifact_origins.items()}

    async def _first_events(self, connection: AsyncConnection, artifact_ids: Sequence[int]) -> dict[int, int]:
        events = self._schema["event"]
        artifact_id, id = events.column("artifact_id"), events.column("id")
        made = func.min(case((events.column("type").in_(OUTPUT_TYPES), id)))
        statement: Select[Any] = (
            select(artifact_id, made, func.min(id)).where(with_ids(artifact_id)).group_by(artifact_id)
        )
        rows = await fetch(connection, statement, artifact_ids)
        return {integer(row[0]): integer(row[2] if row[1] is None else row[1]) for row in rows}

    async def _outside_of_runs(
        self, connection: AsyncConnection, artifact_origins: Mapping[int, EventRow]
    ) -> dict[int, EventRow]:
        """Return other artifact_origins for artifacts whose first event is of no run: rare, so that all their events may be read."""
        strays = sorted(id for id, event in artifact_origins.items() if self._run_index.of(event.execution_id) is None)
        found: dict[int, EventRow] = {}
        for event in await self._rows.events_of_artifacts(connection, strays) if strays else ():
            if self._run_index.of(event.execution_id) is None:
                continue
            earlier = found.get(event.artifact_id)
            if earlier is None or (event.type in OUTPUT_TYPES and earlier.type not in OUTPUT_TYPES):
                found[event.artifact_id] = event
        return found

    def _home(self, event: EventRow, makers: Mapping[int, ExecutionRow]) -> Origin:
        context_id = self._run_index.of(event.execution_id)
        assert context_id is not None, "an event of the batch belongs to a run"
        made = event.type in OUTPUT_TYPES
        at = event.at if is_time(event.at) else 0
        maker = makers.get(event.execution_id) if made else None
        return Origin(context_id, "", at, key_of(event) if made else "", maker)
