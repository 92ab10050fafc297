"""Writes a batch and the import's progress in one transaction. The importer calls this for every batch."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.job import Progress, record_progress
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.refusals import Refusals, ReusedIds
from migrations.mlmd.write.tally import Tally
from migrations.mlmd.write.target import Target
from storage.errors import ValueRefused

Batch = TypeVar("Batch")


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
    permits_reused_ids: bool = True
    """Whether rows under ids of other rows that were imported get ids of their own."""
    found: Callable[[Findings], None] = lambda _: None
    """Called with the findings of writing each batch that has been committed."""

    async def write(
        self, load: Callable[[Ledger, Batch], Awaitable[Tally]], batch: Batch, progress: Progress
    ) -> Progress:
        """Write a batch with `load`, and the progress; returns the progress with the outcomes of the batch's rows.

        Raises ImportRefused, and then writes nothing, when more rows would be damaged than may be.
        """
        try:
            progress, tally, ledger = await self.target.transact(partial(self._write, load, batch, progress, None))
        except ValueRefused:
            # Once more, in parts, to find out what is refused and to leave it out.
            careful = partial(self._write, load, batch, progress, Refusals)
            progress, tally, ledger = await self.target.transact(careful)
        self.told(tally)
        self.found(_findings(ledger))
        if self.seen is not None:
            for kind, ids in ledger.met.items():
                self.seen.add(kind, ids)
        return progress

    def ledger(self, connection: AsyncConnection) -> Ledger:
        """Return the rows of the import."""
        return Ledger(connection, self.target.dialect, self.import_id, self.mode, self.ids, self.seen)

    async def _write(
        self,
        load: Callable[[Ledger, Batch], Awaitable[Tally]],
        batch: Batch,
        progress: Progress,
        refusals: Callable[[], Refusals] | None,
        connection: AsyncConnection,
    ) -> tuple[Progress, Tally, Ledger]:
        reused = ReusedIds(self.permits_reused_ids)
        ledger = replace(self.ledger(connection), refusals=refusals() if refusals else None, reused=reused)
        tally = await load(ledger, batch)
        progress = replace(progress, findings=progress.findings.plus(_findings(ledger)))
        total = progress.tally.plus(tally)
        if self.damage_limit is not None and tally.damage() and total.damage() > self.damage_limit:
            # The forecast found less, so the source has changed since.
            raise ImportRefused(
                f"the source changed during the import, and the next batch would {damage_words(tally)}, with which more "
                "rows would change than the import may change without --yes; this batch was not written; what was "
                "committed before is kept. If this is intended, add --yes: the import continues from here"
            )
        progress = replace(progress, tally=total)
        await record_progress(connection, self.import_id, progress)
        return progress, tally, ledger


def _findings(ledger: Ledger) -> Findings:
    """Return what was found while a batch was written."""
    reused = ledger.reused.findings
    return reused.plus(ledger.refusals.findings, named=None) if ledger.refusals else reused
