"""ArchiveExperiment: few runs in one transaction, many in several, between which others write."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from lineal.v2beta1 import experiment_pb2, run_pb2

from server.errors import Aborted
from server.rules import experiments
from server.rules.experiments import archive
from storage.contract import WriteTx
from storage.sql.store import SqlStore
from tests.api.builders import new_task
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.statements import failing_at
from tests.contract.builders import a_run, an_experiment, keep

RUNS = 7
FIRST_RUNS = 2


class Interruption(Exception):
    """Ends an archive between two of its transactions, as the end of its process would."""


class Interposed:
    """A store after each of whose writes something else happens."""

    def __init__(self, store: SqlStore, act: Callable[[], Awaitable[object]]) -> None:
        self._store, self._act = store, act

    async def write(self, fn: Callable[[WriteTx], Awaitable[Any]]) -> Any:
        answer = await self._store.write(fn)
        await self._act()
        return answer


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store of the test's own, on which a server serves too."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction archives at most two runs."""
    monkeypatch.setattr(experiments, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(experiments, "FIRST_RUNS", FIRST_RUNS)


async def an_experiment_of_runs(store: SqlStore, count: int = RUNS) -> tuple[str, list[str]]:
    """The ids of an experiment and its runs, the oldest first."""
    experiment = an_experiment()
    runs = [a_run(experiment_id=experiment.id) for _ in range(count)]
    await keep(store, experiment, *runs)
    return experiment.id, sorted(run.id for run in runs)


async def archived_runs(api: Api, run_ids: list[str]) -> list[str]:
    """Those of the runs that are archived."""
    runs = [await api.GetRun(run_id=run_id) for run_id in run_ids]
    return [run.run_id for run in runs if run.storage_state == run_pb2.Run.ARCHIVED]


async def is_archived(api: Api, experiment_id: str) -> bool:
    experiment = await api.GetExperiment(experiment_id=experiment_id)
    return bool(experiment.storage_state == experiment_pb2.Experiment.ARCHIVED)


async def test_few_runs_are_archived_with_their_experiment_or_not_at_all(
    serve: Serve, store: SqlStore, migrated_url: str
) -> None:
    api = await serve()
    experiment_id, run_ids = await an_experiment_of_runs(store)
    number, answer = 0, ""
    while answer != "OK":
        assert (await is_archived(api, experiment_id), await archived_runs(api, run_ids)) == (False, [])
        number += 1
        with failing_at(migrated_url, number) as seen:
            answer = await code(api.ArchiveExperiment(experiment_id=experiment_id))
        assert answer == ("INTERNAL" if "failed" in seen.texts else "OK")
    assert (await is_archived(api, experiment_id), await archived_runs(api, run_ids)) == (True, run_ids)
    assert number > 2


@pytest.mark.usefixtures("short_steps")
async def test_others_write_between_the_transactions_that_archive_many_runs(serve: Serve, store: SqlStore) -> None:
    api = await serve()
    experiment_id, run_ids = await an_experiment_of_runs(store)
    counts = []

    async def act() -> None:
        assert await is_archived(api, experiment_id)
        assert await code(api.UnarchiveRun(run_id=run_ids[0])) == "FAILED_PRECONDITION"
        await new_task(api, run_ids[-1])
        archived = await archived_runs(api, run_ids)
        assert archived == run_ids[: len(archived)]
        counts.append(len(archived))

    await archive(Interposed(store, act), experiment_id, now=1)
    assert (counts[0], counts[-1]) == (FIRST_RUNS, RUNS)
    assert counts == sorted(counts)
    assert len(counts) > 3


@pytest.mark.usefixtures("short_steps")
async def test_what_an_archive_that_was_killed_left_is_archived_by_the_next(serve: Serve, store: SqlStore) -> None:
    api = await serve()
    experiment_id, run_ids = await an_experiment_of_runs(store)

    async def act() -> None:
        raise Interruption

    with pytest.raises(Interruption):
        await archive(Interposed(store, act), experiment_id, now=1)
    assert (await is_archived(api, experiment_id), await archived_runs(api, run_ids)) == (True, run_ids[:FIRST_RUNS])
    await api.ArchiveExperiment(experiment_id=experiment_id)
    assert await archived_runs(api, run_ids) == run_ids


@pytest.mark.usefixtures("short_steps")
async def test_an_experiment_that_is_unarchived_meanwhile_is_not_archived_further(
    serve: Serve, store: SqlStore
) -> None:
    api = await serve()
    experiment_id, run_ids = await an_experiment_of_runs(store)

    async def act() -> None:
        await api.UnarchiveExperiment(experiment_id=experiment_id)
        await api.UnarchiveRun(run_id=run_ids[0])

    with pytest.raises(Aborted, match="was unarchived before all its runs were archived"):
        await archive(Interposed(store, act), experiment_id, now=1)
    assert (await is_archived(api, experiment_id), await archived_runs(api, run_ids)) == (False, [run_ids[1]])


async def test_slow_statements_archive_ever_fewer_runs(
    serve: Serve, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = await serve()
    monkeypatch.setattr(experiments, "perf_counter", itertools.count().__next__)  # each statement takes a second
    experiment_id, run_ids = await an_experiment_of_runs(store, 30)
    counts = []

    async def act() -> None:
        counts.append(len(await archived_runs(api, run_ids)))

    await archive(Interposed(store, act), experiment_id, now=1)
    assert counts[:4] == [16, 24, 28, 30]


@pytest.mark.usefixtures("short_steps")
async def test_no_call_fails_while_an_experiment_is_archived(serve: Serve, store: SqlStore) -> None:
    api = await serve()
    experiment_id, run_ids = await an_experiment_of_runs(store, 60)
    calls = [api.ArchiveExperiment(experiment_id=experiment_id) for _ in range(3)]
    calls += [call for run_id in run_ids for call in (new_task(api, run_id), api.TerminateRun(run_id=run_id))]
    calls += [api.ArchiveRun(run_id=run_id) for run_id in run_ids[::3]]
    assert Counter(await asyncio.gather(*map(code, calls))) == {"OK": len(calls)}
    assert await archived_runs(api, run_ids) == run_ids
