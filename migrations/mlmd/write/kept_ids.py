"""The ids in the store of rows of a batch whose ids, given by the source, are taken by rows that are kept.

Three ids depend on other rows of the source: that of a ROOT task that MLMD does not have, that of the first of several metrics,
and those of links, which are numbered within an event. When the source loses a row, they shift to other contents. A row that is
kept under such an id keeps it; the source's row is found where the same content was imported, or gets an id that is derived from
both. `run_plan` calls this for true-ups, and verifying does; nothing is written here.

The states of runs and of groups are derived from the tasks within; where the source has lost some of these, the states are kept.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.write.expected import unique_of_link
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.made_roots import replaced_by_roots
from migrations.mlmd.write.row_digest import digest
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.run_rows import RowsByRun, RunBatchRows
from storage.model import ArtifactType, TaskType

_TASK, _ARTIFACT, _LINK = (SHAPES[kind].names for kind in (Kind.TASK, Kind.ARTIFACT, Kind.LINK))
_TASK_TYPE, _PARENT = _TASK.index("type"), _TASK.index("parent_task_id")
_SINGLE = (int(TaskType.RUNTIME), int(TaskType.IMPORTER))
_ARTIFACT_TYPE, _NAME, _NAMESPACE = (_ARTIFACT.index(name) for name in ("type", "name", "namespace"))
_TASK_ID, _ARTIFACT_ID, _RUN_ID, _KEY = (_LINK.index(name) for name in ("task_id", "artifact_id", "run_id", "key"))

Renumbering = Mapping[str, str]
"""Ids in the store by ids that the source gives, where they differ."""


async def with_kept_ids(ledger: Ledger, rows: RunBatchRows, run_ids: Collection[str]) -> RunBatchRows:
    """Return the rows of a batch under their ids in the store; `run_ids` are the runs that the import wrote before."""
    replaced_roots = await replaced_by_roots(ledger, rows.tasks, {id: rows.made_roots[id] for id in run_ids})
    tasks = await _roots(ledger, rows.tasks, run_ids, replaced_roots)
    artifacts = await _metrics(ledger, rows.artifacts, rows.artifact_ids)
    if tasks:
        rows = replace(rows, tasks=_renumbered(rows.tasks, tasks, {0: tasks, _PARENT: tasks}))
    if artifacts:
        rows = replace(rows, artifacts=_renumbered(rows.artifacts, artifacts, {0: artifacts}))
    if tasks or artifacts:
        rows = replace(rows, links=_renumbered(rows.links, {}, {_TASK_ID: tasks, _ARTIFACT_ID: artifacts}))
    kept_states = await _states(ledger, rows.tasks, run_ids, replaced_roots)
    links = await _links(ledger, rows.links)
    return replace(rows, links=links, kept_states=kept_states, replaced_roots=replaced_roots)


async def metrics_with_kept_ids(
    ledger: Ledger, rows: Mapping[str, Row], artifact_ids: Mapping[int, Sequence[str]]
) -> Mapping[str, Row]:
    """Return artifacts that no run used or made under their ids in the store."""
    artifacts = await _metrics(ledger, {"": dict(rows)}, {"": artifact_ids})
    return _renumbered({"": dict(rows)}, artifacts, {0: artifacts})[""] if artifacts else rows


def _renumbered(rows: RowsByRun, ids: Renumbering, places: Mapping[int, Renumbering]) -> RowsByRun:
    def row_of(row: Row) -> Row:
        values = list(row)
        for place, new_ids in places.items():
            values[place] = new_ids.get(values[place], values[place])
        return tuple(values)

    return {run_id: {ids.get(id, id): row_of(row) for id, row in of_run.items()} for run_id, of_run in rows.items()}


async def _roots(ledger: Ledger, tasks: RowsByRun, run_ids: Collection[str], replaced_roots: Set[str]) -> Renumbering:
    """Return the ids of ROOT tasks that are made because the source has lost the root: a run has one ROOT."""
    roots = {
        id: run_id for run_id in run_ids for id, row in tasks[run_id].items() if row[_TASK_TYPE] == int(TaskType.ROOT)
    }
    new_ids = roots.keys() - await ledger.present(Kind.TASK, roots)
    new_ids -= (await ledger.digests(Kind.TASK, new_ids)).keys() if new_ids else set()
    if not new_ids:
        return {}
    former = await ledger.roots_of_runs({roots[id] for id in new_ids})
    ids = {id: former.get(roots[id], id) for id in new_ids}
    return {id: old_id for id, old_id in ids.items() if old_id not in tasks[roots[id]] and old_id not in replaced_roots}


async def _states(
    ledger: Ledger, tasks: RowsByRun, run_ids: Collection[str], replaced_roots: Set[str]
) -> frozenset[str]:
    """Return the runs of which the source has lost tasks, and the groups of tasks in them."""
    former_runs = await ledger.tasks_of_runs(run_ids)
    # A task that the source has in another run now stays in this one.
    reduced = {run for id, run in former_runs.items() if id not in tasks[run] and id not in replaced_roots}
    groups = {id for run_id in reduced for id, row in tasks[run_id].items() if row[_TASK_TYPE] not in _SINGLE}
    return frozenset(reduced | groups)


async def _metrics(
    ledger: Ledger, artifacts: RowsByRun, artifact_ids: Mapping[str, Mapping[int, Sequence[str]]]
) -> Renumbering:
    """Return the ids of metrics of artifacts that have got or lost one: the first metric has the id of its artifact."""
    groups: dict[str, tuple[int, list[Row]]] = {}
    for run_id, rows in artifacts.items():
        for mlmd_id, ids in artifact_ids.get(run_id, {}).items():
            if ids and ids[0] in rows and rows[ids[0]][_ARTIFACT_TYPE] == int(ArtifactType.Metric):
                groups[ids[0]] = (mlmd_id, [rows[id] for id in ids if id in rows])
    names = await ledger.names_of_metrics(groups)
    shifted = {id: groups[id] for id, name in names.items() if name != groups[id][1][0][_NAME]}
    if not shifted:
        return {}
    others = {id: _id_of_metric(ledger.ids, mlmd_id, metrics[0]) for id, (mlmd_id, metrics) in shifted.items()}
    import_digests = await ledger.digests(Kind.ARTIFACT, {*shifted, *others.values()})
    stored_rows = await ledger.rows(Kind.ARTIFACT, shifted)
    renumbering: dict[str, str] = {}
    for id, (_, metrics) in shifted.items():
        is_as_imported = import_digests.get(id) == digest(Kind.ARTIFACT, stored_rows[id])
        if not is_as_imported and others[id] not in import_digests:
            continue
        renumbering |= {row[0]: id for row in metrics[1:] if row[_NAME] == names[id]}
        renumbering[id] = others[id]
    return renumbering


def _id_of_metric(ids: Ids, mlmd_id: int, row: Row) -> str:
    """Return the id that the first metric of an artifact would have if it were another one."""
    copied_to = None if ids.artifact(mlmd_id, namespace=None, metric=None) == row[0] else row[_NAMESPACE]
    return ids.artifact(mlmd_id, namespace=copied_to, metric=row[_NAME])


async def _links(ledger: Ledger, links: RowsByRun) -> RowsByRun:
    """Return links under the ids of equal ones in the store, else under their own if these are free, else under derived ids."""
    all_rows = {id: row for of_run in links.values() for id, row in of_run.items()}
    stored_rows = await ledger.link_rows({row[_TASK_ID] for row in all_rows.values()}, all_rows.keys())
    holders = {unique_of_link(row): id for id, row in stored_rows.items()}
    ids = {id: holders.get(unique_of_link(row)) for id, row in all_rows.items()}
    used = set(ids.values())
    for id, row in all_rows.items():
        if ids[id] is None:
            is_free = id not in used and (id not in stored_rows or _content(stored_rows[id]) == _content(row))
            ids[id] = id if is_free else ledger.ids.of(f"link:{id}:{':'.join(_content(row))}")
    new_links = {id for id in all_rows if ids[id] not in stored_rows}
    run_ids = await ledger.runs_of_tasks({all_rows[id][_TASK_ID] for id in new_links}) if new_links else {}

    # A task that is kept in another run keeps its links there.
    run_ids |= {row[_TASK_ID]: row[_RUN_ID] for row in stored_rows.values()}

    def row_of(id: str, row: Row) -> Row:
        run_id = run_ids.get(row[_TASK_ID], row[_RUN_ID])
        if ids[id] == id and run_id == row[_RUN_ID]:
            return row
        values: list[Any] = list(row)
        values[0], values[_RUN_ID] = ids[id], run_id
        return tuple(values)

    return {run_id: {str(ids[id]): row_of(id, row) for id, row in of_run.items()} for run_id, of_run in links.items()}


def _content(row: Row) -> tuple[str, str, str]:
    return row[_TASK_ID], row[_ARTIFACT_ID], row[_KEY]
