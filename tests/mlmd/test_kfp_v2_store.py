"""A real store of KFP v2, kfp_main, becomes what expected/kfp_main.json says, row by row."""

from collections import Counter

import pytest

from migrations.mlmd.kfp.runs_file import RunsFile
from migrations.mlmd.vocabulary.records import Options
from tests.mlmd.expected import expected, told_artifacts, told_link, told_summary, told_tasks
from tests.mlmd.reading import RUNS_FILE, Imported, read_all, store_url


@pytest.fixture(scope="module")
async def imported() -> Imported:
    return await read_all(store_url("kfp_main"), kfp=RunsFile.read(str(RUNS_FILE)))


def test_each_task_is_as_expected(imported: Imported) -> None:
    wanted = sorted(expected()["tasks"], key=lambda task: task["mlmd_id"])
    assert told_tasks(imported) == wanted


def test_each_artifact_is_as_expected(imported: Imported) -> None:
    wanted = sorted(expected()["artifacts"], key=lambda artifact: (artifact["mlmd_id"], artifact["artifact_id"]))
    assert told_artifacts(imported) == wanted


def test_each_event_is_a_link(imported: Imported) -> None:
    wanted = Counter((e["artifact_id"], e["task_id"], e["direction"], e["key"]) for e in expected()["events"])
    links = Counter(told_link(link) for link in imported.links)
    assert not wanted - links


def test_the_summary_is_as_expected(imported: Imported) -> None:
    wanted = {key: value for key, value in expected()["summary"].items() if not key.startswith("events")}
    assert told_summary(imported) == wanted
    assert imported.survey.events == expected()["summary"]["events"]


async def test_batches_of_any_size_give_the_same_records(imported: Imported) -> None:
    kfp = RunsFile.read(str(RUNS_FILE))
    one_by_one = await read_all(store_url("kfp_main"), kfp=kfp, executions_per_batch=1)
    assert (one_by_one.batches, imported.batches) == (16, 1)
    for first, second in zip(one_by_one.runs, imported.runs, strict=True):
        assert (first.run, list(first.tasks), list(first.links)) == (second.run, list(second.tasks), list(second.links))
    assert one_by_one.artifacts == imported.artifacts
    assert one_by_one.counts() == imported.counts()


async def test_a_store_id_changes_every_id_but_those_of_runs(imported: Imported) -> None:
    other = await read_all(
        store_url("kfp_main"), kfp=RunsFile.read(str(RUNS_FILE)), options=Options(store_id="cluster-b")
    )
    assert [run.run for run in other.runs] == [run.run for run in imported.runs]
    assert not {task.id for task in other.tasks} & {task.id for task in imported.tasks}
    assert not other.artifacts.keys() & imported.artifacts.keys()
    assert not {link.id for link in other.links} & {link.id for link in imported.links}


async def test_without_kfps_database_states_come_from_the_tasks(imported: Imported) -> None:
    alone = await read_all(store_url("kfp_main"))
    assert [task.state for task in alone.tasks] == [task.state for task in imported.tasks]
    assert [run.run.state for run in alone.runs] == [run.run.state for run in imported.runs]
    assert [run.run.namespace for run in alone.runs] == [run.run.namespace for run in imported.runs]
    assert alone.runs[0].run.display_name == "linear-training"
