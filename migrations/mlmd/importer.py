"""The import: opens source and store, and imports batch after batch, each with a record of the import's progress.

The command line calls `run_import`. If the first import is killed, the next call continues after the last batch, and then reads
the source once more from its beginning. After it has ended, the next call is a true-up: it reads the whole source again and imports
what is new or changed; what is gone in the source is kept and counted. With --prune, rows follow the source: how many would be
damaged is forecast, and limited.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.forecast import Forecast, id_sets
from migrations.mlmd.kfp.database import KfpDatabase
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.preflight.ahead import look_ahead
from migrations.mlmd.read.store import EXECUTIONS_PER_BATCH
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.report import Report
from migrations.mlmd.skipped import Skipped, open_skipped
from migrations.mlmd.source import (
    ImportRequest,
    MappedRuns,
    Source,
    artifact_rows,
    mapped_artifacts,
    mapped_runs,
    open_source,
)
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.batch import BatchWriter
from migrations.mlmd.write.census import gone_rows
from migrations.mlmd.write.damage import DAMAGE_PERCENT, damage_limit, damage_share
from migrations.mlmd.write.groups import GroupPlanner, PlanGroup, group_batches
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.job import (
    Job,
    JobState,
    Phase,
    Progress,
    all_jobs,
    begin_job,
    check_difference,
    other_import,
    record_progress,
    restart_job,
)
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.pace import Pace, give_way
from migrations.mlmd.write.pieces import Plan
from migrations.mlmd.write.refusals import ReusedIds
from migrations.mlmd.write.reused_ids import own_ids, reuses
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.run_rows import rows_of_runs
from migrations.mlmd.write.runs import plan_artifacts, plan_runs
from migrations.mlmd.write.tally import records_of
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

SECOND_PASS = "second pass, "
"""The prefix of the names of the phases in which an import that has resumed reads the source once more."""

READ_TWICE = (
    "this import went on after an interruption, and then read the source once more from its beginning, for what had changed by "
    "then in the part that was imported before"
)
FROM_THE_BEGINNING = "this import read the source from its beginning again, after an interruption"

LAST_READ_SECONDS = 5.0
"""How long an import that ends early waits for the batch that is being read."""

Item = TypeVar("Item")


class Observer(Protocol):
    """Receives the progress of an import."""

    def plan(self, survey: Survey, source: str, store: str) -> None:
        """Called with the contents of the source before anything is written."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """Called as a phase progresses."""

    def warn(self, sentence: str) -> None:
        """Called with what was noticed before anything is written: warnings, and an estimate of the time."""

    def foretell(self, sentence: str) -> None:
        """Called with what an import with --prune would remove, empty and rename, before anything is written."""


async def run_import(
    request: ImportRequest, observer: Observer, *, upgrade_schema: bool = False, gives_way: bool = False
) -> Report:
    """Import a store, or what has changed in it since the last import; `gives_way` lowers the priority of the process for good.

    Raises ImportRefused when an import with --prune would damage too many rows, or when the options differ; SourceRefused,
    SchemaMismatch, Unavailable, Conflict or ValueRefused. What has been written by then is kept, and the next call continues
    from there.
    """
    start = time.monotonic()
    with open_skipped(request.skipped) as skipped:
        report = await _run(request, observer, skipped, upgrade_schema=upgrade_schema, gives_way=gives_way)
    report.seconds = time.monotonic() - start
    return report


async def _run(
    request: ImportRequest, observer: Observer, skipped: Skipped, *, upgrade_schema: bool, gives_way: bool
) -> Report:
    async with open_source(request) as source:
        dialect = dialect_for(request.store)
        observer.plan(source.store.survey, source.store.label, dialect.label)
        preflight = await look_ahead(request, source, observer.warn)
        if preflight.refusals:
            raise ImportRefused("; ".join(preflight.refusals))
        if upgrade_schema or dialect.upgrades_itself:
            await upgrade.upgrade_async(request.store)
        await upgrade.check(request.store)
        async with open_for_import(request.store) as target:
            if gives_way:
                give_way()
            report = await _Import(request, source, target, observer, skipped).run()
        report.preflight = preflight
        return report


class _Import:
    def __init__(
        self, request: ImportRequest, source: Source, target: Target, observer: Observer, skipped: Skipped
    ) -> None:
        self._request = request
        self._source = source
        self._target = target
        self._observer = observer
        self._skipped = skipped
        self._executions = executions_per_batch(target.dialect)
        self._prefix = ""
        self._pace = Pace(has_one_writer=not target.dialect.many_processes)

    async def run(self) -> Report:
        jobs = {job.store_id: job for job in await self._target.transact(all_jobs)}
        before = jobs.get(self._request.store_id)
        self._check(before, jobs)
        if before is not None and not self._request.reused_ids:
            await self._check_ids(before)
        mode, limit = mode_of(self._request, before), None
        if mode is Mode.PRUNE and before is not None:
            limit = await self._damage_limit(before)
        resumed = before is not None and before.goes_on(self._request.options)
        job = await self._target.transact(partial(self._begin, before))
        # What was imported before the interruption may have changed in the source since. Groups are always read whole.
        needs_second_pass = mode is Mode.FIRST and resumed and job.progress.phase is not Phase.GROUPS
        if needs_second_pass:
            # Everything is listed in the second pass.
            skipped, self._skipped = self._skipped, Skipped(None)
            progress = await self._pass(job, mode, limit)
            self._skipped = skipped
            job = await self._target.transact(partial(restart_job, job, progress))
            mode, self._prefix = mode_of(self._request, job), SECOND_PASS
            limit = await self._damage_limit(job) if mode is Mode.PRUNE else None
        progress = await self._pass(job, mode, limit)
        return await self._end(job, progress, resumed=resumed, read_twice=needs_second_pass)

    async def _pass(self, job: Job, mode: Mode, limit: int | None) -> Progress:
        """Read the source, from where the job's progress is, to its end."""
        with contextlib.ExitStack() as stack:
            seen = None if mode is Mode.FIRST else stack.enter_context(IdSet())
            ids = Ids(self._source.options.store_id)
            writer = BatchWriter(
                *(self._target, job.id, mode, ids, seen, limit, self._skipped.add_tally, self._pace),
                permits_reused_ids=self._request.reused_ids,
                found=self._skipped.add_findings,
            )
            await self._skipped.add_survey(self._source)
            return await self._import(writer, job.progress)

    async def _import(self, writer: BatchWriter, progress: Progress) -> Progress:
        aliases = Aliases(await self._target.transact(self._default_experiment))
        if self._source.kfp is not None:
            progress = await self._groups(writer, self._source.kfp, aliases, progress)
        if progress.phase is Phase.GROUPS:
            progress = replace(progress, phase=Phase.RUNS)
        if progress.phase is Phase.RUNS:
            progress = await self._runs(writer, aliases, progress)
            progress = replace(progress, phase=Phase.ARTIFACTS, after=0, done=0)
        progress = await self._artifacts(writer, progress)
        if writer.seen is not None:
            async for tally in gone_rows(self._target, writer.ledger, self._progress, progress.tally):
                progress = replace(progress, tally=progress.tally.plus(tally))
                self._skipped.add_tally(tally)
        return progress

    def _check(self, job: Job | None, jobs: Mapping[str, Job]) -> None:
        """Refuse an import of another source than the previous one, or with other options."""
        if job is not None:
            job.check_source(self._source.fingerprint)
        if self._request.change_options:
            return
        if job is None:
            check_difference(other_import(jobs, self._source.fingerprint))
        else:
            job.check_options(self._request.options)

    async def _check_ids(self, job: Job) -> None:
        """Refuse a source that has given ids of imported rows to other rows, as far as a sample shows it.

        Every batch is checked before it is written. The sample is for the common cases, of which nothing is to be written.
        """
        ids = Ids(self._source.options.store_id)
        tables: Mapping[str, tuple[Kind, Callable[[int], str]]] = {
            "execution": (Kind.TASK, ids.task),
            "artifact": (Kind.ARTIFACT, partial(ids.artifact, namespace=None, metric=None)),
        }
        samples = {name: await self._source.store.sample(name) for name in tables}

        async def check(connection: AsyncConnection) -> None:
            ledger = Ledger(connection, self._target.dialect, job.id, ids=ids, reused=ReusedIds(is_permitted=False))
            for name, (kind, id_of) in tables.items():
                times = {id_of(id): (f"{name} {id}", created * 1000) for id, created in samples[name].items()}
                await own_ids(ledger, kind, await reuses(ledger, kind, times))

        await self._target.read(check)

    async def _damage_limit(self, job: Job) -> int | None:
        """Tell what an import with --prune would damage; returns how many rows it may damage, None for any number.

        Raises ImportRefused when it would damage more.
        """
        request, mode = self._request, Mode.PRUNE
        # On a read-only connection, so that other writers of the store need not wait.
        async with open_for_reading(request.store) as target:
            with id_sets() as sets:
                executions = self._executions
                forecast = Forecast(
                    self._source, target, self._forecast_progress, job.id, mode, executions, *sets, Skipped(None)
                )
                await forecast.run()
                counts = await target.transact(lambda connection: forecast.ledger(connection).counts())
        imported_count = sum(counts.values())
        if forecast.tally.damage():
            self._observer.foretell(f"this import would {damage_share(forecast.tally, imported_count)}")
        if request.yes:
            return None
        limit = damage_limit(imported_count)
        goes_on = job.goes_on(request.options)
        before = job.progress.tally.damage() if goes_on else 0
        if before + forecast.tally.damage() > limit:
            remark = "nothing more was written; what was committed before is kept" if goes_on else "nothing was written"
            raise ImportRefused(
                f"this import would {damage_share(forecast.tally, imported_count)}; without --yes it may change "
                f"{DAMAGE_PERCENT} %; {remark}. If this is intended, add --yes"
            )
        return limit

    def _progress(self, phase: str, done: int, total: int) -> None:
        self._observer.progress(f"{self._prefix}{phase}", done, total)

    def _forecast_progress(self, phase: str, done: int, total: int) -> None:
        self._progress(f"{LOOKING}{phase}", done, total)

    async def _begin(self, before: Job | None, connection: AsyncConnection) -> Job:
        request, source = self._request, self._source
        if before is not None and before.state is JobState.UNDOING:
            # An undo that was killed may have left the record of rows that have been deleted.
            for kind in Kind:
                await Ledger(connection, self._target.dialect, before.id).forget_lost(kind)
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
        async for _, plan_group, batch in group_batches(GroupPlanner(aliases), kfp):
            progress = await writer.write(partial(_plan, plan_group, is_first_pass), batch, progress, progress)
        if not is_first_pass:
            return progress
        self._skipped.add_findings(kfp.findings)
        return replace(progress, findings=progress.findings.plus(kfp.findings))

    async def _runs(self, writer: BatchWriter, aliases: Aliases, progress: Progress) -> Progress:
        total = self._source.store.survey.executions_in_runs
        runs = mapped_runs(self._source, after=progress.after, executions_per_batch=self._executions)
        async with contextlib.aclosing(self._ahead(runs)) as batches:
            async for batch in batches:
                progress = await write_runs(writer, batch, aliases, progress)
                self._skipped.add_findings(batch.findings)
                self._progress("executions", progress.done, total)
        return progress

    async def _artifacts(self, writer: BatchWriter, progress: Progress) -> Progress:
        total = self._source.store.survey.artifacts_without_run
        artifacts = mapped_artifacts(self._source, after=progress.after)
        async with contextlib.aclosing(self._ahead(artifacts)) as batches:
            async for batch in batches:
                findings, done = progress.findings.plus(batch.findings), progress.done + len(batch.artifact_ids)
                end = replace(progress, after=batch.after, done=done, findings=findings)
                progress = await writer.write(plan_artifacts, artifact_rows(batch), progress, end)
                self._skipped.add_findings(batch.findings)
                self._progress("artifacts without a run", progress.done, total)
        return progress

    def _ahead(self, items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        # Beside a transaction in this process, mapping would take the interpreter from it, while it keeps others waiting.
        return ahead(items) if self._target.dialect.many_processes else items

    async def _end(self, job: Job, progress: Progress, *, resumed: bool, read_twice: bool) -> Report:
        remark = READ_TWICE if read_twice else FROM_THE_BEGINNING
        findings = self._source.store.survey.findings.plus(progress.findings)
        totals = await self._target.read(lambda connection: Ledger(connection, self._target.dialect, job.id).counts())
        await self._target.transact(
            lambda connection: record_progress(connection, job.id, progress, state=JobState.DONE)
        )
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
            read_twice=read_twice,
            remarks=[remark] if resumed else [],
        )


async def write_runs(writer: BatchWriter, batch: MappedRuns, aliases: Aliases, progress: Progress) -> Progress:
    """Write a batch of runs; returns the progress after it."""
    rows = rows_of_runs(batch.records, aliases)
    findings, done = progress.findings.plus(batch.findings), progress.done + batch.executions
    end = replace(progress, after=batch.after, done=done, findings=findings)
    return await writer.write(plan_runs, rows, progress, end)


async def _plan(plan_group: PlanGroup, is_first_pass: bool, ledger: Ledger, batch: Sequence[Any]) -> Plan:
    plan, _ = await plan_group(ledger, batch)
    # The import that was interrupted has already counted the rows that it left unchanged.
    return plan if is_first_pass else replace(plan, tally=plan.tally.without_left_alone())


def mode_of(request: ImportRequest, job: Job | None) -> Mode:
    """Return what an import may assume and do, after the previous one of its source."""
    if job is None or job.is_first(request.options):
        return Mode.FIRST
    return Mode.PRUNE if request.prune else Mode.TRUE_UP


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
