"""Plans what is to be done with rows of one kind when they follow the source: the import was asked to prune.

`plan` calls this; nothing is written here.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.damage import damage_of
from migrations.mlmd.write.expected import LOGICAL_KEY, unique_of_link, without_key
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_digest import digest, digests, digests_like
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome

_TASK_ID = SHAPES[Kind.LINK].names.index("task_id")


async def plan_pruning(ledger: Ledger, kind: Kind, rows: Mapping[str, Row], run_ids: Collection[str]) -> Changes:
    """Return what is to be done with rows.

    For the given runs, `rows` is everything that the source has of the kind: rows that the import wrote into these runs and
    that are not among `rows` are removed.
    """
    if kind is Kind.TASK:
        rows = await _with_free_keys(ledger, rows)
    run_digests = await ledger.digests_of_runs(kind, run_ids) if run_ids else {}
    import_digests = run_digests | await ledger.digests(kind, rows.keys() - run_digests.keys())
    stored_rows = await ledger.rows(kind, rows.keys() | import_digests.keys())
    foreign_ids = set[str]()
    if kind is Kind.LINK:
        new_ids = rows.keys() - import_digests.keys() - stored_rows.keys()
        foreign_ids = await _repetitions(ledger, {row_id: rows[row_id] for row_id in new_ids}, run_digests)
    source_digests = digests(kind, rows)
    store_digests = dict.fromkeys(foreign_ids, 0) | digests_like(kind, stored_rows, rows, source_digests)
    changes = changes_of(kind, rows, source_digests, import_digests, store_digests, stored_rows)
    updated_rows = {row_id: stored_rows[row_id] for row_id in changes.updates}
    damage = await damage_of(ledger, kind, updated_rows, rows) if updated_rows else {}
    damage[Outcome.DAMAGED] = [*damage.get(Outcome.DAMAGED, ()), *changes.removals]
    return replace(changes, outcomes={**changes.outcomes, **damage})


async def _with_free_keys(ledger: Ledger, rows: Mapping[str, Row]) -> dict[str, Row]:
    """Return tasks, without the logical keys of other tasks that the import did not write or that have been changed."""
    ids_by_key = {row[LOGICAL_KEY]: row_id for row_id, row in rows.items() if row[LOGICAL_KEY] is not None}
    bearers = await ledger.tasks_of_keys(ids_by_key)
    keys_by_bearer = {bearer: key for key, bearer in bearers.items() if bearer != ids_by_key[key]}
    import_digests = await ledger.digests(Kind.TASK, keys_by_bearer)
    stored_rows = await ledger.rows(Kind.TASK, import_digests)
    # A task that has not been changed loses its key if the source has the key in another task.
    unchanged_ids = {bearer for bearer, row in stored_rows.items() if digest(Kind.TASK, row) == import_digests[bearer]}
    ids_without_key = {ids_by_key[key] for bearer, key in keys_by_bearer.items() if bearer not in unchanged_ids}
    return {row_id: without_key(row) if row_id in ids_without_key else row for row_id, row in rows.items()}


async def _repetitions(ledger: Ledger, links: Mapping[str, Row], imported_ids: Collection[str]) -> set[str]:
    """Return the links that a client has written under another id, with the same task, key and artifact."""
    stored_links = await ledger.links_of_tasks({row[_TASK_ID] for row in links.values()})
    keys = {row_id: unique_of_link(row) for row_id, row in links.items()}
    # A link that the import wrote is not counted: it is out of date and will be removed.
    return {row_id for row_id, key in keys.items() if key in stored_links and stored_links[key] not in imported_ids}
