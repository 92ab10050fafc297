"""Statements on what a page about one run shows. See storage.contract.run_report for the promises.

Each reads a bounded number of rows along an index, however large the run is.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.errors import RowNotFound
from storage.ids import can_be_id, possible_ids
from storage.lineage import DOERS, OUTPUT_LINKS, ArtifactNode
from storage.model import ArtifactType, RunState, TaskState, TaskType
from storage.run_report import (
    EarlierRun,
    IterationState,
    MadeArtifact,
    RunFacts,
    TaskDetails,
    TaskMark,
    TaskRow,
    TaskStateCount,
)
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.limited import LimitedEach
from storage.sql.rows import columns_of, field_names, inline_literal, inline_number, inline_numbers, records
from storage.sql.tables import (
    artifact_tasks,
    artifacts,
    experiments,
    pipeline_specs,
    pipeline_versions,
    pipelines,
    tasks,
)
from storage.sql.tables import runs as run_table

STATUS_CHARACTERS = 16 * 1024
"""How much of a failed task's status metadata is read."""

DESCRIPTION_CHARACTERS = 4_000
"""How much of a run's description is read."""

Key = Sequence[ColumnElement[Any]]

_STORED = ("id", "parent_task_id", "name", "display_name", "type", "state", "type_attributes")
_TIMES = ("created_at", "started_at", "finished_at", "state_history")
_MARK = field_names(TaskMark)
_OF_RUN = tasks.c.run_id == bindparam("run_id")
_OLDEST_FIRST = (tasks.c.created_at, tasks.c.id)
_LINK = ("id", "artifact_id", "task_id", "type", "key", "iteration")


def _status(table: FromClause) -> ColumnElement[Any]:
    cut = func.substr(table.c.status_metadata, 1, inline_number(STATUS_CHARACTERS))
    return case((table.c.state == inline_number(TaskState.FAILED), cut)).label("status")


def _row(table: FromClause) -> list[ColumnElement[Any]]:
    return [*(table.c[name] for name in (*_STORED, *_TIMES)), _status(table)]


def _if_short(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.char_length(column) <= bindparam("characters"), column))


def _or_empty(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.char_length(column) <= bindparam("characters"), column), else_=inline_literal(""))


def _name(table: FromClause, *columns: str) -> ColumnElement[Any]:
    return func.coalesce(*(func.nullif(table.c[name], inline_literal("")) for name in columns), inline_literal(""))


def _facts() -> Select[Any]:
    stored: dict[str, ColumnElement[Any]] = {column.key: column for column in run_table.c}
    stored["description"] = func.substr(run_table.c.description, 1, inline_number(DESCRIPTION_CHARACTERS))
    stored["runtime_config"] = _if_short(run_table.c.runtime_config)
    stored["experiment"] = _name(experiments, "name")
    stored["pipeline"] = _name(pipelines, "display_name", "name")
    stored["version"] = _name(pipeline_versions, "display_name", "name")
    joined = run_table.outerjoin(experiments, experiments.c.id == run_table.c.experiment_id)
    joined = joined.outerjoin(pipelines, pipelines.c.id == run_table.c.pipeline_id)
    joined = joined.outerjoin(pipeline_versions, pipeline_versions.c.id == run_table.c.pipeline_version_id)
    columns = [stored[name].label(f"fact_{name}") for name in field_names(RunFacts)]
    return select(*columns).select_from(joined).where(run_table.c.id == bindparam("run_id"))


def _level(*, has_parent: bool, has_beginning: bool) -> Select[Any]:
    parent = tasks.c.parent_task_id
    conditions = [_OF_RUN, parent == bindparam("parent_id") if has_parent else parent.is_(None)]
    if has_beginning:
        prefix = func.substr(tasks.c.type_attributes, 1, bindparam("prefix_characters"))
        conditions.append(prefix == bindparam("prefix"))
    later = or_(tasks.c.created_at > bindparam("after_time"), tasks.c.id > bindparam("after_id"))
    conditions.append(and_(tasks.c.created_at >= bindparam("after_time"), later))
    return select(*_row(tasks)).where(*conditions).order_by(*_OLDEST_FIRST).limit(bindparam("limit"))


def _children(key: Key) -> Select[Any]:
    rows = tasks.alias("child")
    of_group = select(*_row(rows)).where(rows.c.run_id == key[0], rows.c.parent_task_id == key[1])
    return of_group.order_by(rows.c.created_at, rows.c.id).limit(bindparam("limit"))


