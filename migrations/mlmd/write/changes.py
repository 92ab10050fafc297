"""Decides the fate of rows, as a pure function of what the import wrote, what the source has and what the store has.

`plan` calls this with what it has read; `Ledger.apply` writes the outcome. A row is updated from the source only if it is
still as the import wrote it, and it is counted as changed or deleted here whether the source has changed or not.
"""

from collections.abc import Collection, Mapping, Set
from dataclasses import field
from enum import Enum

from migrations.mlmd.write.row_kinds import Kind, Row
from migrations.mlmd.write.tally import Outcome
from storage.record import record


class Fate(Enum):
    """The fate of a row."""

    NOTHING = "the source has it as it was imported"
    CREATE = "it is new"
    UPDATE = "the source has changed it"
    REMOVE = "the source no longer has it"
    TAKEN = "another program wrote a row with its id, or an equal link"
    CHANGED_HERE = "it was changed in the store"
    DELETED_HERE = "it was deleted from the store"


def fate_of(import_digest: int | None, source_digest: int | None, store_digest: int | None) -> Fate:
    """Return the fate of a row from three digests: as it was imported, as the source has it, as the store has it.

    None means that it was not imported, that the source does not have it, or that the store does not have it.
    """
    match import_digest, source_digest, store_digest:
        case None, _, None:
            return Fate.CREATE
        case None, _, _:
            return Fate.TAKEN
        case _, None, None:
            return Fate.REMOVE  # the row itself no longer exists, but the ledger still has it
        case _, _, None:
            return Fate.DELETED_HERE
        case _ if store_digest != import_digest:
            return Fate.CHANGED_HERE
        case _, None, _:
            return Fate.REMOVE
        case _ if import_digest == source_digest:
            return Fate.NOTHING
        case _:
            return Fate.UPDATE


_NOTHING: Mapping[str, int] = {}
_NO_ROWS: Mapping[str, Row] = {}
_LEFT_ALONE = {fate: Outcome[fate.name] for fate in (Fate.TAKEN, Fate.DELETED_HERE, Fate.CHANGED_HERE)}


@record
class Changes:
    """What is to be done with rows of one kind, and what to count: ids by outcome."""

    kind: Kind
    digests: Mapping[str, int]
    """The digests of the rows of the source."""
    new_rows: Mapping[str, Row]
    updates: Mapping[str, Row]
    removals: Collection[str]
    absent_ids: Set[str]
    """The rows of the source that the store does not have, and will not get."""
    outcomes: Mapping[Outcome, Collection[str]]
    before: Mapping[str, Row] = field(default_factory=dict)
    """The rows that are updated and removed, as the store has them."""


def changes_of(
    kind: Kind,
    rows: Mapping[str, Row],
    source_digests: Mapping[str, int],
    import_digests: Mapping[str, int] = _NOTHING,
    store_digests: Mapping[str, int] = _NOTHING,
    stored_rows: Mapping[str, Row] = _NO_ROWS,
) -> Changes:
    """Return what is to be done with the rows of the source, and with rows that the import wrote and the source lacks.

    The digests are by id, as for `fate_of`. Rows that cannot be in the store yet need only the first. `stored_rows` are the rows
    of the store, at least those that differ.
    """
    ids: dict[Fate, list[str]] = {fate: [] for fate in Fate}
    for row_id in (*rows, *(import_digests.keys() - rows.keys())):
        ids[fate_of(import_digests.get(row_id), source_digests.get(row_id), store_digests.get(row_id))].append(row_id)
    left_alone = {outcome: sorted(ids[fate]) for fate, outcome in _LEFT_ALONE.items() if ids[fate]}
    return Changes(
        kind,
        source_digests,
        new_rows={row_id: rows[row_id] for row_id in ids[Fate.CREATE]},
        updates={row_id: rows[row_id] for row_id in ids[Fate.UPDATE]},
        removals=ids[Fate.REMOVE],
        absent_ids=frozenset(ids[Fate.DELETED_HERE]),
        outcomes={
            Outcome.CREATED: ids[Fate.CREATE],
            Outcome.UPDATED: ids[Fate.UPDATE],
            Outcome.REMOVED: ids[Fate.REMOVE],
            **left_alone,
        },
        before={id: stored_rows[id] for id in (*ids[Fate.UPDATE], *ids[Fate.REMOVE]) if id in stored_rows},
    )
