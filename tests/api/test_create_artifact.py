"""CreateArtifact and CreateArtifactsBulk: what is refused, what is kept, and the link each makes."""

import time
from typing import Any

import pytest
from google.protobuf import json_format
from lineal.v2beta1 import artifact_pb2

from tests.api.builders import an_artifact, get_task, new_run, new_run_and_task, new_task, unique, where
from tests.api.client import Api, code

CreateArtifactRequest = artifact_pb2.CreateArtifactRequest
UNKNOWN = 99


async def a_request(api: Api, artifact: Any = None, **fields: Any) -> dict[str, Any]:
    """A request that makes an artifact as the output of a new task of a new run."""
    run_id, task_id = await new_run_and_task(api)
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out", "artifact": artifact or an_artifact()}
    return request | fields


async def links_of(api: Api, artifact_id: str) -> list[Any]:
    """The links of an artifact."""
    return list((await api.ListArtifactTasks(artifact_ids=[artifact_id])).artifact_tasks)


async def test_a_new_artifact_reads_back_as_it_was_answered(api: Api) -> None:
    sent = an_artifact("model v1 ", description="d", uri="s3://bucket/ü?x=%20#y", number_value=-0.25)
    for key, value in {"text": "ü🚀", "none": None, "list": [None, {}], "": 0.1, "object": {"a": [True]}}.items():
        json_format.ParseDict(value, sent.metadata[key])
    made = await api.CreateArtifact(**await a_request(api, sent))
    assert await api.GetArtifact(artifact_id=made.artifact_id) == made
    sent.artifact_id, sent.namespace = made.artifact_id, ""
    sent.created_at.CopyFrom(made.created_at)
    assert made == sent


async def test_the_server_says_when_an_artifact_was_created(api: Api) -> None:
    request = await a_request(api, an_artifact(created_at={"seconds": 1}))
    made = [await api.CreateArtifact(**request) for _ in range(3)]
    assert all(abs(each.created_at.seconds - time.time()) < 60 for each in made)
    assert any(each.created_at.nanos % 1_000_000 for each in made)


async def test_a_negative_zero_is_zero_from_the_first_answer_on(api: Api) -> None:
    made = await api.CreateArtifact(**await a_request(api, an_artifact(type="Metric", number_value=-0.0)))
    read = await api.GetArtifact(artifact_id=made.artifact_id)
    assert (str(made.number_value), str(read.number_value)) == ("0.0", "0.0")


@pytest.mark.parametrize(
    ("fields", "present"),
    [
        ({}, set()),
        ({"uri": ""}, {"uri"}),
        ({"number_value": 0.0}, {"number_value"}),
        ({"description": ""}, set()),
        ({"type": "Metric", "number_value": 0.0}, {"number_value"}),
        ({"type": "ClassificationMetric", "metadata": {"a": {"null_value": 0}}}, {"metadata"}),
        ({"type": "SlicedClassificationMetric", "metadata": {"": {"null_value": 0}}}, {"metadata"}),
    ],
)
async def test_optional_fields_are_kept_when_they_are_sent(api: Api, fields: dict[str, Any], present: set[str]) -> None:
    made = await api.CreateArtifact(**await a_request(api, an_artifact(**fields)))
    shown = {field.name for field, _ in (await api.GetArtifact(artifact_id=made.artifact_id)).ListFields()}
    assert shown == {"artifact_id", "name", "type", "created_at"} | present


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(None, "OUTPUT"), (0, "ITERATOR_OUTPUT"), (7, "ITERATOR_OUTPUT"), (2**40, "ITERATOR_OUTPUT")],
)
async def test_a_new_artifact_is_linked_to_its_task(api: Api, iteration: int | None, expected: str) -> None:
    request = await a_request(api, iteration_index=iteration)
    made = await api.CreateArtifact(**request)
    [link] = await links_of(api, made.artifact_id)
    assert (link.run_id, link.task_id, link.key) == (request["run_id"], request["task_id"], "out")
    assert artifact_pb2.IOType.Name(link.type) == expected
    producer = artifact_pb2.IOProducer(task_name="train", iteration=iteration)
    assert link.producer == producer
    [output] = (await get_task(api, request["run_id"], request["task_id"])).outputs.artifacts
    assert (output.producer, list(output.artifacts)) == (producer, [made])


