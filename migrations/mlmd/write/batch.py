"""Plans a batch, then writes it with the import's progress, in transactions that are short. The importer calls this for every batch.

What is to be written is decided and prepared before a transaction begins. A row that a client has changed by then is noticed when
it is locked, and the batch is planned again. If the store's database refuses a value, what that transaction was to write is written
in parts, to find out what is refused and to leave it out.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.job import Progress, record_progress
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.pace import Pace
from migrations.mlmd.write.pieces import Pieces, Plan
from migrations.mlmd.write.refusals import Refusals, ReusedIds, note_refused
from migrations.mlmd.write.tally import Outcome, Tally
from migrations.mlmd.write.target import Target
from migrations.mlmd.write.writing import write_in_parts
from storage.record import record
from storage.tracebacks import release

Batch = TypeVar("Batch")

PlanBatch = Callable[[Ledger, Batch], Awaitable[Plan]]


@record
class BatchWriter:
    """Writes the batches of one import."""

    target: Target
    import_id: int
    mode: Mode
    ids: Ids
    seen: IdSet | None = None
    """Gets the rows that the source has; None for a first import, which nothing can be gone from."""
    damage_limit: int | None = None
    """How many rows may be removed, emptied and renamed by all batches; None if any number may."""
    told: Callable[[Tally], None] = lambda _: None
    """Called with the outcomes of each batch that has been committed."""
    pace: Pace = field(default_factory=lambda: Pace(has_one_writer=True))
    permits_reused_ids: bool = True
    """Whether rows under ids of other rows that were imported get ids of their own."""
    found: Callable[[Findings], None] = lambda _: None
    """Called with the findings of writing each batch that has been committed."""

    async def write(self, plan_batch: PlanBatch[Batch], batch: Batch, progress: Progress, end: Progress) -> Progress:
        """Write a batch, for which `plan_batch` returns what is to be done, and the progress.

        `progress` is as it is before the batch, `end` as it is after it, apart from the outcomes of the batch's rows and what is
        found while they are written; returns `end` with these. Raises ImportRefused, and then writes nothing more, when more
        rows would be damaged than may be, or a row has the id of another one that was imported.
        """
        writing = _Writing(self, progress)
        plan, ledger = await self.target.again(partial(writing.attempt, partial(self._plan, plan_batch, batch), end))
        self.told(plan.tally)
        self.told(writing.left_out)
        self.found(ledger.reused.findings)
        self.found(writing.findings)
        if self.seen is not None:
            for kind, ids in ledger.met.items():
                self.seen.add(kind, ids)
        return writing.progress

    def ledger(self, connection: AsyncConnection) -> Ledger:
        """Return the rows of the import."""
        return Ledger(connection, self.target.dialect, self.import_id, self.mode, self.ids, self.seen)

    async def _plan(
        self, plan_batch: PlanBatch[Batch], batch: Batch, connection: AsyncConnection
    ) -> tuple[Plan, Ledger]:
        ledger = replace(self.ledger(connection), reused=ReusedIds(self.permits_reused_ids))
        return await plan_batch(ledger, batch), ledger


@record
class _Piece:
    """What one transaction is to write."""

    changes: Sequence[Changes]
    plan: Plan
    end: Progress | None
    """The progress after the batch, if this is its last piece."""


@dataclass(slots=True)
class _Writing:
    """The writing of one batch."""

    writer: BatchWriter
    progress: Progress
    """As it was committed last: an attempt that fails keeps the transactions before."""
    findings: Findings = field(default_factory=lambda: Findings(None))
    """What the store's database has refused in the transactions that were committed."""
    left_out: Tally = field(default_factory=lambda: Tally(named=None))
    """The rows that these have left out because what they belong to was refused."""

    async def attempt(
        self, plan_batch: Callable[[AsyncConnection], Awaitable[tuple[Plan, Ledger]]], end: Progress
    ) -> tuple[Plan, Ledger]:
        """Plan the batch and write the plan, piece by piece."""
        pace = self.writer.pace
        plan, ledger = await self.writer.target.read_once(plan_batch)
        self._check(plan.tally)
        end = replace(end, findings=end.findings.plus(ledger.reused.findings))
        pieces, refusals = Pieces(plan), None
        while True:
            rows = len(pieces)
            changes = pieces.take(pace.rows)
            rows -= len(pieces)
            started = time.monotonic()
            refusals = await self._commit(_Piece(changes, plan, None if pieces else end), refusals)
            seconds = time.monotonic() - started
            pace.note(rows, seconds)
            if not pieces:
                return plan, ledger
            await pace.rest(seconds)

    async def _commit(self, piece: _Piece, refusals: Refusals | None) -> Refusals | None:
        """Write a piece, in parts if something of the plan has been refused; returns the refusals, which hold for later pieces."""
        target = self.writer.target
        if refusals is None:
            progress = self._after(piece, piece.changes)
            try:
                await target.write_once(partial(self._write, piece, progress))
            except Exception as error:
                if target.dialect.why_value_refused(error) is None:
                    raise
                release(error)  # or the rows would stay in memory
                refusals = Refusals(piece.plan.source_of)
            else:
                self.progress = progress
                return None
        of_piece = replace(refusals, findings=Findings(None))
        written, self.progress = await target.write_once(partial(self._write_in_parts, piece, of_piece))
        self.findings.merge(of_piece.findings)
        for changes in written:
            ids = changes.outcomes[Outcome.WITHOUT_PARENT]
            self.left_out.add(changes.kind, Outcome.WITHOUT_PARENT, ids)
        return refusals

    async def _write(self, piece: _Piece, progress: Progress, connection: AsyncConnection) -> None:
        await self.writer.ledger(connection).apply(piece.changes)
        await self._record(piece, progress, connection)

    async def _write_in_parts(
        self, piece: _Piece, refusals: Refusals, connection: AsyncConnection
    ) -> tuple[Sequence[Changes], Progress]:
        written = await write_in_parts(self.writer.ledger(connection), piece.changes, refusals)
        progress = self._after(piece, written, refusals.findings)
        await self._record(piece, progress, connection)
        return written, progress

    def _after(self, piece: _Piece, written: Sequence[Changes], refused: Findings | None = None) -> Progress:
        """Return the progress after a piece."""
        tally, findings = self.progress.tally.plus(_tally_of(written)), refused or Findings()
        if piece.end is None:
            return replace(self.progress, tally=tally, findings=self.progress.findings.plus(findings))
        tally = tally.plus(piece.plan.tally.only_left_alone())
        return replace(piece.end, tally=tally, findings=piece.end.findings.plus(self.findings).plus(findings))

    async def _record(self, piece: _Piece, progress: Progress, connection: AsyncConnection) -> None:
        writer, import_id = self.writer, self.writer.import_id
        writer.pace.note_others(await writer.target.dialect.commits_of_others(connection))
        if piece.end is not None:
            for kind, ids in piece.plan.refused.items():
                if ids:
                    await note_refused(connection, import_id, kind, ids)
        await record_progress(connection, import_id, progress)

    def _check(self, tally: Tally) -> None:
        limit, total = self.writer.damage_limit, self.progress.tally.plus(tally)
        if limit is not None and tally.damage() and total.damage() > limit:
            # The forecast found less, so the source has changed since.
            raise ImportRefused(
                f"the source changed during the import, and the next batch would {damage_words(tally)}, with which more "
                "rows would change than the import may change without --yes; this batch was not written; what was "
                "committed before is kept. If this is intended, add --yes: the import continues from here"
            )


def _tally_of(all_changes: Sequence[Changes]) -> Tally:
    tally = Tally()
    for changes in all_changes:
        tally.add_all(changes.kind, changes.outcomes)
    return tally
