"""Plans what is to be done with rows of one kind: reads what was imported and what the store has, and decides.

The loaders of runs and of groups call this; nothing is written or locked here.
"""

from collections.abc import Collection, Mapping, Set
from dataclasses import replace

from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.expected import expected_rows
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.prune import plan_pruning
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import Kind, Row
from migrations.mlmd.write.tally import Outcome


async def plan_specs(ledger: Ledger, rows: Mapping[str, Row]) -> Changes:
    """Return what is to be done with pipeline specifications: those that the store has are left as they are."""
    stored_ids = await ledger.present(Kind.SPEC, rows)
    ledger.meet(Kind.SPEC, rows)
    new_rows = {id: row for id, row in rows.items() if id not in stored_ids}
    return changes_of(Kind.SPEC, new_rows, digests(Kind.SPEC, new_rows))


async def plan_changes(
    ledger: Ledger,
    kind: Kind,
    rows: Mapping[str, Row],
    *,
    run_ids: Collection[str] = (),
    kept_states: Set[str] = frozenset(),
    replaced: Set[str] = frozenset(),
) -> Changes:
    """Return what is to be done with rows.

    For the given runs, `rows` is everything that the source has of the kind: an import that prunes removes what it wrote into
    these runs before and is not among `rows`. A true-up keeps the states of some rows, and removes those that others have
    replaced.
    """
    ledger.meet(kind, rows.keys() | replaced)
    if ledger.mode is Mode.PRUNE:
        return await plan_pruning(ledger, kind, rows, run_ids)
    expected = await expected_rows(ledger, kind, rows, kept_states=kept_states, replaced=replaced)
    changes = changes_of(
        kind, expected.rows, expected.digests, expected.import_digests, expected.store_digests, expected.stored_rows
    )
    outcomes = {
        **changes.outcomes,
        Outcome.REMOVED: sorted(replaced),
        Outcome.KEPT_VALUES: sorted(expected.kept_ids),
    }
    before = {**changes.before, **(await ledger.rows(kind, replaced) if replaced else {})}
    return replace(changes, removals=replaced, before=before, outcomes=outcomes)