def _iterations(key: Key) -> Select[Any]:
    rows = tasks.alias("child")
    some = select(rows.c.parent_task_id, rows.c.type_attributes, rows.c.state)
    some = some.where(rows.c.run_id == key[0], rows.c.parent_task_id == key[1])
    some = some.order_by(rows.c.created_at, rows.c.id).limit(bindparam("among"))
    wanted = getattr(key[0], "table", None)
    first = (some if wanted is None else some.correlate(wanted)).subquery("first_tasks")
    kind = (first.c.parent_task_id, first.c.type_attributes, first.c.state)
    return select(*kind, func.count().label("count")).group_by(*kind)


def _task_states() -> Select[Any]:
    some = select(tasks.c.state, tasks.c.updated_at).where(_OF_RUN).limit(bindparam("among")).subquery("some_tasks")
    return select(some.c.state, func.count(), func.max(some.c.updated_at)).group_by(some.c.state)


def _marks(dialect: Dialect, *, has_names: bool) -> Select[Any]:
    first = select(*(tasks.c[name] for name in _MARK), tasks.c.created_at)
    first = first.where(_OF_RUN).order_by(*_OLDEST_FIRST).limit(bindparam("among"))
    rows = first.subquery("first_tasks")
    found = select(*columns_of(rows, TaskMark))
    if has_names:
        is_root = rows.c.type == inline_number(TaskType.ROOT)
        found = found.where(or_(dialect.among(rows.c.name, "names"), is_root))
    return found.order_by(rows.c.created_at, rows.c.id)


def _branch(dialect: Dialect) -> Select[Any]:
    names = ("id", "parent_task_id")
    lineage = select(*(tasks.c[name] for name in names)).where(tasks.c.id == bindparam("task_id"))
    above = lineage.cte("above", recursive=True)
    parents, is_parent = dialect.partners(tasks, tasks.c.id == above.c.parent_task_id, columns=names)
    # UNION terminates even if rows form a cycle.
    above = above.union(select(*(parents.c[name] for name in names)).select_from(above.join(parents, is_parent)))
    columns = (*_STORED, *_TIMES, "status_metadata")
    whole, is_same = dialect.partners(tasks, tasks.c.id == above.c.id, columns=columns)
    return select(*_row(whole)).select_from(above.join(whole, is_same))


def _succeeded(*, has_pipeline: bool, is_before: bool) -> Select[Any]:
    rows = run_table
    created = rows.c.created_at
    names = ("id", "display_name", "created_at", "state", "namespace", "pipeline_id")
    nearest = select(*(rows.c[name] for name in names))
    if has_pipeline:
        nearest = nearest.where(rows.c.pipeline_id == bindparam("of"), rows.c.pipeline_id != inline_literal(""))
    else:
        nearest = nearest.where(rows.c.experiment_id == bindparam("of"))
    nearest = nearest.where(created < bindparam("moment") if is_before else created > bindparam("moment"))
    some = nearest.order_by(*_nearest_first(rows, is_before=is_before)).limit(bindparam("among")).subquery("nearest")
    found = select(some.c.id, some.c.display_name, some.c.created_at).where(
        some.c.state == inline_literal(RunState.SUCCEEDED.name), some.c.namespace == bindparam("namespace")
    )
    if not has_pipeline:
        found = found.where(some.c.pipeline_id == inline_literal(""))
    return found.order_by(*_nearest_first(some, is_before=is_before)).limit(bindparam("limit"))


def _nearest_first(table: FromClause, *, is_before: bool) -> list[ColumnElement[Any]]:
    order = (table.c.created_at, table.c.id)
    return [each.desc() if is_before else each for each in order]


_BOTH = (True, False)
_SPEC = (
    select(_if_short(pipeline_specs.c.spec))
    .select_from(run_table.join(pipeline_specs, pipeline_specs.c.id == run_table.c.pipeline_spec_id))
    .where(run_table.c.id == bindparam("run_id"))
)


