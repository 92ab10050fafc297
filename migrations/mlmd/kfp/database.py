"""Reads KFP's own database: runs, experiments, pipelines and their versions, and the cache of old releases.

async with open_kfp(url) as kfp:
    async with open_store(source, kfp=kfp) as store: …
    async for experiments in kfp.experiments(): …        then pipelines(), then pipeline_versions()
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.kfp.state import run_state, storage_state
from migrations.mlmd.kfp.tables import CACHE, EXPERIMENTS, NAMES, PIPELINES, RUNS, VERSIONS, KfpTable, read_tables
from migrations.mlmd.mapping.pipeline_spec import spec_text
from migrations.mlmd.read.guest import Database
from migrations.mlmd.vocabulary.cleaning import clean_object, clean_text
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from migrations.mlmd.vocabulary.values import cut, integer_of
from storage import lengths
from storage.documents import histories
from storage.documents.enums import RUN_STATES
from storage.documents.histories import HistoryEntry
from storage.documents.plain import Plain
from storage.model import Experiment, Pipeline, PipelineVersion

ROWS_PER_BATCH = 500
MICROSECONDS = 1_000_000


_RUN_COLUMNS = (
    "uuid",
    "displayname",
    "name",
    "namespace",
    "state",
    "conditions",
    "statehistory",
    "experimentuuid",
    "description",
    "storagestate",
    "serviceaccount",
    "jobuuid",
    "pipelineid",
    "pipelineversionid",
    "pipelineroot",
    "runtimeparameters",
    "pipelinespecmanifest",
    "createdatinsec",
    "scheduledatinsec",
    "finishedatinsec",
)


class KfpDatabase:
    """An open database of KFP."""

    def __init__(self, database: Database, tables: Mapping[str, KfpTable]) -> None:
        self._database = database
        self._tables = tables
        self.findings = Findings(None)
        """Findings about experiments, pipelines and versions."""

    @property
    def label(self) -> str:
        """The URL without its password."""
        return self._database.label

    async def runs_of(self, contexts: Sequence[ContextRow]) -> dict[int, KfpRun]:
        """Return the runs of contexts by context id: KFP v2 names contexts by run, v1 by workflow."""
        names = sorted({row.name for row in contexts if row.kind is not RunKind.GENERIC})
        if not names:
            return {}
        return await self._database.read(partial(self._runs_of, names, contexts))

    async def names_with_runs(self, names: Sequence[str]) -> set[str]:
        """Return the names, among the given ones, that are ids of runs."""
        return await self._database.read(partial(self._ids_of, names))

    async def experiments(self) -> AsyncIterator[Sequence[Experiment]]:
        """Yield all experiments, in the order of their ids."""
        names = ("uuid", "name", "description", "namespace", "storagestate", "createdatinsec", "lastruncreatedatinsec")
        async for rows in self._pages(EXPERIMENTS, names):
            yield [_experiment(row, self.findings) for row in rows]

    async def pipelines(self) -> AsyncIterator[Sequence[Pipeline]]:
        """Yield all pipelines, in the order of their ids."""
        names = ("uuid", "name", "displayname", "description", "namespace", "createdatinsec")
        async for rows in self._pages(PIPELINES, names):
            yield [_pipeline(row, self.findings) for row in rows]

    async def pipeline_versions(self) -> AsyncIterator[Sequence[PipelineVersion]]:
        """Yield all versions of pipelines, in the order of their ids."""
        names = (
            "uuid",
            "pipelineid",
            "name",
            "displayname",
            "description",
            "codesourceurl",
            "pipelinespec",
            "createdatinsec",
        )
        async for rows in self._pages(VERSIONS, names):
            yield [_version(row, self.findings) for row in rows]

    async def _pages(self, name: str, columns: Sequence[str]) -> AsyncIterator[Sequence[Any]]:
        table = self._tables[name]
        if not table.has:
            return
        id = table.column("uuid")
        after = ""
        while True:
            page = table.select(*columns).where(id > after).order_by(id).limit(ROWS_PER_BATCH)
            rows = await self._database.read(partial(_all_rows, page))
            if not rows:
                return
            yield rows
            after = rows[-1].uuid

    async def _ids_of(self, names: Sequence[str], connection: AsyncConnection) -> set[str]:
        runs = self._tables[RUNS]
        rows = await connection.execute(runs.select("uuid").where(runs.named("uuid")), {NAMES: list(names)})
        return {row.uuid for row in rows}

    async def _runs_of(
        self, names: Sequence[str], contexts: Sequence[ContextRow], connection: AsyncConnection
    ) -> dict[int, KfpRun]:
        runs = self._tables[RUNS]
        by_id = runs.select(*_RUN_COLUMNS).where(runs.named("uuid"))
        by_name = runs.select(*_RUN_COLUMNS).where(runs.named("name"))
        rows = {row.uuid: row for row in await connection.execute(by_id, {NAMES: names})}
        workflows = {row.name: row for row in await connection.execute(by_name, {NAMES: names})}
        ids = sorted(rows.keys() | {row.uuid for row in workflows.values()})
        fingerprints = await self._fingerprints(connection, ids)
        experiment_ids = {row.experimentuuid for row in (*rows.values(), *workflows.values())}
        namespaces = await self._namespaces(connection, experiment_ids)
        runs_by_context = {}
        for context in contexts:
            row = rows.get(context.name) if context.kind is RunKind.KFP_V2 else workflows.get(context.name)
            if row is not None and context.kind is not RunKind.GENERIC:
                namespace = row.namespace or namespaces.get(row.experimentuuid, "")
                runs_by_context[context.id] = _run(row, namespace, fingerprints.get(row.uuid, {}))
        return runs_by_context

    async def _fingerprints(self, connection: Any, run_ids: Sequence[str]) -> dict[str, dict[int, str]]:
        cache = self._tables[CACHE]
        if not cache.has or not run_ids:
            return {}
        statement = cache.select("runuuid", "mlmdexecutionid", "fingerprint").where(cache.named("runuuid"))
        fingerprints: dict[str, dict[int, str]] = {}
        for row in await connection.execute(statement, {NAMES: list(run_ids)}):
            execution_id = integer_of(row.mlmdexecutionid)
            if execution_id is not None and row.fingerprint:
                fingerprints.setdefault(row.runuuid, {})[execution_id] = str(row.fingerprint)
        return fingerprints

    async def _namespaces(self, connection: AsyncConnection, experiment_ids: set[Any]) -> dict[str, str]:
        """Return the namespaces of experiments: runs of KFP's first releases do not have one."""
        experiments, ids = self._tables[EXPERIMENTS], sorted(str(id) for id in experiment_ids if id)
        if not experiments.has or not ids:
            return {}
        statement = experiments.select("uuid", "namespace").where(experiments.named("uuid"))
        rows = await connection.execute(statement, {NAMES: ids})
        return {row.uuid: row.namespace or "" for row in rows}


