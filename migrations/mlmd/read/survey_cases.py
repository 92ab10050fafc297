"""The cases of the findings of a survey, one by one: what cannot be imported, as far as this is known before any run is mapped.

`store` calls this when every case is to be listed; the survey itself only counts.
"""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import integer
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.survey import executions_in_runs
from migrations.mlmd.read.types import Types, missing_context_types
from migrations.mlmd.vocabulary.findings import Findings, Rule, shown
from storage.record import record

_ROWS_PER_FETCH = 5000


@record
class SurveyCases:
    """Reads the cases of one store."""

    connection: AsyncConnection
    schema: Schema
    types: Types
    run_index: RunIndex

    async def all(self) -> AsyncIterator[Findings]:
        """Yield all cases, some thousands at a time."""
        contexts, executions, events = (self.schema[name] for name in ("context", "execution", "event"))
        if contexts.has:
            type_id = contexts.column("type_id")
            outside = or_(type_id.is_(None), type_id.not_in(sorted(self.types.run_kinds)))
            async for found in self._typed(Rule.CONTEXTS_WITHOUT_PLACE, "context", outside):
                yield found
        known = Findings(None)
        for id in self.run_index.shared:
            known.add(Rule.EXECUTIONS_OF_SEVERAL_RUNS, f"execution {id}")
        if self.schema.has_runs:
            for id in await missing_context_types(self.connection, self.schema, self.types.names):
                known.add(Rule.CONTEXTS_OF_MISSING_TYPE, f"type {id}")
        yield known
        has_runs = self.schema.has_runs and bool(self.types.run_kinds)
        in_runs = executions_in_runs(self.schema, self.types) if has_runs else None
        async for found in self._typed(
            Rule.EXECUTIONS_WITHOUT_RUN,
            "execution",
            executions.column("id").not_in(in_runs) if in_runs is not None else None,
        ):
            yield found
        execution_id, existing = events.column("execution_id"), select(executions.column("id"))
        of_no_run: Select[Any] = select(events.column("id")).where(execution_id.in_(existing))
        if in_runs is not None:
            of_no_run = of_no_run.where(execution_id.not_in(in_runs))
        async for found in self._cases(Rule.EVENTS_WITHOUT_RUN, "", "event {}", of_no_run):
            yield found
        dangling: Select[Any] = select(events.column("id")).where(execution_id.not_in(existing))
        async for found in self._cases(Rule.DANGLING_EVENTS, "execution missing", "event {}", dangling):
            yield found
        async for found in self._dangling():
            yield found

    async def _dangling(self) -> AsyncIterator[Findings]:
        associations, paths, events = (self.schema[name] for name in ("association", "eventpath", "event"))
        if paths.has and events.has:
            event_id = paths.column("event_id")
            steps: Select[Any] = select(event_id).where(event_id.not_in(select(events.column("id"))))
            async for found in self._cases(Rule.DANGLING_PATHS, "event missing", "step of event {}", steps):
                yield found
        for target in ("execution", "context"):
            other = self.schema[target]
            if associations.has and other.has:
                pair = [associations.column(name) for name in ("execution_id", "context_id")]
                reference = associations.column(f"{target}_id")
                lost: Select[Any] = select(*pair).where(reference.not_in(select(other.column("id"))))
                template = "association of execution {} and context {}"
                async for found in self._cases(Rule.DANGLING_ASSOCIATIONS, f"{target} missing", template, lost):
                    yield found

    async def _typed(self, rule: Rule, name: str, condition: Any) -> AsyncIterator[Findings]:
        table = self.schema[name]
        if not table.has:
            return
        statement = select(table.column("id"), table.column("type_id")).order_by(table.column("id"))
        async for rows in self._fetch(statement if condition is None else statement.where(condition)):
            found = Findings(None)
            for id, type_id in rows:
                kind = shown(self.types.names.get(integer(type_id), ""))
                found.add(rule, f"{name} {id}", kind=kind)
            yield found

    async def _cases(self, rule: Rule, kind: str, template: str, statement: Select[Any]) -> AsyncIterator[Findings]:
        async for rows in self._fetch(statement):
            found = Findings(None)
            for row in rows:
                found.add(rule, template.format(*row), kind=kind)
            yield found

    async def _fetch(self, statement: Select[Any]) -> AsyncIterator[Any]:
        async for rows in (await self.connection.stream(statement)).partitions(_ROWS_PER_FETCH):
            yield rows
