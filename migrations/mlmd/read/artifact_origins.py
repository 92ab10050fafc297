"""The origins of the artifacts of a batch, which may have been made by runs outside the batch. The batch readers call this."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import fetch, integer, with_ids
from migrations.mlmd.read.horizon import within
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.run_lookup import RunLookup
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.vocabulary.events import OUTPUT_TYPES, key_of
from migrations.mlmd.vocabulary.namespaces import run_namespace
from migrations.mlmd.vocabulary.rows import ContextRow, EventRow, ExecutionRow, KfpRun, Origin
from migrations.mlmd.vocabulary.times import is_time
from storage.record import record


@record
class RunOrigins:
    """Reads the origin of a run's artifacts as far as it depends on the run: the namespace, and when the run began."""

    rows: RowReader
    kfp: KfpRuns | None

    async def of(self, connection: AsyncConnection, context_ids: Sequence[int]) -> dict[int, Origin]:
        """Return origins by context id, without the contexts that do not exist or are not runs."""
        contexts = await self.rows.contexts(connection, context_ids)
        kfp_runs = await self.kfp.runs_of(contexts) if self.kfp and contexts else {}
        return run_origins(contexts, kfp_runs)


@record
class OriginReader:
    """Reads the first event that made each artifact in a run, otherwise the first that used it in a run."""

    schema: Schema
    rows: RowReader
    run_lookup: RunLookup
    run_origins: RunOrigins

    async def of(
        self,
        connection: AsyncConnection,
        artifact_ids: Sequence[int],
        events: Iterable[EventRow],
        executions: Mapping[int, ExecutionRow],
        contexts: Sequence[ContextRow],
        kfp_runs: Mapping[int, KfpRun],
    ) -> dict[int, Origin]:
        """Return the origins of artifacts by artifact id, for artifacts that events of a batch name.

        The events, executions and contexts of the batch are not read again.
        """
        by_run = run_origins(contexts, kfp_runs)
        first_events = await self._first_events(connection, artifact_ids, {event.id: event for event in events})
        runs = await self._runs(connection, first_events.values(), by_run)
        others = sorted(
            id for id in artifact_ids if id not in first_events or first_events[id].execution_id not in runs
        )
        # They are few, so all of their events can be read.
        other_events = await self.rows.events_of_artifacts(connection, others) if others else []
        runs |= await self._runs(connection, other_events, by_run)
        first_events |= _first_in_runs(other_events, runs)
        in_runs = {id: event for id, event in first_events.items() if event.execution_id in runs}
        execution_ids = sorted({event.execution_id for event in in_runs.values()} - executions.keys())
        makers = dict(executions)
        if execution_ids:
            makers |= {row.id: row for row in await self.rows.executions(connection, execution_ids, names_only=True)}
        return {id: _origin(event, runs[event.execution_id], makers) for id, event in in_runs.items()}

    async def _runs(
        self, connection: AsyncConnection, events: Iterable[EventRow], by_run: dict[int, Origin]
    ) -> dict[int, Origin]:
        """Return what the runs of executions give to their artifacts, by execution id, for those that belong to a run.

        `by_run` has what is known of runs; further runs are read and added to it.
        """
        context_ids = await self.run_lookup.of(connection, {event.execution_id for event in events})
        by_run |= await self.run_origins.of(connection, sorted(set(context_ids.values()) - by_run.keys()))
        return {id: by_run[context_id] for id, context_id in context_ids.items() if context_id in by_run}

    async def _first_events(
        self, connection: AsyncConnection, artifact_ids: Sequence[int], batch_events: Mapping[int, EventRow]
    ) -> dict[int, EventRow]:
        """Return the first event that made each artifact, otherwise the first that used it, in a run or not."""
        table = self.schema["event"]
        artifact_id, id = table.column("artifact_id"), table.column("id")
        first_output = func.min(case((table.column("type").in_(OUTPUT_TYPES), id)))
        statement: Select[Any] = (
            select(artifact_id, first_output, func.min(id))
            .where(with_ids(artifact_id), within(id, self.rows.horizon.events))
            .group_by(artifact_id)
        )
        rows = await fetch(connection, statement, artifact_ids)
        event_ids = {integer(row[0]): integer(row[2] if row[1] is None else row[1]) for row in rows}
        events = dict(batch_events)
        other_ids = sorted(set(event_ids.values()) - events.keys())
        if other_ids:
            events |= {event.id: event for event in await self.rows.events_by_id(connection, other_ids)}
        return {artifact_id: events[event_id] for artifact_id, event_id in event_ids.items() if event_id in events}


def run_origins(contexts: Iterable[ContextRow], kfp_runs: Mapping[int, KfpRun]) -> dict[int, Origin]:
    """Return the origins of runs' artifacts as far as they depend on the run, by context id."""
    return {
        context.id: Origin(context.id, run_namespace(context, kfp_runs.get(context.id)), context.created)
        for context in contexts
    }


def _first_in_runs(events: Iterable[EventRow], runs: Mapping[int, Origin]) -> dict[int, EventRow]:
    """Return the first event that made each artifact in a run, otherwise the first that used it in one."""
    first_events: dict[int, EventRow] = {}
    for event in events:
        earlier = first_events.get(event.artifact_id)
        is_first = earlier is None or (event.type in OUTPUT_TYPES and earlier.type not in OUTPUT_TYPES)
        if event.execution_id in runs and is_first:
            first_events[event.artifact_id] = event
    return first_events


def _origin(event: EventRow, run: Origin, makers: Mapping[int, ExecutionRow]) -> Origin:
    """Return the origin of an artifact whose first event this is; a missing time is that of the run's beginning."""
    at = event.at if is_time(event.at) else 0
    if event.type not in OUTPUT_TYPES:
        return Origin(run.context_id, run.namespace, at or run.at)
    return Origin(run.context_id, run.namespace, at or run.at, key_of(event), makers.get(event.execution_id))
