"""Statements of the search. See storage.contract.search for the promises."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ids import possible_ids
from storage.lineage import OUTPUT_LINKS, ArtifactNode, ExperimentNode, RunNode, TaskNode
from storage.model import ArtifactType
from storage.search import After, Along, LinksFrom, MetricOfRun, PipelineNames, TasksFrom
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.limited import LimitedEach
from storage.sql.rows import Record, columns_of, field_names, inline_literal, inline_number, inline_numbers
from storage.sql.tables import artifact_tasks, artifacts, experiments, pipelines, runs, tasks

_FIRST_TIME = -(2**63)


def _newest_first(table: Table, record: type[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return a list along an index on the creation time, after a row and not before a time."""
    created_at, id = table.c.created_at, table.c.id
    # With the bound, every database uses its index; with row values such as (a, b) < (c, d), MySQL would not.
    after = and_(
        created_at <= bindparam("after_time"),
        or_(created_at < bindparam("after_time"), id < bindparam("after_id")),
    )
    statement = select(*columns_of(table, record)).where(*conditions, created_at >= bindparam("since"), after)
    return statement.order_by(created_at.desc(), id.desc()).limit(bindparam("limit"))


def _runs_along(along: Along) -> Select[Any]:
    if along.value is None:
        return _newest_first(runs, RunNode)
    column = runs.c[along.value]
    conditions = [column == bindparam("value")]
    if along is Along.PIPELINE:
        conditions.append(column != inline_literal(""))  # the condition of its index
    return _newest_first(runs, RunNode, *conditions)


_HAS_URI = (artifacts.c.uri_hash == bindparam("uri_hash"), artifacts.c.uri_hash != inline_literal(""))
_IN_NAMESPACE = artifacts.c.namespace == bindparam("namespace")
_RUNS = {along: _runs_along(along) for along in Along}
_ARTIFACTS = _newest_first(artifacts, ArtifactNode)
_ARTIFACTS_IN_NAMESPACE = _newest_first(artifacts, ArtifactNode, _IN_NAMESPACE)
_EXPERIMENTS = _newest_first(experiments, ExperimentNode)
_AT_URI = _newest_first(artifacts, ArtifactNode, *_HAS_URI, _IN_NAMESPACE)
_NAMESPACE_OF_URI = (
    select(artifacts.c.namespace)
    .where(*_HAS_URI, artifacts.c.namespace >= bindparam("first"))
    .order_by(artifacts.c.namespace)
    .limit(1)
)
_EXPERIMENTS_NAMED = select(*columns_of(experiments, ExperimentNode)).where(experiments.c.name == bindparam("name"))
_PIPELINES_NAMED = select(*columns_of(pipelines, PipelineNames)).where(pipelines.c.name == bindparam("name"))


