"""Statements of the walk along links. See storage.contract.lineage for the promises."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ids import possible_ids
from storage.lineage import OUTPUT_LINKS, VERSIONED_TYPES, ArtifactNode, LineageLink, Moment, TaskLinks, TaskNode
from storage.model import TaskOutline
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.limited import LimitedEach
from storage.sql.rows import columns_of, field_names, inline_literal, inline_numbers, records
from storage.sql.tables import artifact_tasks, artifacts, runs, tasks

_OF_TASK = ("type", "key", "iteration", "artifact_id")
_OF_LINK = ("id", "artifact_id", "task_id", "run_id", "type", "key", "iteration")
_NODE_START = 1 + len(field_names(LineageLink))  # in a row: the position of its key, the link, the node of its artifact
_TASKS_OF_RUN = (
    select(tasks.c.id)
    .where(tasks.c.run_id == bindparam("run_id"), tasks.c.type.in_(bindparam("types", expanding=True)))
    .order_by(tasks.c.created_at, tasks.c.id)
    .limit(bindparam("limit"))
)
_AT_URI = (
    select(*columns_of(artifacts, ArtifactNode))
    .where(artifacts.c.uri_hash == bindparam("uri_hash"), artifacts.c.uri_hash != inline_literal(""))
    .order_by(artifacts.c.created_at.desc(), artifacts.c.id.desc())
    .limit(bindparam("limit"))
)
_AT_URI_IN_NAMESPACE = _AT_URI.where(artifacts.c.namespace == bindparam("namespace"))


def _parameters_of_run() -> Select[Any]:
    order = (tasks.c.created_at, tasks.c.id)
    columns = (*columns_of(tasks, TaskOutline), tasks.c.created_at)
    first = select(*columns).where(tasks.c.run_id == bindparam("run_id")).order_by(*order).limit(bindparam("limit"))
    # The sum is of the first tasks only, since it is over a subquery with their limit.
    rows = first.subquery("first_tasks")
    texts = (rows.c.input_parameters, rows.c.output_parameters)
    lengths = [func.coalesce(func.char_length(text), 0) for text in texts]
    so_far = func.sum(lengths[0] + lengths[1]).over(order_by=(rows.c.created_at, rows.c.id))
    summed = select(*rows.c, so_far.label("so_far")).subquery("summed")

    def shown(name: str) -> ColumnElement[Any]:
        column = summed.c[name]
        if name not in ("input_parameters", "output_parameters"):
            return column
        return case((column.is_(None), None), (summed.c.so_far <= bindparam("characters"), column), else_="")

    shown_columns = [shown(name) for name in field_names(TaskOutline)]
    return select(*shown_columns).order_by(summed.c.created_at, summed.c.id)


_PARAMETERS_OF_RUN = _parameters_of_run()


def _links_of(column_name: str, *, is_output: bool, order: Sequence[str]) -> Callable[[Sequence[Any]], Select[Any]]:
    def of_key(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
        links = artifact_tasks.alias("link")
        types = inline_numbers(OUTPUT_LINKS)
        has_type = links.c.type.in_(types) if is_output else links.c.type.not_in(types)
        columns = [links.c[name] for name in _OF_LINK]
        statement = select(*columns).where(links.c[column_name] == key[0], has_type)
        return statement.order_by(*(links.c[name] for name in order)).limit(bindparam("limit"))

    return of_key


def _versions(dialect: Dialect, *, is_before: bool) -> Callable[[Sequence[Any]], Select[Any]]:
    def of_key(key: Sequence[ColumnElement[Any]]) -> Select[Any]:
        rows = artifacts.alias("version")
        uri_hash, namespace, created_at = key
        conditions = [
            rows.c.uri_hash == uri_hash,
            rows.c.uri_hash != inline_literal(""),
            rows.c.namespace == namespace,
            rows.c.created_at <= created_at if is_before else rows.c.created_at >= created_at,
            rows.c.type.in_(inline_numbers(VERSIONED_TYPES)),
        ]
        order = (rows.c.created_at, rows.c.id)
        statement = dialect.along(
            select(*columns_of(rows, ArtifactNode)).where(*conditions), rows, "artifacts_uri_created"
        )
        return statement.order_by(*(each.desc() if is_before else each for each in order)).limit(bindparam("limit"))

    return of_key


def _moved(start: int, row: Any) -> tuple[Any, ...]:
    return start + row[0], *row[1:]


class _Statements:
    """Statements whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # The order of the index, or none, so that not all links to a hub are read and sorted.
        order = ("type", "task_id") if dialect.orders_ranges else ()
        self.producers = self._links("artifact_id", is_output=True, order=order)
        self.consumers = self._links("artifact_id", is_output=False, order=("id",))
        self.inputs = self._links("task_id", is_output=False, order=_OF_TASK)
        self.outputs = self._links("task_id", is_output=True, order=_OF_TASK)
        self.before, self.after = (
            LimitedEach(_versions(dialect, is_before=is_before), ["", "", 0], database=dialect.name)
            for is_before in (True, False)
        )
        rows, condition = dialect.rows_among(tasks, tasks.c.id, "ids", columns=_names(TaskNode))
        self.tasks = select(*columns_of(rows, TaskNode)).where(condition)
        rows, condition = dialect.rows_among(artifacts, artifacts.c.id, "ids", columns=_names(ArtifactNode))
        self.artifacts = select(*columns_of(rows, ArtifactNode)).where(condition)
        rows, condition = dialect.rows_among(runs, runs.c.id, "ids", columns=("id", "experiment_id"))
        self.experiments = select(rows.c.id, rows.c.experiment_id).where(condition)

    def _links(self, column_name: str, *, is_output: bool, order: Sequence[str]) -> LimitedEach:
        def with_ends(links: FromClause) -> Select[Any]:
            is_task = tasks.c.id == links.c.task_id
            partners, condition = self._dialect.partners(tasks, is_task, columns=("id", "type", "state"))
            kind = (partners.c.type.label("task_type"), partners.c.state.label("task_state"))
            joined, columns = links.join(partners, condition), [*links.c, *kind]
            if column_name == "task_id":
                # A walk goes on from the artifacts of tasks: that they come along saves each hop a statement.
                is_artifact = artifacts.c.id == links.c.artifact_id
                nodes, condition = self._dialect.partners(artifacts, is_artifact, columns=_names(ArtifactNode))
                joined = joined.join(nodes, condition)
                columns += [nodes.c[name].label(f"node_{name}") for name in _names(ArtifactNode)]
            return select(*columns).select_from(joined)

        of_key = _links_of(column_name, is_output=is_output, order=order)
        return LimitedEach(of_key, [""], database=self._dialect.name, complete=with_ends)


