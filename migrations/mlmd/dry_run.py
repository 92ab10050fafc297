"""What an import would do, and what it would find: everything is read and mapped, nothing is written. The command line calls this."""

import time
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.aliases import Aliases
from migrations.mlmd.findings import Findings
from migrations.mlmd.importer import Watch
from migrations.mlmd.job import Job, find_job
from migrations.mlmd.kinds import LABELS, Kind, Row, digest
from migrations.mlmd.ledger import Ledger
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest, Source, open_source
from migrations.mlmd.target import Target, open_for_reading
from migrations.mlmd.walk import Walk, find_default_experiment
from storage.sql.dialects import dialect_for

CREATE, UPDATE, UNCHANGED, TAKEN = "would_create", "would_update", "unchanged", "taken"
"""Figures of each kind: new rows; rows the source has other than they were imported; the same ones; new ones whose id is taken."""

_NO_IMPORT = 0


async def dry_run(request: ImportRequest, watch: Watch) -> Report:
    """Say what an import would do. Raises SourceRefused and Unavailable as an import does."""
    began = time.monotonic()
    label = dialect_for(request.store).label
    async with open_source(request) as source:
        watch.plan(source.store.survey, source.store.label, label)
        plan = await upgrade.plan_async(request.store)
        if plan.standing in (upgrade.Standing.NEWER, upgrade.Standing.FOREIGN):
            await upgrade.check(request.store)
        if plan.standing is upgrade.Standing.CURRENT:
            async with open_for_reading(request.store) as target:
                report = await _walked(request, source, target, watch)
        else:
            report = await _walked(request, source, None, watch)
    report.store, report.seconds = label, time.monotonic() - began
    return report


async def _walked(request: ImportRequest, source: Source, target: Target | None, watch: Watch) -> Report:
    job = await _job(request, source, target)
    figures = {kind: dict.fromkeys((CREATE, UPDATE, UNCHANGED, TAKEN), 0) for kind in LABELS}
    default = await target.transact(find_default_experiment) if target else ""
    walk = Walk(source, Aliases(default), watch.progress)
    async for rows in walk.rows(target, job.id if job else _NO_IMPORT):
        for kind, some in rows.items():
            for name, count in (await _counted(target, job, kind, some)).items():
                figures[kind][name] += count
    findings = Findings()
    findings.merge(source.store.survey.findings)
    findings.merge(walk.findings)
    if source.kfp is not None:
        findings.merge(source.kfp.findings)
    return Report(
        "dry-run",
        "",
        request.store_id,
        source=source.store.label,
        survey=source.store.survey,
        records=figures,
        findings=findings,
    )


async def _job(request: ImportRequest, source: Source, target: Target | None) -> Job | None:
    if target is None:
        return None
    job = await target.transact(lambda connection: find_job(connection, request.store_id))
    if job is not None:
        job.check_source(source.identity)
    return job


async def _counted(target: Target | None, job: Job | None, kind: Kind, rows: Mapping[str, Row]) -> dict[str, int]:
    if target is None or not rows:
        return {CREATE: len(rows)}

    async def look(connection: AsyncConnection) -> dict[str, int]:
        ledger = Ledger(connection, target.dialect, job.id if job else _NO_IMPORT)
        known = await ledger.digests(kind, rows)
        taken = await ledger.present(kind, rows.keys() - known.keys())
        changed = sum(digest(kind, rows[id]) != noted for id, noted in known.items())
        new = len(rows) - len(known) - len(taken)
        return {CREATE: new, UPDATE: changed, UNCHANGED: len(known) - changed, TAKEN: len(taken)}

    return await target.transact(look)
