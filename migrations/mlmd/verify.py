"""Compares the rows of an import with those that the source gives now, column by column. The command line calls this."""

import time
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.expected_rows import ExpectedRows
from migrations.mlmd.importer import Observer
from migrations.mlmd.report import DIFFERENCES, Difference, Report
from migrations.mlmd.source import ImportRequest, Source, open_source
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.job import Job, JobState, find_job
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.plan import with_free_keys
from migrations.mlmd.write.row_digest import digest
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind, Row
from migrations.mlmd.write.target import Target, open_for_reading
from storage.sql.dialects import dialect_for
from storage.sql.experiments import find_default_id

SOURCE, STORE, MISSING, DIFFERENT, UNKNOWN = "in_source", "imported", "missing", "different", "not_in_source"
"""Figures for each kind: rows of the source; rows of the import; rows missing from the store; rows that differ; rows of the
import that the source does not give."""


async def verify(request: ImportRequest, observer: Observer) -> Report:
    """Compare a store with its source; the report says how many rows differ.

    Raises SourceRefused without a complete import to compare with, and when the options are not those of the import.
    """
    start = time.monotonic()
    async with open_source(request) as source:
        observer.plan(source.store.survey, source.store.label, dialect_for(request.store).label)
        await upgrade.check(request.store)
        async with open_for_reading(request.store) as target:
            job = await _ended_job(request, source, target)
            report = await _compare(request, source, target, job, observer)
    report.seconds = time.monotonic() - start
    return report


async def _ended_job(request: ImportRequest, source: Source, target: Target) -> Job:
    job = await target.transact(lambda connection: find_job(connection, request.store_id))
    if job is None:
        raise SourceRefused(f"nothing was imported into {target.label} under this store id; there is nothing to verify")
    job.check_source(source.fingerprint)
    if job.state is not JobState.DONE:
        raise SourceRefused("the import was interrupted; run it again to its end, then verify")
    difference = job.difference(request.options)
    if difference:
        raise SourceRefused(f"the import was made with other options: {difference}; verify with the same options")
    return job


async def _compare(request: ImportRequest, source: Source, target: Target, job: Job, observer: Observer) -> Report:
    figures = {kind: dict.fromkeys((SOURCE, STORE, MISSING, DIFFERENT, UNKNOWN), 0) for kind in LABELS}
    findings = Findings()
    findings.merge(source.store.survey.findings)
    report = Report(
        "verify",
        target.label,
        request.store_id,
        source=source.store.label,
        survey=source.store.survey,
        records=figures,
        findings=findings,
    )
    rows_of_import = dict.fromkeys(LABELS, 0)
    default_id = await target.transact(find_default_id)
    expected = ExpectedRows(source, Aliases(default_id or ""), observer.progress)
    async for rows in expected.batches(target, job.id):
        for kind, batch in rows.items():
            figures[kind][SOURCE] += len(batch)
            differences, imported_count = await _differences(target, job, kind, batch)
            rows_of_import[kind] += imported_count
            for difference in differences:
                figures[kind][DIFFERENT if difference.columns else MISSING] += 1
                report.difference_count += 1
                if len(report.differences) < DIFFERENCES:
                    report.differences.append(difference)
    findings.merge(expected.findings)
    imported_counts = await target.transact(lambda connection: Ledger(connection, target.dialect, job.id).counts())
    for kind, counts in figures.items():
        counts[STORE] = imported_counts.get(kind, 0)
        counts[UNKNOWN] = counts[STORE] - rows_of_import[kind]
        report.difference_count += counts[UNKNOWN]
    return report


async def _differences(target: Target, job: Job, kind: Kind, rows: Mapping[str, Row]) -> tuple[list[Difference], int]:
    """Return the rows that differ from the source, and how many of all rows the import wrote."""

    async def look(connection: AsyncConnection) -> tuple[Mapping[str, Row], dict[str, Row], int]:
        ledger = Ledger(connection, target.dialect, job.id)
        expected_rows = await with_free_keys(ledger, rows) if kind is Kind.TASK else rows
        return expected_rows, await ledger.rows(kind, rows), len(await ledger.digests(kind, rows))

    expected_rows, stored_rows, imported_count = await target.transact(look)
    differences = []
    for id, expected_row in expected_rows.items():
        stored_row = stored_rows.get(id)
        if stored_row is None:
            differences.append(Difference(kind, id))
        elif not _is_same_row(kind, stored_row, expected_row):
            columns = zip(SHAPES[kind].names, expected_row, stored_row, strict=True)
            differences.append(Difference(kind, id, tuple(item for item in columns if item[1] != item[2])))
    return differences, imported_count


def _is_same_row(kind: Kind, one: Row, other: Row) -> bool:
    # The time of a specification is that of the first run or version with it.
    return one[:2] == other[:2] if kind is Kind.SPEC else digest(kind, one) == digest(kind, other)
