"""Filters mean the same on every database: enum names, times, literal wildcards, bytes, absent values."""

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from lineal.v2beta1 import run_pb2

from tests.api.builders import (
    Task,
    a_link,
    a_root,
    an_artifact,
    moment,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    unique,
    where,
)
from tests.api.client import Api, code
from tests.docs.pages import DOCS, fenced

STATES = ["RUNTIME_STATE_UNSPECIFIED", "RUNNING", "SUCCEEDED", "SKIPPED", "FAILED", "CACHED"]


async def names(api: Api, run_id: str, text: str) -> list[str]:
    """The names of a run's tasks that meet a filter; their number must be the total."""
    page = await api.ListTasks(run_id=run_id, filter=text, page_size=200)
    assert page.total_size == len(page.tasks)
    return sorted(task.name for task in page.tasks)


async def a_run_of(api: Api, tasks: dict[str, dict[str, Any]]) -> str:
    """A run with tasks by their names."""
    run_id = await new_run(api)
    for name, fields in tasks.items():
        await new_task(api, run_id, name, **fields)
    return run_id


@pytest.mark.parametrize("key", ["status", "state"])
@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        ("EQUALS", {"string_value": "SUCCEEDED"}, ["SUCCEEDED"]),
        ("EQUALS", {"string_value": "2"}, ["SUCCEEDED"]),
        ("EQUALS", {"int_value": 2}, ["SUCCEEDED"]),
        ("EQUALS", {"long_value": "2"}, ["SUCCEEDED"]),
        ("EQUALS", {"int_value": 0}, ["RUNTIME_STATE_UNSPECIFIED"]),
        ("NOT_EQUALS", {"string_value": "SUCCEEDED"}, sorted({*STATES} - {"SUCCEEDED"})),
        ("IN", {"string_values": {"values": ["FAILED", "1", "no such state"]}}, ["FAILED", "RUNNING"]),
        ("IN", {"int_values": {"values": [4, 5]}}, ["CACHED", "FAILED"]),
        ("IN", {"string_values": {"values": []}}, []),
        ("GREATER_THAN", {"string_value": "SKIPPED"}, ["CACHED", "FAILED"]),
        ("LESS_THAN_EQUALS", {"int_value": 1}, ["RUNNING", "RUNTIME_STATE_UNSPECIFIED"]),
        ("EQUALS", {"string_value": "succeeded"}, []),
        ("EQUALS", {"string_value": "no such state"}, []),
        ("NOT_EQUALS", {"string_value": "no such state"}, sorted(STATES)),
        ("EQUALS", {"long_value": str(2**40)}, []),
    ],
)
async def test_states_are_compared_by_number_or_name(
    api: Api, key: str, operation: str, value: dict[str, Any], expected: list[str]
) -> None:
    run_id = await a_run_of(api, {state: {"state": state} for state in STATES})
    assert await names(api, run_id, where(key, operation, **value)) == expected


@pytest.mark.parametrize(
    ("operation", "text", "expected"),
    [
        ("IS_SUBSTRING", "%", ["100%"]),
        ("IS_SUBSTRING", "_", ["a_b"]),
        ("IS_SUBSTRING", "a_b", ["a_b"]),
        ("IS_SUBSTRING", "\\", ["back\\slash"]),
        ("IS_SUBSTRING", "'", ["it's"]),
        ("IS_SUBSTRING", "AB", ["AB"]),
        ("IS_SUBSTRING", "ab", ["ab"]),
        ("IS_SUBSTRING", "🚀", ["to the 🚀"]),
        ("IS_SUBSTRING", "", sorted(["", "100%", "a_b", "axb", "AB", "ab", "back\\slash", "it's", "to the 🚀", "x "])),
        ("EQUALS", "ab", ["ab"]),
        ("EQUALS", "x", []),
        ("EQUALS", "x ", ["x "]),
        ("EQUALS", "", [""]),
        ("NOT_EQUALS", "AB", sorted(["", "100%", "a_b", "axb", "ab", "back\\slash", "it's", "to the 🚀", "x "])),
        ("LESS_THAN", "AB", ["", "100%"]),
        ("GREATER_THAN_EQUALS", "to the 🚀", ["to the 🚀", "x "]),
    ],
)
async def test_texts_are_compared_by_bytes_and_wildcards_are_literal(
    api: Api, operation: str, text: str, expected: list[str]
) -> None:
    tasks = ["", "100%", "a_b", "axb", "AB", "ab", "back\\slash", "it's", "to the 🚀", "x "]
    run_id = await a_run_of(api, {name: {} for name in tasks})
    assert await names(api, run_id, where("name", operation, string_value=text)) == expected


