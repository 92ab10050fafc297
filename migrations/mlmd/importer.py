"""The import: opens source and store, and imports batch after batch, each with a record of the import's progress.

The command line calls `run_import`. If it is killed, the next call continues after the last batch; after it has ended, the
next call reads the whole source again and imports what is new or changed. Before that, it forecasts whether rows of the
earlier import would be damaged, and refuses to damage them without --prune; every batch checks this again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
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
    MappedRuns,
    Source,
    mapped_artifacts,
    mapped_runs,
    open_source,
)
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.batch import BatchWriter
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.groups import GroupLoader, LoadGroup, group_batches
from migrations.mlmd.write.job import Job, JobState, Phase, Progress, begin_job, find_job, record_progress
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.run_rows import rows_of_runs
from migrations.mlmd.write.runs import load_artifacts, load_runs
from migrations.mlmd.write.tally import Tally, records_of
from migrations.mlmd.write.target import Target, open_for_import, open_for_reading
from storage.ids import new_id
from storage.model import default_experiment
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Dialect
from storage.sql.experiments import SqlExperiments

EXECUTIONS_PER_SHORT_BATCH = 500
"""Smaller batches for databases with a single writer, where a server waits for the end of a batch."""

LOOKING = "looking first, "
"""The prefix of the names of a forecast's phases."""

LAST_READ_SECONDS = 5.0
"""How long an import that ends early waits for the batch that is being read."""

Item = TypeVar("Item")


