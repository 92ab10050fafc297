"""Archiving, unarchiving, deleting and retrying runs."""

from typing import Any

import pytest
from lineal.v2beta1 import experiment_pb2, run_pb2
from sqlalchemy import insert

from storage.ids import new_id
from storage.sql import tables
from storage.sql.store import SqlStore
from tests.api.builders import (
    a_link,
    a_parameter,
    a_root,
    a_task,
    get_task,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    run_state,
    unique,
    where,
)
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.statements import failing_at

BY_ID = ["GetRun", "ArchiveRun", "UnarchiveRun", "DeleteRun", "TerminateRun", "RetryRun"]
STATES = ["SUCCEEDED", "CACHED", "SKIPPED", "FAILED", "RUNNING", "RUNTIME_STATE_UNSPECIFIED"]
KEPT = STATES[:3]


@pytest.mark.parametrize("rpc", BY_ID)
@pytest.mark.parametrize("run_id", ["", "no-such-run", "x" * 192, "é" * 96, "🚀" * 191, "a\0b", "' OR 1=1 --"])
async def test_an_unknown_or_malformed_run_id_is_not_found(api: Api, rpc: str, run_id: str) -> None:
    assert await code(getattr(api, rpc)(run_id=run_id)) == "NOT_FOUND"


async def test_a_run_is_archived_and_unarchived_as_often_as_asked(api: Api) -> None:
    run_id = await new_run(api)
    for rpc, expected in ((api.ArchiveRun, 2), (api.ArchiveRun, 2), (api.UnarchiveRun, 1), (api.UnarchiveRun, 1)):
        await rpc(run_id=run_id)
        assert (await api.GetRun(run_id=run_id)).storage_state == expected


async def test_the_deprecated_experiment_of_a_request_is_ignored(api: Api) -> None:
    run_id = await new_run(api)
    for rpc in (api.ArchiveRun, api.UnarchiveRun, api.GetRun, api.TerminateRun, api.DeleteRun):
        assert await code(rpc(run_id=run_id, experiment_id="no-such-experiment")) == "OK"