SECOND = "2024-01-01T00:00:05"


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        ("EQUALS", {"timestamp_value": f"{SECOND}Z"}, ["5.0", "5.25", "5.999999"]),
        ("EQUALS", {"timestamp_value": f"{SECOND}.25Z"}, ["5.25"]),
        ("EQUALS", {"timestamp_value": f"{SECOND}.250001Z"}, []),
        ("EQUALS", {"timestamp_value": "2024-01-01T01:00:05+01:00"}, ["5.0", "5.25", "5.999999"]),
        ("EQUALS", {"long_value": "1704067205"}, ["5.0", "5.25", "5.999999"]),
        ("NOT_EQUALS", {"timestamp_value": f"{SECOND}Z"}, ["4.999999", "6.0"]),
        ("GREATER_THAN", {"timestamp_value": f"{SECOND}Z"}, ["6.0"]),
        ("GREATER_THAN", {"timestamp_value": f"{SECOND}.25Z"}, ["5.999999", "6.0"]),
        ("GREATER_THAN_EQUALS", {"timestamp_value": f"{SECOND}Z"}, ["5.0", "5.25", "5.999999", "6.0"]),
        ("LESS_THAN", {"timestamp_value": f"{SECOND}Z"}, ["4.999999"]),
        ("LESS_THAN_EQUALS", {"timestamp_value": f"{SECOND}Z"}, ["4.999999", "5.0", "5.25", "5.999999"]),
        ("IN", {"long_values": {"values": ["1704067206", "1704067204"]}}, ["4.999999", "6.0"]),
    ],
)
@pytest.mark.parametrize("key", ["create_time", "end_time"])
async def test_times_are_compared_as_precisely_as_they_are_given(
    api: Api, key: str, operation: str, value: dict[str, Any], expected: list[str]
) -> None:
    times = {"4.999999": "04.999999", "5.0": "05", "5.25": "05.25", "5.999999": "05.999999", "6.0": "06"}
    tasks = {name: {key: moment(f"2024-01-01T00:00:{second}Z")} for name, second in times.items()}
    run_id = await a_run_of(api, tasks)
    assert await names(api, run_id, where(key, operation, **value)) == expected


async def test_times_are_found_among_a_thousand(api: Api) -> None:
    times = ["1969-12-31T23:59:54.5Z", "1969-12-31T23:59:59.75Z", "1970-01-01T00:00:05.75Z", "1970-01-01T00:00:08Z"]
    run_id = await a_run_of(api, {time: {"create_time": moment(time)} for time in times})
    seconds = [-6, -1, 5, 2**62, -(2**62), *range(20, 2010, 2)]
    assert len(seconds) == 1000
    asked = where("create_time", "IN", long_values={"values": list(map(str, seconds))})
    assert await names(api, run_id, asked) == times[:3]


@pytest.mark.parametrize("operation", ["EQUALS", "NOT_EQUALS", "LESS_THAN", "GREATER_THAN"])
async def test_a_task_that_has_not_ended_meets_no_filter_on_its_end(api: Api, operation: str) -> None:
    run_id = await a_run_of(api, {"running": {}})
    for key in ("end_time", "parent_task_id", "pods"):
        value = {"timestamp_value": f"{SECOND}Z"} if key == "end_time" else {"string_value": "x"}
        assert await names(api, run_id, where(key, operation, **value)) == []


@pytest.mark.parametrize("name", ["a+b", "a%20b", "100%", "ü&c=d", "%%", '"quoted"'])
async def test_a_filter_may_be_plain_or_escaped_once(api: Api, name: str) -> None:
    run_id = await a_run_of(api, {name: {}, "other": {}})
    text = where("name", "EQUALS", string_value=name)
    for sent in (text, quote(text), quote_plus(text)):
        assert await names(api, run_id, sent) == [name]


async def test_predicates_must_all_hold_and_may_be_written_in_any_way(api: Api) -> None:
    run_id = await a_run_of(api, {"a1": {"state": "FAILED"}, "a2": {"state": "RUNNING"}, "b1": {"state": "FAILED"}})
    text = (
        '{"predicates": [{"operation": 9, "key": "name", "stringValue": "a"},'
        ' {"operation": "EQUALS", "key": "state", "intValue": "4"}]}'
    )
    assert await names(api, run_id, text) == ["a1"]
    assert await names(api, run_id, "{}") == ["a1", "a2", "b1"]


