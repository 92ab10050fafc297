"""Looks ahead, once the source is open and before anything is written. Imports and dry runs call this."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrade
from migrations.mlmd.kfp.tables import read_tables
from migrations.mlmd.preflight import clocks, duration, space
from migrations.mlmd.preflight.findings import Preflight
from migrations.mlmd.preflight.largest_value import OF_KFP, OF_MLMD, too_large
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.schema import read_schema
from migrations.mlmd.source import URL_SIGN, ImportRequest, Source
from migrations.mlmd.write.job import Job, find_job
from migrations.mlmd.write.target import open_for_reading
from storage.sql.dialects import dialect_for
from storage.sql.dialects.inquiry import Surroundings

Tell = Callable[[str], None]


async def look_ahead(request: ImportRequest, source: Source, tell: Tell) -> Preflight:
    """Return what can be known before an import, and tell it. Raises SourceRefused and Unavailable."""
    preflight = Preflight.of_gaps(source.gaps, is_allowed=request.allow_incomplete)
    store, job = await _ask_store(request, preflight)
    source_bytes = await _ask_source(request, preflight, store)
    if job is None or job.is_first(request.options):
        _compare_space(request, source, source_bytes, preflight, store, job)
    preflight.seconds = await duration.estimate_seconds(source)
    for line in preflight.lines():
        tell(line)
    if preflight.seconds is not None:
        tell(duration.sentence(preflight.seconds, source.store.survey.executions_in_runs))
    return preflight


async def _ask_store(request: ImportRequest, preflight: Preflight) -> tuple[Surroundings, Job | None]:
    """Return what the store says of its surroundings, and the previous import."""
    dialect, plan = dialect_for(request.store), await upgrade.plan_async(request.store)
    if not plan.is_usable and not dialect.many_processes:
        return Surroundings(
            folder=dialect.inquiry.folder
        ), None  # to connect would make the file, or touch that of another program
    async with open_for_reading(request.store) as target:

        async def ask(connection: AsyncConnection) -> tuple[Surroundings, list[str], Job | None]:
            surroundings, warnings = await clocks.ask(dialect.inquiry, connection, f"the store {target.label}")
            return surroundings, warnings, await find_job(connection, request.store_id) if plan.is_usable else None

        surroundings, warnings, job = await target.transact(ask)
    preflight.warnings += warnings
    return surroundings, job


async def _ask_source(request: ImportRequest, preflight: Preflight, store: Surroundings) -> int:
    """Warn of clocks and of values that are too large; returns the size of the source in bytes."""
    async with AsyncExitStack() as stack:
        database = Database(request.source, what="the source")
        stack.push_async_callback(database.close)
        warnings, source_bytes = await database.read(partial(_ask_mlmd, database, store))
        preflight.warnings += warnings
        if URL_SIGN in request.kfp:
            kfp = Database(request.kfp, what="KFP's database")
            stack.push_async_callback(kfp.close)
            preflight.warnings += await kfp.read(partial(_ask_kfp, kfp, store))
    return source_bytes


async def _ask_mlmd(database: Database, store: Surroundings, connection: AsyncConnection) -> tuple[list[str], int]:
    schema = await connection.run_sync(lambda sync: read_schema(sync, database))
    _, warnings = await clocks.ask(database.inquiry, connection, f"the source {database.label}")
    warnings += await clocks.times_ahead(connection, schema)
    warnings += await too_large(connection, database.inquiry, schema.tables, OF_MLMD, store)
    return warnings, await database.size_bytes(connection)


async def _ask_kfp(database: Database, store: Surroundings, connection: AsyncConnection) -> list[str]:
    tables, _ = await connection.run_sync(lambda sync: read_tables(sync, database))
    return await too_large(connection, database.inquiry, tables, OF_KFP, store)


def _compare_space(
    request: ImportRequest,
    source: Source,
    source_bytes: int,
    preflight: Preflight,
    store: Surroundings,
    job: Job | None,
) -> None:
    """Note by how much the store may grow, and warn or refuse if that is more than is free."""
    dialect, survey = dialect_for(request.store), source.store.survey
    total = max(survey.executions_in_runs, 1)
    done = min(job.progress.done, total) if job is not None else 0
    rows = space.row_bytes(survey) * (total - done) // total
    # Texts may be long; but a source has other tables, and free pages.
    preflight.store_bytes = int(max(rows, source_bytes * (total - done) // total) * dialect.inquiry.growth)
    free = space.free_bytes(store.folder) if dialect.is_on_this_machine else None
    if free is None or free >= preflight.store_bytes:
        return
    needed, left = space.shown(preflight.store_bytes), space.shown(free)
    sentence = f"the store may grow by {needed}, and {store.folder} has {left} free on this machine"
    # With a database of KFP, only a part may be imported; and a server may be elsewhere, behind a tunnel.
    is_certain = free * space.CERTAIN_SHARE < rows and not request.kfp and not dialect.many_processes
    (preflight.refusals if is_certain else preflight.warnings).append(sentence)
