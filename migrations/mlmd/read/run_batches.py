"""Reads the runs of some contexts with everything that belongs to them: executions, events, artifacts and their origins.

`store` calls this, a batch of contexts at a time. Statements list ids instead of joining tables row by row: MLMD lacks indexes
on Association.execution_id and Attribution.artifact_id.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.artifact_origins import OriginReader
from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import fetch, with_ids
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.run_filter import RunFilter
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.rows import (
    ArtifactRow,
    ContextRow,
    EventRow,
    ExecutionRow,
    KfpRun,
    Origin,
    RunRows,
)
from storage.record import record


@record
class RunBatch:
    """Some runs, in the order of their contexts' ids. Reading can continue after last_context_id.

    findings counts what the filter left out; executions counts all executions of the contexts, including those.
    """

    runs: Sequence[RunRows]
    last_context_id: int
    executions: int
    findings: Findings


@record
class RunReader:
    """Reads the runs of one store."""

    schema: Schema
    rows: RowReader
    filter: RunFilter
    origins: OriginReader
    run_index: RunIndex
    kfp: KfpRuns | None

    async def batch(self, connection: AsyncConnection, context_ids: Sequence[int]) -> RunBatch:
        """Return the runs of some contexts, whose ids are in ascending order."""
        findings = Findings(None)
        execution_ids = await self._execution_ids(connection, context_ids)
        contexts = await self.rows.contexts(connection, context_ids)
        kfp_runs = await self.kfp.runs_of(contexts) if self.kfp else {}
        contexts = await self.filter.mark_repeats(connection, contexts, kfp_runs)
        contexts, missing_contexts = self.filter.split(contexts, kfp_runs if self.kfp else None)
        await self.filter.count_missing(connection, missing_contexts, execution_ids, findings)
        ids = sorted(id for context in contexts for id in execution_ids.get(context.id, ()))
        executions = {row.id: row for row in await self.rows.executions(connection, ids)}
        events = await self.rows.events(connection, ids)
        artifact_ids = sorted({event.artifact_id for event in events})
        artifacts = {row.id: row for row in await self.rows.artifacts(connection, artifact_ids)}
        origins = await self.origins.of(connection, sorted(artifacts), events, executions, contexts, kfp_runs)
        batch_rows = _BatchRows(execution_ids, executions, _by_execution(events), artifacts, origins)
        runs = [batch_rows.run(context, kfp_runs.get(context.id)) for context in contexts]
        return RunBatch(runs, context_ids[-1], sum(map(len, execution_ids.values())), findings)

    async def _execution_ids(self, connection: AsyncConnection, context_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return the executions of contexts by context id: those that the survey found, of several runs in the first of them."""
        associations = self.schema["association"]
        context_id = associations.column("context_id")
        statement: Select[Any] = select(context_id, associations.column("execution_id")).where(with_ids(context_id))
        ids: dict[int, list[int]] = {}
        for run, execution_id in await fetch(connection, statement, context_ids):
            if self.run_index.of(execution_id) == run:
                ids.setdefault(run, []).append(execution_id)
        return {run: sorted(execution_ids) for run, execution_ids in ids.items()}


@record
class _BatchRows:
    """The rows of a batch: ids of executions by context id, events by execution id, all others by their own id."""

    execution_ids: Mapping[int, Sequence[int]]
    executions: Mapping[int, ExecutionRow]
    events: Mapping[int, Sequence[EventRow]]
    artifacts: Mapping[int, ArtifactRow]
    origins: Mapping[int, Origin]

    def run(self, context: ContextRow, kfp_run: KfpRun | None) -> RunRows:
        """Return the rows of one run."""
        # An association may name an execution that does not exist.
        ids = [id for id in self.execution_ids.get(context.id, ()) if id in self.executions]
        events = sorted((event for id in ids for event in self.events.get(id, ())), key=lambda event: event.id)
        artifact_ids = sorted({event.artifact_id for event in events} & self.artifacts.keys() & self.origins.keys())
        return RunRows(
            context=context,
            executions=tuple(self.executions[id] for id in ids),
            events=tuple(events),
            artifacts={id: self.artifacts[id] for id in artifact_ids},
            artifact_origins={id: self.origins[id] for id in artifact_ids},
            kfp=kfp_run,
        )


def _by_execution(events: Iterable[EventRow]) -> dict[int, list[EventRow]]:
    by_execution: dict[int, list[EventRow]] = {}
    for event in events:
        by_execution.setdefault(event.execution_id, []).append(event)
    return by_execution