@pytest.mark.parametrize(
    "text",
    [
        where("status", "IS_SUBSTRING", string_value="RUN"),
        where("create_time", "IS_SUBSTRING", string_value="2024"),
        where("create_time", "EQUALS", string_value="2024-01-01T00:00:00Z"),
        where("name", "EQUALS", int_value=1),
        where("name", "EQUALS", timestamp_value="2024-01-01T00:00:00Z"),
        where("status", "EQUALS", timestamp_value="2024-01-01T00:00:00Z"),
        where("name", "IN", string_value="x"),
        where("name", "EQUALS", string_values={"values": ["x"]}),
        where("name", "EQUALS"),
        where("name", "OPERATION_UNSPECIFIED", string_value="x"),
        where("", "EQUALS", string_value="x"),
        where("Name", "EQUALS", string_value="x"),
        where("name; DROP TABLE tasks", "EQUALS", string_value="x"),
        where("name", "EQUALS", string_value="a\0b"),
        '{"predicates": [{"key": "name", "operation": "LIKE", "string_value": "x"}]}',
        '{"unknown": 1}',
        "[]",
        "{",
        "%zz",
        "[" * 20_000,
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(api: Api, text: str) -> None:
    assert await code(api.ListTasks(run_id=await new_run(api), filter=text)) == "INVALID_ARGUMENT"


async def test_runs_are_filtered_by_the_names_of_their_states(api: Api) -> None:
    name = unique("run")
    for state in ("RUNNING", "FAILED", None):
        run_id = await new_run(api, display_name=f"{name} {state}")
        if state:
            await api.CreateTask(run_id=run_id, task=a_root(state))
    mine = {"key": "name", "operation": "IS_SUBSTRING", "string_value": name}
    for key, value, expected in (
        ("state", {"string_value": "PENDING"}, "None"),
        ("state", {"int_value": run_pb2.FAILED}, "FAILED"),
        ("status", {"string_value": "Running"}, "RUNNING"),
        ("storage_state", {"string_value": "ARCHIVED"}, None),
    ):
        text = json.dumps({"predicates": [mine, {"key": key, "operation": "EQUALS", **value}]})
        shown = [run.display_name.removeprefix(f"{name} ") for run in (await api.ListRuns(filter=text)).runs]
        assert shown == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        ("EQUALS", {"int_value": 0}, ["open"]),
        ("EQUALS", {"timestamp_value": "1970-01-01T00:00:00Z"}, ["open"]),
        ("IN", {"long_values": {"values": ["0", "1704067205"]}}, ["done", "open"]),
        ("NOT_EQUALS", {"long_value": "0"}, ["done"]),
        ("GREATER_THAN", {"long_value": "0"}, ["done"]),
        ("LESS_THAN", {"long_value": "1704067205"}, ["open"]),
        ("LESS_THAN_EQUALS", {"timestamp_value": f"{SECOND}Z"}, ["done", "open"]),
    ],
)
async def test_a_run_that_has_not_finished_is_filtered_as_finished_in_1970(
    api: Api, operation: str, value: dict[str, Any], expected: list[str]
) -> None:
    word = unique()
    await new_run(api, description=word, display_name="open")
    await new_run(api, description=word, display_name="done", finished_at=moment(f"{SECOND}.25Z"))
    wanted = [where("description", "EQUALS", string_value=word), where("finished_at", operation, **value)]
    page = await api.ListRuns(filter=json.dumps({"predicates": [json.loads(each)["predicates"][0] for each in wanted]}))
    assert sorted(run.display_name for run in page.runs) == expected


async def test_the_documented_filter_finds_runs_that_finished_before_a_date(api: Api) -> None:
    [text] = fenced(DOCS / "limits.md", "json")
    word = unique()
    for name, finished in {"open": None, "before": "2026-10-31T23:59:59Z", "after": "2026-11-01T00:00:00Z"}.items():
        fields = {} if finished is None else {"finished_at": moment(finished)}
        await new_run(api, description=word, display_name=name, **fields)
    predicates = [
        *json.loads(text)["predicates"],
        json.loads(where("description", "EQUALS", string_value=word))["predicates"][0],
    ]
    page = await api.ListRuns(filter=json.dumps({"predicates": predicates}))
    assert [run.display_name for run in page.runs] == ["before"]


