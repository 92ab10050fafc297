"""Counts the contents of a store before anything is imported, and what cannot be imported. `store` calls this.

Every figure is one statement over whole tables; no batch repeats it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import integer
from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from migrations.mlmd.vocabulary.findings import EXAMPLES, Findings, Rule, shown
from migrations.mlmd.vocabulary.rows import RunKind
from storage.record import record


@record
class Survey:
    """The figures of a store; findings counts what cannot be imported, as far as this is known before any run is mapped."""

    schema_version: int
    runs: Mapping[RunKind, int]
    executions: int
    executions_in_runs: int
    artifacts: int
    artifacts_without_run: int
    events: int
    events_in_runs: int
    contexts: Mapping[str, int]  # by the name of their type, runs included
    findings: Findings


async def take_survey(
    connection: AsyncConnection, schema: Schema, types: Types, run_index: RunIndex, findings: Findings
) -> Survey:
    """Return the figures of a store."""
    counter = _Counter(connection, schema, types)
    contexts = await counter.contexts(findings)
    await counter.executions_without_run(findings)
    if run_index.shared:
        examples = (f"execution {id}" for id in list(run_index.shared)[:EXAMPLES])
        findings.add(Rule.EXECUTIONS_OF_SEVERAL_RUNS, *examples, count=len(run_index.shared))
    events_in_runs = await counter.events(findings)
    await counter.dangling(findings)
    return Survey(
        schema_version=schema.version,
        runs=await counter.runs(),
        executions=await counter.total("execution"),
        executions_in_runs=len(run_index),
        artifacts=await counter.total("artifact"),
        artifacts_without_run=await counter.artifacts_without_run(),
        events=await counter.total("event"),
        events_in_runs=events_in_runs,
        contexts=contexts,
        findings=findings,
    )


def executions_in_runs(schema: Schema, types: Types) -> Select[Any]:
    """Select the ids of the executions of runs."""
    associations, contexts = schema["association"], schema["context"]
    return (
        select(associations.column("execution_id"))
        .join(contexts.clause, contexts.column("id") == associations.column("context_id"))
        .where(contexts.column("type_id").in_(sorted(types.run_kinds)))
    )


class _Counter:
    def __init__(self, connection: AsyncConnection, schema: Schema, types: Types) -> None:
        self._connection = connection
        self._schema = schema
        self._types = types

    async def total(self, name: str) -> int:
        return await self._count(self._schema[name])

    async def runs(self) -> dict[RunKind, int]:
        """Count the runs of each kind."""
        counts: dict[RunKind, int] = {}
        for type_id, count in await self._by_type("context"):
            kind = self._types.run_kinds.get(type_id)
            if kind is not None:
                counts[kind] = counts.get(kind, 0) + count
        return counts

    async def contexts(self, findings: Findings) -> dict[str, int]:
        """Count contexts by type; those that are not runs are findings."""
        counts: dict[str, int] = {}
        for type_id, count in await self._by_type("context"):
            name = shown(self._types.names.get(type_id, ""))
            counts[name] = counts.get(name, 0) + count
            if type_id not in self._types.run_kinds:
                findings.add(Rule.CONTEXTS_WITHOUT_PLACE, kind=name, count=count)
        return counts

    async def executions_without_run(self, findings: Findings) -> None:
        """Count executions without a run by type."""
        executions = self._schema["execution"]
        id, type_id = executions.column("id"), executions.column("type_id")
        outside = id.not_in(self._in_runs()) if self._has_runs else None
        counting = select(type_id, func.count(), func.min(id)).group_by(type_id)
        for type_number, count, first in await self._rows(counting if outside is None else counting.where(outside)):
            kind = self._types.names.get(integer(type_number), "")
            findings.add(Rule.EXECUTIONS_WITHOUT_RUN, f"execution {first}", kind=kind, count=count)

    async def artifacts_without_run(self) -> int:
        """Count the artifacts that no execution of a run used or made."""
        artifacts, events = self._schema["artifact"], self._schema["event"]
        total = await self.total("artifact")
        if not self._has_runs:
            return total
        artifact_id = events.column("artifact_id")
        of_runs = (
            select(func.count(artifact_id.distinct()))
            .join(artifacts.clause, artifacts.column("id") == artifact_id)
            .where(events.column("execution_id").in_(self._in_runs()))
        )
        [(count,)] = await self._rows(of_runs)
        return total - integer(count)

    async def events(self, findings: Findings) -> int:
        """Count the events of executions in runs, and report the others; dangling events are a separate finding."""
        events, executions = self._schema["event"], self._schema["execution"]
        execution_id = events.column("execution_id")
        in_runs = await self._count(events, execution_id.in_(self._in_runs())) if self._has_runs else 0
        exists = execution_id.in_(select(executions.column("id")))
        with_execution = await self._count(events, exists)
        if with_execution > in_runs:
            findings.add(Rule.EVENTS_WITHOUT_RUN, count=with_execution - in_runs)
        id = events.column("id")
        dangling_ids = (
            select(id).where(execution_id.not_in(select(executions.column("id")))).order_by(id).limit(EXAMPLES)
        )
        examples = [f"event {row[0]}" for row in await self._rows(dangling_ids)]
        dangling = await self.total("event") - with_execution
        if dangling:
            findings.add(Rule.DANGLING_EVENTS, *examples, kind="execution missing", count=dangling)
        return in_runs

    async def dangling(self, findings: Findings) -> None:
        """Count references to rows that do not exist, which would otherwise be silently ignored."""
        for name, column, target, rule in (
            ("eventpath", "event_id", "event", Rule.DANGLING_PATHS),
            ("association", "execution_id", "execution", Rule.DANGLING_ASSOCIATIONS),
            ("association", "context_id", "context", Rule.DANGLING_ASSOCIATIONS),
        ):
            table, other = self._schema[name], self._schema[target]
            if not table.has or not other.has:
                continue
            count = await self._count(table, table.column(column).not_in(select(other.column("id"))))
            if count:
                findings.add(rule, kind=f"{target} missing", count=count)

    @property
    def _has_runs(self) -> bool:
        return self._schema.has_runs and bool(self._types.run_kinds)

    def _in_runs(self) -> Select[Any]:
        return executions_in_runs(self._schema, self._types)

    async def _by_type(self, name: str) -> list[tuple[int, int]]:
        table = self._schema[name]
        if not table.has:
            return []
        type_id = table.column("type_id")
        rows = await self._rows(select(type_id, func.count()).group_by(type_id).order_by(type_id))
        return [(integer(row[0]), row[1]) for row in rows]

    async def _count(self, table: ForeignTable, condition: ColumnElement[bool] | None = None) -> int:
        statement = select(func.count()).select_from(table.clause)
        rows = await self._rows(statement if condition is None else statement.where(condition))
        return int(rows[0][0])

    async def _rows(self, statement: Select[Any]) -> list[Any]:
        return list((await self._connection.execute(statement)).all())
