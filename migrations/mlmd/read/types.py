"""The types of a store: their names, and which types of context are runs. The reader calls this."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import Texts, fetch, integer, with_ids
from migrations.mlmd.read.schema import CONTEXT_KIND, Schema
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import RunKind
from storage.record import record

RUN_TYPES: Mapping[str, RunKind] = {
    "system.PipelineRun": RunKind.KFP_V2,
    "KfpRun": RunKind.KFP_V1,
    "pipeline_run": RunKind.GENERIC,
}
"""The types of contexts that are runs; callers can add more."""

NODE_TYPE = "node"

_SIGNS_OF_A_RUN = ("pipeline_root", "resource_name", "store_session_info")
"""Properties that only the context of a run has, set by KFP's driver."""


@record
class Types:
    """The types by id; run_kinds and node_types hold those of contexts only."""

    names: dict[int, str]
    versions: dict[int, str]
    run_kinds: Mapping[int, RunKind]
    node_types: Set[int]

    async def look_up(self, connection: AsyncConnection, schema: Schema, texts: Texts, ids: Iterable[object]) -> None:
        """Read the types, among the given ones, that did not exist before."""
        missing_ids = sorted({integer(id) for id in ids} - self.names.keys())
        if not missing_ids:
            return
        types = schema["type"]
        statement: Select[Any] = select(types["id"], types["name"], types["version"]).where(
            with_ids(types.column("id"))
        )
        for id, name, version in await fetch(connection, statement, missing_ids):
            self.names[integer(id)], self.versions[integer(id)] = (
                texts.text_or_empty(name),
                texts.text_or_empty(version),
            )


async def read_types(
    connection: AsyncConnection, schema: Schema, texts: Texts, run_context_types: Sequence[str], findings: Findings
) -> Types:
    """Return the types of a store; contexts of missing types are runs if their properties say so."""
    types = schema["type"]
    statement = select(types["id"], types["name"], types["version"], schema.type_kind)
    rows = (await connection.execute(statement)).all()
    names = {integer(row[0]): texts.text_or_empty(row[1]) for row in rows}
    contexts = {integer(row[0]) for row in rows if integer(row[3]) == CONTEXT_KIND}
    kinds_by_name = {**dict.fromkeys(run_context_types, RunKind.GENERIC), **RUN_TYPES}
    run_kinds = {id: kinds_by_name[names[id]] for id in contexts if names[id] in kinds_by_name}
    run_kinds |= await _runs_of_missing_types(connection, schema, names, findings)
    return Types(
        names=names,
        versions={integer(row[0]): texts.text_or_empty(row[2]) for row in rows},
        run_kinds=run_kinds,
        node_types={id for id in contexts if names[id] == NODE_TYPE},
    )


async def _runs_of_missing_types(
    connection: AsyncConnection, schema: Schema, names: Mapping[int, str], findings: Findings
) -> dict[int, RunKind]:
    if not schema.has_runs:
        return {}
    contexts, properties = schema["context"], schema["contextproperty"]
    type_id = contexts.column("type_id")
    missing_types = await missing_context_types(connection, schema, names)
    if not missing_types:
        return {}
    findings.add(Rule.CONTEXTS_OF_MISSING_TYPE, *(f"type {id}" for id in missing_types), count=len(missing_types))
    if not properties.has:
        return {}
    statement: Select[Any] = (
        select(type_id)
        .distinct()
        .join(properties.clause, properties.column("context_id") == contexts.column("id"))
        .where(with_ids(type_id), properties.column("name").in_(_SIGNS_OF_A_RUN))
    )
    run_types = [integer(row[0]) for row in await fetch(connection, statement, missing_types)]
    return dict.fromkeys(run_types, RunKind.KFP_V2)


async def missing_context_types(connection: AsyncConnection, schema: Schema, names: Mapping[int, str]) -> list[int]:
    """Return the types of contexts that do not exist; `names` has those that do."""
    rows = await connection.execute(select(schema["context"].column("type_id")).distinct())
    return sorted({integer(row[0]) for row in rows} - names.keys())
