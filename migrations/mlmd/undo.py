"""Undoes an import: removes the rows that it wrote, and no others. The command line calls this.

Rows to which other rows refer are kept, and are still listed as imported: runs to which a client added tasks or links,
artifacts that such tasks use, experiments and pipelines with runs or versions that were not imported. An undo that was killed
continues when it is called again.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.read.fingerprint import read_fingerprint
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.write.job import Job, JobState, Progress, find_job, record_progress, remove_job
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.refusals import forget_refused
from migrations.mlmd.write.row_digest import digest
from migrations.mlmd.write.row_kinds import LABELS, Kind
from migrations.mlmd.write.target import Target, open_for_import
from storage.sql.tables import artifact_tasks, imported_rows, pipeline_versions, runs, tasks

RUNS_PER_STEP = 200
ROWS_PER_STEP = 2000

REMOVED, CHANGED, KEPT = "removed", "changed_since_import", "kept"
"""Figures for each kind: removed rows; those of them that had been changed; rows kept because others refer to them."""

OnProgress = Callable[[str, int, int], None]
"""Called with the name of a phase, how much of it is done, and its total."""

Step = dict[Kind, dict[str, int]]
Remove = Callable[[AsyncConnection, Mapping[str, int]], Awaitable[Step]]
FindUses = Callable[[AsyncConnection, Sequence[str]], Awaitable[set[str]]]


async def undo(request: ImportRequest, progress: OnProgress) -> Report:
    """Remove what was imported under a store id. Raises SourceRefused if that is nothing, or came from another source."""
    start = time.monotonic()
    fingerprint = await read_fingerprint(request.source) if request.source else None
    await upgrade.check(request.store)
    async with open_for_import(request.store) as target:

        async def begin(connection: AsyncConnection) -> Job:
            job = await find_job(connection, request.store_id)
            if job is None:
                raise SourceRefused(
                    f"nothing was imported into {target.label} under this store id; there is nothing to undo"
                )
            if fingerprint is not None:
                job.check_source(fingerprint)
            await record_progress(connection, job.id, Progress(), state=JobState.UNDOING)
            return replace(job, state=JobState.UNDOING)

        job = await target.transact(begin)
        undoing = _Undo(target, job, progress)
        await undoing.run()
    return Report(
        "undo",
        target.label,
        request.store_id,
        source=job.source,
        records=undoing.figures,
        seconds=time.monotonic() - start,
    )


class _Undo:
    def __init__(self, target: Target, job: Job, progress: OnProgress) -> None:
        self._target = target
        self._job = job
        self._progress = progress
        self.figures: Mapping[Kind, dict[str, int]] = {
            kind: dict.fromkeys((REMOVED, CHANGED, KEPT), 0) for kind in LABELS
        }

    async def run(self) -> None:
        counts = await self._target.transact(lambda connection: self._ledger(connection).counts())
        await self._remove_all(Kind.RUN, self._remove_runs, RUNS_PER_STEP, counts)
        for kind, find_uses in (
            (Kind.ARTIFACT, _links_of_artifacts),
            (Kind.VERSION, _runs_of_versions),
            (Kind.PIPELINE, _versions_of_pipelines),
            (Kind.EXPERIMENT, _runs_of_experiments),
            (Kind.SPEC, _users_of_specs),
        ):
            await self._remove_all(kind, self._removal(kind, find_uses), ROWS_PER_STEP, counts)
        await self._target.transact(self._end)

    async def _remove_all(self, kind: Kind, remove: Remove, limit: int, counts: Mapping[Kind, int]) -> None:
        after, done = "", 0
        while True:
            step, ids = await self._target.transact(self._step(kind, remove, after, limit))
            if not ids:
                return
            after, done = ids[-1], done + len(ids)
            for kind_of_step, figures in step.items():
                for name, count in figures.items():
                    self.figures[kind_of_step][name] += count
            self._progress(LABELS[kind], done, counts.get(kind, 0))

    def _step(
        self, kind: Kind, remove: Remove, after: str, limit: int
    ) -> Callable[[AsyncConnection], Awaitable[tuple[Step, list[str]]]]:
        async def step(connection: AsyncConnection) -> tuple[Step, list[str]]:
            page = dict(await self._ledger(connection).page(kind, after, limit))
            return (await remove(connection, page) if page else {}), list(page)

        return step

    async def _remove_runs(self, connection: AsyncConnection, ids: Mapping[str, int]) -> Step:
        """Remove runs with their tasks and links, except runs to which clients added tasks or links."""
        ledger = self._ledger(connection)
        kept_ids = await self._with_others(connection, tasks, Kind.TASK, ids)
        kept_ids |= await self._with_others(connection, artifact_tasks, Kind.LINK, ids)
        removable = {id: digest_at_import for id, digest_at_import in ids.items() if id not in kept_ids}
        step: Step = {}
        for kind in (Kind.LINK, Kind.TASK):
            step[kind] = await _remove(ledger, kind, await ledger.digests_of_runs(kind, removable))
            step[kind][KEPT] = len(await ledger.digests_of_runs(kind, kept_ids))
        step[Kind.RUN] = await _remove(ledger, Kind.RUN, removable)
        step[Kind.RUN][KEPT] = len(kept_ids)
        return step

    async def _with_others(
        self, connection: AsyncConnection, table: Any, kind: Kind, run_ids: Collection[str]
    ) -> set[str]:
        """Return the runs, among the given ones, with rows that the import did not write."""
        columns = imported_rows.c
        row_of_import = select(columns.row_id).where(
            columns.import_id == self._job.id, columns.kind == int(kind), columns.row_id == table.c.id
        )
        statement = (
            select(table.c.run_id).distinct().where(table.c.run_id.in_(sorted(run_ids)), ~row_of_import.exists())
        )
        return set((await connection.execute(statement)).scalars())

    def _removal(self, kind: Kind, find_uses: FindUses) -> Remove:
        async def remove(connection: AsyncConnection, ids: Mapping[str, int]) -> Step:
            kept_ids = await find_uses(connection, sorted(ids))
            removable = {id: digest_at_import for id, digest_at_import in ids.items() if id not in kept_ids}
            return {kind: {**await _remove(self._ledger(connection), kind, removable), KEPT: len(kept_ids)}}

        return remove

    async def _end(self, connection: AsyncConnection) -> None:
        """Forget the rows that have been deleted, and the import itself when none of its rows is left."""
        ledger = self._ledger(connection)
        for kind in Kind:
            await ledger.forget_lost(kind)
        await forget_refused(connection, self._job.id)
        if not await ledger.counts():
            await remove_job(connection, self._job.id)

    def _ledger(self, connection: AsyncConnection) -> Ledger:
        return Ledger(connection, self._target.dialect, self._job.id)


async def _remove(ledger: Ledger, kind: Kind, digests: Mapping[str, int]) -> dict[str, int]:
    rows = await ledger.rows(kind, digests)
    changes = sum(digest(kind, row) != digests[id] for id, row in rows.items())
    await ledger.remove(kind, digests)
    return {REMOVED: len(rows), CHANGED: changes}


async def _links_of_artifacts(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    return await _among(connection, artifact_tasks.c.artifact_id, ids)


async def _versions_of_pipelines(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    return await _among(connection, pipeline_versions.c.pipeline_id, ids)


async def _runs_of_experiments(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    return await _among(connection, runs.c.experiment_id, ids)


async def _runs_of_versions(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    return await _among(connection, runs.c.pipeline_version_id, ids)


async def _users_of_specs(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    of_runs = await _among(connection, runs.c.pipeline_spec_id, ids)
    return of_runs | await _among(connection, pipeline_versions.c.pipeline_spec_id, ids)


async def _among(connection: AsyncConnection, column: ColumnElement[Any], ids: Sequence[str]) -> set[str]:
    return set((await connection.execute(select(column).distinct().where(column.in_(ids)))).scalars())
