"""Counts the rows of an import: what became of those that the source has, and those that it no longer has.

The loaders, the forecast and verifying call this.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import LEFT_ALONE, Outcome, Tally
from migrations.mlmd.write.target import Target

ROWS_PER_STEP = 5000

GONE_ROWS = "rows that are gone in the source"
"""The name of this phase."""

_OF_THE_IMPORT = (
    Outcome.CREATED,
    Outcome.UPDATED,
    Outcome.KEPT_VALUES,
    Outcome.CHANGED_HERE,
    Outcome.DELETED_HERE,
    Outcome.GONE,
)
"""The outcomes of rows that the import has noted as its own."""

LedgerOf = Callable[[AsyncConnection], Ledger]

OnProgress = Callable[[str, int, int], None]
"""Called with the name of a phase, how much of it is done, and its total."""


def count(ledger: Ledger, tally: Tally, all_changes: Iterable[Changes]) -> None:
    """Count the outcomes of changes; a row that several batches share and leave alone is counted with the first of them."""
    for changes in all_changes:
        for outcome, ids in changes.outcomes.items():
            tally.add(changes.kind, outcome, ledger.unseen(changes.kind, ids) if outcome in LEFT_ALONE else ids)


async def gone_rows(
    target: Target, ledger_of: LedgerOf, progress: OnProgress, met: Tally | None = None, *, is_forecast: bool = False
) -> AsyncIterator[Tally]:
    """Yield the outcomes of the rows of the import that no batch has met, some thousands of all its rows at a time.

    With `met`, what became of the rows that this pass has met, kinds of which nothing can be gone are left out.
    """
    counts, seen_counts = await target.read(partial(_counts, ledger_of))
    kinds = [
        kind
        for kind, count in counts.items()
        if met is None or not _are_all_met(kind, count, seen_counts.get(kind, 0), met, is_forecast=is_forecast)
    ]
    total, done, after = sum(counts[kind] for kind in kinds), 0, ("", 0)
    while kinds:
        page, tally = await target.read(partial(_step, ledger_of, kinds, after))
        if not page:
            return
        after, done = page[-1], done + len(page)
        yield tally
        progress(GONE_ROWS, done, total)


async def _counts(ledger_of: LedgerOf, connection: AsyncConnection) -> tuple[Mapping[Kind, int], Mapping[Kind, int]]:
    ledger = ledger_of(connection)
    return await ledger.counts(), ledger.seen_counts()


def _are_all_met(kind: Kind, count: int, seen_count: int, met: Tally, *, is_forecast: bool) -> bool:
    """Return whether this follows from the numbers, because every row that was met is one that the import has."""
    # The import has no note of a specification that others brought, and nobody counts these.
    if kind is Kind.SPEC or not met.has_only(kind, _OF_THE_IMPORT):
        return False
    return seen_count == count + (met.count(kind, Outcome.CREATED) if is_forecast else 0)


async def _step(
    ledger_of: LedgerOf, kinds: Collection[Kind], after: tuple[str, int], connection: AsyncConnection
) -> tuple[list[tuple[str, int]], Tally]:
    ledger, tally = ledger_of(connection), Tally(named=None)
    page = await ledger.page_of_all(kinds, after, ROWS_PER_STEP)
    import_digests: dict[Kind, dict[str, int]] = {}
    for row_id, kind, value in page:
        import_digests.setdefault(kind, {})[row_id] = value
    for kind, of_kind in import_digests.items():
        absent_ids = ledger.unseen(kind, of_kind)
        if absent_ids:
            stored = digests(kind, await ledger.rows(kind, absent_ids))
            tally.add_all(kind, _outcomes({id: of_kind[id] for id in absent_ids}, stored))
    return [(row_id, int(kind)) for row_id, kind, _ in page], tally


def _outcomes(import_digests: Mapping[str, int], store_digests: Mapping[str, int]) -> dict[Outcome, list[str]]:
    outcomes: dict[Outcome, list[str]] = {}
    for id, value in import_digests.items():
        possible = {None: Outcome.DELETED_HERE, value: Outcome.GONE}
        outcome = possible.get(store_digests.get(id), Outcome.CHANGED_HERE)
        outcomes.setdefault(outcome, []).append(id)
    return outcomes
