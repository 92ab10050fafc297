"""What the codec writes by hand is what protobuf writes: the same bytes, for any rows, and without msgspec too."""

import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from server.apis.kfp import codec
from server.apis.kfp.codec import task_json, task_wire
from server.well_known import wire
from server.well_known.times import set_time
from server.well_known.values import set_struct, set_value
from storage.documents import plain
from storage.model import Artifact, ChildTask, LinkedArtifact, Task
from tests.server import reference_codec
from tests.server.codec_messages import PLAIN, PLAIN_OBJECT, a_task, an_artifact, linked
from tests.server.codec_rows import ARTIFACT, LINKS, MOMENT, TASK


def sorted_maps(data: bytes, message: Any) -> bytes:
    """What was written with the entries of its maps in protobuf's order."""
    return bytes(type(message).FromString(data).SerializeToString(deterministic=True))


@pytest.mark.usefixtures("decoders")
@given(task=TASK, links=LINKS, basic=st.booleans())
def test_a_task_is_written_as_protobuf_writes_it(task: Task, links: list[LinkedArtifact], basic: bool) -> None:
    children = [ChildTask("c1", "é", "t1"), ChildTask("", "", "t1")][: len(links)]
    expected = reference_codec.task_of(task, artifacts=links, children=children, basic=basic)
    data = codec.task_data(task, artifacts=links, children=children, basic=basic)
    assert sorted_maps(data, expected) == expected.SerializeToString(deterministic=True)
    assert len(data) == expected.ByteSize()


@given(ARTIFACT)
def test_an_artifact_is_written_as_protobuf_writes_it(artifact: Artifact) -> None:
    expected = reference_codec.artifact_of(artifact)
    data = codec.artifact_data(artifact)
    assert sorted_maps(data, expected) == expected.SerializeToString(deterministic=True)
    assert len(data) == expected.ByteSize()


def test_the_bytes_are_the_same_where_maps_have_one_entry() -> None:
    links = [replace(linked("a1"), artifact=an_artifact(id="a1", metadata='{"a":{"b":[1,null]}}', number_value=0.5))]
    task = a_task(
        type=2,
        state=3,
        finished_at=7,
        display_name="é" * 100,
        parent_task_id="",
        cache_fingerprint="f",
        scope_path="s",
        pods='[{"name":"n","uid":"u","type":"DRIVER"}]',
        status_metadata='{"message":"m","customProperties":{"c":true}}',
        state_history='[{"updateTime":"2026-12-01T11:25:26.997187Z","state":"FAILED","error":{"code":3,"message":"e"}}]',
        type_attributes='{"iterationIndex":"0","iterationCount":"300","downloadToWorkspace":false}',
        input_parameters='[{"value":"v","type":"OUTPUT","parameterKey":"k","producer":{"taskName":"t","iteration":"-1"}}]',
        output_parameters='[{"value":null},{}]',
    )
    children = [ChildTask("c1", "n", "t1")]
    expected = reference_codec.task_of(task, artifacts=links, children=children)
    assert codec.task_data(task, artifacts=links, children=children) == expected.SerializeToString()


@given(PLAIN)
def test_a_value_is_written_as_protobuf_writes_it(value: object) -> None:
    expected = Value()
    set_value(expected, value)
    data = wire.value(value).encode("latin-1")
    assert sorted_maps(data, expected) == expected.SerializeToString(deterministic=True)


@given(PLAIN_OBJECT)
def test_the_entries_of_a_map_are_written_as_protobuf_writes_them(value: dict[str, object]) -> None:
    expected = Struct()
    set_struct(expected, value)
    (tag,) = wire.tags(Struct, "fields")
    data = wire.entries(tag, value).encode("latin-1")
    assert sorted_maps(data, expected) == expected.SerializeToString(deterministic=True)


@given(MOMENT)
def test_a_moment_is_written_as_protobuf_writes_it(moment: int) -> None:
    expected = Timestamp()
    set_time(expected, moment)
    assert wire.moment(moment).encode("latin-1") == expected.SerializeToString()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2**21, 2**28 + 1])
def test_sizes_are_those_of_protobuf(size: int) -> None:
    (tag,) = wire.tags(Value, "string_value")
    text = "x" * size if size < 2**22 else None
    if text is not None:
        assert wire.written(tag, text).encode("latin-1") == Value(string_value=text).SerializeToString()
    shifted = sum((ord(digit) & 0x7F) << 7 * place for place, digit in enumerate(wire.SIZES[size]))
    assert shifted == size


@pytest.mark.parametrize("module", [task_wire, task_json])
def test_no_long_text_is_kept(module: Any) -> None:
    module._known_description.cache_clear()
    text = json.dumps([{"producer": {"taskName": "n" * task_wire.DESCRIBED_CHARACTERS}}])
    for _ in range(3):
        module._parameters(text)
    assert module._known_description.cache_info().currsize == 0
    for number in range(2 * task_wire.DESCRIPTIONS_KEPT):
        module._parameters(json.dumps([{"parameterKey": f"p{number}"}]))
    assert module._known_description.cache_info().currsize == task_wire.DESCRIPTIONS_KEPT


def test_few_sizes_are_kept() -> None:
    for size in range(3 * wire.SIZES_KEPT):
        assert wire.SIZES[size]
    assert len(wire.SIZES) <= wire.SIZES_KEPT


JSON_TEXTS = [
    *("-0", "-0.0", "1e5", "5e-324", "1e400", "-1e400", "9007199254740993", "18446744073709551616", "1" * 400),
    *("NaN", "-Infinity", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '{"a":1,"a":2}', "[1] x", "null", '"a\u007f"'),
]


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_texts_are_decoded_as_the_standard_library_decodes_them(text: str) -> None:
    read, expected = plain._decode(text), plain._raw_decode(text)[0]
    assert (repr(read), type(read)) == (repr(expected), type(expected))


@given(PLAIN, st.booleans())
def test_json_is_decoded_as_the_standard_library_decodes_it(value: object, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert repr(plain._decode(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "[", "[1,]", "{1:2}", '"a\nb"', "tru"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|Expecting"):
        plain._decode(text)
