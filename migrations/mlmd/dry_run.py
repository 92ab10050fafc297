"""What an import would do, and what it would find: it goes as an import does, but nothing is written. The command line calls this."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.aliases import Aliases
from migrations.mlmd.findings import Findings
from migrations.mlmd.importer import Watch, executions_per_batch
from migrations.mlmd.job import find_job
from migrations.mlmd.kinds import LABELS, Kind, Row
from migrations.mlmd.ledger import LookingLedger
from migrations.mlmd.load import load_artifacts, load_runs, rows_of_runs
from migrations.mlmd.load_groups import GroupLoader, LoadGroup, group_batches
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest, Source, mapped_artifacts, mapped_runs, open_source
from migrations.mlmd.tally import LEFT_ALONE, Outcome, Tally
from migrations.mlmd.target import Target, open_for_reading
from storage.sql.dialects import dialect_for
from storage.sql.experiments import find_default_id

CREATE, UPDATE, REMOVE, UNCHANGED, TAKEN = "would_create", "would_update", "would_remove", "unchanged", "taken"
"""Figures of each kind: new rows; rows the source has other than they were imported, or no longer; the same ones; new ones whose
id or name is taken. Those of rows that would be left alone are called as an import calls them."""

_NO_IMPORT = 0

Batch = TypeVar("Batch")


async def dry_run(request: ImportRequest, watch: Watch) -> Report:
    """Say what an import would do. Raises SourceRefused and Unavailable as an import does."""
    began = time.monotonic()
    dialect = dialect_for(request.store)
    async with open_source(request) as source:
        watch.plan(source.store.survey, source.store.label, dialect.label)
        async with _opened(request.store) as target:
            foretelling = _Foretelling(source, target, watch, executions_per_batch(dialect))
            report = await foretelling.run(request.store_id)
    report.store, report.seconds = dialect.label, time.monotonic() - began
    return report


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Target]:
    """Open a store; an empty new one stands in for a store whose schema an import would have to bring up first."""
    plan = await upgrade.plan_async(url)
    if plan.standing in (upgrade.Standing.NEWER, upgrade.Standing.FOREIGN):
        await upgrade.check(url)
    with TemporaryDirectory(prefix="lineal-dry-run-") as folder:
        if plan.standing is not upgrade.Standing.CURRENT:
            url = f"sqlite:///{Path(folder) / 'store.sqlite'}"
            await upgrade.upgrade_async(url)
        async with open_for_reading(url) as target:
            yield target


@dataclass(slots=True)
class _Foretelling:
    source: Source
    target: Target
    watch: Watch
    executions: int  # of a batch
    import_id: int = _NO_IMPORT
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)
    made: dict[Kind, set[int]] = field(default_factory=dict)

    async def run(self, store_id: str) -> Report:
        job = await self.target.transact(lambda connection: find_job(connection, store_id))
        if job is not None:
            job.check_source(self.source.identity)
            self.import_id = job.id
        self.findings.merge(self.source.store.survey.findings)
        default = await self.target.transact(find_default_id)
        aliases = Aliases(default or "")
        await self._groups(aliases)
        await self._runs(aliases)
        await self._artifacts()
        kept = await self.target.transact(lambda connection: self._ledger(connection).counts())
        return Report(
            "dry-run",
            "",
            store_id,
            source=self.source.store.label,
            survey=self.source.store.survey,
            records=_figures(self.tally, kept),
            tally=self.tally,
            findings=self.findings,
        )

    async def _groups(self, aliases: Aliases) -> None:
        if self.source.kfp is None:
            return
        loader = GroupLoader(aliases)
        async for _, load, batch in group_batches(loader, self.source.kfp):
            tally = await self.target.transact(partial(self._group, load, batch))
            self.tally = self.tally.plus(tally)
        self.findings.merge(self.source.kfp.findings)

    async def _group(self, load: LoadGroup, batch: Sequence[Any], connection: AsyncConnection) -> Tally:
        tally, _ = await load(connection, self._ledger(connection), batch)
        return tally

    async def _runs(self, aliases: Aliases) -> None:
        survey, done = self.source.store.survey, 0
        async for batch in mapped_runs(self.source, executions_per_batch=self.executions):
            self.findings.merge(batch.findings)
            rows = rows_of_runs(batch.records, aliases)
            rows = replace(rows, artifacts={run_id: self._new(some) for run_id, some in rows.artifacts.items()})
            await self._count(load_runs, rows)
            done += batch.executions
            self.watch.progress("executions", done, survey.executions_in_runs)

    async def _artifacts(self) -> None:
        total = self.source.store.survey.artifacts
        async for batch in mapped_artifacts(self.source):
            self.findings.merge(batch.findings)
            await self._count(load_artifacts, batch.records)
            self.watch.progress("artifacts without a run", min(batch.after, total), total)

    async def _count(self, load: Callable[[LookingLedger, Batch], Awaitable[Tally]], batch: Batch) -> None:
        async def look(connection: AsyncConnection) -> Tally:
            return await load(self._ledger(connection), batch)

        self.tally = self.tally.plus(await self.target.transact(look))

    def _new(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """Return the artifacts that no earlier batch brought in or brought up to date."""
        made = self.made.get(Kind.ARTIFACT, set())
        return {id: row for id, row in rows.items() if hash(id) not in made}

    def _ledger(self, connection: AsyncConnection) -> LookingLedger:
        return LookingLedger(connection, self.target.dialect, self.import_id, self.made)


def _figures(tally: Tally, kept: Mapping[Kind, int]) -> dict[Kind, dict[str, int]]:
    touched = (Outcome.UPDATED, Outcome.REMOVED, Outcome.CHANGED_HERE, Outcome.DELETED_HERE)
    figures = {}
    for kind in LABELS:
        found = {
            CREATE: tally.count(kind, Outcome.CREATED),
            UPDATE: tally.count(kind, Outcome.UPDATED),
            REMOVE: tally.count(kind, Outcome.REMOVED),
            UNCHANGED: max(0, kept.get(kind, 0) - sum(tally.count(kind, one) for one in touched)),
        }
        figures[kind] = found | {one.name.lower(): tally.count(kind, one) for one in LEFT_ALONE}
    return figures
