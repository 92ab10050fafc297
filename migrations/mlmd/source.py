"""Opens the sources of an import: the MLMD store and, if given, KFP's own database; and reads the store's fingerprint.

The importer's commands call this; `mapped_runs` and `mapped_artifacts` yield everything that they import or compare.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence, Set
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

from migrations.mlmd.kfp.database import KfpDatabase, open_kfp
from migrations.mlmd.kfp.runs_file import RunsFile
from migrations.mlmd.mapping.run import map_artifact_without_run, map_run
from migrations.mlmd.preflight.completeness import find_gaps, refusal
from migrations.mlmd.read.fingerprint import Fingerprint, read_fingerprint
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.store import EXECUTIONS_PER_BATCH, MlmdStore, open_store
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.times import is_time
from migrations.mlmd.write.row_kinds import Kind, rows_by_id
from migrations.mlmd.write.run_rows import ArtifactRows
from storage.errors import Unavailable
from storage.model import Artifact
from storage.record import record
from storage.sql.dialects import dialect_for

URL_SIGN = "://"


@record
class ImportRequest:
    """The arguments of a command. `source` is empty only if the command does not need it."""

    source: str
    store: str
    kfp: str = ""  # the URL of KFP's own database, or the path of a file of runs
    store_id: str = ""
    run_context_types: tuple[str, ...] = ()
    prune: bool = (
        False  # whether rows that an earlier import wrote are removed, emptied and renamed as the source demands
    )
    skipped: str = ""  # the path of a file that lists everything that is skipped, kept or left alone
    yes: bool = False  # whether --prune may do so to any number of rows
    reused_ids: bool = False  # whether rows under ids of other rows that were imported get ids of their own
    change_options: bool = False  # whether the options may differ from those of the previous import
    allow_incomplete: bool = False  # whether the source may lack tables and columns that it should have

    @property
    def options(self) -> dict[str, Any]:
        """The options that affect the outcome, to be stored with the import; not URLs, which may change and contain passwords."""
        return {"kfp": bool(self.kfp), "run_context_types": sorted(set(self.run_context_types))}


@record
class Source:
    """An open source."""

    store: MlmdStore
    kfp: KfpDatabase | None
    fingerprint: Fingerprint
    options: Options
    gaps: Sequence[str] = ()
    """What the source and KFP's database lack, as sentences."""


@record
class MappedRuns:
    """The records of some runs. Reading can continue after `after`; `executions` were read for them."""

    records: Sequence[RunRecords]
    after: int
    executions: int
    findings: Findings


@record
class MappedArtifacts:
    """The records of some artifacts that no run used or made. Reading can continue after `after`."""

    records: Sequence[Artifact]
    after: int
    findings: Findings
    artifact_ids: Mapping[int, Sequence[str]]
    """Ids of the records by artifact id."""
    dated_ids: Set[str]
    """Ids of the records whose time of creation is that of MLMD's row."""


def artifact_rows(artifacts: MappedArtifacts) -> ArtifactRows:
    """Return artifacts that no run used or made as rows."""
    rows = rows_by_id(Kind.ARTIFACT, artifacts.records)
    return ArtifactRows(rows, artifacts.artifact_ids, artifacts.dated_ids)


@asynccontextmanager
async def open_source(request: ImportRequest, *, needs_all: bool = True) -> AsyncIterator[Source]:
    """Open everything that an import reads.

    Raises SourceRefused when any of it cannot be read. When parts of it lack, only the request can permit that, or a command
    that does not need all.
    """
    gaps = await find_gaps(request.source, request.kfp if URL_SIGN in request.kfp else "")
    if gaps and needs_all and not request.allow_incomplete:
        raise SourceRefused(refusal(gaps))
    async with AsyncExitStack() as stack:
        fingerprint = await read_fingerprint(request.source)
        database: KfpDatabase | None = None
        runs: KfpRuns | None = None
        if URL_SIGN in request.kfp:
            runs = database = await stack.enter_async_context(open_kfp(request.kfp))
        elif request.kfp:
            runs = RunsFile.read(request.kfp)
        opening = open_store(request.source, run_context_types=request.run_context_types, kfp=runs)
        store = await stack.enter_async_context(opening)
        _refuse_store_as_source(request)
        yield Source(store, database, fingerprint, Options(store_id=request.store_id), gaps)


def _refuse_store_as_source(request: ImportRequest) -> None:
    """Refuse a source in the same database as Lineal's tables: an import never writes to its source."""
    store = dialect_for(request.store)
    for url in (request.source, request.kfp):
        try:
            is_store = dialect_for(url).place == store.place
        except Unavailable:
            continue  # not a database at all; its reader has a better message
        if is_store:
            raise SourceRefused(
                f"{store.label} is the source and cannot be the store as well; use a separate database for Lineal"
            )


async def mapped_runs(
    source: Source, *, after: int = 0, executions_per_batch: int = EXECUTIONS_PER_BATCH
) -> AsyncGenerator[MappedRuns, None]:
    """Yield all runs whose context's id is greater, mapped, in the order of these ids."""
    # Closed explicitly: a generator left to the garbage collector would hold its connection until then.
    async with aclosing(source.store.runs(after=after, executions_per_batch=executions_per_batch)) as batches:
        async for batch in batches:
            findings = Findings(None)
            findings.merge(batch.findings)
            records = []
            for rows in batch.runs:
                run = map_run(rows, source.options)
                findings.merge(run.findings)
                records.append(run)
                # Or a transaction of the previous batch would stay open meanwhile.
                await asyncio.sleep(0)
            yield MappedRuns(records, batch.last_context_id, batch.executions, findings)


async def mapped_artifacts(source: Source, *, after: int = 0) -> AsyncGenerator[MappedArtifacts, None]:
    """Yield the artifacts that no run used or made and whose id is greater, mapped, in the order of their ids."""
    async with aclosing(source.store.artifacts_without_run(after=after)) as batches:
        async for batch in batches:
            findings = Findings(None)
            findings.merge(batch.findings)
            by_id = {
                row.id: map_artifact_without_run(row, origin, source.options, findings)
                for row, origin in batch.artifacts
            }
            records = [record for of_one in by_id.values() for record in of_one]
            ids = {id: [record.id for record in of_one] for id, of_one in by_id.items()}
            dated_ids = {id for row, _ in batch.artifacts if is_time(row.created) for id in ids[row.id]}
            yield MappedArtifacts(records, batch.last_artifact_id, findings, ids, dated_ids)
