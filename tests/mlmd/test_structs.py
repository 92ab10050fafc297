"""Structures in MLMD's tables are decoded as protobuf decodes them, and text that only looks like one is not a structure."""

import base64

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from migrations.mlmd.vocabulary.structs import PREFIX, Undecodable, decode_struct
from tests.mlmd.builders import a_struct

PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), PLAIN, max_size=5))
def test_a_structure_is_decoded_as_protobuf_decodes_it(values: dict[str, object]) -> None:
    text = a_struct(values)
    message = Struct.FromString(base64.b64decode(text.removeprefix(PREFIX)))
    assert decode_struct(text) == json_format.MessageToDict(message)


def test_numbers_that_are_not_finite_survive_decoding() -> None:
    decoded = decode_struct(a_struct({"high": float("inf"), "low": float("-inf")}))
    assert decoded == {"high": float("inf"), "low": float("-inf")}


def test_an_empty_text_is_an_empty_structure() -> None:
    assert decode_struct(PREFIX) == {}


@pytest.mark.parametrize(
    "text",
    [
        "mlmd-struct::%%%not-base64",
        "mlmd-struct::AAAA",  # a field with the number 0
        "mlmd-struct::not long",
        PREFIX + base64.b64encode(b"\x0a\x7fshort").decode(),  # the data end within a field
        PREFIX + base64.b64encode(b"\x0a").decode(),  # the data end before a length
        PREFIX + base64.b64encode(b"\x0a\x04\x0a\x02\xff\xfe").decode(),  # a key that is no UTF-8
        PREFIX + base64.b64encode(b"\x08\x01").decode(),  # a number where an entry belongs
        PREFIX + base64.b64encode(b"\x0b").decode(),  # a group, which no structure has
        PREFIX + base64.b64encode(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").decode(),
        PREFIX + "é",
    ],
)
def test_what_is_no_structure_is_undecodable(text: str) -> None:
    with pytest.raises(Undecodable):
        decode_struct(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        decode_struct(PREFIX + base64.b64encode(data).decode())
    except Undecodable:
        return
    Struct.FromString(data)
