"""Forecasts an import: reads the source as an import does, and plans the changes without writing them.

Dry runs call this, and so do imports with --prune before they write.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.skipped import Skipped
from migrations.mlmd.source import Source, artifact_rows, mapped_artifacts, mapped_runs
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.census import OnProgress, gone_rows
from migrations.mlmd.write.groups import GroupPlanner, PlanGroup, group_batches
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.ledger import DryRunLedger, Mode
from migrations.mlmd.write.pieces import Plan
from migrations.mlmd.write.row_kinds import Kind, Row
from migrations.mlmd.write.run_rows import rows_of_runs
from migrations.mlmd.write.runs import plan_artifacts, plan_runs
from migrations.mlmd.write.tally import Tally
from migrations.mlmd.write.target import Target
from storage.sql.experiments import find_default_id

Batch = TypeVar("Batch")


@dataclass(slots=True)
class Forecast:
    """One pass over a source, which fills `tally` and `findings`."""

    source: Source
    target: Target
    progress: OnProgress
    import_id: int
    mode: Mode
    executions_per_batch: int
    new_ids: IdSet
    seen: IdSet
    skipped: Skipped
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)
    reused: str = ""
    """A row under the id of another one, as a sentence, that an import would refuse."""

    async def run(self) -> None:
        """Forecast what an import would write."""
        default_id = await self.target.transact(find_default_id)
        aliases = Aliases(default_id or "")
        await self.skipped.add_survey(self.source)
        await self._groups(aliases)
        await self._runs(aliases)
        await self._artifacts()
        if self.mode is not Mode.FIRST:
            gone = gone_rows(self.target, self.ledger, self.progress, self.tally, is_forecast=True)
            async for tally in gone:
                self._add(tally)

    def ledger(self, connection: AsyncConnection) -> DryRunLedger:
        """Return the rows of the import as they would be after the batches so far."""
        ids, seen = Ids(self.source.options.store_id), None if self.mode is Mode.FIRST else self.seen
        return DryRunLedger(connection, self.target.dialect, self.import_id, self.mode, ids, seen, new_ids=self.new_ids)

    async def _groups(self, aliases: Aliases) -> None:
        if self.source.kfp is None:
            return
        async for _, plan_group, batch in group_batches(GroupPlanner(aliases), self.source.kfp):
            await self._count(partial(_plan_of, plan_group), batch)
        self._found(self.source.kfp.findings)

    async def _runs(self, aliases: Aliases) -> None:
        total, done = self.source.store.survey.executions_in_runs, 0
        async for batch in mapped_runs(self.source, executions_per_batch=self.executions_per_batch):
            self._found(batch.findings)
            rows = rows_of_runs(batch.records, aliases)
            rows = replace(rows, artifacts={run_id: self._new(of_run) for run_id, of_run in rows.artifacts.items()})
            await self._count(plan_runs, rows)
            done += batch.executions
            self.progress("executions", done, total)

    async def _artifacts(self) -> None:
        total, done = self.source.store.survey.artifacts_without_run, 0
        async for batch in mapped_artifacts(self.source):
            self._found(batch.findings)
            rows = artifact_rows(batch)
            await self._count(plan_artifacts, replace(rows, rows=self._new(rows.rows)))
            done += len(batch.artifact_ids)
            self.progress("artifacts without a run", done, total)

    async def _count(self, plan_batch: Callable[[DryRunLedger, Batch], Awaitable[Plan]], batch: Batch) -> None:
        async def forecast(connection: AsyncConnection) -> tuple[Tally, DryRunLedger]:
            ledger = self.ledger(connection)
            plan = await plan_batch(ledger, batch)
            await ledger.apply(plan.changes)
            return plan.tally, ledger

        tally, ledger = await self.target.transact(forecast)
        self._add(tally)
        self._found(ledger.reused.findings)
        self.reused = self.reused or ledger.reused.new
        for kind, ids in ledger.met.items():
            self.seen.add(kind, ids)

    def _add(self, tally: Tally) -> None:
        self.tally = self.tally.plus(tally)
        self.skipped.add_tally(tally)

    def _found(self, findings: Findings) -> None:
        self.findings.merge(findings)
        self.skipped.add_findings(findings)

    def _new(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """Return the artifacts that no earlier batch would have written."""
        return {id: rows[id] for id in self.new_ids.absent(Kind.ARTIFACT, rows.keys())}


@contextmanager
def id_sets() -> Iterator[tuple[IdSet, IdSet]]:
    """Yield two sets of ids, as a forecast needs them."""
    with IdSet() as new_ids, IdSet() as seen:
        yield new_ids, seen


async def _plan_of(plan_group: PlanGroup, ledger: DryRunLedger, batch: Sequence[Any]) -> Plan:
    plan, _ = await plan_group(ledger, batch)
    return plan
