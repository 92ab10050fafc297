"""Series: which points are kept."""

import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lineal.series import POINTS_MAX, Point, Series, plain_value, value_of

pytestmark = pytest.mark.databases("sqlite")


def a_series(count: int) -> Series:
    series = Series()
    numbers = array("q", range(count))
    series.extend(numbers, array("d", numbers), array("d", numbers))
    return series


def kept(count: int) -> tuple[list[int], int]:
    """Return which points of so many are kept, and the stride, by the words of the rule."""
    numbers: list[int] = []
    stride = 1
    for number in range(count):
        if number % stride == 0:
            numbers.append(number)
        if len(numbers) == POINTS_MAX:
            numbers, stride = numbers[::2], stride * 2
    return numbers, stride


@pytest.mark.parametrize("count", [0, 1, 2, 9_999, 10_000, 10_001, 19_998, 19_999, 20_000, 45_678, 123_457])
def test_points_are_kept_by_the_rule_and_the_last_one_always(count: int) -> None:
    series = a_series(count)
    numbers, stride = kept(count)
    last = [count - 1] if count and numbers[-1] != count - 1 else []
    assert [point.step for point in series.points()] == numbers + last
    assert (series.stride, series.count) == (stride, count)
    assert len(numbers + last) <= POINTS_MAX


@given(st.lists(st.integers(1, 9_000), max_size=12))
@settings(max_examples=30, deadline=None)
def test_it_makes_no_difference_in_which_portions_points_come(portions: list[int]) -> None:
    series, number = Series(), 0
    for portion in portions:
        numbers = array("q", range(number, number + portion))
        series.extend(numbers, array("d", numbers), array("d", numbers))
        number += portion
    assert list(series.points()) == list(a_series(number).points())
    assert series.stride == a_series(number).stride


def test_one_point_at_a_time_is_the_same_as_many() -> None:
    series = Series()
    for number in range(20_500):
        series.append(number, float(number), float(number))
    assert list(series.points()) == list(a_series(20_500).points())


def test_a_step_follows_the_last_one() -> None:
    series = Series()
    assert [series.append(step, 1.0, 0.5) for step in (None, None, 7, None, -2, None)] == [0, 1, 7, 8, -2, -1]


def test_the_last_finite_value_is_known() -> None:
    series = Series()
    assert series.last_finite is None
    for value in (math.nan, 0.5, math.inf, -math.inf):
        series.append(None, 1.0, value)
    assert series.last_finite == 0.5
    series.extend(array("q", [9]), array("d", [2.0]), array("d", [math.nan]))
    assert series.last_finite == 0.5
    assert series.last is not None
    assert math.isnan(series.last.value)


def test_what_json_does_not_have_travels_as_words() -> None:
    series = Series()
    for value in (1.5, math.nan, math.inf, -math.inf):
        series.append(None, 2.0, value)
    plain = [
        {"step": step, "time": 2.0, "value": value} for step, value in enumerate((1.5, "NaN", "Infinity", "-Infinity"))
    ]
    assert series.metadata() == {"series": plain, "points": 4}
    assert [plain_value(value_of(each)) for each in ("NaN", "Infinity", "-Infinity", 2.5)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        2.5,
    ]


@pytest.mark.parametrize("count", [0, 1, 9_999, 10_000, 10_001, 34_567])
def test_a_series_is_continued_from_its_metadata(count: int) -> None:
    series = a_series(count)
    restored = Series.from_metadata(series.metadata())
    for each in (series, restored):
        for number in range(11_000):
            each.append(None, 1.0, float(number))
    assert list(restored.points()) == list(series.points())
    assert (restored.count, restored.stride, restored.last_finite) == (series.count, series.stride, series.last_finite)


@pytest.mark.parametrize(
    "metadata",
    [
        {"series": 3},
        {"series": [3]},
        {"series": [{"step": 1}]},
        {"series": [{"step": 1, "time": 1.0, "value": "x"}]},
        {"series": [], "points": 3},
        {"series": [{"step": 1, "time": 1.0, "value": 2.0}], "points": 0},
    ],
)
def test_other_metadata_are_not_taken_for_a_series(metadata: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the metadata are not those of a series"):
        Series.from_metadata(metadata)


def test_points_are_named() -> None:
    assert next(a_series(1).points()) == Point(step=0, time=0.0, value=0.0)
