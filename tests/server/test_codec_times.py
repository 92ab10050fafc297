"""Moments: microseconds in records, Timestamp on the wire, RFC 3339 in stored text."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given

from server.apis.kfp.codec import UnusableValue, microseconds
from server.well_known.times import set_time
from storage.documents.times import moment_of, time_text
from tests.server.codec_messages import NANOSECONDS


def timestamp(moment: int) -> Timestamp:
    message = Timestamp()
    set_time(message, moment)
    return message


@given(NANOSECONDS)
def test_a_moment_survives_as_message_and_as_text_without_its_nanoseconds(nanoseconds: int) -> None:
    sent = Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
    moment = microseconds(sent, "time")
    assert moment == nanoseconds // 1000
    assert timestamp(moment).ToNanoseconds() == moment * 1000
    assert time_text(moment) == timestamp(moment).ToJsonString()
    assert moment_of(time_text(moment)) == moment


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.500Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_has_no_three_or_six_digits_after_the_second(moment: int, text: str) -> None:
    assert time_text(moment) == text


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000), (2**63 - 1, 0)]
)
def test_a_malformed_time_is_refused(seconds: int, nanos: int) -> None:
    with pytest.raises(UnusableValue, match=r"task\.end_time"):
        microseconds(Timestamp(seconds=seconds, nanos=nanos), "task.end_time")


@pytest.mark.parametrize("text", ["2024-01-01T01:00:00.123456789+01:00", "2024-01-01T00:00:00.123456Z"])
def test_stored_times_of_other_writers_are_read(text: str) -> None:
    assert moment_of(text) == 1_704_067_200_123_456


@pytest.mark.parametrize("text", ["", "yesterday", None, 5])
def test_stored_text_that_is_no_time_is_no_time(text: object) -> None:
    assert moment_of(text) is None
