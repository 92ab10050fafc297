"""A launcher that is tried again gets the artifacts back that it has made before, instead of further ones."""

from typing import Any

import pytest
from google.protobuf import struct_pb2
from lineal.v2beta1 import artifact_pb2, run_pb2

from tests.api.builders import a_link, an_artifact, get_task, new_run_and_task, new_task, unique
from tests.api.client import Api
from tests.api.statements import Statements

pytestmark = pytest.mark.one_database

NUMBER = struct_pb2.Value(number_value=0.1)


def a_request(run_id: str, task_id: str, **fields: Any) -> dict[str, Any]:
    """A request as a launcher makes it; fields of the artifact are taken out of the others."""
    of_request = {name: fields.pop(name) for name in ("producer_key", "iteration_index", "task_id") if name in fields}
    chosen = {"uri": "s3://bucket/model", "metadata": {"b": NUMBER, "a": NUMBER}, "number_value": 0.25, **fields}
    artifact = an_artifact(**{"description": "d", **chosen})
    return {"run_id": run_id, "task_id": task_id, "producer_key": "out", "artifact": artifact, **of_request}


async def create(api: Api, *requests: dict[str, Any], is_bulk: bool = False) -> list[Any]:
    """The artifacts that are answered, created one by one or in one call."""
    if not is_bulk:
        return [await api.CreateArtifact(**request) for request in requests]
    items = [artifact_pb2.CreateArtifactRequest(**request) for request in requests]
    return list((await api.CreateArtifactsBulk(artifacts=items)).artifacts)


async def count_links(api: Api, run_id: str) -> int:
    """How many links a run has."""
    return int((await api.ListArtifactTasks(run_ids=[run_id])).total_size)


@pytest.mark.parametrize("is_bulk", [False, True])
@pytest.mark.parametrize("iteration", [None, 0, 3])
async def test_an_artifact_that_is_created_again_is_the_one_of_before(
    api: Api, is_bulk: bool, iteration: int | None
) -> None:
    run_id, task_id = await new_run_and_task(api)
    request = a_request(run_id, task_id, iteration_index=iteration)
    [first] = await create(api, request, is_bulk=is_bulk)
    assert await create(api, request, is_bulk=not is_bulk) == [first]
    assert await create(api, request, is_bulk=is_bulk) == [first]
    assert await count_links(api, run_id) == 1
    [output] = (await get_task(api, run_id, task_id)).outputs.artifacts
    assert list(output.artifacts) == [first]


OTHERS: list[dict[str, Any]] = [
    {"producer_key": "other"},
    {"iteration_index": 0},
    {"iteration_index": 2},
    {"name": "other"},
    {"type": "Dataset"},
    {"description": ""},
    {"metadata": {"a": NUMBER}},
    {"metadata": {}},
    {"number_value": 0.5},
    {"number_value": None},
    {"uri": "s3://bucket/other"},
]


@pytest.mark.parametrize("changes", OTHERS)
async def test_an_artifact_that_differs_in_anything_is_another(api: Api, changes: dict[str, Any]) -> None:
    run_id, task_id = await new_run_and_task(api)
    [first] = await create(api, a_request(run_id, task_id, iteration_index=1))
    [second] = await create(api, a_request(run_id, task_id, **{"iteration_index": 1, **changes}))
    assert first.artifact_id != second.artifact_id
    assert await count_links(api, run_id) == 2


@pytest.mark.parametrize("uri", [None, ""])
@pytest.mark.parametrize("is_bulk", [False, True])
async def test_without_a_uri_each_call_makes_another_artifact(api: Api, uri: str | None, is_bulk: bool) -> None:
    run_id, task_id = await new_run_and_task(api)
    request = a_request(run_id, task_id, uri=uri)
    made = [await create(api, request, is_bulk=is_bulk) for _ in range(3)]
    assert len({artifact.artifact_id for [artifact] in made}) == 3


async def test_another_task_makes_an_artifact_of_its_own(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_id = await new_task(api, run_id, "other")
    made = await create(api, a_request(run_id, task_id), a_request(run_id, other_id))
    assert made[0].artifact_id != made[1].artifact_id


async def test_what_a_task_has_as_its_input_is_not_what_it_made(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_id = await new_task(api, run_id, "other")
    [used] = await create(api, a_request(run_id, other_id))
    await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, used.artifact_id, key="out"))
    [made] = await create(api, a_request(run_id, task_id))
    assert made.artifact_id != used.artifact_id


async def test_what_a_task_has_reused_is_not_what_it_made(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_id = await new_task(api, run_id, "other")
    uri = unique("s3")
    [first] = await create(api, a_request(run_id, other_id, uri=uri))
    request = a_request(run_id, task_id, uri=uri)
    assert await api.CreateArtifact(**request, reuse_if_exists=True) == first
    [made] = await create(api, request)
    assert made.artifact_id != first.artifact_id
    assert await create(api, request) == [made]


async def test_equal_artifacts_of_one_call_are_different_ones_and_match_one_by_one_when_it_is_made_again(
    api: Api,
) -> None:
    run_id, task_id = await new_run_and_task(api)
    equal, other = a_request(run_id, task_id), a_request(run_id, task_id, name="other")
    requests = [equal, other, equal]
    first = await create(api, *requests, is_bulk=True)
    assert len({artifact.artifact_id for artifact in first}) == 3
    assert await create(api, *requests, is_bulk=True) == first
    more = await create(api, *requests, equal, is_bulk=True)
    assert more[:3] == first
    assert more[3].artifact_id not in {artifact.artifact_id for artifact in first}
    assert await create(api, equal) == first[:1]
    assert await count_links(api, run_id) == 4


async def test_a_bulk_that_spans_tasks_and_was_interrupted_makes_what_is_missing(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_run_id, other_id = await new_run_and_task(api)
    requests = [a_request(run_id, task_id), a_request(other_run_id, other_id), a_request(run_id, task_id, name="new")]
    first = await create(api, *requests[:2])
    again = await create(api, *requests, is_bulk=True)
    assert again[:2] == first
    assert again[2].artifact_id not in {artifact.artifact_id for artifact in first}
    assert (await count_links(api, run_id), await count_links(api, other_run_id)) == (2, 1)


async def test_a_retried_run_makes_its_artifacts_anew(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    [first] = await create(api, a_request(run_id, task_id))
    await api.CreateTask(run_id=run_id, task=run_pb2.PipelineTask(name="ROOT", type="ROOT", state="FAILED"))
    await api.RetryRun(run_id=run_id)
    [second] = await create(api, a_request(run_id, task_id))
    assert first.artifact_id != second.artifact_id


@pytest.mark.parametrize("size", [1, 30])
async def test_a_replay_takes_at_most_five_statements_for_any_size(api: Api, statements: Statements, size: int) -> None:
    run_id, task_id = await new_run_and_task(api)
    uri = unique("s3")
    requests = [a_request(run_id, task_id, uri=f"{uri}/{number}") for number in range(size)]
    counts = []
    for _ in range(2):
        statements.clear()
        await create(api, *requests, is_bulk=True)
        counts.append(statements.count)
    # The first time: task, earlier links, artifacts, links, and the links as they are kept.
    assert counts[0] <= 5
    assert counts[1] <= 3
