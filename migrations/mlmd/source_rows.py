"""The rows that an import of the source would write, batch by batch, under the ids in the store. Verifying calls this."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from migrations.mlmd.source import Source, artifact_rows, mapped_artifacts, mapped_runs
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.census import OnProgress
from migrations.mlmd.write.groups import GroupPlanner, PlanGroup, group_batches
from migrations.mlmd.write.kept_ids import metrics_with_kept_ids, with_kept_ids
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.reused_ids import artifacts_with_own_ids, with_own_ids
from migrations.mlmd.write.row_kinds import Kind, Row, spec_rows
from migrations.mlmd.write.run_rows import ArtifactRows, RowsByRun, RunBatchRows, rows_of_runs
from storage.record import record

RowsByKind = dict[Kind, Mapping[str, Row]]


@record
class SourceBatch:
    """Rows by kind and id, those of them that keep their state, and tasks of the store that they replace."""

    rows: RowsByKind
    kept_states: frozenset[str] = frozenset()
    replaced_roots: frozenset[str] = frozenset()


Lookup = Callable[[Ledger], Awaitable[SourceBatch]]
"""Returns the rows of a batch; reads from the store under which ids they are there."""


@dataclass(slots=True)
class SourceRows:
    """One pass over a source, which fills `findings`."""

    source: Source
    aliases: Aliases
    progress: OnProgress
    findings: Findings = field(default_factory=Findings)

    async def batches(self) -> AsyncIterator[Lookup]:
        """Yield batches; rows that several runs share are in each of their batches."""
        if self.source.kfp is not None:
            async for kind, plan, group in group_batches(GroupPlanner(self.aliases), self.source.kfp):
                yield partial(_rows_of_groups, kind, plan, group)
        survey, done = self.source.store.survey, 0
        async for batch in mapped_runs(self.source):
            self.findings.merge(batch.findings)
            yield partial(_rows_of_batch, rows_of_runs(batch.records, self.aliases))
            done += batch.executions
            self.progress("executions", done, survey.executions_in_runs)
        done = 0
        async for artifacts in mapped_artifacts(self.source):
            self.findings.merge(artifacts.findings)
            yield partial(_rows_of_artifacts, artifact_rows(artifacts))
            done += len(artifacts.artifact_ids)
            self.progress("artifacts without a run", done, survey.artifacts_without_run)


async def _rows_of_groups(kind: Kind, plan_group: PlanGroup, batch: Sequence[Any], ledger: Ledger) -> SourceBatch:
    plan, rows = await plan_group(ledger, batch)
    await ledger.apply(plan.changes)  # which only notes new ids
    specs: dict[str, Row] = {}
    for one in batch:
        if kind is Kind.VERSION and one.id in rows:
            specs |= spec_rows(one.pipeline_spec, one.created_at)
    return SourceBatch({kind: rows, Kind.SPEC: specs})


async def _rows_of_batch(rows: RunBatchRows, ledger: Ledger) -> SourceBatch:
    rows = await with_own_ids(ledger, rows)
    imported_ids = await ledger.digests(Kind.RUN, rows.runs)
    rows = await with_kept_ids(ledger, rows, imported_ids.keys() & await ledger.present(Kind.RUN, imported_ids))
    by_kind: RowsByKind = {
        Kind.RUN: rows.runs,
        Kind.SPEC: _joined(rows.specs),
        Kind.TASK: _joined(rows.tasks),
        Kind.LINK: _joined(rows.links),
        Kind.ARTIFACT: _joined(rows.artifacts),
    }
    return SourceBatch(by_kind, rows.kept_states, rows.replaced_roots)


async def _rows_of_artifacts(artifacts: ArtifactRows, ledger: Ledger) -> SourceBatch:
    artifacts = await artifacts_with_own_ids(ledger, artifacts)
    rows = await metrics_with_kept_ids(ledger, artifacts.rows, artifacts.artifact_ids)
    return SourceBatch({Kind.ARTIFACT: rows})


def _joined(rows: RowsByRun) -> dict[str, Row]:
    return {id: row for of_run in rows.values() for id, row in of_run.items()}
