"""A series in the metadata of a metric: which are well formed, and how long they are."""

import json
import time
from typing import Any

import pytest

from storage.documents.series import Series, SeriesPoint, checked_length, length_of

POINT = {"step": 0, "time": 1.7e9, "value": 0.5}


@pytest.mark.parametrize(
    ("metadata", "length"),
    [
        ({}, 0),
        ({"unit": "s"}, 0),
        ({"series": []}, 0),
        ({"series": [POINT, POINT | {"step": -3, "value": 2**60}]}, 2),
        ({"series": [POINT | {"value": text} for text in ("NaN", "Infinity", "-Infinity")]}, 3),
        ({"series": [POINT | {"epoch": {"more": 1}}], "points": 1}, 1),
        ({"series": [POINT], "points": 40_000}, 40_000),
        ({"points": 7}, 7),
        ({"points": 0}, 0),
    ],
)
def test_the_length_of_a_series_is_its_points_or_that_of_its_list(metadata: dict[str, Any], length: int) -> None:
    assert checked_length(metadata, "metadata") == length
    for sort in (False, True):
        for separators in ((",", ":"), (" , ", " : ")):
            assert length_of(json.dumps(metadata, sort_keys=sort, separators=separators)) == length


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"series": {}}, "series is not a list"),
        ({"series": None}, "series is not a list"),
        ({"series": [POINT, 1]}, "series[1] is not an object"),
        ({"series": [{}]}, "series[0].step is not a whole number"),
        ({"series": [POINT, POINT, POINT | {"step": 0.5}, POINT | {"step": "x"}]}, "series[2].step"),
        ({"series": [POINT | {"step": True}]}, "series[0].step"),
        ({"series": [POINT | {"time": "2026-01-01"}]}, "series[0].time is not a number"),
        ({"series": [POINT | {"time": None}]}, "series[0].time"),
        ({"series": [POINT | {"value": "nan"}]}, "series[0].value is neither a number nor one of the texts NaN, "),
        ({"series": [POINT | {"value": None}]}, "series[0].value"),
        ({"series": [POINT | {"value": ["NaN"]}]}, "series[0].value"),
        ({"series": [POINT, POINT], "points": 1}, "points is not a whole number of at least 2, "),
        ({"points": -1}, "points is not a whole number"),
        ({"points": 1.5}, "points is not a whole number"),
        ({"points": "3"}, "points is not a whole number"),
        ({"points": None}, "points is not a whole number"),
    ],
)
def test_what_is_malformed_is_named_with_the_first_entry(metadata: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match="metadata") as caught:
        checked_length(metadata, "metadata")
    assert str(caught.value).startswith(f"metadata.{problem}")


@pytest.mark.parametrize(
    "text", [None, "", "[]", "null", '"series"', '{"series":3}', '{"points":"x"}', '{"points":true}']
)
def test_what_others_have_stored_has_no_length_unless_it_is_a_series(text: str | None) -> None:
    assert length_of(text) == 0


def test_the_length_of_a_long_series_is_read_without_parsing_it() -> None:
    metadata = {"name": 'a \\ "quoted" {text}: ,', "points": 100_000, "series": [POINT] * 100_000}
    text = json.dumps(metadata, separators=(",", ":"))
    start = time.perf_counter()
    assert length_of(text) == 100_000
    assert time.perf_counter() - start < 0.005


def test_a_series_is_read_as_it_was_checked() -> None:
    metadata = {"series": [POINT, POINT | {"step": 1, "value": "NaN"}], "points": 5}
    series = Series.from_text(json.dumps(metadata))
    assert series == Series([SeriesPoint(0, 1.7e9, 0.5), SeriesPoint(1, 1.7e9, None)], logged=5)


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"series":[]}', '{"series":[{"step":1}]}', "[" * 100_000])
def test_what_has_no_points_is_no_series(text: str | None) -> None:
    assert Series.from_text(text) is None


def test_what_is_no_point_is_left_out_and_a_time_outside_of_the_calendar_is_none() -> None:
    entries = [1, POINT | {"step": 2**63}, POINT | {"value": 10**400}, POINT | {"time": 1e300}, POINT | {"time": "x"}]
    series = Series.from_text(json.dumps({"series": entries, "points": 1e300}))
    assert series is not None
    assert list(series.points) == [SeriesPoint(0, None, 0.5)] * 2
    assert series.logged == 2**63 - 1