async def test_artifacts_are_found_by_type_number_and_uri(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    uri = unique("s3://bucket/ü%20+") + "x" * 400
    made = [
        await new_artifact(api, run_id, task_id, uri=uri, type="Metric", number_value=number) for number in (1.0, 2.0)
    ]
    await new_artifact(api, run_id, task_id, uri=f"{uri} ", type="Metric", number_value=1.0)
    same_uri = where("uri", "EQUALS", string_value=uri)
    for sent in (same_uri, quote(same_uri)):
        page = await api.ListArtifacts(filter=sent)
        assert ([artifact.artifact_id for artifact in page.artifacts], page.total_size) == (made, 2)
    page = await api.ListArtifacts(filter=same_uri, page_size=1, sort_by="number_value desc")
    assert [artifact.artifact_id for artifact in page.artifacts] == made[1:]
    assert (page.total_size, bool(page.next_page_token)) == (2, True)
    rest = await api.ListArtifacts(page_token=page.next_page_token)
    assert [artifact.artifact_id for artifact in rest.artifacts] == made[:1]


async def test_lists_of_artifacts_leave_out_no_namespace(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    name = unique("artifact")
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out"}
    await api.CreateArtifact(artifact=an_artifact(name, namespace="one"), **request)
    text = where("name", "EQUALS", string_value=name)
    for namespace in ("", "one", "two"):
        assert (await api.ListArtifacts(namespace=namespace, filter=text)).total_size == 1


async def linked(api: Api) -> dict[str, str]:
    """Two runs of a task each, an artifact each, every task linked to both artifacts; ids by short names."""
    ids: dict[str, str] = {}
    for each in "12":
        ids[f"run{each}"], ids[f"task{each}"] = await new_run_and_task(api)
        ids[f"art{each}"] = await new_artifact(api, ids[f"run{each}"], ids[f"task{each}"])
    for each, other in ("12", "21"):
        await api.CreateArtifactTask(artifact_task=a_link(ids[f"run{each}"], ids[f"task{each}"], ids[f"art{other}"]))
    return ids


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"run_ids": ["run1"]}, {"task1 art1", "task1 art2"}),
        ({"task_ids": ["task1", "task2"]}, {"task1 art1", "task1 art2", "task2 art1", "task2 art2"}),
        ({"artifact_ids": ["art1"]}, {"task1 art1", "task2 art1"}),
        ({"artifact_ids": ["art1"], "run_ids": ["run2"]}, {"task2 art1"}),
        ({"task_ids": ["task1"], "run_ids": ["run2"]}, set()),
        ({"task_ids": ["task1"], "type": "OUTPUT"}, {"task1 art1"}),
        ({"task_ids": ["task1"], "type": "COMPONENT_INPUT"}, {"task1 art2"}),
        ({"task_ids": ["task1"], "type": "ITERATOR_OUTPUT"}, set()),
        ({"run_ids": ["no-such-run", "run1"]}, {"task1 art1", "task1 art2"}),
        ({"run_ids": ["x" * 300]}, set()),
    ],
)
async def test_links_are_found_by_any_of_each_kind_of_id_and_all_kinds(
    api: Api, asked: dict[str, Any], expected: set[str]
) -> None:
    ids = await linked(api)
    names = {id: name for name, id in ids.items()}
    request = {key: [ids.get(name, name) for name in value] if key != "type" else value for key, value in asked.items()}
    page = await api.ListArtifactTasks(**request)
    assert {f"{names[link.task_id]} {names[link.artifact_id]}" for link in page.artifact_tasks} == expected
    assert page.total_size == len(page.artifact_tasks) == len(expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "INVALID_ARGUMENT"),
        ({"type": "OUTPUT"}, "INVALID_ARGUMENT"),
        ({"run_ids": [""]}, "INVALID_ARGUMENT"),
        ({"task_ids": ["x", ""]}, "INVALID_ARGUMENT"),
        ({"artifact_ids": [""]}, "INVALID_ARGUMENT"),
        ({"task_ids": ["no-such-task"]}, "NOT_FOUND"),
        ({"artifact_ids": ["no-such-artifact"]}, "NOT_FOUND"),
        ({"run_ids": ["no-such-run"]}, "OK"),
        ({"task_ids": [""], "page_size": -1}, "INVALID_ARGUMENT"),
        ({"run_ids": ["x"], "filter": where("id", "EQUALS", int_value=1)}, "INVALID_ARGUMENT"),
    ],
)
async def test_links_of_unknown_tasks_and_artifacts_are_not_found(
    api: Api, asked: dict[str, Any], expected: str
) -> None:
    assert await code(api.ListArtifactTasks(**asked)) == expected


async def test_links_are_filtered_by_key_and_producer(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    for key in ("a", "A"):
        link = a_link(run_id, task_id, artifact_id, key=key, producer={"task_name": f"t-{key}"})
        await api.CreateArtifactTask(artifact_task=link)
    for text in (where("key", "EQUALS", string_value="a"), where("producer", "IS_SUBSTRING", string_value="t-a")):
        page = await api.ListArtifactTasks(run_ids=[run_id], filter=text)
        assert [link.key for link in page.artifact_tasks] == ["a"]


async def test_a_filter_on_types_takes_names(api: Api) -> None:
    run_id = await a_run_of(api, {kind: {"type": kind} for kind in dict(Task.TaskType.items())})
    assert await names(api, run_id, where("type", "IN", string_values={"values": ["LOOP", "8"]})) == ["DAG", "LOOP"]
