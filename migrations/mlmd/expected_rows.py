"""The rows that the store has after an import, computed from the source without writing. Verifying calls this."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.source import Source, mapped_artifacts, mapped_runs
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.groups import GroupLoader, LoadGroup, group_batches
from migrations.mlmd.write.ledger import DryRunLedger
from migrations.mlmd.write.row_kinds import Kind, Row, row_of, rows_by_id, spec_rows
from migrations.mlmd.write.target import Target

OnProgress = Callable[[str, int, int], None]
"""Called with the name of a phase, how much of it is done, and its total."""


@dataclass(slots=True)
class ExpectedRows:
    """One pass over a source, which fills `findings`."""

    source: Source
    aliases: Aliases
    progress: OnProgress
    findings: Findings = field(default_factory=Findings)
    _artifacts: set[int] = field(default_factory=set)
    _specs: set[str] = field(default_factory=set)

    async def batches(self, target: Target, import_id: int) -> AsyncIterator[dict[Kind, dict[str, Row]]]:
        """Yield rows by kind; a row that several runs share is yielded with the first of them."""
        async for groups in self._groups(target, import_id):
            yield groups
        survey, done = self.source.store.survey, 0
        async for batch in mapped_runs(self.source):
            self.findings.merge(batch.findings)
            rows_by_kind: dict[Kind, dict[str, Row]] = {kind: {} for kind in Kind}
            for one in batch.records:
                run = self.aliases.run(one.run)
                rows_by_kind[Kind.RUN][run.id] = row_of(Kind.RUN, run)
                rows_by_kind[Kind.SPEC] |= self._new_specs(spec_rows(run.pipeline_spec, run.created_at))
                rows_by_kind[Kind.TASK] |= rows_by_id(Kind.TASK, one.tasks)
                rows_by_kind[Kind.LINK] |= rows_by_id(Kind.LINK, one.links)
                rows_by_kind[Kind.ARTIFACT] |= self._new(rows_by_id(Kind.ARTIFACT, one.artifacts))
            done += batch.executions
            yield rows_by_kind
            self.progress("executions", done, survey.executions_in_runs)
        async for artifacts in mapped_artifacts(self.source):
            self.findings.merge(artifacts.findings)
            yield {Kind.ARTIFACT: self._new(rows_by_id(Kind.ARTIFACT, artifacts.records))}
            self.progress("artifacts without a run", min(artifacts.after, survey.artifacts), survey.artifacts)

    def _new(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        # Eight bytes of a hash distinguish ids, and take less memory than the ids.
        new = {id: row for id, row in rows.items() if hash(id) not in self._artifacts}
        self._artifacts.update(map(hash, new))
        return new

    def _new_specs(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        new = {id: row for id, row in rows.items() if id not in self._specs}
        self._specs.update(new)
        return new

    async def _groups(self, target: Target, import_id: int) -> AsyncIterator[dict[Kind, dict[str, Row]]]:
        if self.source.kfp is None:
            return
        loader, new_ids = GroupLoader(self.aliases), dict[Kind, set[int]]()
        async for kind, load, batch in group_batches(loader, self.source.kfp):
            rows = await self._load(target, import_id, new_ids, load, batch)
            specs: dict[str, Row] = {}
            for one in batch:
                if kind is Kind.VERSION and one.id in rows:
                    specs |= self._new_specs(spec_rows(one.pipeline_spec, one.created_at))
            yield {kind: rows, Kind.SPEC: specs}

    async def _load(
        self, target: Target, import_id: int, new_ids: dict[Kind, set[int]], load: LoadGroup, batch: Sequence[Any]
    ) -> dict[str, Row]:
        async def forecast(connection: AsyncConnection) -> dict[str, Row]:
            _, rows = await load(DryRunLedger(connection, target.dialect, import_id, new_ids), batch)
            return rows

        return await target.transact(forecast)
