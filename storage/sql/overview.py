"""Statements on what is summed up of runs. See storage.contract.overview for the promises.

Of each run, and of each state, they read a bounded number of rows along an index, however many there are.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    case,
    func,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.ids import possible_ids
from storage.lineage import DOERS, OUTPUT_LINKS
from storage.model import ArtifactType, RunState, StorageState, TaskState, TaskType
from storage.overview import FailedTask, LastWrites, RunMetric, RunRow, StateCount
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.limited import LimitedEach
from storage.sql.listing import page
from storage.sql.rows import columns_of, field_names, inline_literal, inline_number, inline_numbers
from storage.sql.tables import artifact_tasks, artifacts, experiments, pipeline_versions, pipelines, runs, tasks

STATUS_CHARACTERS = 16 * 1024
"""How much of a failed task's status metadata is read: enough for a first line, however long the trace is that follows."""

_ROOTS_MAX = 20
"""Among how many tasks without a parent the ROOT task of a run is looked for: it is made first."""

Key = Sequence[ColumnElement[Any]]

_ARCHIVED = inline_literal(StorageState.ARCHIVED.name)


def _of_run(statement: Select[Any], key: Key) -> Select[Any]:
    """Let a statement inside the one for a key refer to the key."""
    wanted = getattr(key[0], "table", None)
    return statement if wanted is None else statement.correlate(wanted)


def _among_tasks(key: Key, columns: Sequence[str], *, newest: bool) -> FromClause:
    """The first tasks of a run, or the last ones."""
    table = tasks.alias("of_run")
    order = (table.c.created_at, table.c.id)
    found = select(*(table.c[name] for name in columns)).where(table.c.run_id == key[0])
    found = found.order_by(*(each.desc() if newest else each for each in order)).limit(bindparam("among"))
    return _of_run(found, key).subquery("some_tasks")


def _failed(key: Key, *, newest: bool) -> Select[Any]:
    columns = ("id", "run_id", "name", "display_name", "type", "state", "created_at", "finished_at")
    some = _among_tasks(key, columns, newest=newest)
    is_group = case((some.c.type.in_(inline_numbers(DOERS)), inline_number(0)), else_=inline_number(1))
    ended_at = func.coalesce(some.c.finished_at, some.c.created_at)
    found = select(*(some.c[name] for name in columns[:5])).where(some.c.state == inline_number(TaskState.FAILED))
    return found.order_by(is_group, ended_at, some.c.created_at, some.c.id).limit(inline_number(1))


def _metrics_of_run(dialect: Dialect, key: Key) -> Select[Any]:
    """The names of a run's metrics, each with the last link to one."""
    links = artifact_tasks.alias("of_run")
    some = select(links.c.id, links.c.artifact_id, links.c.type).where(links.c.run_id == key[0])
    some_links = _of_run(some.order_by(links.c.id.desc()).limit(bindparam("among")), key).subquery("some_links")
    is_linked = artifacts.c.id == some_links.c.artifact_id
    made, condition = dialect.partners(artifacts, is_linked, columns=("id", "type", "name", "number_value"))
    found = select(made.c.name, func.max(some_links.c.id).label("link_id"))
    found = found.select_from(some_links.join(made, condition)).where(
        some_links.c.type.in_(inline_numbers(OUTPUT_LINKS)),
        made.c.type == inline_number(ArtifactType.Metric),
        made.c.number_value.is_not(None),
    )
    return found.group_by(made.c.name).order_by(made.c.name).limit(bindparam("limit"))


def _writes(key: Key) -> Select[Any]:
    some = _among_tasks(key, ("updated_at",), newest=True)
    last_link = select(func.max(artifact_tasks.c.id)).where(artifact_tasks.c.run_id == key[0])
    changed_at = func.max(some.c.updated_at).label("changed_at")
    return select(changed_at, _of_run(last_link, key).scalar_subquery().label("link_id")).select_from(some)


def _root(key: Key) -> Select[Any]:
    table = tasks.alias("of_run")
    some = select(table.c.id, table.c.type, table.c.created_at)
    some = some.where(table.c.run_id == key[0], table.c.parent_task_id.is_(None))
    some = some.order_by(table.c.created_at, table.c.id).limit(inline_number(_ROOTS_MAX))
    first = _of_run(some, key).subquery("some_tasks")
    is_root = first.c.type == inline_number(TaskType.ROOT)
    return select(first.c.id).where(is_root).order_by(first.c.created_at, first.c.id).limit(inline_number(1))


def _newest(*columns: str) -> Select[Any]:
    """The newest runs, as many as are looked at."""
    found = select(*(runs.c[name] for name in columns))
    return found.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(bindparam("among"))


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, inline_number(1)), else_=inline_number(0)))


