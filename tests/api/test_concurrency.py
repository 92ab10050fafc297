"""Concurrent calls: nothing is lost, nothing is stored twice, and no call fails with a deadlock."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2
from sqlalchemy import insert

from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.api.builders import (
    a_link,
    a_parameter,
    a_root,
    a_task,
    an_artifact,
    get_task,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    new_tasks,
    run_state,
    unique,
    with_inputs,
)
from tests.api.client import Api, code
from tests.contract.builders import a_task as a_task_row

CLIENTS = 20
MANY_TASKS = 6_000
"""More than one statement locks."""


async def codes(calls: Iterable[Awaitable[Any]]) -> Counter[str]:
    """Make calls at once and count the codes they end with."""
    return Counter(await asyncio.gather(*(code(call) for call in calls)))


async def test_fifty_concurrent_updates_of_one_task_keep_all_fifty_parameters(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    updates = (with_inputs(a_parameter(f"key-{number}", number)) for number in range(50))
    answers = await codes(api.UpdateTask(run_id=run_id, task_id=task_id, task=update) for update in updates)
    assert answers == {"OK": 50}
    kept = (await get_task(api, run_id, task_id)).inputs.parameters
    assert sorted(parameter.value.number_value for parameter in kept) == list(range(50))


async def test_concurrent_bulk_updates_of_the_same_tasks_keep_every_parameter(api: Api) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, 8)

    def update(number: int) -> Any:
        order = task_ids[number % 8 :] + task_ids[: number % 8]
        return api.UpdateTasksBulk(run_id=run_id, tasks={id: with_inputs(a_parameter(f"key-{number}")) for id in order})

    assert await codes(update(number) for number in range(CLIENTS)) == {"OK": CLIENTS}
    tasks = (await api.ListTasks(run_id=run_id)).tasks
    assert [len(task.inputs.parameters) for task in tasks] == [CLIENTS] * 8


async def test_concurrent_identical_creations_of_a_task_make_one(api: Api) -> None:
    run_id = await new_run(api)
    task = a_task(scope_path="root.train")
    made = await asyncio.gather(*(api.CreateTask(run_id=run_id, task=task) for _ in range(CLIENTS)))
    assert len({each.task_id for each in made}) == 1
    assert (await api.ListTasks(run_id=run_id)).total_size == 1


async def test_concurrent_creations_with_reuse_make_one_artifact(api: Api) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, CLIENTS)
    artifact = an_artifact(uri=unique("s3://bucket"))
    made = await asyncio.gather(
        *(
            api.CreateArtifact(
                run_id=run_id, task_id=task_id, producer_key="out", artifact=artifact, reuse_if_exists=True
            )
            for task_id in task_ids * 2
        )
    )
    assert len({each.artifact_id for each in made}) == 1
    assert (await api.ListArtifactTasks(run_ids=[run_id])).total_size == CLIENTS


async def test_concurrent_equal_links_are_one_link(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    link = a_link(run_id, task_id, await new_artifact(api, run_id, task_id))
    single = [api.CreateArtifactTask(artifact_task=link) for _ in range(CLIENTS)]
    bulk = [api.CreateArtifactTasksBulk(artifact_tasks=[link, link]) for _ in range(CLIENTS)]
    *links, last = await asyncio.gather(*single, *bulk)
    assert {each.id for each in links[:CLIENTS]} == {each.id for each in last.artifact_tasks}
    assert len({each.id for each in last.artifact_tasks}) == 1


async def test_concurrent_bulks_of_the_same_links_in_any_order_are_kept_once(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    links = [a_link(run_id, task_id, artifact_id, key=f"key-{number}") for number in range(30)]
    orders = [links[number:] + links[:number] for number in range(CLIENTS)]
    calls = (api.CreateArtifactTasksBulk(artifact_tasks=order) for order in orders)
    assert await codes(calls) == {"OK": CLIENTS}
    assert (await api.ListArtifactTasks(task_ids=[task_id])).total_size == 30 + 1


@pytest.mark.parametrize("size", [2, 3, 8])
async def test_concurrent_moves_never_close_a_cycle_of_parents(api: Api, size: int) -> None:
    for _ in range(5):
        run_id = await new_run(api)
        task_ids = await new_tasks(api, run_id, size)
        moves = zip(task_ids, task_ids[1:] + task_ids[:1], strict=True)
        answers = await codes(
            api.UpdateTask(run_id=run_id, task_id=task_id, task=run_pb2.PipelineTask(parent_task_id=parent_id))
            for task_id, parent_id in moves
        )
        assert answers == {"OK": size - 1, "INVALID_ARGUMENT": 1}


async def test_the_last_two_tasks_that_end_at_once_end_a_canceling_run(api: Api) -> None:
    for _ in range(10):
        run_id = await new_run(api)
        task_ids = await new_tasks(api, run_id, 2)
        await api.TerminateRun(run_id=run_id)
        ends = [run_pb2.PipelineTask(state=state) for state in ("SUCCEEDED", "FAILED")]
        await asyncio.gather(
            *(
                api.UpdateTask(run_id=run_id, task_id=task_id, task=end)
                for task_id, end in zip(task_ids, ends, strict=True)
            )
        )
        assert await run_state(api, run_id) == "CANCELED"


async def test_the_run_agrees_with_its_root_after_concurrent_updates(api: Api) -> None:
    followed = {"RUNNING": "RUNNING", "SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "CACHED": "SUCCEEDED"}
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_root())
    for _ in range(5):
        updates = (run_pb2.PipelineTask(state=state) for state in followed)
        await asyncio.gather(*(api.UpdateTask(run_id=run_id, task_id=root.task_id, task=update) for update in updates))
        state = run_pb2.PipelineTask.TaskState.Name((await get_task(api, run_id, root.task_id)).state)
        assert await run_state(api, run_id) == followed[state]


async def test_a_run_id_used_at_once_is_given_to_one(api: Api) -> None:
    run_id = unique("run")
    calls = (api.CreateRun(run=run_pb2.Run(run_id=run_id, display_name=str(number))) for number in range(CLIENTS))
    assert await codes(calls) == {"OK": 1, "ALREADY_EXISTS": CLIENTS - 1}


async def test_a_recurring_run_started_many_times_at_once_is_one_run(api: Api) -> None:
    run = run_pb2.Run(recurring_run_id=unique("recurring"), display_name="nightly 1")
    made = await asyncio.gather(*(api.CreateRun(run=run) for _ in range(CLIENTS)))
    assert len({each.run_id for each in made}) == 1


def writes_of(api: Api, run_id: str, task_ids: list[str], artifact_id: str) -> list[Awaitable[Any]]:
    """Every RPC that writes to a run."""
    task_id = task_ids[0]
    artifact = artifact_pb2.CreateArtifactRequest(
        run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact()
    )
    done = run_pb2.PipelineTask(state="SUCCEEDED")
    link = a_link(run_id, task_id, artifact_id)
    return [
        api.CreateTask(run_id=run_id, task=a_root()),
        new_task(api, run_id, parent_task_id=task_id),
        api.UpdateTask(run_id=run_id, task_id=task_id, task=done),
        api.UpdateTasksBulk(run_id=run_id, tasks=dict.fromkeys(task_ids, done)),
        api.CreateArtifactsBulk(artifacts=[artifact] * 3),
        api.CreateArtifactTask(artifact_task=link),
        api.CreateArtifactTasksBulk(artifact_tasks=[link] * 3),
        api.TerminateRun(run_id=run_id),
        api.ArchiveRun(run_id=run_id),
        api.RetryRun(run_id=run_id),
    ]


async def write_while_deleting(api: Api, delay_seconds: float) -> tuple[str, Counter[str]]:
    """Make every kind of write to a run, twice, and delete it after a moment; return its id and the codes."""
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, 4)
    artifact_id = await new_artifact(api, run_id, task_ids[0])

    async def delete() -> None:
        await asyncio.sleep(delay_seconds)
        await api.DeleteRun(run_id=run_id)

    calls = [call for _ in range(2) for call in writes_of(api, run_id, task_ids, artifact_id)]
    return run_id, await codes([*calls, delete()])


@pytest.mark.parametrize("delay_seconds", [0.0, 0.001, 0.003, 0.006])
async def test_a_run_deleted_while_it_is_written_to_is_gone_and_every_writer_is_told_so(
    api: Api, delay_seconds: float
) -> None:
    for _ in range(4):
        run_id, answers = await write_while_deleting(api, delay_seconds)
        # TerminateRun and RetryRun also answer for a run in the wrong state.
        assert answers.keys() <= {"OK", "NOT_FOUND", "INVALID_ARGUMENT", "ABORTED"}
        assert answers["ABORTED"] <= 2
        assert await code(api.GetRun(run_id=run_id)) == "NOT_FOUND"
        assert (await api.ListArtifactTasks(run_ids=[run_id])).total_size == 0
        assert (await api.ListTasks(run_id=run_id)).total_size == 0


async def test_no_writer_fails_while_a_run_of_many_tasks_is_deleted(api: Api, shared_url: str) -> None:
    run_id, other_id = await new_run(api), await new_run(api)
    store, tasks = SqlStore(shared_url), [a_task_row(run_id) for _ in range(MANY_TASKS)]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.tasks), [values_of(task) for task in tasks])
    await store.close()
    update = run_pb2.PipelineTask(display_name="new")
    theirs = [api.UpdateTask(run_id=run_id, task_id=task.id, task=update) for task in tasks[:: MANY_TASKS // CLIENTS]]
    others = [new_task(api, other_id) for _ in range(CLIENTS)]
    answers = await asyncio.gather(codes(theirs), codes([api.DeleteRun(run_id=run_id)]), codes(others))
    assert answers[0].keys() <= {"OK", "NOT_FOUND"}
    assert answers[1:] == [{"OK": 1}, {"OK": CLIENTS}]
    assert (await api.ListTasks(run_id=run_id)).total_size == 0


async def test_calls_of_every_kind_to_one_run_meet_without_a_deadlock(api: Api) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, 4)
    artifact_id = await new_artifact(api, run_id, task_ids[0])
    calls = [call for _ in range(6) for call in writes_of(api, run_id, task_ids, artifact_id)]
    answers = await codes(calls)
    assert answers.keys() <= {"OK", "INVALID_ARGUMENT", "ABORTED"}
    assert answers["OK"] >= len(calls) - 2 * 6


async def test_a_page_and_its_total_are_of_one_moment(api: Api) -> None:
    run_id = await new_run(api)
    totals = set[int]()

    async def write_until_pages_differ() -> None:
        while len(totals) < 3:
            await new_task(api, run_id)

    writing = asyncio.gather(*(write_until_pages_differ() for _ in range(4)))
    try:
        while not writing.done():
            page = await api.ListTasks(run_id=run_id, page_size=200)
            assert len(page.tasks) == min(page.total_size, 200)
            totals.add(page.total_size)
    finally:
        writing.cancel()
    assert writing.exception() is None