async def test_a_deleted_run_takes_tasks_and_links_with_it_and_leaves_artifacts(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    await api.DeleteRun(run_id=run_id)
    assert await code(api.GetRun(run_id=run_id)) == "NOT_FOUND"
    assert await code(api.GetTask(run_id=run_id, task_id=task_id)) == "NOT_FOUND"
    assert (await api.ListTasks(run_id=run_id)).total_size == 0
    assert (await api.ListArtifactTasks(artifact_ids=[artifact_id])).total_size == 0
    assert (await api.GetArtifact(artifact_id=artifact_id)).artifact_id == artifact_id
    assert await code(api.DeleteRun(run_id=run_id)) == "NOT_FOUND"


async def test_a_deleted_run_leaves_what_other_runs_linked(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_id, user_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    await api.CreateArtifactTask(artifact_task=a_link(other_id, user_id, artifact_id))
    await api.DeleteRun(run_id=run_id)
    [used] = (await get_task(api, other_id, user_id)).inputs.artifacts
    assert used.artifacts[0].artifact_id == artifact_id


async def test_a_deleted_run_takes_its_cache_entries_along(api: Api) -> None:
    run_id = await new_run(api)
    await new_task(api, run_id, state="SUCCEEDED", cache_fingerprint=run_id)
    assert (await api.FindCachedTask(cache_fingerprint=run_id)).HasField("task")
    await api.DeleteRun(run_id=run_id)
    assert not (await api.FindCachedTask(cache_fingerprint=run_id)).HasField("task")


async def a_run_of_an_experiment(api: Api) -> tuple[str, str]:
    """A run and the experiment made for it, by their ids."""
    made = await api.CreateExperiment(experiment=experiment_pb2.Experiment(display_name=unique("experiment")))
    return await new_run(api, experiment_id=made.experiment_id), made.experiment_id


async def test_a_run_outlives_its_experiment_and_can_still_be_ended_and_deleted(api: Api) -> None:
    run_id, experiment_id = await a_run_of_an_experiment(api)
    await api.DeleteExperiment(experiment_id=experiment_id)
    assert (await api.GetRun(run_id=run_id)).experiment_id == experiment_id
    assert await code(new_task(api, run_id)) == "OK"
    assert await code(api.ArchiveRun(run_id=run_id)) == "OK"
    assert await code(api.UnarchiveRun(run_id=run_id)) == "NOT_FOUND"
    assert await code(api.TerminateRun(run_id=run_id)) == "OK"
    await api.CreateTask(run_id=run_id, task=a_root("FAILED"))
    assert await code(api.RetryRun(run_id=run_id)) == "OK"
    assert await code(api.DeleteRun(run_id=run_id)) == "OK"


async def test_a_run_of_an_archived_experiment_stays_archived(api: Api) -> None:
    run_id, experiment_id = await a_run_of_an_experiment(api)
    await api.ArchiveExperiment(experiment_id=experiment_id)
    assert await code(api.UnarchiveRun(run_id=run_id)) == "FAILED_PRECONDITION"
    assert (await api.GetRun(run_id=run_id)).storage_state == run_pb2.Run.ARCHIVED
    await api.UnarchiveExperiment(experiment_id=experiment_id)
    assert await code(api.UnarchiveRun(run_id=run_id)) == "OK"


async def a_run_to_retry(api: Api, root: str = "FAILED") -> tuple[str, dict[str, str]]:
    """A run with a task in every state, each with all that a retry may touch; returns the ids of the tasks by state."""
    run_id = await new_run(api)
    await api.CreateTask(run_id=run_id, task=a_root(root))
    task_ids = {}
    for state in STATES:
        task = a_task(
            f"in-{state}",
            state=state,
            scope_path=f"root.{state}",
            cache_fingerprint="f",
            pods=[{"name": "pod"}],
            status_metadata={"message": "said"},
            end_time={"seconds": 1_700_000_000},
            type_attributes={"iteration_index": 3},
            inputs={"parameters": [a_parameter("in")]},
            outputs={"parameters": [a_parameter("out", type="OUTPUT")]},
        )
        task_id = (await api.CreateTask(run_id=run_id, task=task)).task_id
        artifact_id = await new_artifact(api, run_id, task_id)
        await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id))
        task_ids[state] = task_id
    return run_id, task_ids


async def tasks_of(api: Api, run_id: str) -> Any:
    """All tasks of a run."""
    return (await api.ListTasks(run_id=run_id, page_size=200)).tasks


async def test_a_retried_run_runs_again(api: Api) -> None:
    run_id, _ = await a_run_to_retry(api)
    await api.RetryRun(run_id=run_id)
    run = await api.GetRun(run_id=run_id)
    assert (run.state, run.finished_at.ToJsonString()) == (2, "1970-01-01T00:00:00Z")
    assert [entry.state for entry in run.state_history] == [1, 5, 2]


async def test_a_retry_leaves_tasks_alone_that_ended_well(api: Api) -> None:
    run_id, task_ids = await a_run_to_retry(api)
    before = [await get_task(api, run_id, task_ids[state]) for state in KEPT]
    await api.RetryRun(run_id=run_id)
    assert [await get_task(api, run_id, task_ids[state]) for state in KEPT] == before


@pytest.mark.parametrize("state", [state for state in STATES if state not in KEPT])
async def test_a_retry_takes_from_other_tasks_what_they_made(api: Api, state: str) -> None:
    run_id, task_ids = await a_run_to_retry(api)
    expected = await get_task(api, run_id, task_ids[state])
    await api.RetryRun(run_id=run_id)
    task = await get_task(api, run_id, task_ids[state])
    if state != "RUNNING":
        expected.state_history.add(state="RUNNING", update_time=task.state_history[-1].update_time)
    expected.state = run_pb2.PipelineTask.RUNNING
    for field in ("pods", "status_metadata", "end_time", "outputs"):
        expected.ClearField(field)
    expected.inputs.ClearField("artifacts")
    expected.outputs.SetInParent()
    assert task == expected


