"""Stored JSON is what the service's own codec would have written."""

import json

import pytest
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from migrations.mlmd.vocabulary.cleaning import clean_value
from migrations.mlmd.vocabulary.findings import Findings, Rule
from server.well_known import times, values
from storage.documents.plain import compact
from storage.documents.times import time_text
from tests.mlmd.builders import counts
from tests.mlmd.test_structs import PLAIN


@given(PLAIN.filter(lambda plain: "\\u0000" not in json.dumps(plain)))
def test_values_are_written_as_the_codec_writes_them(plain: object) -> None:
    message = Value()
    values.set_value(message, plain)
    wanted = compact(values.plain_value(message, "value"))
    assert compact(clean_value(plain, Findings(), "value")) == wanted  # type: ignore[arg-type]


@given(st.integers(min_value=-(10**15), max_value=253_402_300_799_999_999))
def test_times_are_written_as_the_codec_writes_them(moment: int) -> None:
    message = Timestamp()
    times.set_time(message, moment)
    assert time_text(moment) == message.ToJsonString()


@pytest.mark.parametrize(
    ("plain", "text", "rule"),
    [
        (float("nan"), '"NaN"', Rule.NUMBERS_NOT_FINITE),
        (float("inf"), '"Infinity"', Rule.NUMBERS_NOT_FINITE),
        ([float("-inf")], '["-Infinity"]', Rule.NUMBERS_NOT_FINITE),
        ("a\x00b", '"a\ufffdb"', Rule.CHARACTERS_REPLACED),
        ({"k\x00": "\udcff"}, '{"k\ufffd":"\ufffd"}', Rule.CHARACTERS_REPLACED),
    ],
)
def test_what_json_or_databases_lack_is_replaced_and_counted(plain: object, text: str, rule: Rule) -> None:
    findings = Findings()
    assert compact(clean_value(plain, findings, "value")) == text  # type: ignore[arg-type]
    assert set(counts(findings)) == {rule}


def test_values_nested_too_deeply_to_be_read_become_text() -> None:
    plain: object = "end"
    for _ in range(60):
        plain = [plain]
    findings = Findings()
    cleaned = clean_value(plain, findings, "value")  # type: ignore[arg-type]
    depth = 0
    while isinstance(cleaned, list):
        cleaned, depth = cleaned[0], depth + 1
    assert depth == 45
    assert json.loads(str(cleaned))
    assert counts(findings) == {Rule.VALUES_TOO_DEEP: 1}


@pytest.mark.parametrize(
    ("number", "text"), [(2**53, "9007199254740992.0"), (-0.0, "-0.0"), (7.0, "7"), (1e300, "1e+300"), (0.1, "0.1")]
)
def test_numbers_are_written_as_doubles_that_are_whole_or_not(number: float, text: str) -> None:
    assert compact(clean_value(number, Findings(), "value")) == text
