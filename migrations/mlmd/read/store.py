"""Reads an MLMD store run by run. The loader calls this; `batches` and `survey` hold what it is made of.

    async with open_store(url) as store:
        store.survey                                  what is there, and what has no place
        async for batch in store.runs(after=0):       some runs with all that belongs to them
        async for batch in store.loose_artifacts():   artifacts that no run touched

Each batch is one snapshot, read in a number of statements that does not depend on its size (one more for every 5,000 rows of a
kind), and no connection is held while the caller works on it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.batches import ArtifactBatch, BatchReader, KfpRuns, RunBatch
from migrations.mlmd.read.columns import Texts, integer
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema, read_schema
from migrations.mlmd.read.survey import Survey, take_survey
from migrations.mlmd.read.text_repair import beyond_ascii, is_double_encoded
from migrations.mlmd.read.types import Types, read_catalog
from migrations.mlmd.vocabulary.findings import Findings

EXECUTIONS_PER_BATCH = 2000
"""A batch holds this many executions, or a single run of more."""

ARTIFACTS_PER_BATCH = 5000

_CONTEXTS_PER_PAGE = 500
_OWNER_ROWS = 10_000
_TEXT_SAMPLES = 200

_TEXTS = (
    ("contextproperty", "string_value"),
    ("artifactproperty", "string_value"),
    ("executionproperty", "string_value"),
    ("artifact", "uri"),
    ("contextproperty", "name"),
    ("artifactproperty", "name"),
    ("executionproperty", "name"),
    ("eventpath", "step_key"),
    ("context", "name"),
    ("execution", "name"),
    ("artifact", "name"),
    ("type", "name"),
)
"""Where a store has texts that users chose; it may have characters beyond ASCII in one of them only."""


class MlmdStore:
    """An open store."""

    def __init__(self, database: Database, batches: BatchReader, survey: Survey, types: Types, schema: Schema) -> None:
        self._database = database
        self._batches = batches
        self._catalog = types
        self._schema = schema
        self.survey = survey

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self._database.label

    async def runs(
        self, *, after: int = 0, executions_per_batch: int = EXECUTIONS_PER_BATCH
    ) -> AsyncGenerator[RunBatch, None]:
        """Yield all runs whose context's id is greater, in the order of these ids."""
        if not self._schema.has_runs or not self._catalog.run_kinds:
            return
        while True:
            async with self._database.connect() as connection:
                page = await self._page(connection, after)
            if not page:
                return
            for context_ids in _packed(page, executions_per_batch):
                async with self._database.connect() as connection:
                    batch = await self._batches.runs(connection, context_ids)
                yield batch
            if page[-1][0] <= after:
                return  # an id that is no whole number, in a table without its key
            after = page[-1][0]

    async def loose_artifacts(self, *, after: int = 0) -> AsyncGenerator[ArtifactBatch, None]:
        """Yield the artifacts that no run used or made and whose id is greater, in the order of their ids."""
        while True:
            async with self._database.connect() as connection:
                batch = await self._batches.loose_artifacts(connection, after, ARTIFACTS_PER_BATCH)
            if batch is None:
                return
            yield batch
            if batch.last_artifact_id <= after:
                return
            after = batch.last_artifact_id

    async def _page(self, connection: AsyncConnection, after: int) -> list[tuple[int, int]]:
        """Return the ids of the next contexts that are runs, and how many executions each has."""
        contexts, ties = self._schema["context"], self._schema["association"]
        id = contexts.column("id")
        statement = (
            select(id)
            .where(contexts.column("type_id").in_(sorted(self._catalog.run_kinds)), id > after)
            .order_by(id)
            .limit(_CONTEXTS_PER_PAGE)
        )
        ids = [integer(row[0]) for row in await connection.execute(statement)]
        context_id = ties.column("context_id")
        counting = select(context_id, func.count()).where(context_id.in_(ids)).group_by(context_id)
        counts: dict[int, int] = {row[0]: row[1] for row in await connection.execute(counting)}
        return [(id, counts.get(id, 0)) for id in ids]


@asynccontextmanager
async def open_store(
    url: str, *, run_context_types: Sequence[str] = (), kfp: KfpRuns | None = None
) -> AsyncIterator[MlmdStore]:
    """Open a store for reading. Raises SourceRefused, here and while reading, when it cannot be read.

    Contexts of the named types are runs, beside those that always are. With KFP's own database, runs of KFP v2 that it does not
    know are left out.
    """
    database = Database(url, what="the source")
    try:
        async with database.connect() as connection:
            schema = await connection.run_sync(lambda sync: read_schema(sync, database.label))
            texts = Texts(repair=database.reinterprets_text and await _is_double_encoded(connection, schema))
            findings = Findings()
            types = await read_catalog(connection, schema, texts, run_context_types, findings)
            run_index = await _read_owners(connection, schema, types)
            survey = await take_survey(connection, schema, types, run_index, findings)
            batches = await BatchReader.prepared(connection, schema, types, texts, run_index, kfp)
        yield MlmdStore(database, batches, survey, types, schema)
    finally:
        await database.close()


def _packed(page: Sequence[tuple[int, int]], limit: int) -> list[list[int]]:
    batches: list[list[int]] = []
    room = 0
    for context_id, count in page:
        if not batches or count > room:
            batches.append([])
            room = limit
        batches[-1].append(context_id)
        room -= count
    return batches


async def _read_owners(connection: AsyncConnection, schema: Schema, types: Types) -> RunIndex:
    run_index = RunIndex()
    if not schema.has_runs or not types.run_kinds:
        return run_index
    ties, contexts = schema["association"], schema["context"]
    execution_id, context_id = ties.column("execution_id"), ties.column("context_id")
    statement = (
        select(execution_id, context_id)
        .join(contexts.clause, contexts.column("id") == context_id)
        .where(contexts.column("type_id").in_(sorted(types.run_kinds)))
        .order_by(execution_id, context_id)
    )
    async for rows in (await connection.stream(statement)).partitions(_OWNER_ROWS):
        run_index.add((integer(row[0]), integer(row[1])) for row in rows)
    return run_index


async def _is_double_encoded(connection: AsyncConnection, schema: Schema) -> bool:
    """Look at some texts beyond ASCII."""
    samples: list[str] = []
    for name, column in _TEXTS:
        if column not in schema[name].columns:
            continue
        text = schema[name].column(column)
        statement: Select[Any] = select(text).where(beyond_ascii(text)).limit(_TEXT_SAMPLES)
        samples += [row[0] for row in await connection.execute(statement) if isinstance(row[0], str)]
    return is_double_encoded(samples)
