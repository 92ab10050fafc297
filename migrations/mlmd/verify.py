"""Compares the rows of an import with those that the source gives now, column by column. The command line calls this.

A row that a true-up would leave as it is does not differ: rows and values that the source has lost are kept, and counted.
"""

import time
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.importer import Observer
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.preflight.findings import Preflight
from migrations.mlmd.report import DIFFERENCES, Difference, Report
from migrations.mlmd.source import ImportRequest, Source, open_source
from migrations.mlmd.source_rows import Lookup, SourceBatch, SourceRows
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.census import gone_rows
from migrations.mlmd.write.expected import expected_rows
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.job import Job, JobState, find_job
from migrations.mlmd.write.ledger import DryRunLedger, Ledger, Mode
from migrations.mlmd.write.refusals import refused_ids
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome, Tally
from migrations.mlmd.write.target import Target, open_for_reading
from storage.sql.dialects import dialect_for
from storage.sql.experiments import find_default_id

SOURCE, STORE, MISSING, DIFFERENT = "in_source", "imported", "missing", "different"
UNKNOWN, KEPT, LEFT_OUT = "not_in_source", "kept_values", "left_out"
"""Figures for each kind: rows of the source; rows of the import; rows missing from the store; rows that differ; and, which are no
differences, rows of the import that are gone in the source, rows that keep values or names that are, and rows that are missing
or lack a value because the store's database refused it."""

NOTE_DIFFERS = "is as in the source, but is not what the import noted"
LOST = "was imported, is gone in the source, and is missing"
CHANGED = "is gone in the source, and is not as the import wrote it"


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
        report.preflight = Preflight.of_gaps(source.gaps, is_allowed=request.allow_incomplete)
    report.seconds = time.monotonic() - start
    return report


async def _ended_job(request: ImportRequest, source: Source, target: Target) -> Job:
    job = await target.transact(lambda connection: find_job(connection, request.store_id))
    if job is None:
        raise SourceRefused(f"nothing was imported into {target.label} under this store id; there is nothing to verify")
    job.check_source(source.fingerprint)
    if job.state is JobState.UNDOING:
        raise SourceRefused("the import was undone in part; import again, then verify")
    if job.state is not JobState.DONE:
        raise SourceRefused("the import was interrupted; run it again to its end, then verify")
    difference = job.difference(request.options)
    if difference:
        raise SourceRefused(f"the import was made with other options: {difference}; verify with the same options")
    return job


async def _compare(request: ImportRequest, source: Source, target: Target, job: Job, observer: Observer) -> Report:
    findings = source.store.survey.findings.plus(Findings())
    report = Report(
        "verify",
        target.label,
        request.store_id,
        source=source.store.label,
        survey=source.store.survey,
        findings=findings,
    )
    with IdSet() as seen, IdSet() as new_ids:
        comparison = _Comparison(target, job, seen, new_ids, report)
        default_id = await target.transact(find_default_id)
        source_rows = SourceRows(source, Aliases(default_id or ""), observer.progress)
        async for lookup in source_rows.batches():
            await comparison.add(lookup)
        async for tally in gone_rows(target, comparison.ledger, observer.progress):
            comparison.add_gone(tally)
    findings.merge(source_rows.findings)
    imported_counts = await target.transact(lambda connection: comparison.ledger(connection).counts())
    for kind, counts in comparison.figures.items():
        counts[STORE] = imported_counts.get(kind, 0)
    report.records = comparison.figures
    return report


@dataclass(slots=True)
class _Batch:
    """What was found in one batch."""

    counts: dict[Kind, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)

    def add_left_out(self, kind: Kind, ids: Collection[str]) -> None:
        """Count rows of which the store's database has refused something."""
        self.tally.add(kind, Outcome.REFUSED, ids)
        self.findings.add(
            Rule.VALUES_REFUSED, *(f"{LABELS[kind]} {id}" for id in sorted(ids)), kind=LABELS[kind], count=len(ids)
        )


