"""One batch of a store: some runs with their executions, events, artifacts and where these come from. The reader calls this.

Statements name ids, never tables' joins for each row: MLMD lacks indexes on Association.execution_id and
Attribution.artifact_id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.artifact_origins import OriginReader
from migrations.mlmd.read.by_id import RowReader
from migrations.mlmd.read.columns import Texts, fetch, integer, with_ids
from migrations.mlmd.read.run_index import RunIndex
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.read.types import Types
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.namespaces import run_namespace
from migrations.mlmd.vocabulary.rows import (
    ArtifactRow,
    ContextRow,
    EventRow,
    ExecutionRow,
    KfpRun,
    Origin,
    RunKind,
    RunRows,
)

_CONTEXTS_PER_QUESTION = 500


class KfpRuns(Protocol):
    """KFP's own database, as far as it concerns runs."""

    async def runs_of(self, contexts: Sequence[ContextRow]) -> dict[int, KfpRun]:
        """Return the runs of contexts by context id; contexts that it does not know are left out."""
        ...

    async def known(self, names: Sequence[str]) -> set[str]:
        """Return those names of contexts of KFP v2 that it has runs of."""
        ...


@dataclass(frozen=True, slots=True)
class RunBatch:
    """Some runs, in the order of their contexts' ids. Reading can go on after last_context_id.

    findings counts what was left out of the batch; executions counts those read, left out ones included.
    """

    runs: Sequence[RunRows]
    last_context_id: int
    executions: int
    findings: Findings


@dataclass(frozen=True, slots=True)
class ArtifactBatch:
    """Some artifacts that no run touched, with their artifact_origins: the run that claims them, if any. Reading can go on after
    last_artifact_id; findings counts those left out.
    """

    artifacts: Sequence[tuple[ArtifactRow, Origin]]
    last_artifact_id: int
    findings: Findings