def _counts(*, in_namespace: bool) -> Select[Any]:
    """One count per state. Without a namespace, the index of states has all that is needed: no run is read."""
    # Which runs are counted matters only if some of them are not.
    some = _newest("id", "namespace") if in_namespace else select(runs.c.id).limit(bindparam("among"))
    counts = []
    for state in RunState:
        newest = some.where(runs.c.state == inline_literal(state.name)).subquery(f"newest_{state.value}")
        count = _count_if(newest.c.namespace == bindparam("namespace")) if in_namespace else func.count()
        counts.append(
            select(
                inline_literal(state.name).label("state"), func.count().label("examined"), count.label("count")
            ).select_from(newest)
        )
    counted = union_all(*counts).subquery("counted")
    return select(*counted.c).where(counted.c.examined > inline_number(0))


def _ended(*, in_namespace: bool) -> Select[Any]:
    newest = (
        _newest("storage_state", "namespace", "finished_at", "created_at")
        .where(runs.c.state == bindparam("state"), runs.c.created_at >= bindparam("created_since"))
        .subquery("newest")
    )
    ended_at = func.coalesce(newest.c.finished_at, newest.c.created_at)
    is_counted = (ended_at >= bindparam("ended_since")) & (newest.c.storage_state != _ARCHIVED)
    if in_namespace:
        is_counted &= newest.c.namespace == bindparam("namespace")
    counted: list[ColumnElement[Any]] = [func.count().label("examined"), _count_if(is_counted).label("count")]
    return select(*counted).select_from(newest)


def _unchanged(*, in_namespace: bool) -> Select[Any]:
    newest = (
        _newest(*field_names(RunRow))
        .where(runs.c.state == bindparam("state"), runs.c.created_at < bindparam("before"))
        .subquery("newest")
    )
    found = select(*newest.c).where(newest.c.updated_at < bindparam("before"), newest.c.storage_state != _ARCHIVED)
    if in_namespace:
        found = found.where(newest.c.namespace == bindparam("namespace"))
    return found.order_by(newest.c.created_at.desc(), newest.c.id.desc()).limit(bindparam("limit"))


