"""Writes a batch and the import's progress in one transaction. The importer calls this for every batch."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.damage import damage_words
from migrations.mlmd.write.job import Progress, record_progress
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.tally import Tally
from migrations.mlmd.write.target import Target

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes the batches of one import."""

    target: Target
    import_id: int
    prune: bool
    """Whether rows that an earlier import wrote may be removed, emptied and renamed."""

    async def write(
        self, load: Callable[[Ledger, Batch], Awaitable[Tally]], batch: Batch, progress: Progress
    ) -> Progress:
        """Write a batch with `load`, and the progress; returns the progress, and the outcomes of the batch's rows.

        Raises ImportRefused, and then writes nothing, when the batch would damage rows of an earlier import.
        """
        return await self.target.transact(partial(self._write, load, batch, progress))

    async def _write(
        self,
        load: Callable[[Ledger, Batch], Awaitable[Tally]],
        batch: Batch,
        progress: Progress,
        connection: AsyncConnection,
    ) -> Progress:
        tally = await load(Ledger(connection, self.target.dialect, self.import_id), batch)
        if tally.has_damage() and not self.prune:
            # The forecast found no damage, so the source has changed since.
            raise ImportRefused(
                f"the source changed during the import, and the next batch would {damage_words(tally)}; "
                "this batch was not written; what was committed before is kept. If this is intended, add --prune: "
                "the import continues from here"
            )
        progress = replace(progress, tally=progress.tally.plus(tally))
        await record_progress(connection, self.import_id, progress)
        return progress
