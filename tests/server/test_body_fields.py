"""JSON bodies without a message type, checked against a table of their fields."""

from typing import Any

import pytest

from server.calls.body_fields import BodyField, BodyFields, FieldKind, read_object
from server.errors import InvalidArgument

FIELDS: BodyFields = {
    "text": BodyField(FieldKind.TEXT, characters_max=5),
    "count": BodyField(FieldKind.INT64),
    "share": BodyField(FieldKind.DOUBLE),
    "flag": BodyField(FieldKind.BOOLEAN),
    "any": BodyField(FieldKind.ANY),
    "object": BodyField(FieldKind.OBJECT),
    "inner": BodyField(FieldKind.OBJECT, fields={"id": BodyField(FieldKind.TEXT, required=True)}),
    "inners": BodyField(FieldKind.OBJECT, repeated=True, fields={"id": BodyField(FieldKind.TEXT, required=True)}),
}


def read(plain: Any, *, ignores_unknown: bool = False) -> dict[str, Any]:
    return read_object(plain, FIELDS, ignores_unknown=ignores_unknown)


@pytest.mark.parametrize(
    ("plain", "values"),
    [
        ({}, {}),
        ({"text": None, "count": None, "inner": None, "inners": None}, {}),
        ({"text": "é" * 5, "flag": False}, {"text": "é" * 5, "flag": False}),
        ({"count": -(2**63)}, {"count": -(2**63)}),
        ({"count": "9223372036854775807"}, {"count": 2**63 - 1}),
        ({"count": 3.0}, {"count": 3}),
        ({"share": 1}, {"share": 1.0}),
        ({"any": [{"a": None}]}, {"any": [{"a": None}]}),
        ({"object": {"a": {"b": [1]}}}, {"object": {"a": {"b": [1]}}}),
        ({"inner": {"id": "x"}, "inners": [{"id": "y"}]}, {"inner": {"id": "x"}, "inners": [{"id": "y"}]}),
    ],
)
def test_what_fits_comes_out_as_the_table_says(plain: Any, values: dict[str, Any]) -> None:
    assert read(plain) == values


@pytest.mark.parametrize(
    ("plain", "sentence"),
    [
        ([], "the body must be an object"),
        ("x", "the body must be an object"),
        ({"more": 1}, "more is unknown"),
        ({"text": 1}, "text must be a string"),
        ({"text": "x" * 6}, "text is longer than 5 characters"),
        ({"text": "\x00"}, "text contains a NUL character"),
        ({"text": "\ud800"}, "text has an unpaired surrogate"),
        ({"count": True}, "count must be a 64-bit integer"),
        ({"count": 2**63}, "count must be a 64-bit integer"),
        ({"count": "1.5"}, "count must be a 64-bit integer"),
        ({"count": "٣"}, "count must be a 64-bit integer"),
        ({"count": 1e300}, "count must be a 64-bit integer"),
        ({"share": "1"}, "share must be a number"),
        ({"share": True}, "share must be a number"),
        ({"share": 10**400}, "share must be a number"),
        ({"flag": 1}, "flag must be true or false"),
        ({"any": ["a", {"b": "\x00"}]}, "any contains a NUL character"),
        ({"object": []}, "object must be an object"),
        ({"object": {"\x00": 1}}, "object contains a NUL character"),
        ({"inner": {}}, "inner.id is required"),
        ({"inner": {"id": "x", "more": 1}}, "inner.more is unknown"),
        ({"inners": {}}, "inners must be a list"),
        ({"inners": [{"id": "x"}, {"id": None}]}, "inners.1.id is required"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(plain: Any, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        read(plain)
    assert str(refused.value) == sentence


def test_unknown_fields_are_left_out_at_every_depth_where_they_are_ignored() -> None:
    plain = {"more": "\x00", "inner": {"id": "x", "more": 1}, "object": {"kept": 1}}
    assert read(plain, ignores_unknown=True) == {"inner": {"id": "x"}, "object": {"kept": 1}}


def test_a_name_that_cannot_be_written_does_not_hide_the_error() -> None:
    with pytest.raises(InvalidArgument, match="is unknown"):
        read({"\ud800" * 1000: 1})
