"""Rows of the source whose id was that of another row when it was imported: a backup was restored, a copy went its own way, or
MySQL gave the ids of deleted rows again after a restart.

A row of MLMD never changes its time of creation, so a row under a known id with another time is another row. It must not be merged
with the imported one: an import is refused, or, if that is permitted, such rows are imported under ids of their own, which are
derived from both. The loaders call this before they look at what was imported, and so does verifying.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.errors import ImportRefused
from migrations.mlmd.write.ledger import Ledger, chunks
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.run_rows import ArtifactRows, RowsByRun, RunBatchRows
from storage.model import TaskType
from storage.record import record
from storage.sql.tables import runs, tasks

ADVICE = (
    "MLMD has given ids of rows that were imported before to other rows, as after the restore of a backup, or in a copy of the "
    "store. Import it under a --store-id of its own, with --change-options; or add --reused-ids, which keeps the rows that were "
    "imported and imports the others in addition"
)

_RUN, _TASK, _LINK = (SHAPES[kind].names for kind in (Kind.RUN, Kind.TASK, Kind.LINK))
_NAME_OF_RUN, _RUN_CREATED = _RUN.index("display_name"), _RUN.index("created_at")
_RUN_ID, _PARENT = _TASK.index("run_id"), _TASK.index("parent_task_id")
_LINK_RUN, _LINK_TASK, _LINK_ARTIFACT, _LINK_KEY = (
    _LINK.index(name) for name in ("run_id", "task_id", "artifact_id", "key")
)
_CREATED = {kind: SHAPES[kind].names.index("created_at") for kind in (Kind.TASK, Kind.ARTIFACT)}

Renumbering = dict[str, str]
"""Ids of their own by the ids that the source gives."""


@record
class Reuse:
    """A row of the source, its id in the store, its time of creation, and that of the row that was imported (microseconds)."""

    name: str
    id: str
    created_at: int
    imported_created_at: int

    def sentence(self) -> str:
        """Return the reuse as a sentence."""
        return (
            f"{self.name} of the source was created at {_shown(self.created_at)}, but what was imported under this id at "
            f"{_shown(self.imported_created_at)}"
        )


async def with_own_ids(ledger: Ledger, rows: RunBatchRows) -> RunBatchRows:
    """Return the rows of a batch, those under reused ids under ids of their own. Raises ImportRefused if that is not permitted."""
    run_ids, roots = await _runs(ledger, rows), await _roots(ledger, rows)
    task_ids = roots | await _renumbering(ledger, Kind.TASK, _joined(rows.tasks), rows)
    artifacts = await _renumbering(ledger, Kind.ARTIFACT, _joined(rows.artifacts), rows)
    if not (run_ids or task_ids or artifacts):
        return rows
    return _renumbered(rows, ledger.ids, run_ids, task_ids, artifacts)


async def artifacts_with_own_ids(ledger: Ledger, artifacts: ArtifactRows) -> ArtifactRows:
    """Return artifacts that no run used or made, as `with_own_ids` does."""
    ids = await _renumbering(ledger, Kind.ARTIFACT, artifacts.rows, artifacts)
    if not ids:
        return artifacts
    rows = {ids.get(id, id): (ids.get(id, id), *row[1:]) for id, row in artifacts.rows.items()}
    return replace(artifacts, rows=rows, artifact_ids=_others(artifacts.artifact_ids, ids))


async def reuses(
    ledger: Ledger, kind: Kind, created: Mapping[str, tuple[str, int]], run_ids: Mapping[str, str] | None = None
) -> list[Reuse]:
    """Return the reuses among rows of the source: names and times by id, and of tasks the runs.

    The time of a ROOT task is that of its first task after the source had lost the root, so that only its run tells it apart.
    """
    table, found = SHAPES[kind].table, []
    for chunk in chunks(created.keys()):
        statement = select(table.c.id, table.c.created_at).where(ledger.dialect.among(table.c.id, "ids", chunk))
        found_times = (await ledger.connection.execute(statement)).all()
        differing = {id: at for id, at in found_times if at != created[id][1]}
        roots: dict[str, str] = {}
        if kind is Kind.TASK and differing:
            of_roots = select(tasks.c.id, tasks.c.run_id).where(
                tasks.c.id.in_(sorted(differing)), tasks.c.type == int(TaskType.ROOT)
            )
            roots = {id: run_id for id, run_id in await ledger.connection.execute(of_roots)}
        for id, imported_created_at in differing.items():
            if id not in roots or (run_ids is not None and run_ids[id] != roots[id]):
                found.append(Reuse(created[id][0], id, created[id][1], imported_created_at))
    return found


async def own_ids(ledger: Ledger, kind: Kind, found: Iterable[Reuse]) -> Renumbering:
    """Return the ids of reuses. Raises ImportRefused if some have not been imported yet, and that is not permitted."""
    by_id = {reuse.id: reuse for reuse in found}
    ids = {id: ledger.ids.of(f"reused:{id}:{reuse.created_at}") for id, reuse in by_id.items()}
    imported = await ledger.digests(kind, ids.values()) if ids else {}
    new = [reuse for id, reuse in by_id.items() if ids[id] not in imported]
    if new and not ledger.reused.is_permitted:
        raise ImportRefused(f"{new[0].sentence()}: {ADVICE}")
    ledger.reused.add([reuse.name for reuse in by_id.values()], new[0].sentence() if new else "")
    return ids


async def _renumbering(
    ledger: Ledger, kind: Kind, rows: Mapping[str, Row], batch: RunBatchRows | ArtifactRows
) -> Renumbering:
    place = _CREATED[kind]
    times = {id: (id, row[place]) for id, row in rows.items() if id in batch.dated_ids}
    run_ids = {id: rows[id][_RUN_ID] for id in times} if kind is Kind.TASK else None
    found = [
        replace(one, name=batch.source_of(kind, rows[one.id])) for one in await reuses(ledger, kind, times, run_ids)
    ]
    return await own_ids(ledger, kind, found)


async def _runs(ledger: Ledger, rows: RunBatchRows) -> Renumbering:
    """Return ids for runs that are not named after KFP's; the beginning of a run may change, and its name as well, but not both."""
    numbered = {id for id in rows.runs if id in rows.dated_ids and ledger.ids.run(rows.context_ids[id]) == id}
    found = []
    for chunk in chunks(numbered):
        statement = select(runs.c.id, runs.c.display_name, runs.c.created_at)
        statement = statement.where(ledger.dialect.among(runs.c.id, "ids", chunk))
        for id, name, created_at in await ledger.connection.execute(statement):
            row = rows.runs[id]
            if row[_NAME_OF_RUN] != name and row[_RUN_CREATED] != created_at:
                found.append(Reuse(rows.source_of(Kind.RUN, row), id, row[_RUN_CREATED], created_at))
    return await own_ids(ledger, Kind.RUN, found)


