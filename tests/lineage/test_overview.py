"""GetOverview: what is recorded, summed up."""

import time
from typing import Any

import pytest

from server.rules import overview
from storage.ids import new_id
from storage.model import TaskState, TaskType
from tests.api.client import code
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.watching import statements
from tests.lineage.served import Served, served_on

pytestmark = pytest.mark.one_database

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def ago(hours: float) -> int:
    """The time so many hours ago."""
    return int(time.time() * SECOND - hours * HOUR)


def a_run_of(state: str, hours: float, **changes: Any) -> Any:
    """A run that was made, and last changed, so many hours ago."""
    return a_run(**{"state": state, "created_at": ago(hours), "updated_at": ago(hours)} | changes)


def an_old_id(hours: float) -> str:
    """An id that was made so many hours ago."""
    milliseconds = f"{ago(hours) // 1000:012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}{new_id()[13:]}"


async def asked(served: Served, **fields: Any) -> Any:
    return await served.both("GetOverview", "/overview", **fields)


async def test_an_empty_store_has_an_empty_overview(served: Served) -> None:
    found = await asked(served)
    assert (list(found.states), list(found.quiet), list(found.latest)) == ([], [], [])
    assert (found.running.count, found.failed_lately.count) == (0, 0)


async def test_the_address_of_the_web_ui_is_where_the_server_listens_for_rest(served: Served) -> None:
    assert (await asked(served)).ui_url == f"http://{served.rest}/"


async def test_the_address_of_the_web_ui_can_be_set(migrated_url: str) -> None:
    async with served_on(migrated_url, ui_url="https://lineal.example/ui") as served:
        assert (await asked(served)).ui_url == "https://lineal.example/ui/"


async def test_runs_are_counted_by_state(served: Served) -> None:
    runs = [a_run_of(state, 0.5) for state in ("SUCCEEDED", "RUNNING", "SUCCEEDED", "PENDING")]
    await keep(served.store, *runs, a_run(state="SUCCEEDED", storage_state="ARCHIVED"))
    found = await asked(served)
    assert [(each.state, each.runs.count, each.runs.more) for each in found.states] == [
        ("PENDING", 1, False),
        ("RUNNING", 1, False),
        ("SUCCEEDED", 3, False),
    ]
    assert (found.running.count, found.running.more) == (1, False)


async def test_a_count_stops_and_says_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "COUNTED_MAX", 3)
    await keep(served.store, *(a_run_of("RUNNING", 0.1) for _ in range(4)), *(a_run_of("FAILED", 1) for _ in range(3)))
    found = await asked(served)
    assert (found.running.count, found.running.more) == (3, True)
    assert (found.failed_lately.count, found.failed_lately.more) == (3, False)
    await keep(served.store, a_run_of("FAILED", 2))
    found = await asked(served)
    assert (found.failed_lately.count, found.failed_lately.more) == (3, True)


async def test_a_run_failed_lately_if_it_ended_in_the_last_day(served: Served) -> None:
    runs = [
        a_run_of("FAILED", 30, finished_at=ago(23)),
        a_run_of("FAILED", 30, finished_at=ago(25)),
        a_run_of("FAILED", 8 * 24, finished_at=ago(1)),
        a_run_of("FAILED", 23),
        a_run_of("FAILED", 23, storage_state="ARCHIVED"),
        a_run_of("SUCCEEDED", 2, finished_at=ago(1)),
    ]
    await keep(served.store, *runs)
    assert (await asked(served)).failed_lately.count == 2


async def test_a_run_is_quiet_if_nothing_of_it_was_written_for_an_hour(served: Served) -> None:
    quiet = a_run_of("RUNNING", 9)
    with_old_task, with_new_task, with_new_link, with_old_link = parts = [a_run_of("RUNNING", 8 - n) for n in range(4)]
    tasks = [a_task(run.id, created_at=ago(3), updated_at=ago(2)) for run in parts]
    new_task = a_task(with_new_task.id, created_at=ago(4), updated_at=ago(0.5))
    artifact = an_artifact()
    links = [a_link(tasks[2], artifact), a_link(tasks[3], artifact, id=an_old_id(2))]
    others = [a_run_of("RUNNING", 9, updated_at=ago(0.9)), a_run_of("PENDING", 9), a_run_of("RUNNING", 0.9)]
    archived_run = a_run_of("RUNNING", 9, storage_state="ARCHIVED")
    await keep(served.store, quiet, *parts, *tasks, new_task, artifact, *links, *others, archived_run)
    found = [run.run_id for run in (await asked(served)).quiet]
    assert found == [with_old_link.id, with_old_task.id, quiet.id]
    assert with_new_link.id not in found


async def test_a_run_with_many_tasks_is_not_quiet_while_one_of_them_is_written(served: Served) -> None:
    run = a_run_of("RUNNING", 9)
    first = a_task(run.id, created_at=ago(8), updated_at=ago(0.5))
    later = [a_task(run.id, created_at=ago(5), updated_at=ago(4)) for _ in range(overview.FIRST_TASKS + 1)]
    await keep(served.store, run, first, *later)
    assert list((await asked(served)).quiet) == []


async def test_the_latest_runs_come_newest_first_with_what_went_wrong(served: Served) -> None:
    runs = [a_run_of("FAILED", hours) for hours in range(1, 13)]
    kind = {"type": TaskType.RUNTIME.value, "state": TaskState.FAILED.value}
    task = a_task(runs[0].id, name="train", status_metadata='{"message":"no memory"}', **kind)
    await keep(served.store, *reversed(runs), a_run(created_at=ago(0), storage_state="ARCHIVED"), task)
    latest = list((await asked(served)).latest)
    assert [run.run_id for run in latest] == [run.id for run in runs[:10]]
    assert (latest[0].failed.name, latest[0].failed.message) == ("train", "no memory")
    assert [run.run_id for run in (await asked(served, latest=2)).latest] == [run.id for run in runs[:2]]
    assert [run.run_id for run in (await asked(served, latest=100)).latest] == [run.id for run in runs]


async def test_more_runs_than_may_be_shown_are_refused(served: Served) -> None:
    assert await code(served.api.GetOverview(latest=101)) == "INVALID_ARGUMENT"
    assert await code(served.api.GetOverview(latest=-1)) == "INVALID_ARGUMENT"


async def test_an_overview_is_of_one_namespace_where_there_are_several(served: Served) -> None:
    runs = [a_run_of(state, 2, namespace=name) for name in ("team", "other") for state in ("RUNNING", "FAILED")]
    await keep(served.store, *runs)
    found = await served.store.read(lambda tx: overview.read_overview(tx, namespace="team", latest=5, now=ago(0)))
    assert [(state, count.count) for state, count in found.states] == [("RUNNING", 1), ("FAILED", 1)]
    assert (found.running.count, found.failed_lately.count) == (1, 1)
    assert [row.id for row in found.quiet] == [runs[0].id]
    assert {row.id for row in found.latest} == {runs[0].id, runs[1].id}


async def test_an_overview_takes_as_many_statements_however_many_runs_there_are(served: Served) -> None:
    counts = []
    for count in (1, 60):
        runs = [a_run_of(state, 3) for state in ("RUNNING", "FAILED") for _ in range(count)]
        await keep(served.store, *runs, *(a_task(run.id, updated_at=ago(2)) for run in runs))
        with statements(served.store) as log:
            await served.store.read(lambda tx: overview.read_overview(tx, namespace=None, latest=100, now=ago(0)))
        counts.append(len(log))
    assert counts[0] == counts[1] == 6
