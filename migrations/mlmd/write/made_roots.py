"""ROOT tasks that an import made for runs without a root, and that make way for it.

KFP's driver writes the context of a run first and its root later, and an import can come in between. Nothing in the source
became such a task, so nothing is lost with it. `kept_ids` calls this; nothing is written here.
"""

from collections.abc import Mapping

from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.run_rows import RowsByRun


async def replaced_by_roots(ledger: Ledger, tasks: RowsByRun, made_roots: Mapping[str, str]) -> frozenset[str]:
    """Return the ROOT tasks, among those that imports make for runs, that are in the store although the source has the root.

    Those that clients have changed, or have added tasks or links to, are not among them: they stay.
    """
    ids = {made_id: run_id for run_id, made_id in made_roots.items() if made_id not in tasks[run_id]}
    import_digests = await ledger.digests(Kind.TASK, ids) if ids else {}
    if not import_digests:
        return frozenset()
    store_digests = digests(Kind.TASK, await ledger.rows(Kind.TASK, import_digests))
    unchanged_ids = {id for id, value in store_digests.items() if import_digests[id] == value}
    source_ids = {id for of_run in tasks.values() for id in of_run}
    parents = await ledger.parents_of_tasks_in(unchanged_ids)
    used_ids = {parent_id for id, parent_id in parents.items() if id not in source_ids}
    used_ids |= {key[0] for key in await ledger.links_of_tasks(unchanged_ids)}
    return frozenset(unchanged_ids - used_ids)
