"""Reads an MLMD store in batches. `migrations.mlmd.source` calls this.

    async with open_store(url) as store:
        store.survey                                        figures of the store, and what cannot be imported
        async for batch in store.runs(after=0):             some runs with everything that belongs to them
        async for batch in store.artifacts_without_run():   artifacts that no run used or made

Each batch is one snapshot, without the rows that are younger than the survey. It is read in a number of statements that does not
depend on its size (one more per 5,000 rows of a kind), and no connection is held while the caller processes the batch. Runs and
their artifacts are read by `run_batches`, other artifacts by `artifact_batches`; both leave out the runs that `run_filter` excludes.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.artifact_batches import ArtifactBatch, ArtifactReader, read_attributions
from migrations.mlmd.read.artifact_origins import OriginReader, RunOrigins
from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import Texts, integer
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.horizon import Horizon
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.run_batches import RunBatch, RunReader
from migrations.mlmd.read.run_filter import RunFilter
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.run_lookup import RunLookup
from migrations.mlmd.read.run_pages import batches_of, read_page
from migrations.mlmd.read.schema import Schema, read_schema
from migrations.mlmd.read.survey import Survey, take_survey
from migrations.mlmd.read.survey_cases import SurveyCases
from migrations.mlmd.read.text_repair import beyond_ascii, is_double_encoded
from migrations.mlmd.read.types import Types, read_types
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.times import is_time

EXECUTIONS_PER_BATCH = 2000
"""A batch has up to this many executions, or a single larger run."""

ARTIFACTS_PER_BATCH = 5000

SAMPLE_ROWS = 1000

_ASSOCIATIONS_PER_FETCH = 10_000
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
"""The columns with users' texts; non-ASCII characters may occur in only one of them."""


