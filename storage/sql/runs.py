"""Statements on runs and the specifications they share. See storage.contract for the promises."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.errors import AlreadyExists, RowNotFound
from storage.model import Run, RunActivity, RunHead, RunState, ShownRun, StorageState
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, inline_literal, locked, values_of
from storage.sql.specs import keep_spec
from storage.sql.tables import artifact_tasks, pipeline_specs, pipeline_versions, runs, tasks

_SPEC = "pipeline_spec"
_COLUMNS = columns_of(runs, Run, leaving_out=[_SPEC])  # the specification is Run's last field, so it may be missing
_HEAD = columns_of(runs, RunHead)
_WITHOUT_VERSION = runs.outerjoin(
    pipeline_specs, (pipeline_specs.c.id == runs.c.pipeline_spec_id) & (runs.c.pipeline_version_id == "")
)
_WITH_SPEC = runs.outerjoin(pipeline_specs, pipeline_specs.c.id == runs.c.pipeline_spec_id)
# A version without a specification counts as none: it has nothing to show in place of the run's own specification.
_WITH_VERSION = runs.outerjoin(
    pipeline_versions,
    (pipeline_versions.c.id == runs.c.pipeline_version_id) & pipeline_versions.c.pipeline_spec_id.is_not(None),
).outerjoin(pipeline_specs, (pipeline_specs.c.id == runs.c.pipeline_spec_id) & pipeline_versions.c.id.is_(None))


class SqlRuns:
    """Runs as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def head(self, run_id: str) -> RunHead:
        """Return the head of a run; raises RowNotFound."""
        return await self.lock(run_id, Lock.NONE)

    async def lock(self, run_id: str, lock: Lock) -> RunHead:
        """Return the head of a run and hold its row; raises RowNotFound."""
        statement = locked(select(*_HEAD).where(runs.c.id == run_id), lock)
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return RunHead(*row)

    async def get(self, run_id: str, *, with_spec: bool) -> Run:
        """Return a run; raises RowNotFound."""
        statement = select(*_COLUMNS).where(runs.c.id == run_id)
        if with_spec:
            statement = statement.add_columns(pipeline_specs.c.spec).select_from(_WITH_SPEC)
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return Run(*row)

    async def get_shown(self, run_id: str) -> ShownRun:
        """Return a run, with its specification unless its version has one to show instead; raises RowNotFound."""
        statement = (
            select(*_COLUMNS, pipeline_specs.c.spec, pipeline_versions.c.id.is_not(None))
            .select_from(_WITH_VERSION)
            .where(runs.c.id == run_id)
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return ShownRun(Run(*row[:-1]), bool(row[-1]))

    async def activity(self, run_id: str) -> RunActivity:
        """Return how far the recording of a run has come."""
        last_link = select(func.max(artifact_tasks.c.id)).where(artifact_tasks.c.run_id == run_id).scalar_subquery()
        statement = select(func.count(), func.max(tasks.c.updated_at), last_link).where(tasks.c.run_id == run_id)
        count, updated_at, link_id = (await self._connection.execute(statement)).one()
        return RunActivity(count, updated_at or 0, link_id or "")

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """Return the run that a recurring run made under this name, if any."""
        statement = (
            select(*_COLUMNS, pipeline_specs.c.spec)
            .select_from(_WITH_SPEC)
            .where(
                runs.c.recurring_run_id == recurring_run_id,
                runs.c.recurring_run_id != inline_literal(""),  # the partial index's condition
                runs.c.display_name == display_name,
            )
            .limit(1)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else Run(*row)

    async def list(
        self, listing: Listing, *, experiment_id: str | None, namespace: str | None, with_spec: bool
    ) -> Page[Run]:
        """Return a page of runs, of an experiment or a namespace when one is given.

        A specification comes with the runs that name no version; the others are identified by their version.
        """
        scope = []
        if experiment_id is not None:
            scope.append(runs.c.experiment_id == experiment_id)
        if namespace is not None:
            scope.append(runs.c.namespace == namespace)
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=runs,
            columns=[*_COLUMNS, pipeline_specs.c.spec] if with_spec else _COLUMNS,
            join=_WITHOUT_VERSION if with_spec else None,
            scope=scope,
            record=lambda row: Run(*row[:-1]),
        )

    async def task_counts(self, run_ids: Sequence[str]) -> dict[str, int]:
        """Return how many tasks each run has; runs without tasks are left out."""
        statement = select(tasks.c.run_id, func.count()).where(tasks.c.run_id.in_(run_ids)).group_by(tasks.c.run_id)
        return {run_id: count for run_id, count in (await self._connection.execute(statement)).all()}

    async def create(self, run: Run) -> None:
        """Keep a new run, its specification once for all runs that share it; raises AlreadyExists."""
        spec_id = await keep_spec(self._connection, self._dialect, run.pipeline_spec, created_at=run.created_at)
        row = {**values_of(run, leaving_out=[_SPEC]), "pipeline_spec_id": spec_id}
        if not await self._dialect.insert_unless_taken(self._connection, runs, ["id"], row):
            raise AlreadyExists("run", run.id)

    async def set_state(
        self, run_id: str, *, state: str, state_history: str, finished_at: int | None, updated_at: int
    ) -> None:
        """Change state, history and finish time together."""
        await self._connection.execute(
            update(runs)
            .where(runs.c.id == run_id)
            .values(state=state, state_history=state_history, finished_at=finished_at, updated_at=updated_at)
        )

    async def set_storage_state(self, run_id: str, storage_state: str, *, updated_at: int) -> None:
        """Archive or unarchive a run; raises RowNotFound."""
        result = await self._connection.execute(
            update(runs).where(runs.c.id == run_id).values(storage_state=storage_state, updated_at=updated_at)
        )
        if result.rowcount == 0:
            raise RowNotFound("run", run_id)

    async def archive_of_experiment(self, experiment_id: str, *, updated_at: int) -> None:
        """Archive every run of an experiment."""
        await self._connection.execute(
            update(runs)
            .where(runs.c.experiment_id == experiment_id, runs.c.storage_state != StorageState.ARCHIVED.name)
            .values(storage_state=StorageState.ARCHIVED.name, updated_at=updated_at)
        )

    async def delete(self, run_id: str) -> None:
        """Delete a run; its tasks and their links go with it by foreign key. Raises RowNotFound."""
        result = await self._connection.execute(delete(runs).where(runs.c.id == run_id))
        if result.rowcount == 0:
            raise RowNotFound("run", run_id)

    async def list_stale_canceling(self, *, written_before: int, limit: int) -> Sequence[str]:
        """Return canceling runs that nothing has written to since a time, longest waiting first."""
        written_since = exists().where(tasks.c.run_id == runs.c.id, tasks.c.updated_at >= written_before)
        statement = (
            select(runs.c.id)
            .where(
                runs.c.state == inline_literal(RunState.CANCELING.name),
                runs.c.updated_at < written_before,
                ~written_since,
            )
            .order_by(runs.c.updated_at)
            .limit(limit)
        )
        return (await self._connection.execute(statement)).scalars().all()
