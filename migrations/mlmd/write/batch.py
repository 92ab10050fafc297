"""Plans a batch, then writes it with the import's progress, in transactions that are short. The importer calls this for every batch.

What is to be written is decided and prepared before a transaction begins. A row that a client has changed by then is noticed when
it is locked, and the batch is planned again.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.job import Progress, record_progress
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.pace import Pace
from migrations.mlmd.write.pieces import Pieces, Plan
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import Tally
from migrations.mlmd.write.target import Target

Batch = TypeVar("Batch")

PlanBatch = Callable[[Ledger, Batch], Awaitable[Plan]]


@dataclass(frozen=True, slots=True)
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

    async def write(self, plan_batch: PlanBatch[Batch], batch: Batch, progress: Progress, end: Progress) -> Progress:
        """Write a batch, for which `plan_batch` returns what is to be done, and the progress.

        `progress` is as it is before the batch, `end` as it is after it, apart from the outcomes of the batch's rows; returns
        `end` with these. Raises ImportRefused, and then writes nothing more, when more rows would be damaged than may be.
        """
        writing = _Writing(self, progress)
        plan, met = await self.target.again(partial(writing.attempt, partial(self._plan, plan_batch, batch), end))
        self.told(plan.tally)
        if self.seen is not None:
            for kind, ids in met.items():
                self.seen.add(kind, ids)
        return writing.progress

    def ledger(self, connection: AsyncConnection) -> Ledger:
        """Return the rows of the import."""
        return Ledger(connection, self.target.dialect, self.import_id, self.mode, self.ids, self.seen)

    async def _plan(
        self, plan_batch: PlanBatch[Batch], batch: Batch, connection: AsyncConnection
    ) -> tuple[Plan, dict[Kind, set[str]]]:
        ledger = self.ledger(connection)
        return await plan_batch(ledger, batch), ledger.met


@dataclass(slots=True)
class _Writing:
    """The writing of one batch."""

    writer: BatchWriter
    progress: Progress
    """As it was committed last: an attempt that fails keeps the transactions before."""

    async def attempt(
        self, plan_batch: Callable[[AsyncConnection], Awaitable[tuple[Plan, dict[Kind, set[str]]]]], end: Progress
    ) -> tuple[Plan, dict[Kind, set[str]]]:
        """Plan the batch and write the plan, piece by piece."""
        target, pace = self.writer.target, self.writer.pace
        plan, met = await target.read_once(plan_batch)
        self._check(plan.tally)
        pieces = Pieces(plan)
        while True:
            rows = len(pieces)
            changes = pieces.take(pace.rows)
            rows -= len(pieces)
            written, is_last = _tally_of(changes), not pieces
            if is_last:
                written = written.plus(plan.tally.only_left_alone())
            progress = replace(end if is_last else self.progress, tally=self.progress.tally.plus(written))
            started = time.monotonic()
            await target.write_once(partial(self._write, changes, progress))
            seconds = time.monotonic() - started
            self.progress = progress
            pace.note(rows, seconds)
            if is_last:
                return plan, met
            await pace.rest(seconds)

    async def _write(self, all_changes: Sequence[Changes], progress: Progress, connection: AsyncConnection) -> None:
        ledger = self.writer.ledger(connection)
        await ledger.apply(all_changes)
        await record_progress(connection, self.writer.import_id, progress)

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
