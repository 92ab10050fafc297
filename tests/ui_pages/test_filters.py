"""Times, durations, states, ids, uris and numbers as pages show them; addresses from one page to another."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from lineal.v2beta1 import artifact_pb2

from server.doors.http.messages import HttpRequest
from server.ui import filters
from server.ui.visit import Refused, Visit
from tests.api.builders import moment

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "–"),
        (0, "0 ms"),
        (0.3504, "350 ms"),
        (1, "1 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (184, "3 min 4 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_words_of_two_units_at_most(seconds: float, words: str) -> None:
    assert filters.duration_words(seconds) == words


def test_a_duration_needs_both_times_in_order() -> None:
    early, late = moment("2026-03-01T00:00:00Z"), moment("2026-03-01T00:03:04Z")
    assert filters.duration(early, late) == "3 min 4 s"
    assert filters.duration(late, early) == filters.duration(early, None) == filters.duration(Timestamp(), late) == "–"


def test_times_are_in_utc_for_those_without_scripts() -> None:
    expected = '<time datetime="2026-03-01T12:00:30Z" title="UTC 2026-03-01 12:00:30">2026-03-01 12:00 UTC</time>'
    assert filters.time_tag(moment("2026-03-01T12:00:30.5Z")) == expected
    assert filters.time_tag(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)) == expected
    assert filters.time_tag(1_772_366_430_000_000) == expected
    assert filters.time_tag(None) == filters.time_tag(Timestamp()) == "–"


def test_times_at_the_ends_of_what_can_be_recorded_are_shown() -> None:
    assert 'datetime="0001-01-01T00:00:00Z"' in filters.time_tag(moment("0001-01-01T00:00:00Z"))
    assert 'datetime="9999-12-31T23:59:59Z"' in filters.time_tag(moment("9999-12-31T23:59:59Z"))
    assert filters.time_tag(10**18) == "–"


def test_a_state_is_a_sign_and_a_word_whatever_its_name_is() -> None:
    assert "Failed" in filters.state_badge("FAILED")
    assert filters.state_badge("<b>") == filters.state_badge("")
    for state in ("PENDING", "RUNNING", "SUCCEEDED", "SKIPPED", "FAILED", "CANCELING", "CANCELED", "PAUSED", "CACHED"):
        assert "Unknown" not in filters.state_badge(state)
        assert 'aria-hidden="true"' in filters.state_badge(state)


def test_an_id_shows_its_end_and_is_copied_whole() -> None:
    shown = filters.short_id("0123456789ab<")
    assert ">…56789ab&lt;</code>" in shown
    assert 'data-copy="0123456789ab&lt;"' in shown
    assert filters.short_id("") == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1234567, "0.123457"), (-0.0, "0"), (1e300, "1e+300"), (float("nan"), "nan"), (float("inf"), "inf")],
)
def test_numbers_have_six_digits_at_most(value: float, text: str) -> None:
    assert filters.number_text(value) == text


def test_enums_show_their_names() -> None:
    assert filters.enum_name(artifact_pb2.Artifact(type="Model"), "type") == "Model"
    assert filters.enum_name(artifact_pb2.Artifact.FromString(b"\x20\x63"), "type") == ""


def visit(path: str = "/", query: str = "", **headers: str) -> Visit:
    return Visit(HttpRequest("GET", path, query, headers))


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/", "./"),
        ("/runs", "./"),
        ("/runs/", "../"),
        ("/runs/x", "../"),
        ("/a/b/c", "../../"),
        ("*", "./"),
        ("", "./"),
    ],
)
def test_the_root_is_as_far_up_as_the_path_is_deep(path: str, root: str) -> None:
    assert visit(path).root == root


@pytest.mark.parametrize(("path", "section"), [("/", ""), ("/runs", "runs"), ("/runs/x", "runs"), ("*", ""), ("", "")])
def test_the_section_is_the_first_part_of_any_path(path: str, section: str) -> None:
    assert visit(path).section == section


def test_addresses_escape_their_parts() -> None:
    at = visit("/runs/x")
    assert at.to() == "../"
    assert at.to("runs", "a/b?c#d e") == "../runs/a%2Fb%3Fc%23d%20e"
    assert at.to("runs", state="a&b", page="", none=None) == "../runs?state=a%26b"


def test_a_changed_query_keeps_the_rest_of_it() -> None:
    at = visit("/runs/x", "task=a%26b&depth=2")
    assert at.changed(depth=3) == "x?task=a%26b&depth=3"
    assert at.changed(task=None, depth="") == "x?"
    assert visit("/", "a=1").changed(b=2) == "./?a=1&b=2"
    assert visit("/runs/javascript:alert(1)").changed(b=2) == "./javascript:alert(1)?b=2"


def test_numbers_of_the_query_are_checked() -> None:
    assert visit("/", "depth=7").number("depth", 1, at_most=10) == 7
    assert visit("/").number("depth", 1, at_most=10) == 1
    for text in ("0", "11", "-1", "x", "1.5", "%C2%B2", "9" * 5000):
        with pytest.raises(Refused, match="not a number from 1 to 10"):
            visit("/", f"depth={text}").number("depth", 1, at_most=10)
