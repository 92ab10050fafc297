"""Statements on tasks. See storage.contract for the promises."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Select,
    Update,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.errors import RowNotFound, TooManyRows
from storage.ids import can_be_id, possible_ids
from storage.model import (
    ChildTask,
    CommonEnd,
    LinkedArtifact,
    RunningTask,
    Task,
    TaskAttempt,
    TaskEnd,
    TaskHead,
    TaskOutline,
    TaskProgress,
    TaskState,
)
from storage.slices import in_slices
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.many_rows import ROW_ID
from storage.sql.linked_task import LinkedTaskStatement, linked_task
from storage.sql.listing import page
from storage.sql.rows import RowVanished, columns_of, field_names, inline_literal, records, values_of
from storage.sql.tables import tasks
from storage.sql.tasks_at_once import TasksAtOnce

LOCKED_AT_ONCE = 4_096
"""How many tasks of a run one statement locks, by their ids."""

_COLUMNS = columns_of(tasks, Task)
_OUTLINE = columns_of(tasks, TaskOutline)
_PROGRESS = columns_of(tasks, TaskProgress)
_LONG = ("input_parameters", "output_parameters")
_FIXED = ("id", "run_id", "created_at", "logical_key")
_ATTEMPT = tuple(name for name in field_names(TaskAttempt) if name != "id")
_END = tuple(name for name in field_names(TaskEnd) if name != "id")
_CHANGING = tuple(name for name in field_names(Task) if name not in _FIXED)


def _unless_longer(column: ColumnElement[Any], characters: ColumnElement[Any]) -> ColumnElement[Any]:
    if column.name not in _LONG:
        return column
    return case((func.char_length(column) <= characters, column), else_=None)


class _Statements:
    """Statements on tasks; values are bound by column name, lists of ids as `ids`."""

    def __init__(self, dialect: Dialect) -> None:
        oldest_first = (tasks.c.created_at, tasks.c.id)
        of_run = tasks.c.run_id == bindparam("run_id")
        heads, is_wanted = dialect.rows_among(tasks, tasks.c.id, "ids", columns=field_names(TaskHead))
        self.get = select(*_COLUMNS).where(tasks.c.id == bindparam("id"))
        self.heads = select(*columns_of(heads, TaskHead)).where(is_wanted)
        self.of_run = select(*_COLUMNS).where(of_run).order_by(*oldest_first)
        rows, condition = dialect.rows_among(tasks, tasks.c.run_id, "ids")
        self.of_runs = select(*columns_of(rows, Task)).where(condition).order_by(rows.c.created_at, rows.c.id)
        self.first_of_run = self.of_run.limit(bindparam("limit"))
        self.first_of_runs = self.of_runs.limit(bindparam("limit"))
        outline = [_unless_longer(column, bindparam("parameter_characters")) for column in _OUTLINE]
        self.outlines = select(*outline).where(of_run).order_by(*oldest_first).limit(bindparam("limit"))
        names = ("created_at", "id", "name", "parent_task_id")
        rows, condition = dialect.rows_among(tasks, tasks.c.parent_task_id, "ids", scope=of_run, columns=names)
        self.children = select(*(rows.c[name] for name in names)).where(condition)
        self.linked = LinkedTaskStatement(dialect).statement
        self.cached = _find_cached()
        self.cached_in_namespace = _find_cached(tasks.c.namespace == bindparam("namespace"))
        has_id = dialect.among(tasks.c.id, "ids")
        self.lock = dialect.locked(select(*_COLUMNS).where(has_id).order_by(tasks.c.id), Lock.UPDATE)
        self.ids_of_run = select(tasks.c.id).where(of_run)
        self.lock_ids = dialect.locked(select(tasks.c.id).where(has_id).order_by(tasks.c.id), Lock.UPDATE)
        self.lock_progress = dialect.locked(select(*_PROGRESS).where(has_id).order_by(tasks.c.id), Lock.UPDATE)
        self.by_logical_key = select(*_COLUMNS).where(tasks.c.logical_key == bindparam("logical_key"))
        self.ancestors = _ancestors(dialect)
        child = tasks.alias("child")
        has_child = exists().where(child.c.run_id == tasks.c.run_id, child.c.parent_task_id == tasks.c.id)
        is_running = tasks.c.state == TaskState.RUNNING.value
        self.running_leaf = select(tasks.c.id).where(of_run, is_running, ~has_child).limit(1)
        self.running = select(*columns_of(tasks, RunningTask)).where(of_run, is_running).order_by(tasks.c.id)
        self.end_running = _end_running().where(is_running)
        self.at_once = None if dialect.at_once is None else TasksAtOnce(dialect.at_once)


def _ancestors(dialect: Dialect) -> Select[Any]:
    """Return the statement on some tasks and all above them."""
    names = ("id", "run_id", "parent_task_id")

    def columns(of: FromClause) -> list[ColumnElement[Any]]:
        return [of.c[name] for name in names]

    rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=names)
    lineage = select(*columns(rows)).where(condition).cte("above", recursive=True)
    parents, is_parent = dialect.partners(tasks, tasks.c.id == lineage.c.parent_task_id, columns=names)
    # UNION terminates even if rows form a cycle.
    lineage = lineage.union(select(*columns(parents)).select_from(lineage.join(parents, is_parent)))
    return select(*columns(lineage))


def _end_running() -> Update:
    """Return the statement that ends tasks alike. Histories grow as texts: reading and writing 20,000 of them takes seconds."""
    history, updated_at = tasks.c.state_history, tasks.c.updated_at
    moment: ColumnElement[int] = bindparam("moment")
    without_end = func.substr(history, 1, func.char_length(history) - 1)
    # A bound value must not have the name of a column here.
    of_run = tasks.c.run_id == bindparam("ended_run_id")
    return (
        update(tasks)
        .where(of_run)
        .values(
            state=bindparam("end_state"),
            finished_at=moment,
            updated_at=case((updated_at < moment, moment), else_=updated_at + 1),
            status_metadata=bindparam("end_metadata"),
            state_history=case(
                (or_(history.is_(None), history.in_(["", "[]"])), bindparam("only_entry", type_=history.type)),
                else_=without_end.concat(bindparam("last_entry", type_=history.type)),
            ),
        )
    )


def _find_cached(*scope: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(
            tasks.c.cache_fingerprint == bindparam("cache_fingerprint"),
            tasks.c.cache_fingerprint != inline_literal(""),  # the partial index's condition
            tasks.c.state == TaskState.SUCCEEDED.value,
            *scope,
        )
        .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
        .limit(1)
    )


def _changed_names(before: Task, after: Task) -> Iterator[str]:
    return (name for name in _CHANGING if getattr(before, name) != getattr(after, name))


class SqlTasks:
    """Tasks as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def _rows(self, statement: Executable, **values: Any) -> Sequence[Any]:
        rows: Sequence[Any] = (await self._connection.execute(statement, values)).all()
        return rows

    async def _tasks(self, statement: Select[Any], **values: Any) -> Sequence[Task]:
        return await records(await self._connection.execute(statement, values), lambda row: Task(*row))

    async def get(self, task_id: str) -> Task:
        """Return a task; raises RowNotFound."""
        rows = await self._rows(self._statements.get, id=task_id)
        if not rows:
            raise RowNotFound("task", task_id)
        return Task(*rows[0])

    async def linked(self, task_id: str, run_id: str) -> tuple[Task, Sequence[LinkedArtifact], Sequence[ChildTask]]:
        """Return a task with its links, and with its children in a run; raises RowNotFound."""
        task, links, children = linked_task(await self._rows(self._statements.linked, task_id=task_id, run_id=run_id))
        if task is None:
            raise RowNotFound("task", task_id)
        return task, links, children

    async def heads(self, task_ids: Sequence[str]) -> dict[str, TaskHead]:
        """Return the heads of those tasks that exist."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        rows = await self._rows(self._statements.heads, ids=self._dialect.text_list(ids))
        return {row[0]: TaskHead(*row) for row in rows}

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

    async def list_of_runs(self, run_ids: Sequence[str], *, rows_max: int | None = None) -> Sequence[Task]:
        """Return all tasks of runs, oldest first; raises TooManyRows if there are more than `rows_max`."""
        statements, values = self._statements, dict[str, Any]()
        of_run, of_runs = statements.of_run, statements.of_runs
        if rows_max is not None:
            of_run, of_runs = statements.first_of_run, statements.first_of_runs
            values["limit"] = rows_max + 1
        if len(run_ids) == 1:
            found = await self._tasks(of_run, run_id=run_ids[0], **values)
        else:
            found = await self._tasks(of_runs, ids=self._dialect.text_list(run_ids), **values)
        if rows_max is not None and len(found) > rows_max:
            raise TooManyRows
        return found

    async def outlines(self, run_id: str, *, limit: int, parameter_characters: int) -> Sequence[TaskOutline]:
        """Return outlines of a run's first tasks, oldest first, without parameters longer than `parameter_characters`."""
        statement = self._statements.outlines
        rows = await self._rows(statement, run_id=run_id, limit=limit, parameter_characters=parameter_characters)
        return [TaskOutline(*row) for row in rows]

    async def children(self, run_id: str, parent_task_ids: Sequence[str]) -> Sequence[ChildTask]:
        """Return the direct children of a run's tasks, oldest first."""
        ids = self._dialect.text_list(parent_task_ids)
        rows = await self._rows(self._statements.children, run_id=run_id, ids=ids)
        # Not with ORDER BY: to avoid sorting a few children, a planner may scan all tasks of the run in that order.
        return [ChildTask(*row[1:]) for row in sorted(rows, key=lambda row: (row[0], row[1]))]

    async def running(self, run_id: str) -> Sequence[RunningTask]:
        """Return the running tasks of a run."""
        result = await self._connection.execute(self._statements.running, {"run_id": run_id})
        return await records(result, lambda row: RunningTask(*row))

    async def find_cached(self, cache_fingerprint: str, namespace: str | None) -> Task | None:
        """Return the newest task that succeeded with the fingerprint, if any."""
        if namespace is None:
            rows = await self._rows(self._statements.cached, cache_fingerprint=cache_fingerprint)
        else:
            statement = self._statements.cached_in_namespace
            rows = await self._rows(statement, cache_fingerprint=cache_fingerprint, namespace=namespace)
        return Task(*rows[0]) if rows else None

    async def lock(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """Return the tasks that exist and lock their rows, in order of their ids so that two callers cannot deadlock."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        tasks = await self._tasks(self._statements.lock, ids=self._dialect.text_list(ids))
        return {task.id: task for task in tasks}

    async def lock_of_run(self, run_id: str) -> None:
        """Lock the rows of all tasks of a run, in order of their ids."""
        async for _ in self._lock_of_run(self._statements.lock_ids, run_id):
            pass

    async def lock_progress(self, run_id: str) -> Sequence[TaskProgress]:
        """Return the progress of all tasks of a run and lock their rows, in order of their ids."""
        statement = self._statements.lock_progress
        return [TaskProgress(*row) async for rows in self._lock_of_run(statement, run_id) for row in rows]

    async def _lock_of_run(self, statement: Select[Any], run_id: str) -> AsyncIterator[Sequence[Any]]:
        """Yield the rows of all tasks of a run as a statement that locks them by their ids returns them, LOCKED_AT_ONCE at a time."""
        # By ids: a statement on the run would lock rows as it finds them, before they are sorted, or even walk the whole table
        # in the order of ids, and wait for locks of other runs.
        ids = sorted(id for (id,) in await self._rows(self._statements.ids_of_run, run_id=run_id))
        for start in range(0, len(ids), LOCKED_AT_ONCE):
            yield await self._rows(statement, ids=self._dialect.text_list(ids[start : start + LOCKED_AT_ONCE]))

    async def create(self, task: Task) -> Task:
        """Insert a new task, or return the existing one with its logical key."""
        row = values_of(task)
        if await self._dialect.insert_unless_taken(self._connection, tasks, ["logical_key"], row):
            return task
        if task.logical_key is None:
            raise RowVanished
        rows = await self._rows(self._statements.by_logical_key, logical_key=task.logical_key)
        if not rows:
            raise RowVanished
        return Task(*rows[0])

    async def create_at_once(self, task: Task) -> bool:
        """Insert a new task with one statement; return whether that was possible."""
        statements = self._statements.at_once
        if statements is None:
            return False
        values = {"of_run": task.run_id, **{f"new_{name}": value for name, value in values_of(task).items()}}
        if task.parent_task_id is None:
            result = await self._connection.execute(statements.create, values)
        else:
            values["parent_id"] = task.parent_task_id
            result = await self._connection.execute(statements.create_under_parent, values)
        return result.rowcount == 1

    async def update_at_once(self, before: Task, after: Task) -> bool:
        """Write the changes of a task with one statement; return whether that was possible."""
        statements = self._statements.at_once
        if statements is None:
            return False
        names = tuple(_changed_names(before, after))
        values = {
            "task_id": before.id,
            "of_run": before.run_id,
            "read_updated_at": before.updated_at,
            "read_state": before.state,
            **{name: getattr(after, name) for name in names},
        }
        return (await self._connection.execute(statements.update(names), values)).rowcount == 1

    async def update(self, changes: Sequence[tuple[Task, Task]]) -> None:
        """Write the changes of tasks, each given as the task that was read and the task to write."""
        # One statement for all tasks, with every column that changed in any of them.
        changed: set[str] = set()
        await in_slices(changes, lambda change: changed.update(_changed_names(*change)))
        names = tuple(name for name in _CHANGING if name in changed)
        if names:
            rows = [{ROW_ID: task.id, **{name: getattr(task, name) for name in names}} for _, task in changes]
            await self._dialect.many_rows.update(self._connection, tasks, rows)

    async def start_again(self, attempts: Sequence[TaskAttempt]) -> None:
        """Write what new attempts set of their tasks."""
        rows = [{ROW_ID: each.id, **{name: getattr(each, name) for name in _ATTEMPT}} for each in attempts]
        await self._dialect.many_rows.update(self._connection, tasks, rows)

    async def end(self, ends: Sequence[TaskEnd]) -> None:
        """Write the ends of tasks."""
        rows = [{ROW_ID: each.id, **{name: getattr(each, name) for name in _END}} for each in ends]
        await self._dialect.many_rows.update(self._connection, tasks, rows)

    async def end_running(self, run_id: str, end: CommonEnd) -> None:
        """End all running tasks of a run with one statement."""
        values = {
            "ended_run_id": run_id,
            "end_state": end.state,
            "moment": end.moment,
            "end_metadata": end.status_metadata,
            "only_entry": f"[{end.entry}]",
            "last_entry": f",{end.entry}]",
        }
        await self._connection.execute(self._statements.end_running, values)

    async def ancestors(self, task_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Return (run id, parent id) of tasks and of all their ancestors."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        rows = await self._rows(self._statements.ancestors, ids=self._dialect.text_list(ids))
        return {task_id: (run_id, parent_id) for task_id, run_id, parent_id in rows}

    async def has_running_leaf(self, run_id: str) -> bool:
        """Return whether a run has a running task without children."""
        return bool(await self._rows(self._statements.running_leaf, run_id=run_id))