@asynccontextmanager
async def open_kfp(url: str) -> AsyncIterator[KfpDatabase]:
    """Open KFP's own database for reading. Raises SourceRefused, here and while reading, when it cannot be read."""
    database = Database(url, what="KFP's database")
    try:
        tables = await database.read(partial(_read_tables, database))
        yield KfpDatabase(database, tables)
    finally:
        await database.close()


async def _read_tables(database: Database, connection: AsyncConnection) -> dict[str, KfpTable]:
    tables, _ = await connection.run_sync(lambda sync: read_tables(sync, database))
    return tables


async def _all_rows(statement: Select[Any], connection: AsyncConnection) -> list[Any]:
    return list((await connection.execute(statement)).all())


def _run(row: Any, namespace: str, fingerprints: Mapping[int, str]) -> KfpRun:
    return KfpRun(
        id=row.uuid,
        name=row.displayname or row.name or "",
        workflow_name=row.name or "",
        namespace="" if namespace == "-" else namespace,
        state=run_state(row.state or row.conditions or ""),
        state_history=_history(row.statehistory),
        experiment_id=row.experimentuuid or "",
        description=row.description or "",
        storage_state=storage_state(row.storagestate or ""),
        service_account=row.serviceaccount or "",
        recurring_run_id=row.jobuuid or "",
        pipeline_id=row.pipelineid or "",
        pipeline_version_id=row.pipelineversionid or "",
        pipeline_root=row.pipelineroot or "",
        parameters=_parameters(row.runtimeparameters),
        pipeline_spec=spec_text(row.pipelinespecmanifest) if row.pipelinespecmanifest else None,
        created_at=_moment(row.createdatinsec),
        scheduled_at=_moment(row.scheduledatinsec),
        finished_at=_moment(row.finishedatinsec),
        fingerprints=fingerprints,
    )


