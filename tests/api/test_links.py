"""Links between artifacts and tasks: creation alone and in bulk, duplicates, and how tasks show them."""

from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2

from tests.api.builders import (
    IOType,
    a_link,
    an_artifact,
    get_task,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
)
from tests.api.client import Api, code

INPUTS = [name for name, number in IOType.items() if 1 <= number <= 7]
OUTPUTS = [name for name, number in IOType.items() if number >= 8]


async def a_place(api: Api) -> tuple[str, str, str]:
    """A run, a task of it, and an artifact of another run, by their ids."""
    artifact_id = await new_artifact(api, *(await new_run_and_task(api)))
    return (*await new_run_and_task(api), artifact_id)


async def test_a_new_link_reads_back_as_it_was_answered(api: Api) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    sent = a_link(run_id, task_id, artifact_id, id="mine", producer={"task_name": "t", "iteration": 0})
    made = await api.CreateArtifactTask(artifact_task=sent)
    assert made.id not in ("", "mine")
    sent.id = made.id
    assert made == sent
    assert list((await api.ListArtifactTasks(task_ids=[task_id])).artifact_tasks) == [made]


@pytest.mark.parametrize("producer", [{}, {"task_name": "t"}, {"iteration": 0}, {"task_name": "t", "iteration": -5}])
async def test_a_duplicate_link_is_the_existing_one(api: Api, producer: dict[str, Any]) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    link = a_link(run_id, task_id, artifact_id, producer=producer)
    made = await api.CreateArtifactTask(artifact_task=link)
    assert await api.CreateArtifactTask(artifact_task=link) == made
    again = await api.CreateArtifactTasksBulk(
        artifact_tasks=[link, a_link(run_id, task_id, artifact_id, key="b"), link]
    )
    assert [each == made for each in again.artifact_tasks] == [True, False, True]
    assert (await api.ListArtifactTasks(run_ids=[run_id])).total_size == 2


async def test_the_link_of_a_creation_made_again_is_the_existing_one(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    [made] = (await api.ListArtifactTasks(task_ids=[task_id])).artifact_tasks
    assert (
        await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id, type="OUTPUT", key="out"))
        == made
    )


@pytest.mark.parametrize(
    "difference", [{"type": "TASK_OUTPUT_INPUT"}, {"key": "Data"}, {"key": "data "}, {"producer": {"iteration": 0}}]
)
async def test_a_link_that_differs_is_another_link(api: Api, difference: dict[str, Any]) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    for fields in ({}, difference):
        await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id, **fields))
    assert (await api.ListArtifactTasks(task_ids=[task_id])).total_size == 2


async def test_another_producer_of_the_same_iteration_is_no_other_link(api: Api) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    made = await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id))
    other = a_link(run_id, task_id, artifact_id, producer={"task_name": "another"})
    assert await api.CreateArtifactTask(artifact_task=other) == made


BAD: list[tuple[dict[str, Any], str]] = [
    ({"artifact_id": ""}, "INVALID_ARGUMENT"),
    ({"task_id": ""}, "INVALID_ARGUMENT"),
    ({"run_id": ""}, "INVALID_ARGUMENT"),
    ({"type": 0}, "INVALID_ARGUMENT"),
    ({"type": 12}, "INVALID_ARGUMENT"),
    ({"type": -1}, "INVALID_ARGUMENT"),
    ({"producer": None}, "INVALID_ARGUMENT"),
    ({"producer": {"task_name": "\0"}}, "INVALID_ARGUMENT"),
    ({"key": ""}, "INVALID_ARGUMENT"),
    ({"key": "\0"}, "INVALID_ARGUMENT"),
    ({"run_id": "another-run"}, "INVALID_ARGUMENT"),
    ({"task_id": "no-such-task"}, "NOT_FOUND"),
    ({"artifact_id": "no-such-artifact"}, "NOT_FOUND"),
    ({"artifact_id": "x" * 300}, "NOT_FOUND"),
    ({"task_id": "a\0b"}, "NOT_FOUND"),
]


@pytest.mark.parametrize(("fields", "expected"), BAD)
async def test_a_senseless_link_is_refused_alone_and_in_bulk(api: Api, fields: dict[str, Any], expected: str) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    ids = {"run_id": run_id, "task_id": task_id, "artifact_id": artifact_id}
    good, bad = a_link(**ids), a_link(**(ids | fields))
    assert await code(api.CreateArtifactTask(artifact_task=bad)) == expected
    assert await code(api.CreateArtifactTasksBulk(artifact_tasks=[good, bad])) == expected
    assert (await api.ListArtifactTasks(run_ids=[run_id])).total_size == 0


async def test_a_request_without_links_is_refused(api: Api) -> None:
    assert await code(api.CreateArtifactTask()) == "INVALID_ARGUMENT"
    assert await code(api.CreateArtifactTasksBulk()) == "INVALID_ARGUMENT"


async def test_links_of_a_bulk_must_be_of_one_run(api: Api) -> None:
    places = [await a_place(api) for _ in range(2)]
    links = [a_link(*place) for place in places]
    assert await code(api.CreateArtifactTasksBulk(artifact_tasks=links)) == "INVALID_ARGUMENT"


