"""Statements on runs and the specifications they share. See storage.contract for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.errors import AlreadyExists, RowNotFound
from storage.model import Run, RunActivity, RunChange, RunHead, RunState, ShownRun, StorageState
from storage.pages import Cursor
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, inline_literal, values_of
from storage.sql.specs import keep_spec
from storage.sql.tables import artifact_tasks, pipeline_specs, pipeline_versions, runs, tasks

_SPEC = "pipeline_spec"
_COLUMNS = columns_of(runs, Run, leaving_out=(_SPEC,))  # the specification is Run's last field, so it may be missing
_HEAD = columns_of(runs, RunHead)
_WITHOUT_VERSION = runs.outerjoin(
    pipeline_specs, (pipeline_specs.c.id == runs.c.pipeline_spec_id) & (runs.c.pipeline_version_id == "")
)
_WITH_SPEC = runs.outerjoin(pipeline_specs, pipeline_specs.c.id == runs.c.pipeline_spec_id)
# A version without a specification is treated as absent: it cannot be shown instead of the run's own specification.
_WITH_VERSION = runs.outerjoin(
    pipeline_versions,
    (pipeline_versions.c.id == runs.c.pipeline_version_id) & pipeline_versions.c.pipeline_spec_id.is_not(None),
).outerjoin(pipeline_specs, (pipeline_specs.c.id == runs.c.pipeline_spec_id) & pipeline_versions.c.id.is_(None))


_HAS_ID = runs.c.id == bindparam("run_id")
_GET = select(*_COLUMNS).where(_HAS_ID)
_GET_WITH_SPEC = _GET.add_columns(pipeline_specs.c.spec).select_from(_WITH_SPEC)
_GET_SHOWN = (
    select(
        *_COLUMNS,
        pipeline_specs.c.spec,
        pipeline_versions.c.id.is_not(None),
        select(func.count()).where(tasks.c.run_id == runs.c.id).scalar_subquery(),
    )
    .select_from(_WITH_VERSION)
    .where(_HAS_ID)
)
_OF_RUN: ColumnElement[str] = bindparam("run_id")
_LAST_LINK = select(func.max(artifact_tasks.c.id)).where(artifact_tasks.c.run_id == _OF_RUN).scalar_subquery()
_ACTIVITY = select(func.count(), func.max(tasks.c.updated_at), _LAST_LINK).where(tasks.c.run_id == _OF_RUN)
_RECURRING = (
    select(*_COLUMNS, pipeline_specs.c.spec)
    .select_from(_WITH_SPEC)
    .where(
        runs.c.recurring_run_id == bindparam("recurring_run_id"),
        runs.c.recurring_run_id != inline_literal(""),  # the partial index's condition
        runs.c.display_name == bindparam("display_name"),
    )
    .limit(1)
)
_SET_STATE = (
    update(runs)
    .where(_HAS_ID)
    .values({name: bindparam(name) for name in ("state", "state_history", "finished_at", "updated_at")})
)
_SET_STORAGE_STATE = (
    update(runs).where(_HAS_ID).values({name: bindparam(name) for name in ("storage_state", "updated_at")})
)
_OF_EXPERIMENT = (
    select(runs.c.created_at, runs.c.id, runs.c.storage_state)
    .where(runs.c.experiment_id == bindparam("experiment_id"))
    .order_by(runs.c.created_at, runs.c.id)
    .limit(bindparam("limit"))
)
_IS_LATER = (runs.c.created_at > bindparam("created_at")) | (runs.c.id > bindparam("id"))
# With the bound, every database uses its index; with row values such as (a, b) > (c, d), MySQL would not.
_OF_EXPERIMENT_AFTER = _OF_EXPERIMENT.where(runs.c.created_at >= bindparam("created_at"), _IS_LATER)
_DELETE = delete(runs).where(_HAS_ID)
# Strictly later, so that whoever watches the run sees it: clocks step, and those of two servers differ.
_TOUCH = (
    update(runs)
    .where(_HAS_ID)
    .values(
        updated_at=case((runs.c.updated_at < bindparam("now"), bindparam("now")), else_=runs.c.updated_at + 1),
    )
)
_CHANGE = columns_of(runs, RunChange)
_TERMINATED = (inline_literal(RunState.CANCELING.name), inline_literal(RunState.CANCELED.name))


def _terminated(state: RunState) -> Select[Any]:
    """Return the statement on runs in one of the two states, the longest unchanged first."""
    # The list is the condition of the partial index: SQLite wants it word for word, and would not infer it from one state.
    is_terminated = runs.c.state.in_(_TERMINATED)
    in_state = select(*_CHANGE).where(is_terminated, runs.c.state == inline_literal(state.name))
    return in_state.order_by(runs.c.updated_at).limit(bindparam("limit"))


_CANCELING = _terminated(RunState.CANCELING)
_CANCELED = _terminated(RunState.CANCELED).where(runs.c.updated_at >= bindparam("changed_since"))
_IN_STATE = (
    select(*_CHANGE)
    .where(
        runs.c.state == bindparam("state"),
        runs.c.created_at >= bindparam("from_moment"),
        runs.c.created_at < bindparam("created_before"),
        or_(
            runs.c.created_at > bindparam("from_moment"),
            and_(runs.c.created_at == bindparam("from_moment"), runs.c.id > bindparam("from_id")),
        ),
    )
    .order_by(runs.c.created_at, runs.c.id)
    .limit(bindparam("limit"))
)


class _Statements:
    """Statements on runs whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        head = select(*_HEAD).where(_HAS_ID)
        self.heads = {lock: dialect.locked(head, lock) for lock in Lock}
        # A count per run: grouping the tasks of several runs, a planner may read the whole table.
        rows, condition = dialect.rows_among(runs, runs.c.id, "ids", columns=("id",))
        count = select(func.count()).where(tasks.c.run_id == rows.c.id).scalar_subquery()
        self.task_counts = select(rows.c.id, count).where(condition)
        self.archive = (
            update(runs)
            .where(dialect.among(runs.c.id, "ids"), runs.c.storage_state != StorageState.ARCHIVED.name)
            .values(storage_state=StorageState.ARCHIVED.name, updated_at=bindparam("archived_at"))
        )


