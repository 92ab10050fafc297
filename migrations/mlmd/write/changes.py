"""Brings rows of one kind into the store: new ones are written, changed ones follow the source, all others are left alone.

The loader calls this within its transaction. A row follows the source only while it is as the import wrote it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from migrations.mlmd.write.damage import Damage, damage_of
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row, digest
from migrations.mlmd.write.tally import Outcome, Tally

_LOGICAL_KEY = SHAPES[Kind.TASK].names.index("logical_key")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done with rows of one kind, and what is not."""

    kind: Kind
    digests: Mapping[str, int]
    created: Mapping[str, Row] = field(default_factory=dict)
    updated: Mapping[str, Row] = field(default_factory=dict)
    removed: Collection[str] = ()
    left_alone: Mapping[Outcome, Collection[str]] = field(default_factory=dict)
    damage: Damage = field(default_factory=Damage)

    async def apply(self, ledger: Ledger) -> None:
        """Write."""
        await ledger.remove(self.kind, self.removed)
        await ledger.replace(self.kind, self.updated, self.digests)
        await ledger.create(self.kind, self.created, self.digests)

    def count(self, tally: Tally) -> None:
        """Count what becomes of the rows."""
        tally.add(self.kind, Outcome.CREATED, self.created)
        tally.add(self.kind, Outcome.UPDATED, self.updated)
        tally.add(self.kind, Outcome.REMOVED, self.removed)
        tally.add(self.kind, Outcome.EMPTIED, self.damage.emptied)
        tally.add(self.kind, Outcome.RENAMED, self.damage.renamed)
        for outcome, ids in self.left_alone.items():
            tally.add(self.kind, outcome, ids)

    def gone(self) -> set[str]:
        """Return the rows of the source that the store does not have, nor will have."""
        return set(self.left_alone.get(Outcome.DELETED_HERE, ()))


def all_new(kind: Kind, rows: Mapping[str, Row]) -> Changes:
    """Return the changes for rows that nobody can have written yet."""
    return Changes(kind, _digests(kind, rows), created=rows)


async def plan_changes(
    ledger: Ledger, kind: Kind, rows: Mapping[str, Row], *, run_ids: Collection[str] = ()
) -> Changes:
    """Return what is to be done with rows.

    Of the runs named, `rows` is all that the source has of the kind, so that what the import wrote there beyond it goes.
    """
    wanted = _digests(kind, rows)
    standing = await ledger.digests_of_runs(kind, run_ids) if run_ids else {}
    known = standing | await ledger.digests(kind, rows.keys() - standing.keys())
    unknown = rows.keys() - known.keys()
    taken = await ledger.present(kind, unknown)
    if kind is Kind.LINK:
        taken |= await _repeated(ledger, {row_id: rows[row_id] for row_id in unknown - taken}, standing)
    stale = known.keys() - rows.keys()
    changed = {row_id for row_id in known.keys() & rows.keys() if known[row_id] != wanted[row_id]}
    now = await ledger.rows(kind, changed | stale, held=True)
    deleted = changed - now.keys()
    foreign = {row_id for row_id, row in now.items() if digest(kind, row) != known[row_id]}
    updated = {row_id: rows[row_id] for row_id in rows if row_id in changed - deleted - foreign}
    left = {Outcome.TAKEN: taken, Outcome.DELETED_HERE: deleted, Outcome.CHANGED_HERE: foreign}
    return Changes(
        kind,
        wanted,
        created={row_id: rows[row_id] for row_id in rows if row_id in unknown - taken},
        updated=updated,
        removed=stale - foreign,
        left_alone={outcome: sorted(ids) for outcome, ids in left.items() if ids},
        damage=await damage_of(ledger, kind, {row_id: now[row_id] for row_id in updated}, rows),
    )


async def with_free_keys(ledger: Ledger, rows: dict[str, Row]) -> dict[str, Row]:
    """Return tasks, without its logical key each whose key a task has already that the import did not write, or not so."""
    wanted = {row[_LOGICAL_KEY]: row_id for row_id, row in rows.items() if row[_LOGICAL_KEY] is not None}
    bearers = await ledger.tasks_of_keys(wanted)
    others = {bearer: key for key, bearer in bearers.items() if bearer != wanted[key]}
    noted = await ledger.digests(Kind.TASK, others)
    now = await ledger.rows(Kind.TASK, noted)
    # A task that is as the import wrote it gives its key away when the source says so.
    own = {bearer for bearer, row in now.items() if digest(Kind.TASK, row) == noted[bearer]}
    taken = {wanted[key] for bearer, key in others.items() if bearer not in own}
    return {row_id: _without_key(row) if row_id in taken else row for row_id, row in rows.items()}


def _without_key(row: Row) -> Row:
    return (*row[:_LOGICAL_KEY], None, *row[_LOGICAL_KEY + 1 :])


def _digests(kind: Kind, rows: Mapping[str, Row]) -> dict[str, int]:
    return {row_id: digest(kind, row) for row_id, row in rows.items()}


async def _repeated(ledger: Ledger, rows: Mapping[str, Row], own: Collection[str]) -> set[str]:
    """Return the links whose task, key and artifact a client has linked already, under another id."""
    names = SHAPES[Kind.LINK].names
    places = [names.index(name) for name in ("task_id", "type", "key", "iteration", "artifact_id")]
    linked = await ledger.links_of_tasks({row[places[0]] for row in rows.values()})
    keys = {row_id: tuple(row[place] for place in places) for row_id, row in rows.items()}
    # A link of the import itself makes way: it is stale.
    return {row_id for row_id, key in keys.items() if key in linked and linked[key] not in own}