@dataclass(slots=True)
class _Comparison:
    """Compares batches of the source's rows with the store, and fills a report."""

    target: Target
    job: Job
    seen: IdSet
    new_ids: IdSet
    report: Report
    figures: dict[Kind, dict[str, int]] = field(
        default_factory=lambda: {
            kind: dict.fromkeys((SOURCE, STORE, MISSING, DIFFERENT, UNKNOWN, KEPT, LEFT_OUT), 0) for kind in LABELS
        }
    )

    def ledger(self, connection: AsyncConnection) -> Ledger:
        """Return the rows of the import, through which nothing is written."""
        ids = Ids(self.job.store_id)
        return DryRunLedger(
            connection, self.target.dialect, self.job.id, Mode.TRUE_UP, ids, self.seen, new_ids=self.new_ids
        )

    async def add(self, lookup: Lookup) -> None:
        """Compare a batch."""

        async def look(connection: AsyncConnection) -> tuple[_Batch, Mapping[Kind, set[str]]]:
            ledger, batch = self.ledger(connection), _Batch()
            source = await lookup(ledger)
            for kind, rows in source.rows.items():
                ledger.meet(kind, rows)
                # A row that several runs share is compared with the first of them.
                unseen = {id: rows[id] for id in ledger.unseen(kind, rows.keys())}
                batch.counts[kind] = len(unseen)
                await _compare_rows(ledger, kind, unseen, source, batch)
            return batch, ledger.met

        batch, met = await self.target.transact(look)
        for kind, ids in met.items():
            self.seen.add(kind, ids)
        for kind, count in batch.counts.items():
            self.figures[kind][SOURCE] += count
            self.figures[kind][KEPT] += batch.tally.count(kind, Outcome.KEPT_VALUES)
            self.figures[kind][LEFT_OUT] += batch.tally.count(kind, Outcome.REFUSED)
        self.report.tally = self.report.tally.plus(batch.tally)
        self.report.findings.merge(batch.findings)
        for difference in batch.differences:
            self._add(difference, MISSING if difference.is_missing else DIFFERENT)

    def add_gone(self, tally: Tally) -> None:
        """Take in what became of rows that are gone in the source."""
        for kind, outcome, cases in tally.left_alone():
            if outcome is Outcome.GONE:
                self.figures[kind][UNKNOWN] += cases.count
                self.report.tally = self.report.tally.plus(tally.only(kind, outcome))
                continue
            figure, note = (MISSING, LOST) if outcome is Outcome.DELETED_HERE else (DIFFERENT, CHANGED)
            for id in cases.examples:
                self._add(Difference(kind, id, note=note), figure)
            self.report.difference_count += cases.count - len(cases.examples)
            self.figures[kind][figure] += cases.count - len(cases.examples)

    def _add(self, difference: Difference, figure: str) -> None:
        self.figures[difference.kind][figure] += 1
        self.report.difference_count += 1
        if len(self.report.differences) < DIFFERENCES:
            self.report.differences.append(difference)


async def _compare_rows(
    ledger: Ledger, kind: Kind, rows: Mapping[str, Row], source: SourceBatch, batch: _Batch
) -> None:
    if kind is Kind.SPEC:
        stored_rows = await ledger.rows(kind, rows)
        left_out = await _left_out(ledger, kind, rows.keys() - stored_rows.keys(), {}, {})
        batch.add_left_out(kind, left_out)
        for id, row in _others(rows, left_out).items():
            # The time of a specification is that of the first run or version with it.
            batch.differences += _differences(kind, id, row[:2], stored_rows.get(id, ())[:2])
        return
    kept_states, replaced = source.kept_states, source.replaced_roots
    expected = await expected_rows(ledger, kind, rows, kept_states=kept_states, replaced=replaced)
    batch.tally.add(kind, Outcome.KEPT_VALUES, sorted(expected.kept_ids))
    differing = {id for id, value in expected.digests.items() if expected.store_digests.get(id) != value}
    left_out = await _left_out(ledger, kind, differing, expected.import_digests, expected.store_digests)
    batch.add_left_out(kind, left_out)
    for id, row in _others(expected.rows, left_out).items():
        digest = expected.store_digests.get(id)
        if digest != expected.digests[id]:
            batch.differences += _differences(kind, id, row, expected.stored_rows.get(id, ()))
        elif expected.import_digests.get(id, digest) != digest:
            batch.differences.append(Difference(kind, id, note=NOTE_DIFFERS))


async def _left_out(
    ledger: Ledger,
    kind: Kind,
    ids: Collection[str],
    import_digests: Mapping[str, int],
    store_digests: Mapping[str, int],
) -> set[str]:
    """Return the rows that are as the import wrote them, and differ because the store's database refused something."""
    ids = {id for id in ids if import_digests.get(id) == store_digests.get(id)}
    return await refused_ids(ledger.connection, ledger.import_id, kind, ids) if ids else ids


def _others(rows: Mapping[str, Row], ids: Set[str]) -> Mapping[str, Row]:
    return {id: row for id, row in rows.items() if id not in ids} if ids else rows


def _differences(kind: Kind, id: str, expected: Row, stored: Row) -> list[Difference]:
    if not stored:
        return [Difference(kind, id)]
    columns = tuple(item for item in zip(SHAPES[kind].names, expected, stored, strict=False) if item[1] != item[2])
    return [Difference(kind, id, columns)] if columns else []
