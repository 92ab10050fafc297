"""Forecasts an import: reads the source as an import does, and plans the changes without writing them.

Dry runs call this, and so do imports before they change rows of an earlier import.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.expected_rows import OnProgress
from migrations.mlmd.source import Source, mapped_artifacts, mapped_runs
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.groups import GroupLoader, LoadGroup, group_batches
from migrations.mlmd.write.job import Phase, Progress
from migrations.mlmd.write.ledger import DryRunLedger
from migrations.mlmd.write.row_kinds import Kind, Row
from migrations.mlmd.write.run_rows import rows_of_runs
from migrations.mlmd.write.runs import load_artifacts, load_runs
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
    executions_per_batch: int
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)
    new_ids: dict[Kind, set[int]] = field(default_factory=dict)

    async def run(self, since: Progress) -> None:
        """Forecast what an import would write from the progress `since` on."""
        default_id = await self.target.transact(find_default_id)
        aliases = Aliases(default_id or "")
        await self._groups(aliases)
        in_runs = since.phase is not Phase.ARTIFACTS
        if in_runs:
            await self._runs(aliases, since)
        await self._artifacts(0 if in_runs else since.after)

    def ledger(self, connection: AsyncConnection) -> DryRunLedger:
        """Return the rows of the import as they would be after the batches so far."""
        return DryRunLedger(connection, self.target.dialect, self.import_id, self.new_ids)

    async def _groups(self, aliases: Aliases) -> None:
        if self.source.kfp is None:
            return
        loader = GroupLoader(aliases)
        async for _, load, batch in group_batches(loader, self.source.kfp):
            tally = await self.target.transact(partial(self._group, load, batch))
            self.tally = self.tally.plus(tally)
        self.findings.merge(self.source.kfp.findings)

    async def _group(self, load: LoadGroup, batch: Sequence[Any], connection: AsyncConnection) -> Tally:
        tally, _ = await load(self.ledger(connection), batch)
        return tally

    async def _runs(self, aliases: Aliases, since: Progress) -> None:
        total, done = self.source.store.survey.executions_in_runs, since.done
        async for batch in mapped_runs(self.source, after=since.after, executions_per_batch=self.executions_per_batch):
            self.findings.merge(batch.findings)
            rows = rows_of_runs(batch.records, aliases)
            rows = replace(rows, artifacts={run_id: self._new(of_run) for run_id, of_run in rows.artifacts.items()})
            await self._count(load_runs, rows)
            done += batch.executions
            self.progress("executions", done, total)

    async def _artifacts(self, after: int) -> None:
        total = self.source.store.survey.artifacts
        async for batch in mapped_artifacts(self.source, after=after):
            self.findings.merge(batch.findings)
            await self._count(load_artifacts, batch.records)
            self.progress("artifacts without a run", min(batch.after, total), total)

    async def _count(self, load: Callable[[DryRunLedger, Batch], Awaitable[Tally]], batch: Batch) -> None:
        async def forecast(connection: AsyncConnection) -> Tally:
            return await load(self.ledger(connection), batch)

        self.tally = self.tally.plus(await self.target.transact(forecast))

    def _new(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """Return the artifacts that no earlier batch would have written."""
        ids = self.new_ids.get(Kind.ARTIFACT, set())
        return {id: row for id, row in rows.items() if hash(id) not in ids}
