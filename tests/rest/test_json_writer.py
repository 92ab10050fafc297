"""JSON of answers: what the writer makes is to the byte what json_format makes, for every type of answer."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from lineal.v2beta1 import artifact_pb2, experiment_pb2, run_pb2

from server.doors.rest import json_pieces, json_writer
from server.doors.rest.json_writer import message_json
from storage import slices
from tests.rest.messages import DETAIL, RESPONSES, messages, packed, text_of


@pytest.mark.slow
@pytest.mark.messages
@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.DESCRIPTOR.name)
def test_an_answer_is_written_as_json_format_writes_it(response: Any) -> None:
    @given(messages(response.DESCRIPTOR))
    def holds(message: Any) -> None:
        assert message_json(message) == text_of(message)

    holds()


@given(messages(status_pb2.Status.DESCRIPTOR))
def test_a_status_is_written_as_json_format_writes_it(message: Any) -> None:
    assert message_json(message) == text_of(message)


@given(DETAIL)
def test_the_detail_of_an_error_is_written_as_json_format_writes_it(detail: Any) -> None:
    assert message_json(packed(detail)) == text_of(packed(detail))


@given(st.recursive(st.floats(allow_nan=False, allow_infinity=False), lambda inner: st.lists(inner, max_size=4)))
def test_numbers_come_back_as_they_were(plain: Any) -> None:
    value = json_format.ParseDict(plain, struct_pb2.Value())
    assert repr(json.loads(message_json(value))) == repr(plain)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        message_json(struct_pb2.Value(number_value=number))


@pytest.mark.parametrize(("number", "text"), [("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")])
def test_a_double_that_is_no_number_is_a_word(number: str, text: str) -> None:
    assert message_json(artifact_pb2.Artifact(number_value=float(number))) == f'{{"number_value":"{text}"}}'


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(253_402_300_800, 0), (-62_135_596_801, 0), (2**62, 0), (0, -1), (0, 10**9)]
)
def test_a_time_that_is_none_is_refused(seconds: int, nanos: int) -> None:
    with pytest.raises(ValueError, match=r"seconds|years"):
        message_json(Timestamp(seconds=seconds, nanos=nanos))


def test_unset_fields_are_left_out_and_empty_messages_are_not() -> None:
    task = run_pb2.PipelineTask(inputs={}, parent_task_id="", type_attributes={"iteration_index": 0})
    assert message_json(task) == '{"type_attributes":{"iteration_index":"0"},"parent_task_id":"","inputs":{}}'


def test_names_are_those_of_the_protos_and_enums_go_by_name() -> None:
    experiment = experiment_pb2.Experiment(experiment_id="e", storage_state="ARCHIVED")
    assert message_json(experiment) == '{"experiment_id":"e","storage_state":"ARCHIVED"}'


def test_a_detail_of_a_type_that_only_its_client_knows_is_shown_as_bytes() -> None:
    wrapped = AnyMessage(type_url="type.example/no.such.Type", value=b"\x01\x02")
    assert json.loads(message_json(wrapped)) == {"@type": "type.example/no.such.Type", "value": "AQI="}


def test_a_detail_whose_bytes_are_no_message_of_its_type_is_shown_as_bytes() -> None:
    wrapped = packed(error_details_pb2.ErrorInfo(reason="x"))
    wrapped.value = b"\xff"
    assert json.loads(message_json(wrapped))["value"] == "/w=="


@given(st.integers(0, 60))
def test_nested_values_are_written_to_the_depth_that_can_be_stored(depth: int) -> None:
    plain: Any = 1.5
    for level in range(depth):
        plain = [plain] if level % 2 else {"in": plain}
    value = struct_pb2.Value()
    json_format.ParseDict(plain, value, max_recursion_depth=500)
    assert json.loads(message_json(value)) == plain


@pytest.fixture(scope="module")
def small_pieces() -> Iterator[None]:
    """Every message with anything in it counts as large, and lists are taken two items at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "_AT_ONCE_BYTES", 0)
        patch.setattr(json_pieces, "LIST_ITEMS", 2)
        yield


@pytest.mark.slow
@pytest.mark.messages
@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.DESCRIPTOR.name)
def test_an_answer_in_pieces_is_the_same(response: Any, small_pieces: None) -> None:
    @given(messages(response.DESCRIPTOR))
    def holds(message: Any) -> None:
        assert asyncio.run(json_pieces.json_body(message)).decode() == text_of(message)

    holds()


@pytest.mark.parametrize("plain", [{}, {"a": {}}, {"a": [1, [2, 3, 4], []], "b": {"c": "d", "e": None}, "f": [[]] * 5}])
async def test_a_struct_in_pieces_is_the_same(plain: dict[str, Any], small_pieces: None) -> None:
    run = run_pb2.Run(run_id="r", pipeline_spec=json_format.ParseDict(plain, struct_pb2.Struct()), task_count=3)
    run.plugins_input["p"].update(plain)
    assert (await json_pieces.json_body(run)).decode() == message_json(run) == text_of(run)
    numbers = await json_pieces.json_body(run, int64_as_numbers=True)
    assert numbers.decode() == message_json(run, int64_as_numbers=True)


async def test_others_go_on_while_a_large_answer_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    run = run_pb2.Run(tasks=[run_pb2.PipelineTask(name="n" * 1_000) for _ in range(1_000)])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    text = await json_pieces.json_body(run)
    other.cancel()
    assert text.decode() == message_json(run)
    assert turns > 10


def test_a_list_of_very_many_values_is_written_like_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_writer, "LIST_ITEMS", 2)
    value = json_format.ParseDict([1, "a", None, [True], {}], struct_pb2.Value())
    assert message_json(value) == '[1.0,"a",null,[true],{}]'
