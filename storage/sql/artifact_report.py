"""Statements on what made one artifact. See storage.contract.artifact_report for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.artifact_report import BranchTask, ReportedArtifact, ReportedRun, SpecText, TaskInputs
from storage.ids import possible_ids
from storage.lineage import ArtifactNode
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import columns_of, field_names, inline_literal, inline_number
from storage.sql.tables import artifacts, experiments, pipeline_specs, pipeline_versions, pipelines, runs, tasks

_NODE_WIDTH = len(field_names(ArtifactNode))


def _characters(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.char_length(column), inline_number(0))


def _if_short(column: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """A text unless it is too long, and how long it is."""
    return [case((_characters(column) <= bindparam("characters"), column)), _characters(column)]


def _called(*names: ColumnElement[Any]) -> ColumnElement[str]:
    """The first name that is not empty."""
    return func.coalesce(*(func.nullif(name, inline_literal("")) for name in names), inline_literal(""))


_ARTIFACT = select(
    *columns_of(artifacts, ArtifactNode),
    artifacts.c.updated_at,
    func.substr(artifacts.c.description, inline_number(1), bindparam("characters")),
    _characters(artifacts.c.description),
    *_if_short(artifacts.c.metadata),
).where(artifacts.c.id == bindparam("artifact_id"))

_RUN = (
    select(
        runs.c.id,
        runs.c.display_name,
        runs.c.state,
        runs.c.namespace,
        runs.c.created_at,
        runs.c.finished_at,
        runs.c.experiment_id,
        _called(experiments.c.name),
        runs.c.pipeline_id,
        _called(pipelines.c.display_name, pipelines.c.name),
        runs.c.pipeline_version_id,
        _called(pipeline_versions.c.display_name, pipeline_versions.c.name),
        runs.c.pipeline_spec_id,
        *_if_short(runs.c.runtime_config),
    )
    .select_from(
        runs.outerjoin(experiments, experiments.c.id == runs.c.experiment_id)
        .outerjoin(pipelines, pipelines.c.id == runs.c.pipeline_id)
        .outerjoin(pipeline_versions, pipeline_versions.c.id == runs.c.pipeline_version_id)
    )
    .where(runs.c.id == bindparam("run_id"))
)

_SPEC = select(*_if_short(pipeline_specs.c.spec)).where(pipeline_specs.c.id == bindparam("spec_id"))


class _Statements:
    """Statements whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.branch = _branch(dialect)
        rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=("id", "input_parameters"))
        self.inputs = select(rows.c.id, *_if_short(rows.c.input_parameters)).where(condition)


def _branch(dialect: Dialect) -> Select[Any]:
    start = select(tasks.c.id, tasks.c.parent_task_id, inline_number(0).label("level"))
    above = start.where(tasks.c.id == bindparam("task_id")).cte("above", recursive=True)
    parents, is_parent = dialect.partners(tasks, tasks.c.id == above.c.parent_task_id, columns=("id", "parent_task_id"))
    # The level ends what would go on forever: parents that form a cycle.
    step = select(parents.c.id, parents.c.parent_task_id, above.c.level + inline_number(1))
    step = step.select_from(above.join(parents, is_parent)).where(above.c.level < bindparam("levels"))
    above = above.union_all(step)
    whole, is_same = dialect.partners(tasks, tasks.c.id == above.c.id, columns=field_names(BranchTask))
    columns = columns_of(whole, BranchTask)
    return select(above.c.level, *columns).select_from(above.join(whole, is_same))


class SqlArtifactReport:
    """What made one artifact, as one connection sees it."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def artifact(self, artifact_id: str, *, characters: int) -> ReportedArtifact | None:
        """Return an artifact."""
        values = {"artifact_id": artifact_id, "characters": characters}
        row = await self._one(_ARTIFACT, artifact_id, values)
        return None if row is None else ReportedArtifact(ArtifactNode(*row[:_NODE_WIDTH]), *row[_NODE_WIDTH:])

    async def branch(self, task_id: str, *, levels: int) -> Sequence[BranchTask]:
        """Return a task and the groups around it."""
        if not possible_ids([task_id]):
            return []
        values = {"task_id": task_id, "levels": levels}
        rows = (await self._connection.execute(self._statements.branch, values)).all()
        branch: dict[str, BranchTask] = {}
        for _, *row in sorted(rows, key=lambda row: row[0]):
            branch.setdefault(row[0], BranchTask(*row))
        return list(branch.values())

    async def inputs_of_tasks(self, task_ids: Sequence[str], *, characters: int) -> dict[str, TaskInputs]:
        """Return the inputs of tasks."""
        ids = possible_ids(task_ids)
        if not ids:
            return {}
        values = {"ids": self._dialect.text_list(ids), "characters": characters}
        rows = (await self._connection.execute(self._statements.inputs, values)).all()
        return {row[0]: TaskInputs(*row[1:]) for row in rows}

    async def run(self, run_id: str, *, characters: int) -> ReportedRun | None:
        """Return a run."""
        row = await self._one(_RUN, run_id, {"run_id": run_id, "characters": characters})
        return None if row is None else ReportedRun(*row)

    async def spec(self, spec_id: str, *, characters: int) -> SpecText | None:
        """Return a specification."""
        row = await self._one(_SPEC, spec_id, {"spec_id": spec_id, "characters": characters})
        return None if row is None else SpecText(*row)

    async def _one(self, statement: Select[Any], id: str, values: dict[str, Any]) -> Any:
        return (await self._connection.execute(statement, values)).first() if possible_ids([id]) else None
