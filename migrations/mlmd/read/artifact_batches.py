"""Reads the artifacts that no run used or made, a page of artifacts at a time. `store` calls this."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.artifact_origins import RunOrigins
from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import integer
from migrations.mlmd.read.horizon import within
from migrations.mlmd.read.run_filter import RunFilter
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.run_lookup import RunLookup
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import ArtifactRow, Origin
from storage.record import record

_ROWS_PER_FETCH = 5000

_NO_ORIGIN = Origin(0, "", 0)


@record
class ArtifactBatch:
    """Some artifacts that no run used or made, with their origins: the run that an attribution names, if there is one.

    Reading can continue after last_artifact_id; findings counts the artifacts of runs that the filter left out.
    """

    artifacts: Sequence[tuple[ArtifactRow, Origin]]
    last_artifact_id: int
    findings: Findings


@record
class ArtifactReader:
    """Reads the artifacts of one store that no run used or made."""

    schema: Schema
    rows: RowReader
    filter: RunFilter
    origins: RunOrigins
    run_lookup: RunLookup
    attributions: RunIndex
    """The first run that an attribution names for each artifact without events."""

    async def batch(self, connection: AsyncConnection, after: int, limit: int) -> ArtifactBatch | None:
        """Return those of the next `limit` artifacts that no run used or made; None when there are no more artifacts."""
        id = self.schema["artifact"].column("id")
        page = select(id).where(id > after, within(id, self.rows.horizon.artifacts)).order_by(id).limit(limit)
        ids = [integer(row[0]) for row in await connection.execute(page)]
        if not ids:
            return None
        artifacts_of_runs, artifacts_of_missing_runs = await self._artifacts_of_runs(connection, ids)
        findings, missing_ids = Findings(None), sorted(artifacts_of_missing_runs - artifacts_of_runs)
        if missing_ids:
            findings.add(Rule.ARTIFACTS_NOT_IN_KFP, *(f"artifact {id}" for id in missing_ids), count=len(missing_ids))
        ids_without_run = [id for id in ids if id not in artifacts_of_runs and id not in artifacts_of_missing_runs]
        rows = await self.rows.artifacts(connection, ids_without_run)
        origins = await self._origins(connection, ids_without_run)
        return ArtifactBatch([(row, origins.get(row.id, _NO_ORIGIN)) for row in rows], ids[-1], findings)

    async def _artifacts_of_runs(self, connection: AsyncConnection, ids: Sequence[int]) -> tuple[set[int], set[int]]:
        """Return the artifacts of imported runs, and those of runs that are left out."""
        events = self.schema["event"]
        artifact_id = events.column("artifact_id")
        visible = within(events.column("id"), self.rows.horizon.events)
        statement = (
            select(artifact_id, events.column("execution_id"))
            .where(artifact_id.between(ids[0], ids[-1]), visible)
            .distinct()
        )
        artifacts_of_runs, artifacts_of_missing_runs = set[int](), set[int]()
        others: dict[int, set[int]] = {}
        async for rows in (await connection.stream(statement)).partitions(_ROWS_PER_FETCH):
            for artifact, execution in rows:
                context_id = self.run_lookup.run_index.of(integer(execution))
                if context_id in self.filter.missing_contexts:
                    artifacts_of_missing_runs.add(integer(artifact))
                elif context_id is not None:
                    artifacts_of_runs.add(integer(artifact))
                else:
                    others.setdefault(integer(execution), set()).add(integer(artifact))
        # Those of executions that have come into a run since the survey wait for the next import, as these do.
        for execution_id in await self.run_lookup.later(connection, others.keys()):
            artifacts_of_runs |= others[execution_id]
        return artifacts_of_runs, artifacts_of_missing_runs

    async def _origins(self, connection: AsyncConnection, artifact_ids: Sequence[int]) -> dict[int, Origin]:
        """Return the origins of the artifacts that an attribution assigns to a run."""
        context_ids = {id: context_id for id in artifact_ids if (context_id := self.attributions.of(id)) is not None}
        origins = await self.origins.of(connection, sorted(set(context_ids.values())))
        return {id: origins[context_id] for id, context_id in context_ids.items() if context_id in origins}


async def read_attributions(connection: AsyncConnection, schema: Schema, types: Types) -> RunIndex:
    """Return the first run that an attribution names for each artifact without events."""
    runs, attributions, contexts = RunIndex(), schema["attribution"], schema["context"]
    if not schema.has_runs or not types.run_kinds or not attributions.has:
        return runs
    artifact_id, context_id = attributions.column("artifact_id"), attributions.column("context_id")
    statement = (
        select(artifact_id, context_id)
        .join(contexts.clause, contexts.column("id") == context_id)
        .where(
            contexts.column("type_id").in_(sorted(types.run_kinds)),
            artifact_id.not_in(select(schema["event"].column("artifact_id"))),
        )
        .order_by(artifact_id, context_id)
    )
    async for rows in (await connection.stream(statement)).partitions(_ROWS_PER_FETCH):
        runs.add((integer(row[0]), integer(row[1])) for row in rows)
    return runs
