"""Statements on tasks. See storage.contract for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.errors import RowNotFound
from storage.ids import can_be_id, possible_ids
from storage.model import ChildTask, Task, TaskHead, TaskOutline, TaskState
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import RowVanished, columns_of, field_names, inline_literal, locked, values_of
from storage.sql.tables import tasks

_COLUMNS = columns_of(tasks, Task)
_HEAD = columns_of(tasks, TaskHead)
_OUTLINE = columns_of(tasks, TaskOutline)
_LONG = ("input_parameters", "output_parameters")
_FIXED = ("id", "run_id", "created_at", "logical_key")
_CHANGING = [name for name in field_names(Task) if name not in _FIXED]
_UPDATE = update(tasks).where(tasks.c.id == bindparam("task_id")).values({name: bindparam(name) for name in _CHANGING})


def _unless_longer(column: Column[Any], characters: int) -> ColumnElement[Any]:
    if column.name not in _LONG:
        return column
    return case((func.char_length(column) <= characters, column), else_=None)


class SqlTasks:
    """Tasks as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, task_id: str) -> Task:
        """Return a task; raises RowNotFound."""
        row = (await self._connection.execute(select(*_COLUMNS).where(tasks.c.id == task_id))).first()
        if row is None:
            raise RowNotFound("task", task_id)
        return Task(*row)

    async def heads(self, task_ids: Sequence[str]) -> dict[str, TaskHead]:
        """Return the heads of those tasks that exist."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        statement = select(*_HEAD).where(tasks.c.id.in_(ids))
        return {row.id: TaskHead(*row) for row in (await self._connection.execute(statement)).all()}

    async def list(self, listing: Listing, *, run_id: str, parent_task_id: str | None) -> Page[Task]:
        """Return a page of a run's tasks, or of one task's direct children."""
        if not can_be_id(run_id):
            return Page(rows=[], total_size=0, next=None)
        scope = [tasks.c.run_id == run_id]
        if parent_task_id is not None:
            scope.append(tasks.c.parent_task_id == parent_task_id)
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=tasks,
            columns=_COLUMNS,
            scope=scope,
            record=lambda row: Task(*row[:-1]),
        )

    async def list_of_runs(self, run_ids: Sequence[str]) -> Sequence[Task]:
        """Return all tasks of runs, oldest first."""
        statement = select(*_COLUMNS).where(tasks.c.run_id.in_(run_ids)).order_by(tasks.c.created_at, tasks.c.id)
        return [Task(*row) for row in (await self._connection.execute(statement)).all()]

    async def outlines(self, run_id: str, *, limit: int, parameter_characters: int) -> Sequence[TaskOutline]:
        """Return outlines of a run's first tasks, oldest first, without parameters that are longer."""
        statement = (
            select(*(_unless_longer(column, parameter_characters) for column in _OUTLINE))
            .where(tasks.c.run_id == run_id)
            .order_by(tasks.c.created_at, tasks.c.id)
            .limit(limit)
        )
        return [TaskOutline(*row) for row in (await self._connection.execute(statement)).all()]

    async def children(self, run_id: str, parent_task_ids: Sequence[str]) -> Sequence[ChildTask]:
        """Return the direct children of a run's tasks, oldest first."""
        statement = (
            select(tasks.c.id, tasks.c.name, tasks.c.parent_task_id)
            .where(tasks.c.run_id == run_id, tasks.c.parent_task_id.in_(parent_task_ids))
            .order_by(tasks.c.created_at, tasks.c.id)
        )
        return [ChildTask(*row) for row in (await self._connection.execute(statement)).all()]

    async def find_cached(self, cache_fingerprint: str, namespace: str | None) -> Task | None:
        """Return the newest task that succeeded with the fingerprint, if any."""
        statement = select(*_COLUMNS).where(
            tasks.c.cache_fingerprint == cache_fingerprint,
            tasks.c.cache_fingerprint != inline_literal(""),  # the partial index's condition
            tasks.c.state == TaskState.SUCCEEDED.value,
        )
        if namespace is not None:
            statement = statement.where(tasks.c.namespace == namespace)
        statement = statement.order_by(tasks.c.created_at.desc(), tasks.c.id.desc()).limit(1)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else Task(*row)

    async def lock(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """Return the tasks that exist and lock their rows, in order of their ids so that two callers cannot deadlock."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        statement = locked(select(*_COLUMNS).where(tasks.c.id.in_(ids)).order_by(tasks.c.id), Lock.UPDATE)
        return {row.id: Task(*row) for row in (await self._connection.execute(statement)).all()}

    async def lock_of_run(self, run_id: str) -> Sequence[Task]:
        """Return all tasks of a run and lock their rows, in order of their ids."""
        statement = locked(select(*_COLUMNS).where(tasks.c.run_id == run_id).order_by(tasks.c.id), Lock.UPDATE)
        return [Task(*row) for row in (await self._connection.execute(statement)).all()]

    async def create(self, task: Task) -> Task:
        """Keep a new task, or return the one that holds its logical key."""
        row = values_of(task)
        if await self._dialect.insert_unless_taken(self._connection, tasks, ["logical_key"], row):
            return task
        if task.logical_key is None:
            raise RowVanished
        statement = select(*_COLUMNS).where(tasks.c.logical_key == task.logical_key)
        holder = (await self._connection.execute(statement)).first()
        if holder is None:
            raise RowVanished
        return Task(*holder)

    async def update(self, records: Sequence[Task]) -> None:
        """Write tasks back; id, run, creation time and logical key stay as they were created."""
        if not records:
            return
        rows = [{**values_of(task, leaving_out=_FIXED), "task_id": task.id} for task in records]
        await self._connection.execute(_UPDATE, rows)

    async def ancestors(self, task_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Return (run id, parent id) of tasks and of all their ancestors; UNION ends even where rows form a cycle."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        columns = (tasks.c.id, tasks.c.run_id, tasks.c.parent_task_id)
        lineage = select(*columns).where(tasks.c.id.in_(ids)).cte("above", recursive=True)
        lineage = lineage.union(select(*columns).join(lineage, tasks.c.id == lineage.c.parent_task_id))
        statement = select(lineage.c.id, lineage.c.run_id, lineage.c.parent_task_id)
        rows = (await self._connection.execute(statement)).all()
        return {task_id: (run_id, parent_id) for task_id, run_id, parent_id in rows}

    async def has_running_leaf(self, run_id: str) -> bool:
        """Say whether a running task without children is left in a run."""
        child = tasks.alias("child")
        has_child = exists().where(child.c.run_id == tasks.c.run_id, child.c.parent_task_id == tasks.c.id)
        statement = (
            select(tasks.c.id)
            .where(tasks.c.run_id == run_id, tasks.c.state == TaskState.RUNNING.value, ~has_child)
            .limit(1)
        )
        return (await self._connection.execute(statement)).first() is not None