def _history(text: str | None) -> str | None:
    """Return a history as Lineal stores it; KFP writes times in seconds and uses other field names."""
    entries = _plain(text)
    if not isinstance(entries, list):
        return None
    history = []
    for entry in entries:
        moment = _moment(entry.get("UpdateTimeInSec")) if isinstance(entry, dict) else None
        state = run_state(str(entry.get("State") or "")) if isinstance(entry, dict) else ""
        if moment is not None and state:
            history.append(HistoryEntry(RUN_STATES.number_of(state), moment))
    return histories.to_text(history, RUN_STATES) if history else None


def _parameters(text: str | None) -> dict[str, Plain]:
    plain = _plain(text)
    return clean_object(plain, Findings(), "") if isinstance(plain, dict) else {}


def _plain(text: str | None) -> Plain:
    try:
        plain: Plain = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return plain


def _moment(seconds: object) -> int | None:
    number = integer_of(seconds)
    return number * MICROSECONDS if number is not None and 0 < number <= 253_402_300_799 else None


def _experiment(row: Any, findings: Findings) -> Experiment:
    subject = f"experiment {row.uuid}"
    return Experiment(
        id=cut(row.uuid, lengths.ID, findings, subject),
        name=cut(row.name or "", lengths.NAME, findings, subject),
        created_at=_moment(row.createdatinsec) or 0,
        description=clean_text(row.description or "", findings, subject),
        namespace=cut(row.namespace or "", lengths.NAMESPACE, findings, subject),
        storage_state=storage_state(row.storagestate or ""),
        last_run_created_at=_moment(row.lastruncreatedatinsec) or 0,
    )


def _pipeline(row: Any, findings: Findings) -> Pipeline:
    subject = f"pipeline {row.uuid}"
    return Pipeline(
        id=cut(row.uuid, lengths.ID, findings, subject),
        name=cut(row.name or "", lengths.NAME, findings, subject),
        created_at=_moment(row.createdatinsec) or 0,
        display_name=cut(row.displayname or row.name or "", lengths.DISPLAY_NAME, findings, subject),
        description=clean_text(row.description or "", findings, subject),
        namespace=cut(row.namespace or "", lengths.NAMESPACE, findings, subject),
    )


def _version(row: Any, findings: Findings) -> PipelineVersion:
    subject = f"pipeline version {row.uuid}"
    return PipelineVersion(
        id=cut(row.uuid, lengths.ID, findings, subject),
        pipeline_id=cut(row.pipelineid or "", lengths.ID, findings, subject),
        name=cut(row.name or "", lengths.VERSION_NAME, findings, subject),
        created_at=_moment(row.createdatinsec) or 0,
        display_name=cut(row.displayname or row.name or "", lengths.DISPLAY_NAME, findings, subject),
        description=clean_text(row.description or "", findings, subject),
        code_source_url=clean_text(row.codesourceurl or "", findings, subject),
        pipeline_spec=spec_text(row.pipelinespec) if row.pipelinespec else None,
    )
