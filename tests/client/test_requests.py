"""Plain values become messages; what does not fit is refused with the path of the field."""

import datetime
from typing import Any

import numpy
import pytest
from google.protobuf import json_format, struct_pb2, timestamp_pb2
from lineal._requests import DEPTH_MAX, build, filter_text
from lineal.v2beta1 import artifact_pb2, filter_pb2, run_pb2, task_pb2

RUN = run_pb2.CreateRunRequest
TASKS = task_pb2.UpdateTasksBulkRequest
LIST = run_pb2.ListRunsRequest
MOMENT = datetime.datetime(2026, 1, 31, 12, 0, 0, 250_000, datetime.timezone(datetime.timedelta(hours=1)))


def parameters(value: Any) -> Any:
    return build(RUN, {"run": {"runtime_config": {"parameters": {"p": value}}}}).run.runtime_config.parameters["p"]


def test_plain_values_become_the_message_that_is_meant() -> None:
    run = {"display_name": "churn", "storage_state": "ARCHIVED", "scheduled_at": MOMENT, "pipeline_spec": {"root": {}}}
    expected = run_pb2.Run(display_name="churn", storage_state=run_pb2.Run.ARCHIVED)
    expected.scheduled_at.FromJsonString("2026-01-31T11:00:00.25Z")
    json_format.ParseDict({"root": {}}, expected.pipeline_spec)
    assert build(RUN, {"run": run}).run == expected


def test_messages_lists_and_maps_are_taken_as_they_are() -> None:
    task = task_pb2.PipelineTask(name="a", state=task_pb2.PipelineTask.RUNNING)
    request = build(TASKS, {"run_id": "r", "tasks": {"1": task, "2": {"pods": [{"name": "p"}]}}})
    assert request.tasks["1"] == task
    assert request.tasks["2"].pods[0].name == "p"
    assert list(build(artifact_pb2.ListArtifactTasksRequest, {"run_ids": (each for each in "ab")}).run_ids) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("value", [None, True, 0, 2.5, "", "é", [], {}, [1, [None]], {"a": {"b": [True]}}, 2**53])
def test_json_values_are_kept(value: Any) -> None:
    assert json_format.MessageToDict(parameters(value)) == value


def test_none_leaves_a_field_unset_and_an_empty_mapping_sets_it() -> None:
    assert not build(RUN, {"run": None}).HasField("run")
    assert not build(RUN, {"run": {"runtime_config": None}}).run.HasField("runtime_config")
    assert build(RUN, {"run": {"runtime_config": {}}}).run.HasField("runtime_config")
    assert not build(run_pb2.GetRunRequest, {"run_id": "r", "view": None}).HasField("view")


def test_numbers_of_other_libraries_are_numbers() -> None:
    assert parameters(numpy.float32(0.5)).number_value == 0.5
    assert parameters(numpy.int64(7)).number_value == 7
    assert build(LIST, {"page_size": numpy.int32(5)}).page_size == 5


def test_times_are_datetimes_text_or_messages() -> None:
    stamp = timestamp_pb2.Timestamp(seconds=1769857200, nanos=250_000_000)
    for time in (MOMENT, "2026-01-31T11:00:00.25Z", stamp):
        assert build(RUN, {"run": {"scheduled_at": time}}).run.scheduled_at == stamp


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("message", "fields", "error", "words"),
    [
        (
            RUN,
            {"run": {"display_nam": "x"}},
            ValueError,
            "run.display_nam: Run has no such field; its fields are exper",
        ),
        (
            RUN,
            {"run": {"storage_state": "GONE"}},
            ValueError,
            "run.storage_state: 'GONE' is not a StorageState; there are ",
        ),
        (RUN, {"run": {"storage_state": 9}}, ValueError, "run.storage_state: 9 is not a StorageState"),
        (
            RUN,
            {"run": {"storage_state": True}},
            TypeError,
            "run.storage_state: must be the name of a StorageState, not bool",
        ),
        (RUN, {"run": {"display_name": 5}}, TypeError, "run.display_name: must be text, not int"),
        (RUN, {"run": {"display_name": "\ud800"}}, ValueError, "run.display_name: the text has a character"),
        (RUN, {"run": "x"}, TypeError, "run: must be Run or a mapping, not str"),
        (RUN, {"run": artifact_pb2.Artifact()}, TypeError, "run: must be Run, not Artifact"),
        (
            RUN,
            {"run": {"scheduled_at": datetime.datetime(2026, 1, 1)}},
            ValueError,
            "run.scheduled_at: the time has no",
        ),
        (RUN, {"run": {"scheduled_at": "now"}}, ValueError, "run.scheduled_at: 'now' is not a time"),
        (RUN, {"run": {"scheduled_at": 1.5}}, TypeError, "run.scheduled_at: must be a datetime or text, not float"),
        (RUN, {"run": {"pipeline_spec": [1]}}, TypeError, "run.pipeline_spec: must be a mapping, not list"),
        (RUN, {"run": {"pipeline_spec": {1: 2}}}, TypeError, r"run.pipeline_spec\[1\]: a key must be text, not int"),
        (RUN, {"run": {"plugins_input": {3: {}}}}, TypeError, r"run.plugins_input\[3\]: must be text, not int"),
        (
            RUN,
            {"run": {"pipeline_version_id": "v", "pipeline_spec": {}}},
            ValueError,
            "cannot be given together with run.pipe",
        ),
        (TASKS, {"tasks": [1]}, TypeError, "tasks: must be a mapping, not list"),
        (TASKS, {"tasks": {"a": {"pods": "ab"}}}, TypeError, r"tasks\['a'\].pods: must be a list, not str"),
        (
            TASKS,
            {"tasks": {"a": {"pods": [{"nam": 1}]}}},
            ValueError,
            r"tasks\['a'\].pods\[0\].nam: TaskPod has no such",
        ),
        (LIST, {"page_size": 2.0}, TypeError, "page_size: must be int, not float"),
        (LIST, {"page_size": 2**31}, ValueError, "page_size: 2147483648 is not between"),
        (LIST, {"skip_total_size": 1}, TypeError, "skip_total_size: must be bool, not int"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    message: Any, fields: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"^.*{words}" if words.startswith("cannot") else f"^{words}"):
        build(message, fields)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (float("nan"), ValueError, "nan is not a number that JSON has"),
        (2**53 + 1, ValueError, "9007199254740993 has too many digits for a number of JSON; send it as text"),
        (10**400, ValueError, "the number is too large"),
        ({1, 2}, TypeError, "set has no form in JSON"),
        (struct_pb2.Struct(), TypeError, "must be Value, not Struct"),
        ([struct_pb2.Struct()], TypeError, "must be plain Python, not Struct"),
        (nested(DEPTH_MAX + 1), ValueError, "nested more than 100 levels deep"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=rf"^run.runtime_config.parameters\['p'\].*: {words}"):
        parameters(value)


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested more than"):
        parameters(endless)


def test_filters_are_text_mappings_messages_or_expressions() -> None:
    message = filter_pb2.Filter()
    message.predicates.add(key="state", operation="EQUALS", string_value="FAILED")
    text = '{"predicates": [{"operation": "EQUALS", "key": "state", "stringValue": "FAILED"}]}'
    assert filter_text(message) == text
    assert filter_text({"predicates": []}) == '{"predicates": []}'
    assert filter_text(text) == text
    with pytest.raises(TypeError, match="filter: int is not a filter"):
        filter_text(3)
