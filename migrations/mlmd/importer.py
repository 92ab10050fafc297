"""The import: opens source and store, and brings batch after batch over, each with the note of how far it came.

The command line calls `run_import`. Whenever it is killed, the next call goes on after the last batch; when it had ended, the
next call goes over the whole source again and brings what is new or changed. Before that it looks whether rows of the earlier
import would be damaged, and refuses that unless it is meant; every batch looks again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.forecast import Forecast
from migrations.mlmd.kfp.database import KfpDatabase
from migrations.mlmd.read.store import EXECUTIONS_PER_BATCH
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.report import Report
from migrations.mlmd.source import (
    ImportRequest,
    MappedArtifacts,
    MappedRuns,
    Source,
    mapped_artifacts,
    mapped_runs,
    open_source,
)
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.groups import GroupLoader, LoadGroup, group_batches
from migrations.mlmd.write.job import Job, JobState, Phase, Progress, begin_job, find_job, record_progress
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.runs import load_artifacts, load_runs, rows_of_runs
from migrations.mlmd.write.tally import Tally, records_of
from migrations.mlmd.write.target import Target, open_for_import, open_for_reading
from storage.ids import new_id
from storage.model import default_experiment
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect
from storage.sql.experiments import SqlExperiments

EXECUTIONS_PER_SHORT_BATCH = 500
"""Where one writer excludes all others, a server waits for the end of a batch."""

LOOKING = "looking first, "
"""How the names of the phases begin of a look that goes before writing."""

LAST_READ_SECONDS = 5.0
"""How long an import that ends early waits for the batch that is being read."""

Item = TypeVar("Item")


class Observer(Protocol):
    """Who is told how an import goes."""

    def plan(self, survey: Survey, source: str, store: str) -> None:
        """What was found, before anything is written."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """How much of a phase is done."""


async def run_import(request: ImportRequest, observer: Observer, *, upgrade_schema: bool = False) -> Report:
    """Import a store, or bring over what has changed in it since.

    Raises ImportRefused when rows that an earlier import wrote would be removed, emptied or renamed, or when the options are
    others; SourceRefused, SchemaMismatch, Unavailable, Conflict or ValueRefused. What was written until then stays, and the
    next call goes on from there.
    """
    began = time.monotonic()
    async with open_source(request) as source:
        dialect = dialect_for(request.store)
        observer.plan(source.store.survey, source.store.label, dialect.label)
        if upgrade_schema or dialect.upgrades_itself:
            await upgrade.upgrade_async(request.store)
        await upgrade.check(request.store)
        async with open_for_import(request.store) as target:
            report = await _Import(request, source, target, observer).run()
    report.seconds = time.monotonic() - began
    return report


class _Import:
    def __init__(self, request: ImportRequest, source: Source, target: Target, observer: Observer) -> None:
        self._request = request
        self._source = source
        self._target = target
        self._watch = observer
        self._executions = executions_per_batch(target.dialect)

    async def run(self) -> Report:
        before = await self._target.transact(lambda connection: find_job(connection, self._request.store_id))
        if before is not None:
            await self._check(before)
        job = await self._target.transact(self._begin)
        progress, resumed = job.progress, job.progress.phase is not Phase.GROUPS
        aliases = Aliases(await self._target.transact(self._default_experiment))
        if self._source.kfp is not None:
            progress = await self._groups(job, self._source.kfp, aliases, progress)
        if progress.phase is Phase.GROUPS:
            progress = replace(progress, phase=Phase.RUNS)
        if progress.phase is Phase.RUNS:
            runs = mapped_runs(self._source, after=progress.after, executions_per_batch=self._executions)
            async with contextlib.aclosing(ahead(runs)) as batches:
                async for batch in batches:
                    progress = await self._runs(job, batch, aliases, progress)
            progress = replace(progress, phase=Phase.ARTIFACTS, after=0, done=0)
        async with contextlib.aclosing(ahead(mapped_artifacts(self._source, after=progress.after))) as loose:
            async for artifacts in loose:
                progress = await self._artifacts(job, artifacts, progress)
        return await self._end(job, progress, resumed=resumed)

    async def _check(self, job: Job) -> None:
        """Look at all that is to be done to rows of an earlier import before any of it is done."""
        request = self._request
        job.check_source(self._source.fingerprint)
        if not request.change_options:
            job.check_options(request.options)
        if request.prune or job.is_first(request.options):
            return
        since = job.progress if job.goes_on(request.options) else Progress()
        # By a connection that only reads, so that no writer of the store waits for it.
        async with open_for_reading(request.store) as target:
            forecast = Forecast(self._source, target, self._look, job.id, self._executions)
            await forecast.run(since)
        damage = damage_words(forecast.tally)
        if damage:
            source = "the source, read with these options," if job.difference(request.options) else "the source"
            written = "nothing was written"
            if since is job.progress:
                written = "nothing more was written, what was committed before stays"
            raise ImportRefused(
                f"this import would {damage}, because {source} no longer has them as they were imported; {written}. "
                "If that is meant, add --prune"
            )

    def _look(self, phase: str, done: int, total: int) -> None:
        self._watch.progress(f"{LOOKING}{phase}", done, total)

    def _refuse_damage(self, tally: Tally) -> None:
        """Raise ImportRefused, which rolls back a batch, when that did damage: the source may have changed since the look."""
        damage = damage_words(tally)
        if damage and not self._request.prune:
            raise ImportRefused(
                f"the source changed during the import, and the next batch would {damage}; this batch was not written, "
                "what was committed before stays. If that is meant, add --prune: the import goes on from here"
            )

    async def _begin(self, connection: AsyncConnection) -> Job:
        request, source = self._request, self._source
        return await begin_job(
            connection,
            store_id=request.store_id,
            source=source.store.label,
            fingerprint=source.fingerprint,
            options=request.options,
        )

    async def _default_experiment(self, connection: AsyncConnection) -> str:
        fallback = default_experiment(new_id(), created_at=time.time_ns() // 1000)
        return await SqlExperiments(connection, self._target.dialect).ensure_default(fallback)

    async def _groups(self, job: Job, kfp: KfpDatabase, aliases: Aliases, progress: Progress) -> Progress:
        """Bring over the groups of runs, also when the import goes on: what their names mean is not kept."""
        loader = GroupLoader(aliases)
        first = progress.phase is Phase.GROUPS
        progress = replace(progress, tally=progress.tally.done()) if first else progress
        async for _, load, batch in group_batches(loader, kfp):
            progress = await self._group(job, load, batch, progress)
        return replace(progress, findings=_sum(progress.findings, kfp.findings)) if first else progress

    async def _group(self, job: Job, load: LoadGroup, batch: Sequence[Any], progress: Progress) -> Progress:
        async def write(connection: AsyncConnection) -> Progress:
            tally, _ = await load(connection, self._ledger(connection, job), batch)
            self._refuse_damage(tally)
            tally = tally if progress.phase is Phase.GROUPS else tally.done()
            grown = replace(progress, tally=progress.tally.plus(tally))
            await record_progress(connection, job.id, grown)
            return grown

        return await self._target.transact(write)

    async def _runs(self, job: Job, batch: MappedRuns, aliases: Aliases, progress: Progress) -> Progress:
        rows = rows_of_runs(batch.records, aliases)
        findings = _sum(progress.findings, batch.findings)

        async def write(connection: AsyncConnection) -> Progress:
            tally = await load_runs(self._ledger(connection, job), rows)
            self._refuse_damage(tally)
            done = progress.done + batch.executions
            grown = replace(progress, after=batch.after, done=done, tally=progress.tally.plus(tally), findings=findings)
            await record_progress(connection, job.id, grown)
            return grown

        grown = await self._target.transact(write)
        self._watch.progress("executions", grown.done, self._source.store.survey.executions_in_runs)
        return grown

    async def _artifacts(self, job: Job, batch: MappedArtifacts, progress: Progress) -> Progress:
        findings = _sum(progress.findings, batch.findings)
        total = self._source.store.survey.artifacts

        async def write(connection: AsyncConnection) -> Progress:
            tally = await load_artifacts(self._ledger(connection, job), batch.records)
            self._refuse_damage(tally)
            done = min(batch.after, total)
            grown = replace(progress, after=batch.after, done=done, tally=progress.tally.plus(tally), findings=findings)
            await record_progress(connection, job.id, grown)
            return grown

        grown = await self._target.transact(write)
        self._watch.progress("artifacts without a run", grown.done, total)
        return grown

    async def _end(self, job: Job, progress: Progress, *, resumed: bool) -> Report:
        findings = _sum(self._source.store.survey.findings, progress.findings)

        async def write(connection: AsyncConnection) -> Report:
            await record_progress(connection, job.id, progress, state=JobState.DONE)
            kept = await self._ledger(connection, job).counts()
            return Report(
                "import",
                self._target.label,
                self._request.store_id,
                source=self._source.store.label,
                survey=self._source.store.survey,
                records=records_of(progress.tally, kept),
                tally=progress.tally,
                findings=findings,
                resumed=resumed,
            )

        return await self._target.transact(write)

    def _ledger(self, connection: AsyncConnection, job: Job) -> Ledger:
        return Ledger(connection, self._target.dialect, job.id)


def executions_per_batch(dialect: Dialect) -> int:
    """Return how many executions a transaction brings into a store."""
    return EXECUTIONS_PER_BATCH if dialect.many_processes else EXECUTIONS_PER_SHORT_BATCH


async def ahead(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield items, the next of which is made while the caller works on one."""
    upcoming = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await upcoming) is not None:
            upcoming = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        # A read that is cancelled leaves its connection, and its snapshot of the source, to the driver's thread.
        await asyncio.wait([upcoming], timeout=LAST_READ_SECONDS)
        upcoming.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await upcoming
        await items.aclose()


def _sum(one: Findings, other: Findings) -> Findings:
    added = Findings()
    added.merge(one)
    added.merge(other)
    return added
