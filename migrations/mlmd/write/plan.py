"""Plans what is to be done with rows of one kind: reads what was imported and what the store has, and decides.

The loaders of runs and of groups call this within their transactions; nothing is written here.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.damage import damage_of
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_digest import digest, digests
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row

_LOGICAL_KEY = SHAPES[Kind.TASK].names.index("logical_key")
_UNIQUE_OF_LINK = [
    SHAPES[Kind.LINK].names.index(name) for name in ("task_id", "type", "key", "iteration", "artifact_id")
]
"""The columns that identify a link."""


async def plan_specs(ledger: Ledger, rows: Mapping[str, Row]) -> Changes:
    """Return what is to be done with pipeline specifications: those that the store has are left as they are."""
    stored_ids = await ledger.present(Kind.SPEC, rows)
    return await plan_changes(ledger, Kind.SPEC, {id: row for id, row in rows.items() if id not in stored_ids})


async def plan_changes(
    ledger: Ledger, kind: Kind, rows: Mapping[str, Row], *, run_ids: Collection[str] = ()
) -> Changes:
    """Return what is to be done with rows.

    For the given runs, `rows` is everything that the source has of the kind: rows that the import wrote into these runs and
    that are not among `rows` are removed.
    """
    run_digests = await ledger.digests_of_runs(kind, run_ids) if run_ids else {}
    import_digests = run_digests | await ledger.digests(kind, rows.keys() - run_digests.keys())
    new_ids = rows.keys() - import_digests.keys()
    foreign_ids = await ledger.present(kind, new_ids)
    if kind is Kind.LINK:
        new_links = {row_id: rows[row_id] for row_id in new_ids - foreign_ids}
        foreign_ids |= await _repetitions(ledger, new_links, run_digests)
    source_digests = digests(kind, rows)
    # Only rows that would change are read, and locked until the transaction ends.
    differing_ids = {row_id for row_id, value in import_digests.items() if source_digests.get(row_id) != value}
    stored_rows = await ledger.rows(kind, differing_ids, for_update=True) if differing_ids else {}
    store_digests = dict.fromkeys(foreign_ids, 0) | digests(kind, stored_rows)
    changes = changes_of(kind, rows, source_digests, import_digests, store_digests)
    if not changes.updates:
        return changes
    damage = await damage_of(ledger, kind, {row_id: stored_rows[row_id] for row_id in changes.updates}, rows)
    return replace(changes, outcomes={**changes.outcomes, **damage})


async def with_free_keys(ledger: Ledger, rows: Mapping[str, Row]) -> dict[str, Row]:
    """Return tasks, without the logical keys of other tasks that the import did not write or that have been changed."""
    ids_by_key = {row[_LOGICAL_KEY]: row_id for row_id, row in rows.items() if row[_LOGICAL_KEY] is not None}
    bearers = await ledger.tasks_of_keys(ids_by_key)
    keys_by_bearer = {bearer: key for key, bearer in bearers.items() if bearer != ids_by_key[key]}
    import_digests = await ledger.digests(Kind.TASK, keys_by_bearer)
    stored_rows = await ledger.rows(Kind.TASK, import_digests)
    # A task that has not been changed loses its key if the source has the key in another task.
    unchanged_ids = {bearer for bearer, row in stored_rows.items() if digest(Kind.TASK, row) == import_digests[bearer]}
    ids_without_key = {ids_by_key[key] for bearer, key in keys_by_bearer.items() if bearer not in unchanged_ids}
    return {row_id: _without_key(row) if row_id in ids_without_key else row for row_id, row in rows.items()}


def _without_key(row: Row) -> Row:
    return (*row[:_LOGICAL_KEY], None, *row[_LOGICAL_KEY + 1 :])


async def _repetitions(ledger: Ledger, links: Mapping[str, Row], imported_ids: Collection[str]) -> set[str]:
    """Return the links that a client has written under another id, with the same task, key and artifact."""
    stored_links = await ledger.links_of_tasks({row[_UNIQUE_OF_LINK[0]] for row in links.values()})
    keys = {row_id: tuple(row[place] for place in _UNIQUE_OF_LINK) for row_id, row in links.items()}
    # A link that the import wrote is not counted: it is out of date and will be removed.
    return {row_id for row_id, key in keys.items() if key in stored_links and stored_links[key] not in imported_ids}