def _tasks_of_run(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = tasks.alias("task")
    run_id, after_time, after_id = key
    later = or_(rows.c.created_at > after_time, rows.c.id > after_id)
    conditions = (rows.c.run_id == run_id, rows.c.created_at >= after_time, later)
    statement = select(*columns_of(rows, TaskNode)).where(*conditions)
    return statement.order_by(rows.c.created_at, rows.c.id).limit(bindparam("limit"))


def _links_of_run(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = artifact_tasks.alias("link")
    statement = select(rows.c.run_id, rows.c.artifact_id, rows.c.type)
    statement = statement.where(rows.c.run_id == key[0], rows.c.id > key[1])
    return statement.order_by(rows.c.id).limit(bindparam("limit"))


def _end_of_links(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
    rows = artifact_tasks.alias("link")
    statement = select(rows.c.run_id, rows.c.id).where(rows.c.run_id == key[0], rows.c.id > key[1])
    return statement.order_by(rows.c.id).limit(1).offset(bindparam("before"))


class _Statements:
    """Statements whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # No run has the empty id.
        self.tasks_of_run = LimitedEach(_tasks_of_run, ["", 0, ""], database=dialect.name)
        self.metrics = LimitedEach(_links_of_run, ["", ""], database=dialect.name, complete=self._metrics)
        self.ends = LimitedEach(_end_of_links, ["", ""], database=dialect.name)
        self.runs = self._by_id(runs, RunNode)
        self.experiments = self._by_id(experiments, ExperimentNode)
        self.pipelines = self._by_id(pipelines, PipelineNames)

    def _by_id(self, table: Table, record: type[Any]) -> Select[Any]:
        rows, condition = self._dialect.rows_among(table, table.c.id, "ids", columns=field_names(record))
        return select(*columns_of(rows, record)).where(condition)

    def _metrics(self, links: FromClause) -> Select[Any]:
        columns = ("id", "name", "type", "number_value")
        partners, condition = self._dialect.partners(artifacts, artifacts.c.id == links.c.artifact_id, columns=columns)
        is_wanted = (
            links.c.type.in_(inline_numbers(OUTPUT_LINKS)),
            partners.c.type == inline_number(ArtifactType.Metric),
            partners.c.number_value.is_not(None),
            self._dialect.among(partners.c.name, "names"),
        )
        shown = (links.c.position, links.c.run_id, partners.c.name, partners.c.number_value)
        return select(*shown).select_from(links.join(partners, condition)).where(*is_wanted)


class SqlSearch:
    """What a search looks through, as one connection sees it."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def runs(self, along: Along, value: str, *, after: After, since: int, limit: int) -> Sequence[RunNode]:
        """Return the next runs of a list."""
        values = _page(after, since, limit)
        if along.value is not None:
            values["value"] = value
        return await self._list(_RUNS[along], values, RunNode)

    async def artifacts(self, namespace: str | None, *, after: After, since: int, limit: int) -> Sequence[ArtifactNode]:
        """Return the next artifacts."""
        values = _page(after, since, limit)
        if namespace is None:
            return await self._list(_ARTIFACTS, values, ArtifactNode)
        return await self._list(_ARTIFACTS_IN_NAMESPACE, {**values, "namespace": namespace}, ArtifactNode)

    async def experiments(self, *, after: After, since: int, limit: int) -> Sequence[ExperimentNode]:
        """Return the next experiments."""
        return await self._list(_EXPERIMENTS, _page(after, since, limit), ExperimentNode)

    async def tasks_of_runs(self, runs: Sequence[TasksFrom], *, per_run: int) -> Mapping[str, Sequence[TaskNode]]:
        """Return the next tasks of each run."""
        keys = [(each.run_id, each.after.created_at, each.after.id) for each in runs]
        tasks_of: dict[str, list[TaskNode]] = {each.run_id: [] for each in runs}
        for row in await self._each(self._statements.tasks_of_run, keys, {"limit": per_run}):
            task = TaskNode(*row[1:])
            tasks_of[task.run_id].append(task)
        for found in tasks_of.values():
            found.sort(key=lambda task: (task.created_at, task.id))
        return tasks_of

    async def namespace_of_uri(self, uri_hash: str, *, first: str) -> str | None:
        """Return the first namespace of a uri that is not before a text."""
        result = await self._connection.execute(_NAMESPACE_OF_URI, {"uri_hash": uri_hash, "first": first})
        namespace: str | None = result.scalar()
        return namespace

    async def artifacts_at_uri(
        self, uri_hash: str, namespace: str, *, after: After, limit: int
    ) -> Sequence[ArtifactNode]:
        """Return the next artifacts at a uri."""
        values = {**_page(after, _FIRST_TIME, limit), "uri_hash": uri_hash, "namespace": namespace}
        return await self._list(_AT_URI, values, ArtifactNode)

    async def runs_by_id(self, run_ids: Sequence[str]) -> dict[str, RunNode]:
        """Return runs by their ids."""
        return {row[0]: RunNode(*row) for row in await self._among(self._statements.runs, run_ids)}

    async def experiments_by_id(self, experiment_ids: Sequence[str]) -> dict[str, ExperimentNode]:
        """Return experiments by their ids."""
        rows = await self._among(self._statements.experiments, experiment_ids)
        return {row[0]: ExperimentNode(*row) for row in rows}

    async def pipeline_names(self, pipeline_ids: Sequence[str]) -> dict[str, PipelineNames]:
        """Return the names of pipelines by their ids."""
        rows = await self._among(self._statements.pipelines, pipeline_ids)
        return {row[0]: PipelineNames(*row) for row in rows}

    async def experiments_named(self, name: str) -> Sequence[ExperimentNode]:
        """Return the experiments with a name."""
        return await self._list(_EXPERIMENTS_NAMED, {"name": name}, ExperimentNode)

    async def pipelines_named(self, name: str) -> Sequence[PipelineNames]:
        """Return the pipelines with a name."""
        return await self._list(_PIPELINES_NAMED, {"name": name}, PipelineNames)

    async def metrics_of_runs(
        self, runs: Sequence[LinksFrom], names: Sequence[str], *, links: int
    ) -> Sequence[MetricOfRun]:
        """Return the numbers among the next links of each run."""
        values = {"limit": links, "names": self._dialect.text_list(names)}
        rows = await self._each(self._statements.metrics, _links(runs), values)
        return [MetricOfRun(*row[1:]) for row in rows]

    async def ends_of_links(self, runs: Sequence[LinksFrom], *, links: int) -> dict[str, str]:
        """Return the id of the last of the next links of each run that has so many."""
        rows = await self._each(self._statements.ends, _links(runs), {"before": links - 1})
        return {run_id: link_id for _, run_id, link_id in rows}

    async def _list(
        self, statement: Select[Any], values: Mapping[str, Any], record: Callable[..., Record]
    ) -> list[Record]:
        rows = (await self._connection.execute(statement, values)).all()
        return [record(*row) for row in rows]

    async def _each(self, statement: LimitedEach, keys: Sequence[Sequence[Any]], more: Mapping[str, Any]) -> list[Any]:
        rows: list[Any] = []
        for _, text, values in statement.batches(keys) if keys else ():
            rows.extend((await self._connection.execute(text, {**values, **more})).all())
        return rows

    async def _among(self, statement: Select[Any], ids: Sequence[str]) -> Sequence[Any]:
        ids = possible_ids(ids)
        if not ids:
            return []
        rows: Sequence[Any] = (await self._connection.execute(statement, {"ids": self._dialect.text_list(ids)})).all()
        return rows


def _page(after: After, since: int, limit: int) -> dict[str, Any]:
    return {"after_time": after.created_at, "after_id": after.id, "since": since, "limit": limit}


def _links(runs: Sequence[LinksFrom]) -> list[tuple[str, str]]:
    return [(each.run_id, each.after_id) for each in runs]
