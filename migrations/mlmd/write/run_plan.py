"""Plans what is to be done with all rows of a batch of runs. The loader of runs calls this; nothing is written here."""

from collections.abc import Mapping, Sequence, Set

from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.kept_ids import with_kept_ids
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.plan import plan_changes, plan_specs
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.run_fates import RunFates
from migrations.mlmd.write.run_rows import RowsByRun, RunBatchRows
from storage.record import record

_ARTIFACT_ID = SHAPES[Kind.LINK].names.index("artifact_id")
_TASK_ID = SHAPES[Kind.LINK].names.index("task_id")


@record
class RunChanges:
    """What is to be done with some runs, with their tasks and with their links."""

    runs: Changes
    tasks: Changes
    links: Changes
    orphan_links: Sequence[str]
    """Links that are left out because their task or artifact was deleted from the store."""


@record
class BatchPlan:
    """What is to be done with a batch, in the order in which it is written: parents before what refers to them."""

    changes: Sequence[Changes]
    orphan_links: Sequence[str]
    places: Mapping[str, int]
    """The places of the runs and of their artifacts."""


async def plan_batch(ledger: Ledger, rows: RunBatchRows, fates: RunFates) -> BatchPlan:
    """Return what is to be done with the rows of runs that are new or that an earlier import wrote."""
    run_ids = [*fates.new, *fates.imports]
    places = _places(rows, run_ids)
    specs = await _plan_specs(ledger, _rows_of_runs(rows.specs, run_ids))
    if ledger.mode is Mode.FIRST and not fates.imports and not await _has_former_tasks(ledger, rows, run_ids):
        artifacts = await plan_changes(ledger, Kind.ARTIFACT, _rows_of_runs(rows.artifacts, run_ids))
        new = _plan_new(rows, run_ids, artifacts.absent_ids)
        return BatchPlan([*specs, artifacts, new.runs, new.tasks, new.links], new.orphan_links, places)
    if ledger.mode is not Mode.PRUNE:
        rows = await with_kept_ids(ledger, rows, fates.imports)
        places = _places(rows, run_ids)
    artifacts = await plan_changes(ledger, Kind.ARTIFACT, _rows_of_runs(rows.artifacts, run_ids))
    run_rows, task_rows = {id: rows.runs[id] for id in run_ids}, _rows_of_runs(rows.tasks, run_ids)
    states = rows.kept_states
    runs = await plan_changes(ledger, Kind.RUN, run_rows, kept_states=states)
    replaced = rows.replaced_roots
    tasks = await plan_changes(
        ledger, Kind.TASK, task_rows, run_ids=fates.imports, kept_states=states, replaced=replaced
    )
    link_rows = _rows_of_runs(rows.links, run_ids)
    orphan_links = _orphans(link_rows, artifacts.absent_ids | tasks.absent_ids)
    # Those that were imported have been deleted with what they belong to.
    import_digests = await ledger.digests(Kind.LINK, orphan_links) if orphan_links else {}
    orphan_links = [id for id in orphan_links if id not in import_digests]
    # Planned before tasks are removed: the database removes the links of a task with the task.
    links = await plan_changes(ledger, Kind.LINK, _without(link_rows, orphan_links), run_ids=fates.imports)
    return BatchPlan([*specs, artifacts, runs, tasks, links], orphan_links, places)


def _places(rows: RunBatchRows, run_ids: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, run_id in enumerate(run_ids):
        places[run_id] = place
        for id in rows.artifacts[run_id]:
            places.setdefault(id, place)
    return places


async def _has_former_tasks(ledger: Ledger, rows: RunBatchRows, run_ids: Sequence[str]) -> bool:
    """Return whether tasks of new runs were imported with other runs: the source had them there before an interruption."""
    return bool(await ledger.digests(Kind.TASK, _rows_of_runs(rows.tasks, run_ids)))


async def _plan_specs(ledger: Ledger, spec_rows: dict[str, Row]) -> list[Changes]:
    return [await plan_specs(ledger, spec_rows)] if spec_rows else []


def _plan_new(rows: RunBatchRows, run_ids: Sequence[str], absent_ids: Set[str]) -> RunChanges:
    """Return what is to be done with new runs, none of whose rows can be in the store yet."""
    run_rows, task_rows = {id: rows.runs[id] for id in run_ids}, _rows_of_runs(rows.tasks, run_ids)
    link_rows = _rows_of_runs(rows.links, run_ids)
    orphan_links = _orphans(link_rows, absent_ids)
    link_rows = _without(link_rows, orphan_links)
    return RunChanges(
        changes_of(Kind.RUN, run_rows, digests(Kind.RUN, run_rows)),
        changes_of(Kind.TASK, task_rows, digests(Kind.TASK, task_rows)),
        changes_of(Kind.LINK, link_rows, digests(Kind.LINK, link_rows)),
        orphan_links,
    )


def _rows_of_runs(rows: RowsByRun, run_ids: Sequence[str]) -> dict[str, Row]:
    joined: dict[str, Row] = {}
    for run_id in run_ids:
        joined.update(rows[run_id])
    return joined


def _orphans(links: dict[str, Row], absent_ids: Set[str]) -> list[str]:
    """Return the links whose task or artifact is not in the store and will not be added to it."""
    if not absent_ids:
        return []
    return [id for id, row in links.items() if row[_ARTIFACT_ID] in absent_ids or row[_TASK_ID] in absent_ids]


def _without(links: dict[str, Row], ids: Sequence[str]) -> dict[str, Row]:
    if not ids:
        return links
    omissions = set(ids)
    return {id: row for id, row in links.items() if id not in omissions}
