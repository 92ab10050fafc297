"""When an experiment had its last run, also while somebody keeps the experiment's row."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from server.rules.last_runs import RECORD_SECONDS
from storage.sql.store import SqlStore
from tests.api.builders import new_run, unique
from tests.api.client import Api
from tests.api.conftest import Serve
from tests.contract.builders import a_run, keep

pytestmark = pytest.mark.one_database

HANGING_SECONDS = 60
RUNS = 12
"""More than a pool has connections."""


async def new_experiment(api: Api) -> str:
    experiment = await api.CreateExperiment(experiment={"display_name": unique("experiment")})
    return str(experiment.experiment_id)


async def listed(api: Api, experiment_id: str) -> Any:
    """The time of an experiment's last run as lists show it, and can sort by."""
    found = await api.ListExperiments(page_size=200, sort_by="last_run_created_at desc")
    return next(each for each in found.experiments if each.experiment_id == experiment_id).last_run_created_at


async def until_listed(api: Api, experiment_id: str, moment: Any) -> None:
    """Return when lists show this time as that of the last run."""
    async with asyncio.timeout(HANGING_SECONDS):
        while await listed(api, experiment_id) != moment:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def somebody_keeping(url: str, experiment_id: str) -> AsyncIterator[None]:
    """A forgotten transaction that has written to an experiment."""
    store = SqlStore(url)
    async with store.engines[0].connect() as connection:
        await connection.execute(
            text("UPDATE experiments SET description = 'kept' WHERE id = :id"), {"id": experiment_id}
        )
        yield
        await connection.rollback()
    await store.close()


async def test_the_last_run_is_shown_at_once_and_stays_when_it_is_deleted(api: Api) -> None:
    experiment_id = await new_experiment(api)
    run_ids = [await new_run(api, experiment_id=experiment_id) for _ in range(2)]
    created_at = (await api.GetRun(run_id=run_ids[-1])).created_at
    for _ in range(2):
        assert (await api.GetExperiment(experiment_id=experiment_id)).last_run_created_at == created_at
        assert await listed(api, experiment_id) == created_at
        await api.DeleteRun(run_id=run_ids.pop())


@pytest.mark.databases("postgresql", "mysql")
async def test_runs_are_created_while_somebody_keeps_their_experiment(serve: Serve, migrated_url: str) -> None:
    api = await serve(sweep_seconds=0.2)
    experiment_id = await new_experiment(api)
    async with somebody_keeping(migrated_url, experiment_id):
        begun = time.monotonic()
        run_ids = await asyncio.gather(*(new_run(api, experiment_id=experiment_id) for _ in range(RUNS)))
        assert time.monotonic() - begun < HANGING_SECONDS * RECORD_SECONDS
        newest = max(
            [(await api.GetRun(run_id=run_id)).created_at for run_id in run_ids], key=lambda each: each.ToNanoseconds()
        )
        assert (await api.GetExperiment(experiment_id=experiment_id)).last_run_created_at == newest
        assert await listed(api, experiment_id) != newest
    await until_listed(api, experiment_id, newest)


async def test_the_sweep_records_a_last_run_that_was_missed(serve: Serve, migrated_url: str) -> None:
    api = await serve(sweep_seconds=0.2)
    experiment_id = await new_experiment(api)
    store = SqlStore(migrated_url)
    run = a_run(experiment_id=experiment_id, created_at=time.time_ns() // 1000)
    await keep(store, run)
    await store.close()
    await until_listed(api, experiment_id, (await api.GetRun(run_id=run.id)).created_at)