async def test_a_retry_deletes_links_but_no_artifact(api: Api) -> None:
    run_id, task_ids = await a_run_to_retry(api)
    [link, _] = (await api.ListArtifactTasks(task_ids=[task_ids["FAILED"]])).artifact_tasks
    await api.RetryRun(run_id=run_id)
    links = (await api.ListArtifactTasks(run_ids=[run_id])).artifact_tasks
    assert {each.task_id for each in links} == {task_ids[state] for state in KEPT}
    assert await code(api.GetArtifact(artifact_id=link.artifact_id)) == "OK"


async def test_a_retry_starts_the_tasks_anew(api: Api) -> None:
    run_id = await new_run(api)
    await api.CreateTask(run_id=run_id, task=a_root("FAILED", create_time={"seconds": 1_700_000_000}))
    started = where("start_time", "GREATER_THAN", timestamp_value="2000-01-01T00:00:00Z")
    assert (await api.ListTasks(run_id=run_id, filter=started)).total_size == 0
    await api.RetryRun(run_id=run_id)
    assert (await api.ListTasks(run_id=run_id, filter=started)).total_size == 1


@pytest.mark.parametrize("root", [None, "RUNNING", "SUCCEEDED", "CACHED", "SKIPPED"])
async def test_only_a_failed_or_canceled_run_is_retried(api: Api, root: str | None) -> None:
    run_id = await new_run(api)
    if root:
        await api.CreateTask(run_id=run_id, task=a_root(root))
    assert await code(api.RetryRun(run_id=run_id)) == "ABORTED"


async def test_a_canceling_run_is_retried_once_it_is_canceled(api: Api) -> None:
    run_id = await new_run(api)
    await api.TerminateRun(run_id=run_id)
    assert await code(api.RetryRun(run_id=run_id)) == "ABORTED"
    await api.CreateTask(run_id=run_id, task=a_root("FAILED"))
    assert await run_state(api, run_id) == "CANCELED"
    await api.RetryRun(run_id=run_id)
    assert await run_state(api, run_id) == "RUNNING"


async def all_of(api: Api, run_id: str) -> bytes:
    """A run with its tasks and artifacts, or the code it is answered with, to be compared."""
    if (answer := await code(api.GetRun(run_id=run_id))) != "OK":
        return answer.encode()
    run = await api.GetRun(run_id=run_id, view="FULL")
    return bytes(run.SerializeToString(deterministic=True))


@pytest.mark.parametrize("rpc", ["RetryRun", "DeleteRun"])
async def test_a_retry_and_a_delete_happen_whole_or_not_at_all(serve: Serve, migrated_url: str, rpc: str) -> None:
    api = await serve()
    run_id, _ = await a_run_to_retry(api)
    before, number, answer = await all_of(api, run_id), 0, ""
    while answer != "OK":
        assert await all_of(api, run_id) == before
        number += 1
        with failing_at(migrated_url, number) as seen:
            answer = await code(getattr(api, rpc)(run_id=run_id))
        assert answer == ("INTERNAL" if "failed" in seen.texts else "OK")
    assert await all_of(api, run_id) != before
    assert number > 2


@pytest.mark.slow
async def test_a_run_of_more_tasks_than_a_statement_can_name_is_retried(api: Api, shared_url: str) -> None:
    run_id = await new_run(api)
    failed = {
        "run_id": run_id,
        "name": "step",
        "state": 4,
        "type": 2,
        "created_at": 1,
        "updated_at": 1,
        "scope_path": "",
    }
    store = SqlStore(shared_url)
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.tasks), [{"id": new_id(), **failed} for _ in range(33_000)])
    await store.close()
    await api.CreateTask(run_id=run_id, task=a_root("FAILED"))
    assert await code(api.RetryRun(run_id=run_id)) == "OK"
    running = where("state", "EQUALS", string_value="RUNNING")
    assert (await api.ListTasks(run_id=run_id, filter=running)).total_size == 33_000 + 1
    await api.DeleteRun(run_id=run_id)
