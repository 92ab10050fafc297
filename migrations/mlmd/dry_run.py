"""Reports what an import would do and find, and why it would be refused. Writes nothing. The command line calls this."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from migrations import upgrade
from migrations.mlmd.forecast import Forecast, id_sets
from migrations.mlmd.importer import Observer, executions_per_batch, mode_of
from migrations.mlmd.preflight.ahead import look_ahead
from migrations.mlmd.report import Report
from migrations.mlmd.skipped import open_skipped
from migrations.mlmd.source import ImportRequest, Source, open_source
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.damage import damage_limit, damage_share
from migrations.mlmd.write.job import Job, all_jobs, other_import
from migrations.mlmd.write.reused_ids import ADVICE
from migrations.mlmd.write.row_kinds import LABELS, Kind
from migrations.mlmd.write.tally import LEFT_ALONE, NOT_UNCHANGED, Outcome, Tally
from migrations.mlmd.write.target import Target, open_for_reading
from storage.sql.dialects import dialect_for

CREATE, UPDATE, REMOVE, UNCHANGED, TAKEN = "would_create", "would_update", "would_remove", "unchanged", "taken"
EMPTY, RENAME = "would_empty", "would_rename"
"""Figures for each kind: new rows; rows that would be updated, or removed; unchanged rows; new rows whose id or name is taken;
and, of the updated rows, those that would be emptied or renamed. Rows that would be left unchanged or keep something are counted
under the names that an import uses."""

_NO_IMPORT = 0


async def dry_run(request: ImportRequest, observer: Observer) -> Report:
    """Report what an import would do. Raises SourceRefused and Unavailable as an import does."""
    start = time.monotonic()
    dialect = dialect_for(request.store)
    async with open_source(request, needs_all=False) as source:
        observer.plan(source.store.survey, source.store.label, dialect.label)
        preflight = await look_ahead(request, source, observer.warn)
        async with _open_store(request.store) as target:
            report = await _report(request, source, target, observer, executions_per_batch(dialect))
    report.preflight, report.refusals = preflight, [*preflight.refusals, *report.refusals]
    report.store, report.seconds = dialect.label, time.monotonic() - start
    return report


@asynccontextmanager
async def _open_store(url: str) -> AsyncIterator[Target]:
    """Open a store; instead of one whose schema an import would have to upgrade first, open a new, empty store."""
    plan = await upgrade.plan_async(url)
    if plan.state in (upgrade.SchemaState.NEWER, upgrade.SchemaState.FOREIGN):
        await upgrade.check(url)
    with TemporaryDirectory(prefix="lineal-dry-run-") as folder:
        if not plan.is_usable:
            url = f"sqlite:///{Path(folder) / 'store.sqlite'}"
            await upgrade.upgrade_async(url)
        async with open_for_reading(url) as target:
            yield target


async def _report(
    request: ImportRequest, source: Source, target: Target, observer: Observer, executions: int
) -> Report:
    jobs = {job.store_id: job for job in await target.transact(all_jobs)}
    job = jobs.get(request.store_id)
    if job is not None:
        job.check_source(source.fingerprint)
    mode = mode_of(request, job)
    with id_sets() as sets, open_skipped(request.skipped) as skipped:
        forecast = Forecast(
            source, target, observer.progress, job.id if job else _NO_IMPORT, mode, executions, *sets, skipped
        )
        await forecast.run()
    imported_counts = await target.transact(lambda connection: forecast.ledger(connection).counts())
    findings = Findings()
    findings.merge(source.store.survey.findings)
    findings.merge(forecast.findings)
    return Report(
        "dry-run",
        "",
        request.store_id,
        source=source.store.label,
        survey=source.store.survey,
        records=_figures(forecast.tally, imported_counts),
        tally=forecast.tally,
        findings=findings,
        refusals=_refusals(request, source, jobs, forecast, sum(imported_counts.values())),
    )


def _refusals(
    request: ImportRequest, source: Source, jobs: Mapping[str, Job], forecast: Forecast, imported_count: int
) -> list[str]:
    """Return why an import with the options of this dry run would be refused."""
    sentences, job, tally = [], jobs.get(request.store_id), forecast.tally
    if not request.change_options:
        difference = job.difference(request.options) if job else other_import(jobs, source.fingerprint)
        if difference:
            sentences.append(f"an import would be refused without --change-options: {difference}")
    if not request.yes and tally.damage() > damage_limit(imported_count):
        sentences.append(f"an import would be refused without --yes: it would {damage_share(tally, imported_count)}")
    if forecast.reused and not request.reused_ids:
        sentences.append(f"an import would be refused without --reused-ids: {forecast.reused}: {ADVICE}")
    return sentences


def _figures(tally: Tally, imported_counts: Mapping[Kind, int]) -> dict[Kind, dict[str, int]]:
    changes = (Outcome.REMOVED, *NOT_UNCHANGED)
    figures = {}
    for kind in LABELS:
        counts = {
            CREATE: tally.count(kind, Outcome.CREATED),
            UPDATE: tally.count(kind, Outcome.UPDATED),
            REMOVE: tally.count(kind, Outcome.REMOVED),
            EMPTY: tally.count(kind, Outcome.EMPTIED),
            RENAME: tally.count(kind, Outcome.RENAMED),
            UNCHANGED: max(0, imported_counts.get(kind, 0) - sum(tally.count(kind, one) for one in changes)),
        }
        figures[kind] = counts | {one.name.lower(): tally.count(kind, one) for one in LEFT_ALONE}
    return figures
