"""The rows that the store has after a true-up: those of the source, with all that only the store has.

`plan` compares them with what the store has and writes the difference; verifying only compares. Nothing is written here.
"""

from collections.abc import Callable, Mapping, Set
from operator import itemgetter
from typing import Any

from migrations.mlmd.write.damage import column_changes, deleted_groups
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.merge import merged
from migrations.mlmd.write.row_digest import digests, digests_like
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from storage.record import record

LOGICAL_KEY = SHAPES[Kind.TASK].names.index("logical_key")

_LINK = SHAPES[Kind.LINK].names
_TYPE, _ITERATION, _TASK_ID = (_LINK.index(name) for name in ("type", "iteration", "task_id"))


@record
class Expected:
    """Rows of one kind by id, as they should be, and their digests: expected, as the import wrote them, in the store."""

    rows: Mapping[str, Row]
    digests: Mapping[str, int]
    import_digests: Mapping[str, int]
    stored_rows: Mapping[str, Row]
    """In the first import of a source, only those that differ from the source."""
    store_digests: Mapping[str, int]
    kept_ids: Set[str]
    """The rows that keep something that the source no longer has."""


async def expected_rows(
    ledger: Ledger,
    kind: Kind,
    rows: Mapping[str, Row],
    *,
    kept_states: Set[str] = frozenset(),
    replaced: Set[str] = frozenset(),
) -> Expected:
    """Return how rows of the source should be in the store; some of them keep their state, and others replace some."""
    import_digests, source_digests = await ledger.digests(kind, rows), digests(kind, rows)
    if ledger.mode is Mode.FIRST:
        stored_ids = await ledger.present(kind, rows)
        differing = [id for id, value in import_digests.items() if source_digests[id] != value and id in stored_ids]
        stored_rows = await ledger.rows(kind, differing) if differing else {}
        store_digests = {id: import_digests.get(id, 0) for id in stored_ids} | digests(kind, stored_rows)
    else:
        stored_rows = await ledger.rows(kind, rows)
        store_digests = digests_like(kind, stored_rows, rows, source_digests)
    # A row that was changed in the store is left alone whatever the source has.
    old = {
        id: stored_rows[id]
        for id, value in import_digests.items()
        if source_digests[id] != value and id in stored_rows and store_digests[id] == value
    }
    expected = await _merged(ledger, kind, old, rows, kept_states, replaced)
    kept_ids = {id for id in old if expected[id] != rows[id]}
    new_ids = expected.keys() - store_digests.keys() - import_digests.keys()
    if kind is Kind.TASK:
        expected = await _with_free_keys(ledger, expected, old, new_ids, replaced)
    elif kind is Kind.LINK:
        expected, repetitions = await _with_free_places(ledger, expected, old, new_ids)
        store_digests |= dict.fromkeys(repetitions, 0)
    changed = digests(kind, {id: row for id, row in expected.items() if row is not rows[id]})
    return Expected(expected, source_digests | changed, import_digests, stored_rows, store_digests, kept_ids)


def without_key(row: Row) -> Row:
    """Return a task without its logical key."""
    return (*row[:LOGICAL_KEY], None, *row[LOGICAL_KEY + 1 :])


unique_of_link: Callable[[Row], tuple[Any, ...]] = itemgetter(
    *(_LINK.index(name) for name in ("task_id", "type", "key", "iteration", "artifact_id"))
)
"""Returns the columns of a link that no other link has together."""


async def _merged(
    ledger: Ledger,
    kind: Kind,
    old: Mapping[str, Row],
    rows: Mapping[str, Row],
    kept_states: Set[str],
    replaced: Set[str],
) -> dict[str, Row]:
    if not old:
        return dict(rows)
    changes = [column_changes(kind, row, rows[id]) for id, row in old.items()]
    deleted = await deleted_groups(ledger, changes) | {("parent_task_id", id) for id in replaced}
    new = {id: merged(kind, row, rows[id], deleted, keeps_state=id in kept_states) for id, row in old.items()}
    return {**rows, **new}


async def _with_free_keys(
    ledger: Ledger, rows: Mapping[str, Row], old: Mapping[str, Row], new_ids: Set[str], replaced: Set[str]
) -> dict[str, Row]:
    """Return tasks, without the logical keys that other tasks keep: no two tasks can have the same one."""
    ids_by_key = {
        rows[id][LOGICAL_KEY]: id
        for id in (*old, *new_ids)
        if rows[id][LOGICAL_KEY] is not None and (id not in old or old[id][LOGICAL_KEY] != rows[id][LOGICAL_KEY])
    }
    bearers = await ledger.tasks_of_keys(ids_by_key) if ids_by_key else {}
    taken = {
        ids_by_key[key]
        for key, bearer in bearers.items()
        if bearer != ids_by_key[key]
        and bearer not in replaced
        and not (bearer in old and rows[bearer][LOGICAL_KEY] != key)
    }
    return {id: without_key(row) if id in taken else row for id, row in rows.items()}


async def _with_free_places(
    ledger: Ledger, rows: Mapping[str, Row], old: Mapping[str, Row], new_ids: Set[str]
) -> tuple[dict[str, Row], set[str]]:
    """Return links that do not become equal to others that are kept, and the new ones that would be equal to one."""
    moved = [id for id, row in old.items() if unique_of_link(row) != unique_of_link(rows[id])]
    if not moved:
        return dict(rows), set()
    places: dict[tuple[Any, ...], str] = await ledger.links_of_tasks({rows[id][_TASK_ID] for id in moved})
    result = dict(rows)
    for id in moved:
        if places.setdefault(unique_of_link(rows[id]), id) != id:
            values = list(rows[id])
            values[_TYPE], values[_ITERATION] = old[id][_TYPE], old[id][_ITERATION]
            result[id] = tuple(values)
    return result, {id for id in new_ids if places.get(unique_of_link(rows[id]), id) != id}