class MlmdStore:
    """An open store."""

    def __init__(
        self,
        database: Database,
        runs: RunReader,
        artifacts: ArtifactReader,
        survey: Survey,
        types: Types,
        schema: Schema,
        horizon: Horizon,
        run_index: RunIndex,
    ) -> None:
        self._database = database
        self._runs = runs
        self._artifacts = artifacts
        self._types = types
        self._schema = schema
        self._horizon = horizon
        self._run_index = run_index
        self.survey = survey

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self._database.label

    async def survey_cases(self) -> AsyncGenerator[Findings, None]:
        """Yield every case of the survey's findings, some thousands at a time."""
        async with self._database.connect() as connection:
            async for findings in SurveyCases(connection, self._schema, self._types, self._run_index).all():
                yield findings

    async def sample(self, name: str) -> dict[int, int]:
        """Return the times of creation (milliseconds) of some rows of a table by id: of the newest, and of others all over it.

        Rows without a time are left out.
        """
        table = self._schema[name]
        id, created = table.column("id"), table["create_time_since_epoch"]
        async with self._database.connect() as connection:
            newest = await connection.execute(select(id, created).order_by(id.desc()).limit(SAMPLE_ROWS))
            times = {integer(row[0]): integer(row[1]) for row in newest}
            if times:
                ids = sorted({max(times) * place // SAMPLE_ROWS for place in range(1, SAMPLE_ROWS)})
                others = await connection.execute(select(id, created).where(id.in_(ids)))
                times |= {integer(row[0]): integer(row[1]) for row in others}
        return {id: time for id, time in times.items() if is_time(time)}

    async def runs(
        self, *, after: int = 0, executions_per_batch: int = EXECUTIONS_PER_BATCH
    ) -> AsyncGenerator[RunBatch, None]:
        """Yield all runs whose context's id is greater, in the order of these ids."""
        if not self._schema.has_runs or not self._types.run_kinds:
            return
        while True:
            page = await self._database.read(partial(self._page, after=after))
            if not page:
                return
            for context_ids in batches_of(page, executions_per_batch):
                yield await self._database.read(partial(self._runs.batch, context_ids=context_ids))
            last_id = page[-1][0]
            if last_id <= after:
                return  # an id that is not an integer, in a table without its primary key
            after = last_id

    async def artifacts_without_run(self, *, after: int = 0) -> AsyncGenerator[ArtifactBatch, None]:
        """Yield the artifacts that no run used or made and whose id is greater, in the order of their ids."""
        while True:
            batch = await self._database.read(partial(self._artifacts.batch, after=after, limit=ARTIFACTS_PER_BATCH))
            if batch is None:
                return
            yield batch
            if batch.last_artifact_id <= after:
                return
            after = batch.last_artifact_id

    async def _page(self, connection: AsyncConnection, after: int) -> list[tuple[int, int]]:
        return await read_page(connection, self._schema, self._types, self._horizon, after)


@asynccontextmanager
async def open_store(
    url: str, *, run_context_types: Sequence[str] = (), kfp: KfpRuns | None = None
) -> AsyncIterator[MlmdStore]:
    """Open a store for reading. Raises SourceRefused, here and while reading, when it cannot be read.

    Contexts of the given types are treated as runs, in addition to those of the built-in types. With KFP's own database, runs of
    KFP v2 that it does not have are left out.
    """
    database = Database(url, what="the source")
    try:
        yield await database.read(partial(_surveyed, database, run_context_types, kfp))
    finally:
        await database.close()


async def _surveyed(
    database: Database, run_context_types: Sequence[str], kfp: KfpRuns | None, connection: AsyncConnection
) -> MlmdStore:
    schema = await connection.run_sync(lambda sync: read_schema(sync, database))
    texts = Texts(repair=database.reinterprets_text and await _is_double_encoded(connection, schema))
    findings = Findings()
    horizon = await Horizon.read(connection, schema)
    types = await read_types(connection, schema, texts, run_context_types, findings)
    run_index = await _read_run_index(connection, schema, types)
    survey = await take_survey(connection, schema, types, run_index, findings)
    run_filter = await RunFilter.read(connection, schema, types, texts, horizon, kfp)
    attributions = await read_attributions(connection, schema, types)
    rows = RowReader(schema, types, texts, horizon)
    run_origins, run_lookup = RunOrigins(rows, kfp), RunLookup(schema, types, horizon, run_index)
    origins = OriginReader(schema, rows, run_lookup, run_origins)
    runs = RunReader(schema, rows, run_filter, origins, run_index, kfp)
    artifacts = ArtifactReader(schema, rows, run_filter, run_origins, run_lookup, attributions)
    return MlmdStore(database, runs, artifacts, survey, types, schema, horizon, run_index)


async def _read_run_index(connection: AsyncConnection, schema: Schema, types: Types) -> RunIndex:
    run_index = RunIndex()
    if not schema.has_runs or not types.run_kinds:
        return run_index
    associations, contexts = schema["association"], schema["context"]
    execution_id, context_id = associations.column("execution_id"), associations.column("context_id")
    statement = (
        select(execution_id, context_id)
        .join(contexts.clause, contexts.column("id") == context_id)
        .where(contexts.column("type_id").in_(sorted(types.run_kinds)))
        .order_by(execution_id, context_id)
    )
    async for rows in (await connection.stream(statement)).partitions(_ASSOCIATIONS_PER_FETCH):
        run_index.add((integer(row[0]), integer(row[1])) for row in rows)
    return run_index


async def _is_double_encoded(connection: AsyncConnection, schema: Schema) -> bool:
    """Return whether the store's text is double-encoded, judging by some non-ASCII texts."""
    samples: list[str] = []
    for name, column in _TEXTS:
        if column not in schema[name].columns:
            continue
        text = schema[name].column(column)
        statement: Select[Any] = select(text).where(beyond_ascii(text)).limit(_TEXT_SAMPLES)
        samples += [row[0] for row in await connection.execute(statement) if isinstance(row[0], str)]
    return is_double_encoded(samples)