BAD_ARTIFACTS: list[dict[str, Any]] = [
    {"artifact_id": "mine"},
    {"namespace": ""},
    {"type": 0},
    {"type": UNKNOWN},
    {"type": -1},
    {"name": ""},
    {"name": "a\0b"},
    {"description": "\0"},
    {"uri": "s3://\0"},
    {"namespace": "\0"},
    {"type": "Metric"},
    {"type": "Metric", "number_value": float("nan")},
    {"number_value": float("inf")},
    {"metadata": {"a": {"number_value": float("-inf")}}},
    {"metadata": {"a": {"string_value": "\0"}}},
    {"metadata": {"\0": {"string_value": ""}}},
    {"type": "ClassificationMetric"},
    {"type": "SlicedClassificationMetric"},
]
BAD_REQUESTS: list[tuple[dict[str, Any], str]] = [
    *[({"artifact": an_artifact(**fields)}, "INVALID_ARGUMENT") for fields in BAD_ARTIFACTS],
    ({"artifact": None}, "INVALID_ARGUMENT"),
    ({"run_id": ""}, "INVALID_ARGUMENT"),
    ({"task_id": ""}, "INVALID_ARGUMENT"),
    ({"producer_key": ""}, "INVALID_ARGUMENT"),
    ({"producer_key": "\0"}, "INVALID_ARGUMENT"),
    ({"run_id": "another-run"}, "INVALID_ARGUMENT"),
    ({"task_id": "no-such-task"}, "NOT_FOUND"),
    ({"task_id": "x" * 300}, "NOT_FOUND"),
    ({"task_id": "a\0b"}, "NOT_FOUND"),
]


@pytest.mark.parametrize(("fields", "expected"), BAD_REQUESTS)
async def test_a_senseless_artifact_is_refused_alone_and_in_bulk(
    api: Api, fields: dict[str, Any], expected: str
) -> None:
    request = await a_request(api)
    assert await code(api.CreateArtifact(**(request | fields))) == expected
    bulk = [CreateArtifactRequest(**request), CreateArtifactRequest(**(request | fields))]
    assert await code(api.CreateArtifactsBulk(artifacts=bulk)) == expected
    assert (await api.ListArtifactTasks(run_ids=[request["run_id"]])).total_size == 0


async def test_every_item_of_a_bulk_is_checked_before_any_task_is_looked_for(api: Api) -> None:
    request = await a_request(api)
    for task_id in ("no-such-task", "x" * 300):
        bulk = [CreateArtifactRequest(**(request | {"task_id": task_id})), CreateArtifactRequest()]
        assert await code(api.CreateArtifactsBulk(artifacts=bulk[:1])) == "NOT_FOUND"
        assert await code(api.CreateArtifactsBulk(artifacts=bulk)) == "INVALID_ARGUMENT"
        bulk[1] = CreateArtifactRequest(**(request | {"reuse_if_exists": True}))
        assert await code(api.CreateArtifactsBulk(artifacts=bulk)) == "NOT_FOUND"
        assert await code(api.CreateArtifactsBulk(artifacts=bulk[::-1])) == "INVALID_ARGUMENT"


async def test_a_bulk_answers_in_the_order_asked_and_may_span_runs(api: Api) -> None:
    name = unique("artifact")
    requests = [await a_request(api, an_artifact(f"{name}-{number}")) for number in range(3)]
    made = await api.CreateArtifactsBulk(artifacts=[CreateArtifactRequest(**request) for request in requests])
    assert [artifact.name for artifact in made.artifacts] == [f"{name}-{number}" for number in range(3)]
    for artifact, request in zip(made.artifacts, requests, strict=True):
        [link] = await links_of(api, artifact.artifact_id)
        assert (link.task_id, await api.GetArtifact(artifact_id=artifact.artifact_id)) == (request["task_id"], artifact)


async def test_artifacts_of_a_bulk_list_in_the_order_asked(api: Api) -> None:
    name, request = unique("artifact"), await a_request(api)
    items = [CreateArtifactRequest(**(request | {"artifact": an_artifact(name, uri=str(i))})) for i in range(50)]
    made = (await api.CreateArtifactsBulk(artifacts=items)).artifacts
    listed = (await api.ListArtifacts(filter=where("name", "EQUALS", string_value=name), page_size=100)).artifacts
    assert list(listed) == list(made)


async def test_an_empty_bulk_and_reuse_in_a_bulk_are_refused(api: Api) -> None:
    reuse = CreateArtifactRequest(**await a_request(api), reuse_if_exists=True)
    for items in ([], [reuse]):
        assert await code(api.CreateArtifactsBulk(artifacts=items)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("artifact_id", "expected"),
    [("", "INVALID_ARGUMENT"), ("none", "NOT_FOUND"), ("\0", "NOT_FOUND"), ("x" * 300, "NOT_FOUND")],
)
async def test_an_unknown_artifact_is_not_found(api: Api, artifact_id: str, expected: str) -> None:
    assert await code(api.GetArtifact(artifact_id=artifact_id)) == expected


async def test_a_link_of_a_new_artifact_follows_a_renamed_task(api: Api) -> None:
    run_id = await new_run(api)
    task_id = await new_task(api, run_id, "")
    made = await api.CreateArtifact(**await a_request(api, run_id=run_id, task_id=task_id))
    [link] = await links_of(api, made.artifact_id)
    assert link.HasField("producer")
    assert link.producer.task_name == ""