class Observer(Protocol):
    """Receives the progress of an import."""

    def plan(self, survey: Survey, source: str, store: str) -> None:
        """Called with the contents of the source before anything is written."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """Called as a phase progresses."""


async def run_import(request: ImportRequest, observer: Observer, *, upgrade_schema: bool = False) -> Report:
    """Import a store, or what has changed in it since the last import.

    Raises ImportRefused when rows that an earlier import wrote would be removed, emptied or renamed, or when the options
    differ; SourceRefused, SchemaMismatch, Unavailable, Conflict or ValueRefused. What has been written by then is kept, and
    the next call continues from there.
    """
    start = time.monotonic()
    async with open_source(request) as source:
        dialect = dialect_for(request.store)
        observer.plan(source.store.survey, source.store.label, dialect.label)
        if upgrade_schema or dialect.upgrades_itself:
            await upgrade.upgrade_async(request.store)
        await upgrade.check(request.store)
        async with open_for_import(request.store) as target:
            report = await _Import(request, source, target, observer).run()
    report.seconds = time.monotonic() - start
    return report


class _Import:
    def __init__(self, request: ImportRequest, source: Source, target: Target, observer: Observer) -> None:
        self._request = request
        self._source = source
        self._target = target
        self._observer = observer
        self._executions = executions_per_batch(target.dialect)

    async def run(self) -> Report:
        before = await self._target.transact(lambda connection: find_job(connection, self._request.store_id))
        if before is not None:
            await self._check(before)
        job = await self._target.transact(self._begin)
        progress, resumed = job.progress, job.progress.phase is not Phase.GROUPS
        aliases = Aliases(await self._target.transact(self._default_experiment))
        writer = BatchWriter(self._target, job.id, self._request.prune)
        if self._source.kfp is not None:
            progress = await self._groups(writer, self._source.kfp, aliases, progress)
        if progress.phase is Phase.GROUPS:
            progress = replace(progress, phase=Phase.RUNS)
        if progress.phase is Phase.RUNS:
            progress = await self._runs(writer, aliases, progress)
            progress = replace(progress, phase=Phase.ARTIFACTS, after=0, done=0)
        progress = await self._artifacts(writer, progress)
        return await self._end(job, progress, resumed=resumed)

    async def _check(self, job: Job) -> None:
        """Refuse an import that would damage rows of an earlier one: all of it is forecast before any of it is written."""
        request = self._request
        job.check_source(self._source.fingerprint)
        if not request.change_options:
            job.check_options(request.options)
        if request.prune or job.is_first(request.options):
            return
        since = job.progress if job.goes_on(request.options) else Progress()
        # On a read-only connection, so that other writers of the store need not wait.
        async with open_for_reading(request.store) as target:
            forecast = Forecast(self._source, target, self._forecast_progress, job.id, self._executions)
            await forecast.run(since)
        damage = damage_words(forecast.tally)
        if damage:
            source = "the source, read with these options," if job.difference(request.options) else "the source"
            remark = "nothing was written"
            if since is job.progress:
                remark = "nothing more was written; what was committed before is kept"
            raise ImportRefused(
                f"this import would {damage}, because {source} no longer has what was imported; {remark}. "
                "If this is intended, add --prune"
            )

    def _forecast_progress(self, phase: str, done: int, total: int) -> None:
        self._observer.progress(f"{LOOKING}{phase}", done, total)

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

    async def _groups(self, writer: BatchWriter, kfp: KfpDatabase, aliases: Aliases, progress: Progress) -> Progress:
        """Import experiments and pipelines, again if the import was interrupted later, because aliases are not stored."""
        is_first_pass = progress.phase is Phase.GROUPS
        if is_first_pass:
            progress = replace(progress, tally=progress.tally.without_left_alone())
        async for _, load_group, batch in group_batches(GroupLoader(aliases), kfp):
            progress = await writer.write(partial(_load, load_group, is_first_pass), batch, progress)
        return replace(progress, findings=progress.findings.plus(kfp.findings)) if is_first_pass else progress

    async def _runs(self, writer: BatchWriter, aliases: Aliases, progress: Progress) -> Progress:
        total = self._source.store.survey.executions_in_runs
        runs = mapped_runs(self._source, after=progress.after, executions_per_batch=self._executions)
        async with contextlib.aclosing(ahead(runs)) as batches:
            async for batch in batches:
                progress = await write_runs(writer, batch, aliases, progress)
                self._observer.progress("executions", progress.done, total)
        return progress

    async def _artifacts(self, writer: BatchWriter, progress: Progress) -> Progress:
        total = self._source.store.survey.artifacts
        async with contextlib.aclosing(ahead(mapped_artifacts(self._source, after=progress.after))) as batches:
            async for batch in batches:
                findings, done = progress.findings.plus(batch.findings), min(batch.after, total)
                progress = replace(progress, after=batch.after, done=done, findings=findings)
                progress = await writer.write(load_artifacts, batch.records, progress)
                self._observer.progress("artifacts without a run", progress.done, total)
        return progress

    async def _end(self, job: Job, progress: Progress, *, resumed: bool) -> Report:
        findings = self._source.store.survey.findings.plus(progress.findings)

        async def write(connection: AsyncConnection) -> Report:
            await record_progress(connection, job.id, progress, state=JobState.DONE)
            totals = await Ledger(connection, self._target.dialect, job.id).counts()
            return Report(
                "import",
                self._target.label,
                self._request.store_id,
                source=self._source.store.label,
                survey=self._source.store.survey,
                records=records_of(progress.tally, totals),
                tally=progress.tally,
                findings=findings,
                resumed=resumed,
            )

        return await self._target.transact(write)


async def write_runs(writer: BatchWriter, batch: MappedRuns, aliases: Aliases, progress: Progress) -> Progress:
    """Write a batch of runs; returns the progress after it."""
    rows = rows_of_runs(batch.records, aliases)
    findings, done = progress.findings.plus(batch.findings), progress.done + batch.executions
    return await writer.write(load_runs, rows, replace(progress, after=batch.after, done=done, findings=findings))


async def _load(load_group: LoadGroup, is_first_pass: bool, ledger: Ledger, batch: Sequence[Any]) -> Tally:
    tally, _ = await load_group(ledger, batch)
    # The import that was interrupted has already counted the rows that it left unchanged.
    return tally if is_first_pass else tally.without_left_alone()


def executions_per_batch(dialect: Dialect) -> int:
    """Return how many executions one transaction imports."""
    return EXECUTIONS_PER_BATCH if dialect.many_processes else EXECUTIONS_PER_SHORT_BATCH


async def ahead(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield items; the next one is computed while the caller processes the current one."""
    next_item = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await next_item) is not None:
            next_item = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        # A cancelled read would leave its connection, and its snapshot of the source, to the driver's thread.
        await asyncio.wait([next_item], timeout=LAST_READ_SECONDS)
        next_item.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await next_item
        await items.aclose()