def _names(record: type[Any]) -> tuple[str, ...]:
    return tuple(record.__dataclass_fields__)


class SqlLineage:
    """Links across runs as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def producers(self, artifact_ids: Sequence[str], *, per_artifact: int) -> Sequence[LineageLink]:
        """Return links to what made artifacts."""
        order = ("artifact_id", "task_id", "type", "key")
        return await self._links(self._statements.producers, artifact_ids, per_artifact, order)

    async def consumers(self, artifact_ids: Sequence[str], *, per_artifact: int) -> Sequence[LineageLink]:
        """Return links to what used artifacts."""
        return await self._links(self._statements.consumers, artifact_ids, per_artifact, ("artifact_id", "id"))

    async def inputs(self, task_ids: Sequence[str], *, per_task: int) -> TaskLinks:
        """Return links to what tasks used."""
        return await self._links_of_tasks(self._statements.inputs, task_ids, per_task)

    async def outputs(self, task_ids: Sequence[str], *, per_task: int) -> TaskLinks:
        """Return links to what tasks made."""
        return await self._links_of_tasks(self._statements.outputs, task_ids, per_task)

    async def versions_before(self, moments: Sequence[Moment], *, per_uri: int) -> Sequence[Sequence[ArtifactNode]]:
        """Return the artifacts at uris, from moments backwards."""
        return await self._versions(self._statements.before, moments, per_uri)

    async def versions_after(self, moments: Sequence[Moment], *, per_uri: int) -> Sequence[Sequence[ArtifactNode]]:
        """Return the artifacts at uris, from moments onwards."""
        return await self._versions(self._statements.after, moments, per_uri)

    async def at_uri(self, uri_hash: str, namespace: str | None, *, limit: int) -> Sequence[ArtifactNode]:
        """Return the newest artifacts with a uri."""
        values = {"uri_hash": uri_hash, "limit": limit}
        if namespace is None:
            result = await self._connection.execute(_AT_URI, values)
        else:
            result = await self._connection.execute(_AT_URI_IN_NAMESPACE, {**values, "namespace": namespace})
        return [ArtifactNode(*row) for row in result.all()]

    async def tasks_of_run(self, run_id: str, *, types: Sequence[int], limit: int) -> Sequence[str]:
        """Return the ids of a run's first tasks of some types."""
        values = {"run_id": run_id, "types": list(types), "limit": limit}
        return list((await self._connection.execute(_TASKS_OF_RUN, values)).scalars())

    async def parameters_of_run(self, run_id: str, *, limit: int, characters: int) -> Sequence[TaskOutline]:
        """Return a run's first tasks with their parameters."""
        values = {"run_id": run_id, "limit": limit, "characters": characters}
        result = await self._connection.execute(_PARAMETERS_OF_RUN, values)
        return await records(result, lambda row: TaskOutline(*row))

    async def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskNode]:
        """Return the nodes of tasks."""
        rows = await self._among(self._statements.tasks, task_ids)
        return {row[0]: TaskNode(*row) for row in rows}

    async def artifacts(self, artifact_ids: Sequence[str]) -> dict[str, ArtifactNode]:
        """Return the nodes of artifacts."""
        rows = await self._among(self._statements.artifacts, artifact_ids)
        return {row[0]: ArtifactNode(*row) for row in rows}

    async def experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return the experiments of runs."""
        return {
            run_id: experiment_id for run_id, experiment_id in await self._among(self._statements.experiments, run_ids)
        }

    async def _links(
        self, statement: LimitedEach, ids: Sequence[str], limit: int, order: Sequence[str]
    ) -> Sequence[LineageLink]:
        keys = [(each,) for each in possible_ids(ids)]
        links = [LineageLink(*row[1:]) for row in await self._rows(statement, keys, limit)]
        links.sort(key=attrgetter(*order))
        return links

    async def _links_of_tasks(self, statement: LimitedEach, ids: Sequence[str], limit: int) -> TaskLinks:
        rows = await self._rows(statement, [(each,) for each in possible_ids(ids)], limit)
        links = [LineageLink(*row[1:_NODE_START]) for row in rows]
        links.sort(key=attrgetter("task_id", *_OF_TASK))
        nodes = {row[_NODE_START]: row[_NODE_START:] for row in rows}
        return TaskLinks(links, {id: ArtifactNode(*values) for id, values in nodes.items()})

    async def _versions(
        self, statement: LimitedEach, moments: Sequence[Moment], limit: int
    ) -> list[list[ArtifactNode]]:
        versions: list[list[ArtifactNode]] = [[] for _ in moments]
        keys = [(moment.uri_hash, moment.namespace, moment.created_at) for moment in moments]
        for position, *values in await self._rows(statement, keys, limit):
            versions[position].append(ArtifactNode(*values))
        for each in versions:
            each.sort(key=attrgetter("created_at", "id"), reverse=statement is self._statements.before)
        return versions

    async def _rows(self, statement: LimitedEach, keys: Sequence[Sequence[Any]], limit: int) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for start, text, values in statement.batches(keys) if keys else ():
            found = await self._connection.execute(text, {**values, "limit": limit})
            rows += await records(found, partial(_moved, start))
        return rows

    async def _among(self, statement: Select[Any], ids: Sequence[str]) -> Sequence[Any]:
        ids = possible_ids(ids)
        if not ids:
            return []
        rows: Sequence[Any] = (await self._connection.execute(statement, {"ids": self._dialect.text_list(ids)})).all()
        return rows