class _Statements:
    """Statements whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.failed = {
            newest: LimitedEach(
                lambda key, newest=newest: _failed(key, newest=newest),  # type: ignore[misc]
                [""],
                database=dialect.name,
                complete=self._with_status,
            )
            for newest in (True, False)
        }
        self.metrics = LimitedEach(
            lambda key: _metrics_of_run(dialect, key), [""], database=dialect.name, complete=self._with_value
        )
        self.last_writes = LimitedEach(_writes, [""], database=dialect.name)
        self.roots = LimitedEach(_root, [""], database=dialect.name, complete=self._with_inputs)
        rows, condition = dialect.rows_among(runs, runs.c.id, "ids", columns=("id", "runtime_config"))
        self.configs = select(rows.c.id, _if_short(rows.c.runtime_config)).where(condition)
        self.experiment_names = self._names(experiments, "name")
        self.pipeline_names = self._names(pipelines, "display_name", "name")
        self.version_names = self._names(pipeline_versions, "display_name", "name")
        self.counts = {in_namespace: _counts(in_namespace=in_namespace) for in_namespace in (True, False)}
        self.ended = {in_namespace: _ended(in_namespace=in_namespace) for in_namespace in (True, False)}
        self.unchanged = {in_namespace: _unchanged(in_namespace=in_namespace) for in_namespace in (True, False)}

    def _with_status(self, rows: FromClause) -> Select[Any]:
        whole, condition = self._dialect.partners(tasks, tasks.c.id == rows.c.id, columns=("id", "status_metadata"))
        status = func.substr(whole.c.status_metadata, 1, inline_number(STATUS_CHARACTERS))
        return select(*rows.c, status).select_from(rows.join(whole, condition))

    def _with_value(self, rows: FromClause) -> Select[Any]:
        is_last = artifact_tasks.c.id == rows.c.link_id
        links, last = self._dialect.partners(artifact_tasks, is_last, columns=("id", "artifact_id"))
        is_linked = artifacts.c.id == links.c.artifact_id
        made, condition = self._dialect.partners(artifacts, is_linked, columns=("id", "number_value"))
        found = select(rows.c.position, rows.c.name, made.c.number_value, made.c.id)
        return found.select_from(rows.join(links, last).join(made, condition))

    def _with_inputs(self, rows: FromClause) -> Select[Any]:
        is_root = tasks.c.id == rows.c.id
        whole, condition = self._dialect.partners(tasks, is_root, columns=("id", "input_parameters"))
        inputs = _if_short(whole.c.input_parameters)
        return select(rows.c.position, inputs).select_from(rows.join(whole, condition))

    def _names(self, table: Table, *columns: str) -> Select[Any]:
        rows, condition = self._dialect.rows_among(table, table.c.id, "ids", columns=("id", *columns))
        return select(rows.c.id, *(rows.c[name] for name in columns)).where(condition)


def _if_short(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.length(column) <= bindparam("characters"), column))


class SqlOverview:
    """What is summed up of runs, as one connection sees it."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def list_runs(self, listing: Listing, *, experiment_id: str | None, namespace: str | None) -> Page[RunRow]:
        """Return a page of runs without what can be long."""
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
            columns=columns_of(runs, RunRow),
            scope=scope,
            record=lambda row: RunRow(*row[:-1]),
        )

    async def count_by_state(self, *, namespace: str | None, among: int) -> Sequence[StateCount]:
        """Return counts of the newest runs in each state."""
        values = {"among": among} | _in(namespace)
        rows = (await self._connection.execute(self._statements.counts[namespace is not None], values)).all()
        places = list(RunState.__members__)
        counts = [StateCount(state, int(examined), int(count)) for state, examined, count in rows]
        return sorted(counts, key=lambda each: places.index(each.state))

    async def count_ended(
        self, state: str, *, created_since: int, ended_since: int, namespace: str | None, among: int
    ) -> StateCount:
        """Return how many of the newest runs in a state ended since a time."""
        values = {"state": state, "created_since": created_since, "ended_since": ended_since, "among": among}
        statement = self._statements.ended[namespace is not None]
        examined, count = (await self._connection.execute(statement, values | _in(namespace))).one()
        return StateCount(state, int(examined), int(count or 0))

    async def list_unchanged(
        self, state: str, *, before: int, namespace: str | None, among: int, limit: int
    ) -> Sequence[RunRow]:
        """Return the newest runs in a state that have not changed since a time."""
        values = {"state": state, "before": before, "among": among, "limit": limit} | _in(namespace)
        statement = self._statements.unchanged[namespace is not None]
        return [RunRow(*row) for row in (await self._connection.execute(statement, values)).all()]

    async def last_writes(self, run_ids: Sequence[str], *, tasks: int) -> dict[str, LastWrites]:
        """Return the last writes of runs."""
        rows = await self._each(self._statements.last_writes, run_ids, among=tasks)
        return {run_id: LastWrites(changed_at or 0, link_id or "") for run_id, changed_at, link_id in rows}

    async def failed_tasks(self, run_ids: Sequence[str], *, newest: bool, among: int) -> dict[str, FailedTask]:
        """Return the failed task of each run that has one."""
        rows = await self._each(self._statements.failed[newest], run_ids, among=among)
        return {run_id: FailedTask(*row) for run_id, *row in rows}

    async def metrics(self, run_ids: Sequence[str], *, per_run: int, among: int) -> Sequence[RunMetric]:
        """Return the metrics of runs."""
        rows = await self._each(self._statements.metrics, run_ids, among=among, limit=per_run)
        # By bytes, as the databases sort them.
        return sorted((RunMetric(*row) for row in rows), key=lambda each: (each.run_id, each.name.encode()))

    async def runtime_configs(self, run_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Return the runtime configurations of runs."""
        rows = await self._among(self._statements.configs, run_ids, characters=characters)
        return {run_id: text for run_id, text in rows if text}

    async def root_inputs(self, run_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Return the inputs of the ROOT tasks of runs."""
        rows = await self._each(self._statements.roots, run_ids, characters=characters)
        return {run_id: text for run_id, text in rows if text}

    async def experiment_names(self, experiment_ids: Sequence[str]) -> dict[str, str]:
        """Return the names of experiments."""
        return _first_names(await self._among(self._statements.experiment_names, experiment_ids))

    async def pipeline_names(self, pipeline_ids: Sequence[str]) -> dict[str, str]:
        """Return the names of pipelines."""
        return _first_names(await self._among(self._statements.pipeline_names, pipeline_ids))

    async def version_names(self, version_ids: Sequence[str]) -> dict[str, str]:
        """Return the names of pipeline versions."""
        return _first_names(await self._among(self._statements.version_names, version_ids))

    async def _each(self, statement: LimitedEach, run_ids: Sequence[str], **values: int) -> list[tuple[Any, ...]]:
        """Return rows with the id of their run in place of its position."""
        ids = possible_ids(dict.fromkeys(run_ids))
        rows: list[tuple[Any, ...]] = []
        for start, text, keys in statement.batches([(each,) for each in ids]) if ids else ():
            found = await self._connection.execute(text, {**keys, **values})
            # What pads a statement has a row, too, if it is a sum.
            rows.extend((ids[start + row[0]], *row[1:]) for row in found.all() if start + row[0] < len(ids))
        return rows

    async def _among(self, statement: Select[Any], ids: Sequence[str], **values: int) -> Sequence[Any]:
        ids = possible_ids(dict.fromkeys(each for each in ids if each))
        if not ids:
            return []
        bound = {"ids": self._dialect.text_list(ids), **values}
        rows: Sequence[Any] = (await self._connection.execute(statement, bound)).all()
        return rows


def _in(namespace: str | None) -> dict[str, str]:
    return {} if namespace is None else {"namespace": namespace}


def _first_names(rows: Sequence[Any]) -> dict[str, str]:
    return {id: next(filter(None, names), "") for id, *names in rows}
