"""CreateArtifact with reuse_if_exists: an equal artifact is linked instead of made again."""

from typing import Any

import pytest

from tests.api.builders import an_artifact, new_run_and_task, unique
from tests.api.client import Api


def an_import(**fields: Any) -> Any:
    """An artifact as an importer describes it, like no other test's."""
    return an_artifact(**{"name": unique("data"), "uri": unique("s3://bucket"), "description": "d", **fields})


async def create(api: Api, artifact: Any, *, reuse: bool = True, **fields: Any) -> Any:
    """Create an artifact as the output of a new task."""
    run_id, task_id = await new_run_and_task(api)
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out", **fields}
    return await api.CreateArtifact(artifact=artifact, reuse_if_exists=reuse, **request)


async def links(api: Api, artifact: Any) -> list[Any]:
    """The links of an artifact."""
    return list((await api.ListArtifactTasks(artifact_ids=[artifact.artifact_id])).artifact_tasks)


@pytest.mark.parametrize("first_with_reuse", [True, False])
async def test_an_equal_artifact_is_linked_again_and_returned_as_it_is(api: Api, first_with_reuse: bool) -> None:
    artifact = an_import(metadata={"b": {"number_value": 1}, "a": {"string_value": "<&>"}})
    first = await create(api, artifact, reuse=first_with_reuse)
    assert await create(api, artifact) == first == await create(api, artifact)
    assert len(await links(api, first)) == 3


async def test_a_reusing_creation_sent_again_adds_no_link(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact = an_import()
    made = [await create(api, artifact, run_id=run_id, task_id=task_id) for _ in range(3)]
    assert made[0] == made[1] == made[2]
    assert len(await links(api, made[0])) == 1


@pytest.mark.parametrize("difference", [{"producer_key": "other"}, {"iteration_index": 0}])
async def test_another_key_or_iteration_is_another_link(api: Api, difference: dict[str, Any]) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact = an_import()
    made = [await create(api, artifact, run_id=run_id, task_id=task_id, **extra) for extra in ({}, difference)]
    assert made[0] == made[1]
    assert len(await links(api, made[0])) == 2


@pytest.mark.parametrize(
    "difference",
    [
        {"name": "other"},
        {"description": ""},
        {"type": "Dataset"},
        {"uri": "s3://other"},
        {"metadata": {"a": {"number_value": 1}}},
    ],
)
async def test_artifacts_that_differ_are_not_taken_for_each_other(api: Api, difference: dict[str, Any]) -> None:
    fields = {"name": unique("data"), "uri": unique("s3://bucket")}
    first = await create(api, an_import(**fields))
    other = await create(api, an_import(**(fields | difference)))
    assert first.artifact_id != other.artifact_id


async def test_the_number_of_a_metric_counts(api: Api) -> None:
    fields: dict[str, Any] = {"name": unique("accuracy"), "uri": "", "type": "Metric"}
    numbers = (0.0, 0.5, 0.25, 0.5, -0.0, 0.0)
    made = [(await create(api, an_import(**fields, number_value=number))).artifact_id for number in numbers]
    assert made[1] == made[3]
    assert made[0] == made[4] == made[5]
    assert len(set(made)) == 3


async def test_the_number_of_anything_else_does_not_count(api: Api) -> None:
    fields = {"name": unique("data"), "uri": unique("s3://bucket")}
    first = await create(api, an_import(**fields, number_value=1.0))
    assert await create(api, an_import(**fields, number_value=2.0)) == first


async def test_an_absent_uri_and_an_empty_one_are_the_same(api: Api) -> None:
    name = unique("data")
    first = await create(api, an_artifact(name))
    assert await create(api, an_artifact(name, uri="")) == first


async def test_without_a_uri_an_artifact_made_without_reuse_is_not_found(api: Api) -> None:
    name = unique("data")
    first = await create(api, an_artifact(name), reuse=False)
    assert (await create(api, an_artifact(name))).artifact_id != first.artifact_id


async def test_of_several_equal_artifacts_the_oldest_is_taken(api: Api) -> None:
    artifact = an_import()
    made = [await create(api, artifact, reuse=False) for _ in range(3)]
    assert await create(api, artifact) == made[0]


async def test_the_namespace_of_a_request_does_not_keep_artifacts_apart(api: Api) -> None:
    fields = {"name": unique("data"), "uri": unique("s3://bucket")}
    first = await create(api, an_import(**fields, namespace="one"))
    assert await create(api, an_import(**fields, namespace="two")) == first
    assert first.namespace == ""