async def test_the_links_of_a_bulk_are_judged_one_after_the_other(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_run, other_task = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    good, lost = a_link(run_id, task_id, artifact_id), a_link(run_id, task_id, "no-such-artifact")
    foreign = a_link(other_run, other_task, artifact_id)
    for links, expected in (
        ([lost, foreign], "NOT_FOUND"),
        ([good, a_link(other_run, "no-such-task", artifact_id)], "NOT_FOUND"),
        ([good, foreign, lost], "INVALID_ARGUMENT"),
        ([good, a_link(other_run, task_id, artifact_id), lost], "INVALID_ARGUMENT"),
    ):
        assert await code(api.CreateArtifactTasksBulk(artifact_tasks=links)) == expected


async def test_a_bulk_answers_in_the_order_asked(api: Api) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    keys = ["c", "a", "b", "a"]
    made = await api.CreateArtifactTasksBulk(
        artifact_tasks=[a_link(run_id, task_id, artifact_id, key=key) for key in keys]
    )
    assert [link.key for link in made.artifact_tasks] == keys
    assert made.artifact_tasks[1] == made.artifact_tasks[3]


@pytest.mark.parametrize("kind", INPUTS + OUTPUTS)
async def test_a_task_shows_a_link_as_input_or_output_by_its_type(api: Api, kind: str) -> None:
    run_id, task_id, artifact_id = await a_place(api)
    await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id, type=kind))
    task = await get_task(api, run_id, task_id)
    shown, other = (task.inputs, task.outputs) if kind in INPUTS else (task.outputs, task.inputs)
    assert [(IOType.Name(each.type), each.artifact_key) for each in shown.artifacts] == [(kind, "data")]
    assert shown.artifacts[0].artifacts[0].artifact_id == artifact_id
    assert not other.artifacts


async def shown_groups(api: Api, links: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Link artifacts named by number and return the groups a task shows: key, type, producer, names."""
    run_id, task_id = await new_run_and_task(api)
    source = await new_run_and_task(api)
    for number, fields in enumerate(links):
        artifact_id = await new_artifact(api, *source, str(number), description=f"d{number}")
        await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id, **fields))
    task = await get_task(api, run_id, task_id)
    return [
        (
            each.artifact_key,
            IOType.Name(each.type),
            each.producer.task_name,
            each.producer.iteration if each.producer.HasField("iteration") else None,
            "".join(artifact.name for artifact in each.artifacts),
        )
        for each in (*task.inputs.artifacts, *task.outputs.artifacts)
    ]


async def test_artifacts_are_grouped_by_key_type_and_producer(api: Api) -> None:
    links = [
        {"key": "b"},
        {"key": "a", "producer": {"task_name": "z"}},
        {"key": "a", "producer": {"task_name": "y"}},
        {"key": "a", "producer": {"task_name": "z"}},
        {"key": "a", "type": "TASK_OUTPUT_INPUT", "producer": {"task_name": "z"}},
    ]
    assert await shown_groups(api, links) == [
        ("a", "TASK_OUTPUT_INPUT", "z", None, "4"),
        ("a", "COMPONENT_INPUT", "y", None, "2"),
        ("a", "COMPONENT_INPUT", "z", None, "13"),
        ("b", "COMPONENT_INPUT", "prepare", None, "0"),
    ]


async def test_outputs_of_iterations_are_grouped_by_iteration_too(api: Api) -> None:
    links = [{"type": "ITERATOR_OUTPUT", "producer": {"task_name": "t", "iteration": number}} for number in (10, 2, 0)]
    links += [{"type": "COLLECTED_INPUTS", "producer": {"task_name": "t", "iteration": number}} for number in (1, 0)]
    assert await shown_groups(api, links) == [
        ("data", "COLLECTED_INPUTS", "t", 0, "43"),
        ("data", "ITERATOR_OUTPUT", "t", 0, "2"),
        ("data", "ITERATOR_OUTPUT", "t", 2, "1"),
        ("data", "ITERATOR_OUTPUT", "t", 10, "0"),
    ]


@pytest.mark.parametrize(
    "read", ["GetTask", "ListTasks", "GetRun", "ListRuns", "UpdateTask", "UpdateTasksBulk", "FindCachedTask"]
)
async def test_iteration_and_description_survive_every_read(api: Api, read: str) -> None:
    run_id = await new_run(api)
    task_id = await new_task(api, run_id, state="SUCCEEDED", cache_fingerprint=run_id)
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out", "iteration_index": 3}
    made = await api.CreateArtifact(artifact=an_artifact(description="kept"), **request)
    task = await read_task(api, read, run_id, task_id)
    [output] = task.outputs.artifacts
    assert output.producer == artifact_pb2.IOProducer(task_name="train", iteration=3)
    assert list(output.artifacts) == [made]
    assert made.description == "kept"


async def read_task(api: Api, rpc: str, run_id: str, task_id: str) -> Any:
    """Return the only task of a run through one of the RPCs that show tasks."""
    match rpc:
        case "GetTask":
            return await get_task(api, run_id, task_id)
        case "ListTasks":
            return (await api.ListTasks(run_id=run_id)).tasks[0]
        case "GetRun":
            return (await api.GetRun(run_id=run_id, view="FULL")).tasks[0]
        case "ListRuns":
            runs = (await api.ListRuns(view="FULL", sort_by="created_at desc", page_size=100)).runs
            return next(run for run in runs if run.run_id == run_id).tasks[0]
        case "UpdateTask":
            return await api.UpdateTask(run_id=run_id, task_id=task_id, task={})
        case "UpdateTasksBulk":
            return (await api.UpdateTasksBulk(run_id=run_id, tasks={task_id: {}})).tasks[task_id]
    return (await api.FindCachedTask(cache_fingerprint=run_id)).task
