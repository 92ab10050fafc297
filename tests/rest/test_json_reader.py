"""JSON of requests: strict as the reference's gateway, and otherwise equal to what json_format reads."""

import json
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st
from lineal.v2beta1 import artifact_pb2, experiment_pb2, run_pb2, task_pb2

from server.doors.rest.json_reader import fill
from server.errors import InvalidArgument
from tests.rest.messages import PLAIN, REQUESTS, messages, plain_of, text_of

TASK = run_pb2.PipelineTask
PARAMETER = TASK.InputOutputs.IOParameter


def read(message_class: type[Message], plain: Any) -> Any:
    message = message_class()
    fill(message, plain)
    return message


def refusal_of(message_class: type[Message], plain: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        read(message_class, plain)
    assert caught.value.reason == "INVALID_JSON"
    return caught.value.message


@pytest.mark.slow
@pytest.mark.messages
@pytest.mark.parametrize("request_class", REQUESTS, ids=lambda request: request.DESCRIPTOR.name)
def test_what_json_format_writes_is_read_in_both_spellings(request_class: Any) -> None:
    @given(messages(request_class.DESCRIPTOR))
    def holds(message: Any) -> None:
        snake_case, lower_camel = plain_of(message), plain_of(message, preserving_proto_field_name=False)
        for plain in (snake_case, lower_camel):
            assert plain_of(read(request_class, json.loads(json.dumps(plain)))) == snake_case

    holds()


NAMES = sorted(
    {name for field in TASK.DESCRIPTOR.fields for name in (field.name, field.json_name)} | {"parameters", "value", "x"}
)
GUESS = st.recursive(
    PLAIN | st.integers(-(2**70), 2**70) | st.sampled_from(["1", "RUNNING", "2024-01-01T00:00:00Z", "1e3", "NaN"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), GUESS, max_size=3))
def test_what_is_read_is_what_json_format_reads_and_the_rest_is_refused(plain: Any) -> None:
    try:
        message = read(TASK, plain)
    except InvalidArgument:
        return
    assert plain_of(message) == plain_of(json_format.ParseDict(plain, TASK()))


@given(GUESS)
def test_any_json_is_read_as_any_request_or_refused(plain: Any) -> None:
    for request_class in REQUESTS:
        with suppress(InvalidArgument):
            read(request_class, plain)


@pytest.mark.parametrize("plain", [[], "x", 1, None, True])
def test_a_message_must_be_an_object(plain: Any) -> None:
    assert "it must be an object" in refusal_of(experiment_pb2.Experiment, plain)


def test_an_unknown_field_is_refused_by_its_place() -> None:
    plain = {"inputs": {"parameters": [{}, {"bogus": 1}]}}
    assert "inputs.parameters.1.bogus is unknown" in refusal_of(TASK, plain)


def test_both_spellings_of_a_field_are_refused_even_if_one_is_null() -> None:
    assert "both spellings" in refusal_of(TASK, {"displayName": "a", "display_name": "b"})
    assert "both spellings" in refusal_of(TASK, {"displayName": None, "display_name": "b"})


@pytest.mark.parametrize(
    "plain",
    [
        {"name": 5},
        {"name": ["x"]},
        {"name": {}},
        {"pods": {}},
        {"pods": [None]},
        {"pods": ["x"]},
        {"inputs": []},
        {"inputs": "x"},
        {"type_attributes": {"iteration_index": True}},
        {"type_attributes": {"iteration_index": 1.5}},
        {"type_attributes": {"iteration_index": " 1"}},
        {"type_attributes": {"iteration_index": "1_0"}},
        {"type_attributes": {"iteration_index": "٣"}},
        {"type_attributes": {"iteration_index": ""}},
        {"type_attributes": {"iteration_index": 2**63}},
        {"type_attributes": {"iteration_index": "1e400"}},
        {"type_attributes": {"download_to_workspace": 1}},
        {"type_attributes": {"download_to_workspace": "true"}},
        {"state": "BOGUS"},
        {"state": "running"},
        {"state": "1"},
        {"state": 1.5},
        {"state": 2**31},
        {"state": True},
        {"state": []},
        {"create_time": 5},
        {"create_time": ""},
        {"create_time": "2024-01-01"},
        {"create_time": "2024-01-01T00:00:00"},
        {"create_time": "2024-13-01T00:00:00Z"},
        {"create_time": "2024-01-01T00:00:60Z"},
        {"create_time": "2024-01-01T00:00:00.Z"},
        {"create_time": "2024-01-01T00:00:00.1234567890Z"},
        {"create_time": "0001-01-01T00:00:00+01:00"},
        {"create_time": "9999-12-31T23:59:59-01:00"},
        {"create_time": "2024-01-01T00:00:00+24:00"},
        {"create_time": "٢٠٢٤-01-01T00:00:00Z"},
        {"create_time": {}},
        {"status_metadata": {"custom_properties": []}},
        {"name": "\ud800"},
        {"status_metadata": {"custom_properties": {"\udfff": 1}}},
        {"status_metadata": {"custom_properties": {"a": 10**400}}},
    ],
    ids=lambda plain: json.dumps(plain)[:60],
)
def test_a_value_of_the_wrong_kind_is_refused(plain: dict[str, Any]) -> None:
    refusal_of(TASK, plain)


@pytest.mark.parametrize("number", [5, 5.0, "5", "5.0", "50e-1"])
def test_an_integer_may_be_a_whole_number_or_its_text(number: Any) -> None:
    assert read(TASK, {"type_attributes": {"iteration_index": number}}).type_attributes.iteration_index == 5


def test_int64_keeps_every_digit() -> None:
    for number in (2**63 - 1, -(2**63)):
        for plain in (number, str(number)):
            read_back = read(TASK, {"type_attributes": {"iteration_index": plain}})
            assert read_back.type_attributes.iteration_index == number


@pytest.mark.parametrize(
    ("plain", "number"), [(0, 0.0), ("1.5", 1.5), (-0.0, -0.0), ("Infinity", float("inf")), (2**60, 2.0**60)]
)
def test_a_double_may_be_a_number_or_its_text(plain: Any, number: float) -> None:
    assert repr(read(artifact_pb2.Artifact, {"number_value": plain}).number_value) == repr(number)


@pytest.mark.parametrize("plain", [True, "x", "", " 1", "0x1", "1e400", 10**400, "inf", []])
def test_what_is_no_double_is_refused(plain: Any) -> None:
    refusal_of(artifact_pb2.Artifact, {"number_value": plain})


def test_enums_go_by_name_or_number_and_unknown_numbers_are_kept() -> None:
    assert read(TASK, {"state": "RUNNING"}).state == read(TASK, {"state": 1}).state == 1
    assert read(TASK, {"state": 77}).state == 77


def test_null_is_as_good_as_absent_except_for_a_value() -> None:
    nulls = {field.name: None for field in TASK.DESCRIPTOR.fields}
    assert read(TASK, nulls) == TASK()
    assert read(PARAMETER, {"value": None}).value == struct_pb2.Value(null_value=struct_pb2.NullValue.NULL_VALUE)


def test_nulls_within_values_are_kept() -> None:
    properties = {"a": None, "b": [None, {"c": None}]}
    task = read(TASK, {"status_metadata": {"custom_properties": properties}})
    assert plain_of(task)["status_metadata"]["custom_properties"] == properties


def test_only_one_field_of_a_oneof_may_be_there() -> None:
    both = {"pipeline_spec": {}, "pipeline_version_id": "v"}
    assert "is not the only field of pipeline_source" in refusal_of(run_pb2.Run, both)
    assert read(run_pb2.Run, both | {"pipeline_version_id": None}).HasField("pipeline_spec")


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2024-02-29T12:00:00.123456789+01:30", 1_709_202_600, 123_456_789),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, seconds: int, nanos: int) -> None:
    moment = read(TASK, {"create_time": text}).create_time
    assert moment == timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)


