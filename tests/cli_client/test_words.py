"""Times, states and tables as people read them, and which columns fit a screen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineal.cli import words
from lineal.cli.widths import GAP, Width, fit
from lineal.v2beta1 import run_pb2, task_pb2

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(milliseconds=999), "just now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
    ],
)
def test_a_time_of_the_last_day_is_an_age(age: timedelta, text: str) -> None:
    assert words.when_text(NOW - age, NOW) == text


def test_other_times_are_local(zone: None) -> None:
    assert words.when_text(NOW - timedelta(days=1), NOW) == "2026-02-28 14:00"
    assert words.when_text(NOW + timedelta(seconds=1), NOW) == "2026-03-01 14:00"
    assert words.local_text(NOW, with_seconds=True) == "2026-03-01 14:00:00 +0200"


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_without_a_local_one_is_shown_in_utc(zone: None, year: int) -> None:
    assert words.local_text(datetime(year, 12, 31, 23, tzinfo=UTC)).endswith("12-31 23:00") or year == 1


def test_programs_get_times_in_utc_and_durations_in_seconds() -> None:
    values = (NOW, NOW.replace(microsecond=5), timedelta(minutes=1), None, True, words.State("FAILED"), 0.5)
    assert [words.plain(value) for value in values] == [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.000005Z",
        60.0,
        "",
        "true",
        "FAILED",
        0.5,
    ]


@pytest.mark.parametrize("states", [run_pb2.RuntimeState, task_pb2.PipelineTask.TaskState])
def test_every_state_has_a_sign_and_a_word_of_its_own(states: Any) -> None:
    names = [name for name, _ in states.items() if not name.endswith("UNSPECIFIED")]
    looks = [words.State(name).look for name in names]
    assert len({look.sign for look in looks}) == len({look.word for look in looks}) == len(names)
    assert words.State("NEW").look.word == "unknown"


WIDTHS = st.lists(
    st.builds(Width, st.integers(0, 60), st.sampled_from([0, 0, 8, 16]), st.integers(0, 3)), min_size=1, max_size=8
)


@given(WIDTHS, st.integers(1, 300))
def test_columns_fit_or_nothing_more_can_be_cut(columns: list[Width], room: int) -> None:
    shown = fit(columns, room)
    needed = sum(shown.values()) + GAP * (len(shown) - 1)
    if needed > room:
        assert all(columns[number].rank == 0 and width == columns[number].narrowest for number, width in shown.items())
    assert all(columns[number].narrowest <= width <= columns[number].width for number, width in shown.items())
    assert {number for number, column in enumerate(columns) if column.rank == 0} <= shown.keys()


@given(WIDTHS)
def test_with_room_nothing_is_cut(columns: list[Width]) -> None:
    assert fit(columns, 10_000) == {number: column.width for number, column in enumerate(columns)}


def test_what_is_missed_least_is_left_out_first() -> None:
    columns = [Width(36), Width(20, 8), Width(10, 0, 1), Width(30, 16, 2)]
    assert [list(fit(columns, room)) for room in (120, 80, 60, 50, 20)] == [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2],
        [0, 1],
        [0, 1],
    ]
