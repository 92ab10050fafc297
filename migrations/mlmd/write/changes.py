"""Brings rows of one kind into the store: new ones are written, changed ones follow the source, all others are left alone.

The loader calls this within its transaction. A row follows the source only while it is as the import wrote it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from migrations.mlmd.write.damage import Damage, damage_of
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row, digest
from migrations.mlmd.write.tally import Outcome, Tally


class Fate(Enum):
    """What is to become of a row."""

    NOTHING = "it is as it should be"
    CREATE = "it is new"
    UPDATE = "the source has it otherwise"
    REMOVE = "the source no longer has it"
    TAKEN = "somebody else wrote a row with its id, or a link like it"
    CHANGED_HERE = "somebody changed it in the store"
    DELETED_HERE = "somebody deleted it in the store"


def fate_of(imported: int | None, source: int | None, present: int | None) -> Fate:
    """Return what is to become of a row, by three digests: as it was imported, as the source has it, as the store has it.

    None means that it was not imported, that the source does not have it, or that the store does not have it.
    """
    match imported, source, present:
        case None, _, None:
            return Fate.CREATE
        case None, _, _:
            return Fate.TAKEN
        case _ if imported == source:
            return Fate.NOTHING  # whatever became of it here: the source asks for nothing
        case _, None, None:
            return Fate.REMOVE  # what is noted of it is
        case _, _, None:
            return Fate.DELETED_HERE
        case _ if present != imported:
            return Fate.CHANGED_HERE
        case _, None, _:
            return Fate.REMOVE
        case _:
            return Fate.UPDATE


_LEFT_ALONE = {fate: Outcome[fate.name] for fate in (Fate.TAKEN, Fate.DELETED_HERE, Fate.CHANGED_HERE)}
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

    def absent(self) -> set[str]:
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
    source = _digests(kind, rows)
    of_runs = await ledger.digests_of_runs(kind, run_ids) if run_ids else {}
    imported = of_runs | await ledger.digests(kind, rows.keys() - of_runs.keys())
    new_ids = rows.keys() - imported.keys()
    taken_ids = await ledger.present(kind, new_ids)
    if kind is Kind.LINK:
        taken_ids |= await _repeated(ledger, {row_id: rows[row_id] for row_id in new_ids - taken_ids}, of_runs)
    # Only rows that would change are read, and held until the transaction ends.
    differing_ids = {row_id for row_id, value in imported.items() if source.get(row_id) != value}
    present_rows = await ledger.rows(kind, differing_ids, held=True)
    present = dict.fromkeys(taken_ids, 0) | {row_id: digest(kind, row) for row_id, row in present_rows.items()}
    ids_by_fate: dict[Fate, list[str]] = {fate: [] for fate in Fate}
    for row_id in (*rows, *(imported.keys() - rows.keys())):
        fate = fate_of(imported.get(row_id), source.get(row_id), present.get(row_id))
        ids_by_fate[fate].append(row_id)
    updated = {row_id: rows[row_id] for row_id in ids_by_fate[Fate.UPDATE]}
    left_alone = {outcome: sorted(ids_by_fate[fate]) for fate, outcome in _LEFT_ALONE.items() if ids_by_fate[fate]}
    return Changes(
        kind,
        source,
        created={row_id: rows[row_id] for row_id in ids_by_fate[Fate.CREATE]},
        updated=updated,
        removed=ids_by_fate[Fate.REMOVE],
        left_alone=left_alone,
        damage=await damage_of(ledger, kind, {row_id: present_rows[row_id] for row_id in updated}, rows),
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
