"""Values: whatever JSON a client sends is kept exactly, or refused with the name of the field."""

import json
import math

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from lineal.v2beta1 import run_pb2

from server.rules.unusable import JSON_COLUMN_BYTES, UnusableValue, column
from server.well_known.values import plain_value, set_value
from storage.documents.plain import VALUE_DEPTH, compact
from tests.server.codec_messages import PLAIN, value, wire


@given(PLAIN)
def test_a_value_reads_back_bit_for_bit(plain: object) -> None:
    sent = value(plain)
    text = column(compact(plain_value(sent, "value")), "value")
    read = struct_pb2.Value()
    set_value(read, json.loads(text))
    assert wire(read) == wire(sent)


@given(PLAIN)
def test_the_text_of_a_value_means_the_same_to_protobuf(plain: object) -> None:
    sent = value(plain)
    text = column(compact(plain_value(sent, "value")), "value")
    assert wire(json_format.Parse(text, struct_pb2.Value())) == wire(sent)
    assert json.loads(text) == json_format.MessageToDict(sent)


@pytest.mark.parametrize("number", [-0.0, 1e300, 5e-324, 2.0**53, 2.0**53 - 1, -(2.0**53), 0.1, 1e16, 1e22])
def test_numbers_keep_every_bit(number: float) -> None:
    read = struct_pb2.Value()
    set_value(read, json.loads(column(compact(plain_value(value(number), "value")), "value")))
    assert math.copysign(1, read.number_value) == math.copysign(1, number)
    assert read.number_value == number


def test_text_is_compact_with_sorted_keys_and_whole_numbers_without_a_fraction() -> None:
    sent = value({"ü": [1, 2.5, None, -0.0], "a": {"z": True, "b": "x"}})
    assert column(compact(plain_value(sent, "value")), "value") == '{"a":{"b":"x","z":true},"ü":[1,2.5,null,-0.0]}'


def test_a_value_of_no_kind_is_null() -> None:
    assert plain_value(struct_pb2.Value(), "value") is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_refused_however_deep(number: float) -> None:
    sent = struct_pb2.Value()
    sent.struct_value.fields["a"].list_value.values.add().number_value = number
    with pytest.raises(UnusableValue, match=r"inputs\[lr\]"):
        plain_value(sent, "inputs[lr]")


@pytest.mark.parametrize("plain", ["a\x00b", {"a": ["\x00"]}, {"k\x00": 1}])
def test_nul_is_refused_in_texts_and_keys(plain: object) -> None:
    with pytest.raises(UnusableValue, match=r"artifact\.metadata contains a NUL"):
        column(compact(plain_value(value(plain), "artifact.metadata")), "artifact.metadata")


@pytest.mark.parametrize("plain", ["\\u0000", {"\\u0000": ["\\\\u0000"]}])
def test_the_six_characters_of_an_escaped_nul_are_ordinary_text(plain: object) -> None:
    assert json.loads(column(compact(plain_value(value(plain), "value")), "value")) == plain


@pytest.mark.parametrize(("list_levels", "object_levels"), [(45, 0), (0, 30), (15, 20)])
def test_what_is_accepted_can_be_read_in_every_answer(list_levels: int, object_levels: int) -> None:
    assert list_levels * 2 + object_levels * 3 == VALUE_DEPTH
    deepest = nested(list_levels, object_levels)
    plain_value(deepest, "value")
    answer = run_pb2.ListRunsResponse()
    artifact = answer.runs.add().tasks.add().outputs.artifacts.add().artifacts.add()
    artifact.metadata["deep"].CopyFrom(deepest)
    assert run_pb2.ListRunsResponse.FromString(wire(answer)) == answer


@pytest.mark.parametrize(("list_levels", "object_levels"), [(46, 0), (0, 31), (5000, 0)])
def test_what_is_nested_deeper_is_refused(list_levels: int, object_levels: int) -> None:
    with pytest.raises(UnusableValue, match="value is nested too deeply"):
        plain_value(nested(list_levels, object_levels), "value")


def test_a_column_is_limited_by_its_bytes_not_its_characters() -> None:
    longest = "é" * (JSON_COLUMN_BYTES // 2 - 1)
    assert len(column(compact(longest), "value").encode()) == JSON_COLUMN_BYTES
    with pytest.raises(UnusableValue, match="value is larger than"):
        column(compact(longest + "x"), "value")


def nested(list_levels: int, object_levels: int) -> struct_pb2.Value:
    """A number within so many lists within so many objects."""
    outermost = innermost = struct_pb2.Value()
    for _ in range(object_levels):
        innermost = innermost.struct_value.fields["a"]
    for _ in range(list_levels):
        innermost = innermost.list_value.values.add()
    innermost.number_value = 1
    return outermost
