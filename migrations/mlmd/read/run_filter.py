"""Which runs of a store are imported, and which of them repeat another run. Both batch readers call this.

If KFP's own database is given, a run of KFP v2 that this database does not have is not imported: KFP deletes a run there and
leaves its rows in MLMD. A run repeats another one when both would get the same id: several contexts of KFP v2 have its
name, or KFP recorded it both as v1 and as v2.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import Texts, fetch, integer, with_ids
from migrations.mlmd.read.horizon import Horizon, within
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from storage.record import record

_CONTEXTS_PER_QUESTION = 500


@record
class RunFilter:
    """Decides which runs of one store are imported."""

    schema: Schema
    texts: Texts
    v2_types: Sequence[int]
    """The ids of the types whose contexts are runs of KFP v2."""
    first_contexts: Mapping[str, int] = field(default_factory=dict)
    """The first context of each name that several runs of KFP v2 share."""
    missing_contexts: Collection[int] = frozenset()
    """The contexts of KFP v2 whose runs KFP's own database does not have; none without that database."""
    horizon: Horizon = field(default_factory=Horizon)

    @classmethod
    async def read(
        cls,
        connection: AsyncConnection,
        schema: Schema,
        types: Types,
        texts: Texts,
        horizon: Horizon,
        kfp: KfpRuns | None,
    ) -> "RunFilter":
        """Return the filter of a store, from two statements over all of its contexts."""
        v2_types = sorted(id for id, kind in types.run_kinds.items() if kind is RunKind.KFP_V2)
        if not schema.has_runs or not types.run_kinds:
            return cls(schema, texts, v2_types, horizon=horizon)
        first_contexts = await _first_contexts(connection, schema, texts, v2_types)
        missing_contexts = await _missing_contexts(connection, schema, texts, v2_types, kfp) if kfp else set()
        return cls(schema, texts, v2_types, first_contexts, missing_contexts, horizon)

    async def mark_repeats(
        self, connection: AsyncConnection, contexts: Sequence[ContextRow], kfp_runs: Mapping[int, KfpRun]
    ) -> list[ContextRow]:
        """Return the contexts, each marked when it repeats another one."""
        run_ids = {row.id: kfp_runs[row.id].id for row in contexts if row.kind is RunKind.KFP_V1 and row.id in kfp_runs}
        v2_names = await self._v2_names(connection, sorted(set(run_ids.values())))
        rows, names = [], set[str]()
        for row in contexts:
            # A context can have got the name of another one since the survey.
            name = row.name if row.kind is RunKind.KFP_V2 else run_ids.get(row.id, "")
            is_first = self.first_contexts.get(row.name, row.id) == row.id and name not in names
            repeats = not is_first or run_ids.get(row.id) in v2_names
            rows.append(replace(row, repeats=True) if repeats else row)
            names.update([name] if name else [])
        return rows

    def split(
        self, contexts: Sequence[ContextRow], kfp_runs: Mapping[int, KfpRun] | None
    ) -> tuple[list[ContextRow], list[ContextRow]]:
        """Return the contexts to import, and those to leave out; without KFP's own database (None) all are imported."""
        if kfp_runs is None:
            return list(contexts), []
        imports = {
            row.id
            for row in contexts
            if row.kind is not RunKind.KFP_V2 or (row.id in kfp_runs and row.id not in self.missing_contexts)
        }
        return [row for row in contexts if row.id in imports], [row for row in contexts if row.id not in imports]

    async def count_missing(
        self,
        connection: AsyncConnection,
        contexts: Sequence[ContextRow],
        execution_ids: Mapping[int, Sequence[int]],
        findings: Findings,
    ) -> None:
        """Add findings for contexts that are left out, and for their executions and events."""
        for context in contexts:
            findings.add(Rule.RUNS_NOT_IN_KFP, f"context {context.id} {context.name}")
        ids = sorted(id for context in contexts for id in execution_ids.get(context.id, ()))
        if not ids:
            return
        findings.add(Rule.EXECUTIONS_NOT_IN_KFP, *(f"execution {id}" for id in ids), count=len(ids))
        execution_id = self.schema["event"].column("execution_id")
        statement: Select[Any] = select(self.schema["event"].column("id")).where(with_ids(execution_id))
        events = sorted(row[0] for row in await fetch(connection, statement, ids))
        findings.add(Rule.EVENTS_NOT_IN_KFP, *(f"event {id}" for id in events), count=len(events))

    async def _v2_names(self, connection: AsyncConnection, names: Sequence[str]) -> set[str]:
        """Return the names, among the given ones, that contexts of KFP v2 have."""
        if not names or not self.v2_types:
            return set()
        contexts = self.schema["context"]
        name, type_id = contexts.column("name"), contexts.column("type_id")
        visible = within(contexts.column("id"), self.horizon.contexts)
        rows = await connection.execute(select(name).where(type_id.in_(self.v2_types), name.in_(names), visible))
        return {self.texts.text_or_empty(row[0]) for row in rows}


async def _first_contexts(
    connection: AsyncConnection, schema: Schema, texts: Texts, v2_types: Sequence[int]
) -> dict[str, int]:
    contexts = schema["context"]
    name, id = contexts.column("name"), contexts.column("id")
    statement = (
        select(name, func.min(id))
        .where(contexts.column("type_id").in_(v2_types))
        .group_by(name)
        .having(func.count() > 1)
    )
    return {texts.text_or_empty(row[0]): integer(row[1]) for row in await connection.execute(statement)}


async def _missing_contexts(
    connection: AsyncConnection, schema: Schema, texts: Texts, v2_types: Sequence[int], kfp: KfpRuns
) -> set[int]:
    contexts, missing_contexts = schema["context"], set[int]()
    if not v2_types:
        return missing_contexts
    statement = select(contexts.column("id"), contexts.column("name")).where(contexts.column("type_id").in_(v2_types))
    async for rows in (await connection.stream(statement)).partitions(_CONTEXTS_PER_QUESTION):
        names = {integer(row[0]): texts.text_or_empty(row[1]) for row in rows}
        names_with_runs = await kfp.names_with_runs(sorted(set(names.values())))
        missing_contexts.update(id for id, name in names.items() if name not in names_with_runs)
    return missing_contexts