class SqlRuns:
    """Runs as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def head(self, run_id: str) -> RunHead:
        """Return the head of a run; raises RowNotFound."""
        return await self.lock(run_id, Lock.NONE)

    async def lock(self, run_id: str, lock: Lock) -> RunHead:
        """Return the head of a run and lock its row; raises RowNotFound."""
        row = (await self._connection.execute(self._statements.heads[lock], {"run_id": run_id})).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return RunHead(*row)

    async def get(self, run_id: str, *, with_spec: bool) -> Run:
        """Return a run; raises RowNotFound."""
        statement = _GET_WITH_SPEC if with_spec else _GET
        row = (await self._connection.execute(statement, {"run_id": run_id})).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return Run(*row)

    async def get_shown(self, run_id: str) -> ShownRun:
        """Return a run, with its specification unless its version has one; raises RowNotFound."""
        row = (await self._connection.execute(_GET_SHOWN, {"run_id": run_id})).first()
        if row is None:
            raise RowNotFound("run", run_id)
        return ShownRun(Run(*row[:-2]), has_version=bool(row[-2]), task_count=row[-1])

    async def activity(self, run_id: str) -> RunActivity:
        """Return the activity of a run."""
        count, updated_at, link_id = (await self._connection.execute(_ACTIVITY, {"run_id": run_id})).one()
        return RunActivity(count, updated_at or 0, link_id or "")

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """Return the run that a recurring run created with this name, if any."""
        values = {"recurring_run_id": recurring_run_id, "display_name": display_name}
        row = (await self._connection.execute(_RECURRING, values)).first()
        return None if row is None else Run(*row)

    async def list(
        self, listing: Listing, *, experiment_id: str | None, namespace: str | None, with_spec: bool
    ) -> Page[Run]:
        """Return a page of runs, of an experiment or a namespace when one is given.

        Only runs that do not name a version have their specification; the others are identified by their version.
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
        values = {"ids": self._dialect.text_list(run_ids)}
        rows = (await self._connection.execute(self._statements.task_counts, values)).all()
        return {run_id: count for run_id, count in rows if count}

    async def create(self, run: Run) -> None:
        """Insert a new run, and its specification unless another run has stored it; raises AlreadyExists."""
        spec_id = await keep_spec(self._connection, self._dialect, run.pipeline_spec, created_at=run.created_at)
        row = {**values_of(run, leaving_out=(_SPEC,)), "pipeline_spec_id": spec_id}
        if not await self._dialect.insert_unless_taken(self._connection, runs, ["id"], row):
            raise AlreadyExists("run", run.id)

    async def set_state(
        self, run_id: str, *, state: str, state_history: str, finished_at: int | None, updated_at: int
    ) -> None:
        """Change state, history and finish time together."""
        values = {"state": state, "state_history": state_history, "finished_at": finished_at, "updated_at": updated_at}
        await self._connection.execute(_SET_STATE, {"run_id": run_id, **values})

    async def touch(self, run_id: str, *, now: int) -> None:
        """Move the time of a run's last change forward."""
        await self._connection.execute(_TOUCH, {"run_id": run_id, "now": now})

    async def set_storage_state(self, run_id: str, storage_state: str, *, updated_at: int) -> None:
        """Archive or unarchive a run; raises RowNotFound."""
        values = {"run_id": run_id, "storage_state": storage_state, "updated_at": updated_at}
        result = await self._connection.execute(_SET_STORAGE_STATE, values)
        if result.rowcount == 0:
            raise RowNotFound("run", run_id)

    async def archive_of_experiment(
        self, experiment_id: str, *, after: Cursor | None, limit: int, updated_at: int
    ) -> Cursor | None:
        """Archive the next runs of an experiment, in the order of their creation; return where to go on, None at the end."""
        values: dict[str, Any] = {"experiment_id": experiment_id, "limit": limit}
        statement = _OF_EXPERIMENT
        if after is not None:
            statement = _OF_EXPERIMENT_AFTER
            values |= {"created_at": after.value, "id": after.id}
        rows = (await self._connection.execute(statement, values)).all()
        # By ids, and those that are archived counted too: however many of them there are, a step reads few rows.
        run_ids = [run_id for _, run_id, storage_state in rows if storage_state != StorageState.ARCHIVED.name]
        if run_ids:
            ids = self._dialect.text_list(run_ids)
            await self._connection.execute(self._statements.archive, {"ids": ids, "archived_at": updated_at})
        return Cursor(value=rows[-1][0], id=rows[-1][1]) if len(rows) == limit else None

    async def delete(self, run_id: str) -> None:
        """Delete a run; the foreign keys delete its tasks and their links. Raises RowNotFound."""
        result = await self._connection.execute(_DELETE, {"run_id": run_id})
        if result.rowcount == 0:
            raise RowNotFound("run", run_id)

    async def _changes(self, statement: Select[Any], **values: Any) -> Sequence[RunChange]:
        return [RunChange(*row) for row in (await self._connection.execute(statement, values)).all()]

    async def list_canceling(self, *, limit: int) -> Sequence[RunChange]:
        """Return canceling runs, the longest unchanged first."""
        return await self._changes(_CANCELING, limit=limit)

    async def list_canceled(self, *, changed_since: int, limit: int) -> Sequence[RunChange]:
        """Return canceled runs that have changed since a time, the longest unchanged first."""
        return await self._changes(_CANCELED, changed_since=changed_since, limit=limit)

    async def list_in_state(
        self, state: str, *, created_before: int, after: RunChange | None, limit: int
    ) -> Sequence[RunChange]:
        """Return runs in a state that were created before a time, oldest first."""
        from_moment, from_id = (-(2**63), "") if after is None else (after.created_at, after.id)
        values = {"created_before": created_before, "from_moment": from_moment, "from_id": from_id}
        return await self._changes(_IN_STATE, state=state, limit=limit, **values)