class _Statements:
    """Statements whose SQL depends on the dialect, and those that have several forms."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.facts, self.task_states, self.branch = _facts(), _task_states(), _branch(dialect)
        self.level = {
            (has_parent, has_beginning): _level(has_parent=has_parent, has_beginning=has_beginning)
            for has_parent in _BOTH
            for has_beginning in _BOTH
        }
        self.children = LimitedEach(_children, ["", ""], database=dialect.name)
        self.iterations = LimitedEach(_iterations, ["", ""], database=dialect.name)
        self.marks = {has_names: _marks(dialect, has_names=has_names) for has_names in _BOTH}
        rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=field_names(TaskDetails))
        inputs = rows.c.input_parameters
        self.details = select(rows.c.id, case((inputs.is_(None), None), else_=_or_empty(inputs)), rows.c.pods)
        self.details = self.details.where(condition)
        rows, condition = dialect.rows_among(artifacts, artifacts.c.id, "ids", columns=("id", "metadata"))
        self.metadata = select(rows.c.id, _if_short(rows.c.metadata)).where(condition)
        rows, condition = dialect.rows_among(artifacts, artifacts.c.id, "ids", columns=("id", "name", "metadata"))
        is_short = func.char_length(rows.c.metadata) <= bindparam("characters")
        self.metadata_with = (
            select(rows.c.id, rows.c.metadata)
            .where(condition, is_short, dialect.contains(rows.c.metadata, bindparam("part", type_=String)))
            .order_by(rows.c.name, rows.c.id)
            .limit(bindparam("limit"))
        )
        self.made = self._made()
        self.succeeded = {
            (has_pipeline, is_before): _succeeded(has_pipeline=has_pipeline, is_before=is_before)
            for has_pipeline in _BOTH
            for is_before in _BOTH
        }

    def _made(self) -> Select[Any]:
        links = select(*(artifact_tasks.c[name] for name in _LINK))
        links = links.where(artifact_tasks.c.run_id == bindparam("run_id")).order_by(artifact_tasks.c.id.desc())
        some = links.limit(bindparam("among")).subquery("newest_links")
        is_task, is_artifact = tasks.c.id == some.c.task_id, artifacts.c.id == some.c.artifact_id
        task, of_task = self._dialect.partners(tasks, is_task, columns=("id", "name", "display_name", "type"))
        made, of_artifact = self._dialect.partners(artifacts, is_artifact, columns=field_names(ArtifactNode))
        shown = [
            *(column.label(f"artifact_{column.key}") for column in columns_of(made, ArtifactNode)),
            some.c.key,
            some.c.iteration,
            some.c.task_id,
            task.c.name.label("task_name"),
            task.c.display_name.label("task_display_name"),
        ]
        found = select(*shown).select_from(some.join(task, of_task).join(made, of_artifact))
        found = found.where(
            some.c.type.in_(inline_numbers(OUTPUT_LINKS)),
            task.c.type.in_(inline_numbers(DOERS)),
            made.c.type != inline_number(ArtifactType.Metric),
        )
        return found.order_by(some.c.id.desc()).limit(bindparam("limit"))


class SqlRunReport:
    """One run as one connection sees it."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def facts(self, run_id: str, *, characters: int) -> RunFacts:
        """Return the facts of a run; raises RowNotFound."""
        rows = await self._rows(self._statements.facts, run_id=run_id, characters=characters)
        if not rows:
            raise RowNotFound("run", run_id)
        return RunFacts(*rows[0])

    async def spec(self, run_id: str, *, characters: int) -> str | None:
        """Return the specification of a run."""
        rows = await self._rows(_SPEC, run_id=run_id, characters=characters)
        return rows[0][0] if rows else None

    async def task_states(self, run_id: str, *, among: int) -> Sequence[TaskStateCount]:
        """Return how many tasks of a run are in each state."""
        rows = await self._rows(self._statements.task_states, run_id=run_id, among=among)
        return sorted((TaskStateCount(*row) for row in rows), key=lambda each: each.state)

    async def branch(self, task_id: str) -> Sequence[TaskRow]:
        """Return the tasks around a task, the outermost first, and the task."""
        rows = {row[0]: TaskRow(*row) for row in await self._rows(self._statements.branch, task_id=task_id)}
        found: list[TaskRow] = []
        id: str | None = task_id
        while id is not None and id in rows:
            found.append(rows.pop(id))
            id = found[-1].parent_task_id
        return found[::-1]

    async def level(
        self,
        run_id: str,
        parent_task_id: str | None,
        *,
        beginning: str | None,
        after: tuple[int, str],
        limit: int,
    ) -> Sequence[TaskRow]:
        """Return the next tasks that are directly in a group, or in nothing."""
        values: dict[str, Any] = {"run_id": run_id, "after_time": after[0], "after_id": after[1], "limit": limit}
        if parent_task_id is not None:
            values["parent_id"] = parent_task_id
        if beginning is not None:
            values |= {"prefix": beginning, "prefix_characters": len(beginning)}
        statement = self._statements.level[parent_task_id is not None, beginning is not None]
        return [TaskRow(*row) for row in await self._rows(statement, **values)]

    async def children(self, run_id: str, parent_task_ids: Sequence[str], *, per_parent: int) -> Sequence[TaskRow]:
        """Return the first tasks that are directly in each of some groups."""
        rows = await self._each(self._statements.children, run_id, parent_task_ids, limit=per_parent)
        return sorted((TaskRow(*row) for row in rows), key=lambda row: (row.created_at, row.id))

    async def iterations(self, run_id: str, loop_ids: Sequence[str], *, among: int) -> Sequence[IterationState]:
        """Return the states of the iterations of loops."""
        rows = await self._each(self._statements.iterations, run_id, loop_ids, among=among)
        return [IterationState(*row) for row in rows]

    async def marks(self, run_id: str, *, names: Sequence[str] | None, among: int) -> Sequence[TaskMark]:
        """Return where the first tasks of a run are."""
        values: dict[str, Any] = {"run_id": run_id, "among": among}
        if names is not None:
            values["names"] = self._dialect.text_list(names)
        result = await self._connection.execute(self._statements.marks[names is not None], values)
        return await records(result, lambda row: TaskMark(*row))

    async def details(self, task_ids: Sequence[str], *, characters: int) -> dict[str, TaskDetails]:
        """Return what tasks were given."""
        rows = await self._among(self._statements.details, task_ids, characters)
        return {row[0]: TaskDetails(*row) for row in rows}

    async def made(self, run_id: str, *, among: int, limit: int) -> Sequence[MadeArtifact]:
        """Return what tasks of a run made."""
        rows = await self._rows(self._statements.made, run_id=run_id, among=among, limit=limit)
        width = len(field_names(ArtifactNode))
        return [MadeArtifact(ArtifactNode(*row[:width]), *row[width:]) for row in rows]

    async def metadata(self, artifact_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Return the metadata of artifacts."""
        rows = await self._among(self._statements.metadata, artifact_ids, characters)
        return {id: text for id, text in rows if text}

    async def metadata_with(
        self, artifact_ids: Sequence[str], part: str, *, characters: int, limit: int
    ) -> dict[str, str]:
        """Return the metadata of artifacts that contain a text."""
        rows = await self._among(self._statements.metadata_with, artifact_ids, characters, part=part, limit=limit)
        return {id: text for id, text in rows}

    async def succeeded(self, run: RunFacts, *, is_before: bool, among: int, limit: int) -> Sequence[EarlierRun]:
        """Return successful runs that are near to a run."""
        has_pipeline = bool(run.pipeline_id)
        values = {
            "of": run.pipeline_id if has_pipeline else run.experiment_id,
            "moment": run.created_at,
            "namespace": run.namespace,
            "among": among,
            "limit": limit,
        }
        rows = await self._rows(self._statements.succeeded[has_pipeline, is_before], **values)
        return [EarlierRun(*row) for row in rows]

    async def _rows(self, statement: Select[Any], **values: Any) -> Sequence[Any]:
        rows: Sequence[Any] = (await self._connection.execute(statement, values)).all()
        return rows

    async def _each(self, statement: LimitedEach, run_id: str, ids: Sequence[str], **values: int) -> list[Any]:
        keys = [(run_id, id) for id in possible_ids(ids)] if can_be_id(run_id) else []
        rows: list[Any] = []
        for _, text, key_values in statement.batches(keys) if keys else ():
            found = await self._connection.execute(text, {**key_values, **values})
            rows.extend(row[1:] for row in found.all())
        return rows

    async def _among(self, statement: Select[Any], ids: Sequence[str], characters: int, **more: Any) -> Sequence[Any]:
        ids = possible_ids(ids)
        if not ids:
            return []
        return await self._rows(statement, ids=self._dialect.text_list(ids), characters=characters, **more)