@pytest.mark.parametrize(
    "detail",
    [
        {"@type": "type.googleapis.com/no.such.Type"},
        {"reason": "no type"},
        {"@type": 5},
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "bogus": 1},
        {"@type": "type.googleapis.com/google.protobuf.Timestamp"},
        {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "now"},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1x"},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": {}},
        "text",
    ],
)
def test_the_detail_of_an_error_must_be_what_it_says(detail: Any) -> None:
    refusal_of(status_pb2.Status, {"details": [detail]})


@given(messages(status_pb2.Status.DESCRIPTOR))
def test_the_details_of_an_error_come_back_as_they_were(status: Any) -> None:
    plain = json.loads(text_of(status))
    assert json.loads(text_of(read(status_pb2.Status, plain))) == plain


def test_a_map_of_messages_is_read_by_key() -> None:
    read_back = read(task_pb2.UpdateTasksBulkRequest, {"tasks": {"a": {"name": "x"}, "b": {}}})
    assert {key: task.name for key, task in read_back.tasks.items()} == {"a": "x", "b": ""}
    assert "tasks.a must be an object" in refusal_of(task_pb2.UpdateTasksBulkRequest, {"tasks": {"a": None}})


def test_an_empty_object_is_an_empty_detail() -> None:
    assert [detail.type_url for detail in read(status_pb2.Status, {"details": [{}]}).details] == [""]
