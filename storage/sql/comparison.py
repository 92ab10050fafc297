"""Statements of the comparison of runs. See storage.contract.comparison for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.comparison import ComparedLink, RootTask, TaskPlace
from storage.ids import possible_ids
from storage.lineage import OUTPUT_LINKS, ArtifactNode, LineageLink
from storage.model import ArtifactType, TaskType
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.limited import LimitedEach
from storage.sql.rows import columns_of, field_names, inline_number, inline_numbers
from storage.sql.tables import artifact_tasks, artifacts, runs, tasks

FIRST_TASKS = 20
"""Among how many tasks without a parent a run's ROOT is looked for; it is made before all others."""

_LINK = ("id", "artifact_id", "task_id", "run_id", "type", "key", "iteration")
_WIDTH = len(field_names(LineageLink))


def _first_tasks(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = tasks.alias("task")
    size = func.coalesce(func.char_length(rows.c.input_parameters), 0).label("characters")
    statement = select(rows.c.run_id, rows.c.id, rows.c.type, size)
    statement = statement.where(rows.c.run_id == key[0], rows.c.parent_task_id.is_(None))
    return statement.order_by(rows.c.created_at, rows.c.id).limit(inline_number(FIRST_TASKS))


def _links_of_run(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = artifact_tasks.alias("link")
    statement = select(*(rows.c[name] for name in _LINK)).where(rows.c.run_id == key[0])
    return statement.order_by(rows.c.id).limit(bindparam("limit"))


def _link_of_run(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = artifact_tasks.alias("link")
    return select(rows.c.run_id).where(rows.c.run_id == key[0]).limit(bindparam("limit"))


def _count(links: FromClause) -> Select[Any]:
    return select(links.c.run_id, func.count()).select_from(links).group_by(links.c.run_id)


class _Statements:
    """Statements whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect, name = dialect, dialect.name
        self.roots = LimitedEach(_first_tasks, [""], database=name)
        self.counts = LimitedEach(_link_of_run, [""], database=name, complete=_count)
        self.links = LimitedEach(_links_of_run, [""], database=name, complete=self._whole)
        self.metrics = LimitedEach(_links_of_run, [""], database=name, complete=self._metrics)
        rows, condition = dialect.rows_among(runs, runs.c.id, "ids", columns=("id", "runtime_config"))
        self.settings = select(rows.c.id, rows.c.runtime_config).where(condition)
        size = func.coalesce(func.char_length(rows.c.runtime_config), 0)
        self.settings_sizes = select(rows.c.id, size).where(condition)
        rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=("id", "input_parameters"))
        self.inputs = select(rows.c.id, rows.c.input_parameters).where(condition)
        rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=field_names(TaskPlace))
        self.places = select(*columns_of(rows, TaskPlace)).where(condition)

    def _whole(self, links: FromClause) -> Select[Any]:
        is_task, is_artifact = tasks.c.id == links.c.task_id, artifacts.c.id == links.c.artifact_id
        task, of_task = self._dialect.partners(tasks, is_task, columns=("id", "name", "type", "state"))
        artifact, of_artifact = self._dialect.partners(artifacts, is_artifact, columns=field_names(ArtifactNode))
        shown = (
            *(links.c[name] for name in _LINK),
            task.c.type.label("task_type"),
            task.c.state.label("task_state"),
            task.c.name.label("task_name"),
            *(column.label(f"artifact_{column.key}") for column in columns_of(artifact, ArtifactNode)),
        )
        return select(*shown).select_from(links.join(task, of_task).join(artifact, of_artifact))

    def _metrics(self, links: FromClause) -> Select[Any]:
        statement = self._whole(links)
        is_output = links.c.type.in_(inline_numbers(OUTPUT_LINKS))
        artifact_type = statement.selected_columns["artifact_type"]
        return statement.where(is_output, artifact_type == inline_number(ArtifactType.Metric))


class SqlComparison:
    """What runs are compared by, as one connection sees it."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def settings_sizes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """Return how long the settings of runs are."""
        return dict(await self._among(self._statements.settings_sizes, run_ids))

    async def settings(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the settings of runs."""
        return dict(await self._among(self._statements.settings, run_ids))

    async def root_tasks(self, run_ids: Sequence[str]) -> Sequence[RootTask]:
        """Return the ROOT tasks of runs."""
        rows = await self._each(self._statements.roots, run_ids, 0)
        return [RootTask(run_id, id, size) for _, run_id, id, type, size in rows if type == TaskType.ROOT]

    async def inputs_of_tasks(self, task_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the input parameters of tasks."""
        return dict(await self._among(self._statements.inputs, task_ids))

    async def count_links(self, run_ids: Sequence[str], *, limit: int) -> dict[str, int]:
        """Return how many links runs have."""
        return dict(await self._each(self._statements.counts, run_ids, limit))

    async def links(self, run_ids: Sequence[str], *, only_metrics: bool) -> Sequence[ComparedLink]:
        """Return the links of runs."""
        statement = self._statements.metrics if only_metrics else self._statements.links
        rows = await self._each(statement, run_ids, _ALL)
        links = [
            ComparedLink(LineageLink(*row[:_WIDTH]), row[_WIDTH], ArtifactNode(*row[_WIDTH + 1 :])) for row in rows
        ]
        links.sort(key=lambda each: each.link.id)
        return links

    async def places(self, task_ids: Sequence[str]) -> Sequence[TaskPlace]:
        """Return where tasks are."""
        return [TaskPlace(*row) for row in await self._among(self._statements.places, task_ids)]

    async def _each(self, statement: LimitedEach, ids: Sequence[str], limit: int) -> list[Any]:
        keys = [(each,) for each in possible_ids(ids)]
        rows: list[Any] = []
        for _, text, values in statement.batches(keys) if keys else ():
            rows.extend((await self._connection.execute(text, {**values, "limit": limit})).all())
        return rows

    async def _among(self, statement: Select[Any], ids: Sequence[str]) -> Sequence[Any]:
        ids = possible_ids(ids)
        if not ids:
            return []
        rows: Sequence[Any] = (await self._connection.execute(statement, {"ids": self._dialect.text_list(ids)})).all()
        return rows


_ALL = 2**31 - 1
