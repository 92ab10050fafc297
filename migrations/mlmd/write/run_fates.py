"""The fates of the runs of a batch, each as a whole. The loader of runs calls this before it plans their rows."""

from collections.abc import Collection, Sequence

from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import Kind
from storage.record import record


@record
class RunFates:
    """The ids of the runs of a batch, in its order. Only the first two are imported, the others are left unchanged."""

    new: Sequence[str]
    imports: Sequence[str]
    """Runs that an earlier import wrote and that the store still has."""
    foreign: Sequence[str]
    """Runs whose id belongs to a run that the import did not write."""
    deletions: Sequence[str]
    """Runs that an earlier import wrote and that have been deleted."""


async def read_run_fates(ledger: Ledger, run_ids: Collection[str]) -> RunFates:
    """Return the fates of runs, with two statements."""
    imports = await ledger.digests(Kind.RUN, run_ids)
    stored_ids = await ledger.present(Kind.RUN, run_ids)
    ids: dict[tuple[bool, bool], list[str]] = {}
    for id in run_ids:
        ids.setdefault((id in imports, id in stored_ids), []).append(id)
    return RunFates(
        new=ids.get((False, False), []),
        imports=ids.get((True, True), []),
        foreign=ids.get((False, True), []),
        deletions=ids.get((True, False), []),
    )