@dataclass(slots=True)
class BatchReader:
    """Reads batches of one store."""

    schema: Schema
    types: Types
    run_index: RunIndex
    kfp: KfpRuns | None
    rows: RowReader
    artifact_origins: OriginReader
    repeated: Mapping[str, int]
    """Names of several runs of KFP v2, and the first context of each."""
    claims: RunIndex = field(default_factory=RunIndex)
    """The first run that claims each artifact without events."""
    skipped: set[int] = field(default_factory=set)
    """Contexts of KFP v2 whose runs KFP's own database does not have."""

    @classmethod
    async def prepared(
        cls,
        connection: AsyncConnection,
        schema: Schema,
        types: Types,
        texts: Texts,
        run_index: RunIndex,
        kfp: KfpRuns | None,
    ) -> "BatchReader":
        """Return a reader that has read what it needs to know of the whole store."""
        rows = RowReader(schema, types, texts)
        reader = cls(schema, types, run_index, kfp, rows, OriginReader(schema, rows, run_index), {})
        if schema.has_runs and types.run_kinds:
            reader.repeated = await reader._repeated_names(connection)
            reader.claims = await reader._read_claims(connection)
            reader.skipped = await reader._read_skipped(connection)
        return reader

    async def runs(self, connection: AsyncConnection, context_ids: Sequence[int]) -> RunBatch:
        """Return the runs of some contexts, which come by id."""
        findings = Findings()
        ids = await self._execution_ids(connection, context_ids)
        contexts = await self._contexts(connection, context_ids)
        known = await self.kfp.runs_of(contexts) if self.kfp else {}
        contexts = await self._apart(connection, contexts, known)
        kept = [context for context in contexts if self._is_kept(context, known)]
        left_out = [context for context in contexts if not self._is_kept(context, known)]
        await self._count_left_out(connection, left_out, ids, findings)
        wanted = sorted(id for context in kept for id in ids.get(context.id, ()))
        executions = {row.id: row for row in await self.rows.executions(connection, wanted)}
        events = await self.rows.events(connection, wanted)
        artifact_ids = sorted({event.artifact_id for event in events})
        artifacts = {row.id: row for row in await self.rows.artifacts(connection, artifact_ids)}
        artifact_origins = await self.artifact_origins.of(connection, sorted(artifacts), events, executions)
        placed = await self._placed(connection, artifact_origins, kept, known)
        by_execution: dict[int, list[EventRow]] = {}
        for event in events:
            by_execution.setdefault(event.execution_id, []).append(event)
        runs = [
            _run(context, ids.get(context.id, ()), executions, by_execution, artifacts, placed, known.get(context.id))
            for context in kept
        ]
        return RunBatch(runs, context_ids[-1], sum(map(len, ids.values())), findings)

    async def loose_artifacts(self, connection: AsyncConnection, after: int, limit: int) -> ArtifactBatch | None:
        """Return those of the next artifacts that no run touched; None when there are no artifacts any more."""
        artifacts, events = self.schema["artifact"], self.schema["event"]
        id, artifact_id = artifacts.column("id"), events.column("artifact_id")
        page = select(id).where(id > after).order_by(id).limit(limit)
        ids = [integer(row[0]) for row in await connection.execute(page)]
        if not ids:
            return None
        touching = (
            select(artifact_id, events.column("execution_id")).where(artifact_id.between(ids[0], ids[-1])).distinct()
        )
        touched, elsewhere = set[int](), set[int]()
        async for row in await connection.stream(touching):
            context_id = self.run_index.of(integer(row[1]))
            if context_id is not None:
                (elsewhere if context_id in self.skipped else touched).add(integer(row[0]))
        findings, left_out = Findings(), sorted(elsewhere - touched)
        if left_out:
            findings.add(Rule.ARTIFACTS_NOT_IN_KFP, *(f"artifact {id}" for id in left_out), count=len(left_out))
        loose = [id for id in ids if id not in touched and id not in elsewhere]
        rows = await self.rows.artifacts(connection, loose)
        artifact_origins = await self._claimed(connection, loose)
        nobody = Origin(0, "", 0)
        return ArtifactBatch([(row, artifact_origins.get(row.id, nobody)) for row in rows], ids[-1], findings)

    async def _claimed(self, connection: AsyncConnection, artifact_ids: Sequence[int]) -> dict[int, Origin]:
        """Return the artifact_origins of those artifacts that a run claims."""
        claims = {id: context_id for id in artifact_ids if (context_id := self.claims.of(id)) is not None}
        contexts = await self._contexts(connection, sorted(set(claims.values())))
        known = await self.kfp.runs_of(contexts) if self.kfp and contexts else {}
        artifact_origins = {context.id: _home(context, known.get(context.id)) for context in contexts}
        return {id: artifact_origins[context_id] for id, context_id in claims.items() if context_id in artifact_origins}

    async def _apart(
        self, connection: AsyncConnection, contexts: Sequence[ContextRow], known: Mapping[int, KfpRun]
    ) -> list[ContextRow]:
        """Return the contexts; one of KFP v1 repeats a run that has a context of KFP v2 as well."""
        old = {row.id: known[row.id].id for row in contexts if row.kind is RunKind.KFP_V1 and row.id in known}
        name, types = self.schema["context"].column("name"), self._types_of(RunKind.KFP_V2)
        if not old or not types:
            return list(contexts)
        of_types = self.schema["context"].column("type_id").in_(types)
        rows = await connection.execute(select(name).where(of_types, name.in_(sorted(set(old.values())))))
        taken = {self.rows.texts.known(row[0]) for row in rows}
        return [replace(row, repeats=True) if old.get(row.id) in taken else row for row in contexts]

    def _types_of(self, kind: RunKind) -> list[int]:
        return sorted(id for id, found in self.types.run_kinds.items() if found is kind)

    def _is_kept(self, context: ContextRow, known: Mapping[int, KfpRun]) -> bool:
        is_known = context.id in known and context.id not in self.skipped
        return self.kfp is None or context.kind is not RunKind.KFP_V2 or is_known

    async def _count_left_out(
        self,
        connection: AsyncConnection,
        contexts: Sequence[ContextRow],
        ids: Mapping[int, Sequence[int]],
        findings: Findings,
    ) -> None:
        for context in contexts:
            findings.add(Rule.RUNS_NOT_IN_KFP, f"context {context.id} {context.name}")
        executions = sorted(id for context in contexts for id in ids.get(context.id, ()))
        if not executions:
            return
        findings.add(Rule.EXECUTIONS_NOT_IN_KFP, *(f"execution {id}" for id in executions), count=len(executions))
        execution_id = self.schema["event"].column("execution_id")
        counting: Select[Any] = select(func.count()).where(with_ids(execution_id))
        events = sum(row[0] for row in await fetch(connection, counting, executions))
        if events:
            findings.add(Rule.EVENTS_NOT_IN_KFP, count=events)

    async def _execution_ids(self, connection: AsyncConnection, context_ids: Sequence[int]) -> dict[int, list[int]]:
        ties = self.schema["association"]
        context_id = ties.column("context_id")
        statement: Select[Any] = select(context_id, ties.column("execution_id")).where(with_ids(context_id))
        found: dict[int, list[int]] = {}
        for owner, execution_id in await fetch(connection, statement, context_ids):
            if self.run_index.shared.get(execution_id, owner) == owner:
                found.setdefault(owner, []).append(execution_id)
        return {owner: sorted(ids) for owner, ids in found.items()}

    async def _contexts(self, connection: AsyncConnection, ids: Sequence[int]) -> list[ContextRow]:
        return await self.rows.contexts(connection, ids, self.repeated)

    async def _placed(
        self,
        connection: AsyncConnection,
        artifact_origins: Mapping[int, Origin],
        contexts: Sequence[ContextRow],
        known: Mapping[int, KfpRun],
    ) -> dict[int, Origin]:
        """Return artifact_origins with the namespaces and, where they lack a time, the beginnings of their runs."""
        here = {context.id: _home(context, known.get(context.id)) for context in contexts}
        others = sorted({origin.context_id for origin in artifact_origins.values()} - here.keys())
        foreign = await self._contexts(connection, others)
        known_there = await self.kfp.runs_of(foreign) if self.kfp and foreign else {}
        here |= {context.id: _home(context, known_there.get(context.id)) for context in foreign}
        placed = {}
        for id, origin in artifact_origins.items():
            run = here[origin.context_id]
            placed[id] = Origin(origin.context_id, run.namespace, origin.at or run.at, origin.key, origin.maker)
        return placed

    async def _read_skipped(self, connection: AsyncConnection) -> set[int]:
        contexts, skipped = self.schema["context"], set[int]()
        types = self._types_of(RunKind.KFP_V2)
        if self.kfp is None or not types:
            return skipped
        statement = select(contexts.column("id"), contexts.column("name")).where(contexts.column("type_id").in_(types))
        async for rows in (await connection.stream(statement)).partitions(_CONTEXTS_PER_QUESTION):
            names = {integer(row[0]): self.rows.texts.known(row[1]) for row in rows}
            known = await self.kfp.known(sorted(set(names.values())))
            skipped.update(id for id, name in names.items() if name not in known)
        return skipped

    async def _repeated_names(self, connection: AsyncConnection) -> dict[str, int]:
        contexts = self.schema["context"]
        name, id = contexts.column("name"), contexts.column("id")
        statement = (
            select(name, func.min(id))
            .where(contexts.column("type_id").in_(self._types_of(RunKind.KFP_V2)))
            .group_by(name)
            .having(func.count() > 1)
        )
        return {self.rows.texts.known(row[0]): integer(row[1]) for row in await connection.execute(statement)}

    async def _read_claims(self, connection: AsyncConnection) -> RunIndex:
        claims, ties, contexts = RunIndex(), self.schema["attribution"], self.schema["context"]
        if not ties.has:
            return claims
        events = self.schema["event"]
        artifact_id, context_id = ties.column("artifact_id"), ties.column("context_id")
        statement = (
            select(artifact_id, context_id)
            .join(contexts.clause, contexts.column("id") == context_id)
            .where(
                contexts.column("type_id").in_(sorted(self.types.run_kinds)),
                artifact_id.not_in(select(events.column("artifact_id"))),
            )
            .order_by(artifact_id, context_id)
        )
        async for row in await connection.stream(statement):
            claims.add([(integer(row[0]), integer(row[1]))])
        return claims


def _home(context: ContextRow, kfp: KfpRun | None) -> Origin:
    return Origin(context.id, run_namespace(context, kfp), context.created)


def _run(
    context: ContextRow,
    ids: Iterable[int],
    executions: Mapping[int, ExecutionRow],
    events: Mapping[int, Sequence[EventRow]],
    artifacts: Mapping[int, ArtifactRow],
    artifact_origins: Mapping[int, Origin],
    kfp: KfpRun | None,
) -> RunRows:
    own = sorted((event for id in ids if id in executions for event in events.get(id, ())), key=lambda event: event.id)
    used = sorted({event.artifact_id for event in own} & artifacts.keys())
    return RunRows(
        context=context,
        executions=tuple(executions[id] for id in ids if id in executions),
        events=tuple(own),
        artifacts={id: artifacts[id] for id in used},
        artifact_origins={id: artifact_origins[id] for id in used},
        kfp=kfp,
    )
