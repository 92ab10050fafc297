"""The text of a body: what is JSON, and what is too much."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.doors.rest.json_body import JSON_DEPTH, NOTHING, decode
from server.errors import InvalidArgument
from server.rules.json_size import JSON_VALUES_MAX
from tests.rest.messages import PLAIN


def nested(levels: int, *, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + closing * levels).encode()


def refusal_of(body: bytes) -> str:
    with pytest.raises(InvalidArgument) as caught:
        decode(body)
    assert caught.value.reason == "INVALID_JSON"
    return caught.value.message


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
def test_an_empty_body_holds_nothing(body: bytes) -> None:
    assert decode(body) is NOTHING


@given(PLAIN)
def test_what_json_writes_is_read(plain: Any) -> None:
    assert decode(json.dumps(plain).encode()) == plain
    assert decode(json.dumps(plain, ensure_ascii=False, indent=1).encode()) == plain


@pytest.mark.parametrize("rest", ["trailing", "{", "]", "\x00", "🚀"])
def test_what_follows_the_first_value_is_not_looked_at(rest: str) -> None:
    assert decode(f'{{"a": 1}} {rest}'.encode()) == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b"nope",
        b"{",
        b"'a'",
        b'{"a" 1}',
        b'"\x01"',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'{"a": Infinity}',
        b"[-Infinity]",
        b"+1",
        b"{,}",
        b'{"a":1,}',
    ],
)
def test_text_that_is_no_json_is_refused(body: bytes) -> None:
    assert "is not valid JSON" in refusal_of(body)


@pytest.mark.parametrize("body", [b"\xff", b'{"a": "\xc3\x28"}', b'"\xed\xa0\x80"'])
def test_bytes_that_are_not_utf8_are_refused(body: bytes) -> None:
    assert "not UTF-8" in refusal_of(body)


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'{"b": [{"\\u0061": 1, "a": 2}]}'])
def test_a_name_said_twice_is_refused(body: bytes) -> None:
    assert "duplicate key" in refusal_of(body)


@pytest.mark.parametrize("body", [b"1e999", b"[-1e400]", b'{"a": 1' + b"0" * 400 + b".5}"])
def test_a_number_that_no_double_holds_is_refused(body: bytes) -> None:
    assert "too large" in refusal_of(body)


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    assert "too many digits" in refusal_of(b"1" * 100_000)


@pytest.mark.parametrize("levels", [JSON_DEPTH + 1, 900, 10_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused_whatever_its_depth(levels: int, opening: str, closing: str) -> None:
    body = (opening * (levels - 1) + "[]" + closing * (levels - 1)).encode()
    assert "nested more than 100 levels deep" in refusal_of(body)


def test_nesting_as_deep_as_allowed_is_read() -> None:
    assert decode(nested(JSON_DEPTH)) is not None
    assert "nested more than" in refusal_of(nested(JSON_DEPTH + 1))


def test_brackets_within_texts_and_beside_each_other_are_no_depth() -> None:
    assert decode(json.dumps(["[{" * 500]).encode()) == ["[{" * 500]
    assert len(decode(json.dumps([[]] * 5000).encode())) == 5000


@pytest.mark.slow
def test_names_and_values_end_at_the_limit() -> None:
    assert len(decode(b"[" + b"0," * (JSON_VALUES_MAX - 1) + b"0]")) == JSON_VALUES_MAX
    for body in (b"[" + b"0," * JSON_VALUES_MAX + b"0]", b'{"a":{"b":[' + b"{}," * (JSON_VALUES_MAX // 2) + b"{}]}}"):
        assert f"more than {JSON_VALUES_MAX} names and values" in refusal_of(body)


def test_marks_within_texts_are_no_names_and_values() -> None:
    text = '\\"' + ":,[{" * JSON_VALUES_MAX
    assert decode(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize("body", ['["' + '\\"' * 5_000_000, "[" + '""' * 5_000_000, '["' + "x" * 5_000_000 + "\\"])
def test_texts_that_do_not_end_are_refused_without_searching_them_again_and_again(body: str) -> None:
    assert "is not valid JSON" in refusal_of((body + "," * JSON_VALUES_MAX).encode())


@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,0123456789eE+-. \\u\ntrufalsn', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(InvalidArgument):
        decode(body)