async def _roots(ledger: Ledger, rows: RunBatchRows) -> Renumbering:
    """Return ids for ROOT tasks that MLMD does not have, which are numbered by context."""
    made = {id: run_id for run_id, id in rows.made_roots.items()}
    run_ids = await ledger.runs_of_tasks(made) if made else {}
    return {id: ledger.ids.of(f"reused:{id}:{made[id]}") for id, run_id in run_ids.items() if run_id != made[id]}


def _renumbered(
    rows: RunBatchRows, ids: Ids, run_ids: Renumbering, tasks: Renumbering, artifacts: Renumbering
) -> RunBatchRows:
    def keyed(by_run: Mapping[str, Any]) -> dict[str, Any]:
        return {run_ids.get(run_id, run_id): value for run_id, value in by_run.items()}

    def renamed(by_run: RowsByRun, places: Mapping[int, Renumbering]) -> RowsByRun:
        return keyed(
            {run_id: dict(_placed(row, places) for row in of_run.values()) for run_id, of_run in by_run.items()}
        )

    links = renamed(rows.links, {_LINK_RUN: run_ids, _LINK_TASK: tasks, _LINK_ARTIFACT: artifacts})
    own_places = ({*tasks.values()}, {*artifacts.values()})
    return replace(
        rows,
        runs={run_ids.get(id, id): (run_ids.get(id, id), *row[1:]) for id, row in rows.runs.items()},
        specs=keyed(rows.specs),
        tasks=renamed(rows.tasks, {0: tasks, _RUN_ID: run_ids, _PARENT: tasks}),
        artifacts=renamed(rows.artifacts, {0: artifacts}),
        links={
            run_id: dict(_own_link(row, ids, *own_places) for row in of_run.values())
            for run_id, of_run in links.items()
        },
        artifact_ids=keyed({run_id: _others(of_run, artifacts) for run_id, of_run in rows.artifact_ids.items()}),
        made_roots=keyed({run_id: tasks.get(id, id) for run_id, id in rows.made_roots.items()}),
        task_ids=keyed(rows.task_ids),
        context_ids=keyed(rows.context_ids),
    )


def _placed(row: Row, places: Mapping[int, Renumbering]) -> tuple[str, Row]:
    values = list(row)
    for place, ids in places.items():
        values[place] = ids.get(values[place], values[place])
    return values[0], tuple(values)


def _own_link(row: Row, ids: Ids, tasks: set[str], artifacts: set[str]) -> tuple[str, Row]:
    if row[_LINK_TASK] not in tasks and row[_LINK_ARTIFACT] not in artifacts:
        return row[0], row
    id = ids.of(f"link:{row[0]}:{row[_LINK_TASK]}:{row[_LINK_ARTIFACT]}:{row[_LINK_KEY]}")
    return id, (id, *row[1:])


def _others(artifact_ids: Mapping[int, Any], renumbering: Renumbering) -> dict[int, Any]:
    """Return the ids of artifacts without those that have ids of their own, which shift no others."""
    return {mlmd_id: ids for mlmd_id, ids in artifact_ids.items() if not renumbering.keys() & set(ids)}


def _joined(rows: RowsByRun) -> dict[str, Row]:
    return {id: row for of_run in rows.values() for id, row in of_run.items()}


def _shown(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
