"""Reads rows of MLMD's tables by id, each with its properties. The batch readers call this."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.columns import Texts, fetch, integer, with_ids
from migrations.mlmd.read.horizon import Horizon, within
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from migrations.mlmd.vocabulary.names import NAMING_PROPERTIES
from migrations.mlmd.vocabulary.rows import ArtifactRow, ContextRow, EventRow, ExecutionRow, PropertyRow
from migrations.mlmd.vocabulary.values import integer_of


class RowReader:
    """Reads rows of one store, sorted by id. Ids of rows that do not exist are ignored, and events beyond the horizon."""

    def __init__(self, schema: Schema, types: Types, texts: Texts, horizon: Horizon) -> None:
        self._schema = schema
        self._types = types
        self.texts = texts
        self.horizon = horizon

    async def contexts(self, connection: AsyncConnection, ids: Sequence[int]) -> list[ContextRow]:
        """Return contexts, without those that are not runs."""
        if not ids:
            return []
        table, kinds = self._schema["context"], self._types.run_kinds
        names = ("id", "type_id", "name", "create_time_since_epoch", "last_update_time_since_epoch")
        statement: Select[Any] = select(*(table[name] for name in names)).where(with_ids(table.column("id")))
        rows = await fetch(connection, statement, ids)
        properties = await self._properties(connection, "context", ids)
        parents = await self._parent_names(connection, ids)
        contexts = []
        for id, type_id, raw_name, created, updated in rows:
            name, type_id = self.texts.text_or_empty(raw_name), integer(type_id)
            if type_id in kinds:
                context = ContextRow(
                    id,
                    self._types.names.get(type_id),
                    kinds[type_id],
                    name,
                    integer(created),
                    integer(updated),
                    tuple(properties.get(id, ())),
                    parents.get(id, ""),
                )
                contexts.append(context)
        return sorted(contexts, key=lambda row: row.id)

    async def executions(
        self, connection: AsyncConnection, ids: Sequence[int], *, names_only: bool = False
    ) -> list[ExecutionRow]:
        """Return executions with all of their properties, or only with those that contain their names."""
        table = self._schema["execution"]
        names = ("id", "type_id", "name", "last_known_state", "create_time_since_epoch", "last_update_time_since_epoch")
        columns = [table[name] for name in (*names, "external_id")]
        rows = await fetch(connection, select(*columns).where(with_ids(table.column("id"))), ids)
        await self._types.look_up(connection, self._schema, self.texts, (row[1] for row in rows))
        property_names = NAMING_PROPERTIES if names_only else ()
        properties = await self._properties(connection, "execution", ids, property_names)
        nodes = await self._node_names(connection, ids)
        executions = [
            ExecutionRow(
                id,
                self._types.names.get(integer(type_id)),
                self.texts.text_or_empty(name),
                integer_of(state),
                integer(created),
                integer(updated),
                tuple(properties.get(id, ())),
                self.texts.text_or_empty(external_id),
                nodes.get(id, ""),
            )
            for id, type_id, name, state, created, updated, external_id in rows
        ]
        return sorted(executions, key=lambda row: row.id)

    async def artifacts(self, connection: AsyncConnection, ids: Sequence[int]) -> list[ArtifactRow]:
        """Return artifacts."""
        table, text = self._schema["artifact"], self.texts.text
        names = ("id", "type_id", "uri", "state", "name", "create_time_since_epoch", "last_update_time_since_epoch")
        columns = [table[name] for name in (*names, "external_id")]
        rows = await fetch(connection, select(*columns).where(with_ids(table.column("id"))), ids)
        await self._types.look_up(connection, self._schema, self.texts, (row[1] for row in rows))
        properties = await self._properties(connection, "artifact", ids)
        artifacts = [
            ArtifactRow(
                id,
                self._types.names.get(integer(type_id)),
                text(uri),
                integer_of(state),
                text(name),
                integer(created),
                integer(updated),
                tuple(properties.get(id, ())),
                self.texts.text_or_empty(external_id),
                self._types.versions.get(integer(type_id), ""),
            )
            for id, type_id, uri, state, name, created, updated, external_id in rows
        ]
        return sorted(artifacts, key=lambda row: row.id)

    async def events(self, connection: AsyncConnection, execution_ids: Sequence[int]) -> list[EventRow]:
        """Return the events of executions."""
        return await self._events(connection, "execution_id", execution_ids)

    async def events_by_id(self, connection: AsyncConnection, ids: Sequence[int]) -> list[EventRow]:
        """Return events by their own ids."""
        return await self._events(connection, "id", ids)

    async def events_of_artifacts(self, connection: AsyncConnection, ids: Sequence[int]) -> list[EventRow]:
        """Return all events of artifacts."""
        return await self._events(connection, "artifact_id", ids)

    async def _events(self, connection: AsyncConnection, column: str, ids: Sequence[int]) -> list[EventRow]:
        table, paths = self._schema["event"], self._schema["eventpath"]
        columns = [table[name] for name in ("id", "artifact_id", "execution_id", "type", "milliseconds_since_epoch")]
        visible = within(table.column("id"), self.horizon.events)
        rows = await fetch(connection, select(*columns).where(with_ids(table.column(column)), visible), ids)
        rows.sort(key=lambda row: row[0])
        steps: dict[int, list[str | int]] = {}
        if paths.has:
            columns = [paths[name] for name in ("event_id", "is_index_step", "step_index", "step_key")]
            statement: Select[Any] = select(*columns).where(with_ids(paths.column("event_id")))
            for event_id, is_index, index, key in await fetch(connection, statement, [row[0] for row in rows]):
                step = integer(index) if is_index else self.texts.text_or_empty(key)
                steps.setdefault(event_id, []).append(step)
        return [
            EventRow(id, artifact, execution, integer(type), integer(at), tuple(steps.get(id, ())))
            for id, artifact, execution, type, at in rows
        ]

    async def _properties(
        self, connection: AsyncConnection, kind: str, ids: Sequence[int], names: Sequence[str] = ()
    ) -> dict[int, list[PropertyRow]]:
        table, owner_column = self._schema[f"{kind}property"], f"{kind}_id"
        if not table.has or not ids:
            return {}
        reader = self.texts.properties(table)
        statement: Select[Any] = select(*reader.columns(owner_column)).where(with_ids(table.column(owner_column)))
        if names:
            statement = statement.where(table.column("name").in_(names))
        return reader.group(await fetch(connection, statement, ids))

    async def _parent_names(self, connection: AsyncConnection, ids: Sequence[int]) -> dict[int, str]:
        """Return the name of the first parent of contexts: a run's parent is its pipeline."""
        parents, contexts = self._schema["parentcontext"], self._schema["context"]
        if not parents.has:
            return {}
        id, parent_id = parents.column("context_id"), parents.column("parent_context_id")
        statement = (
            select(id, contexts.column("name"))
            .join(contexts.clause, contexts.column("id") == parent_id)
            .where(with_ids(id))
            .order_by(id, parent_id)
        )
        parent_names: dict[int, str] = {}
        for context_id, name in await fetch(connection, statement, ids):
            parent_names.setdefault(context_id, self.texts.text_or_empty(name))
        return parent_names

    async def _node_names(self, connection: AsyncConnection, ids: Sequence[int]) -> dict[int, str]:
        """Return the nodes of executions; the name of a node's context consists of those of pipeline and node."""
        if not self._types.node_types or not ids:
            return {}
        associations, contexts = self._schema["association"], self._schema["context"]
        execution_id = associations.column("execution_id")
        # There are few nodes; a range of executions per node can be read from an index.
        statement = (
            select(execution_id, contexts.column("name"))
            .join(contexts.clause, contexts.column("id") == associations.column("context_id"))
            .where(
                contexts.column("type_id").in_(sorted(self._types.node_types)),
                execution_id.between(ids[0], ids[-1]),
            )
        )
        id_set, node_names = set(ids), {}
        for id, name in await connection.execute(statement):
            if id in id_set:
                node_names[id] = self.texts.text_or_empty(name).rpartition(".")[2]
        return node_names
