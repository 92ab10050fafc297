"""Which points of a series are drawn: few, and those that show its course."""

import json
import random
import time

import pytest

from server.rules.run_report.series import SERIES_POINTS_MAX, drawn_series, thinned
from storage.documents.series import SeriesPoint
from tests.api.builders import a_series


def a_line(*values: float | None) -> list[SeriesPoint]:
    return [SeriesPoint(step, float(step), value) for step, value in enumerate(values)]


@pytest.mark.parametrize("count", [0, 1, 2, SERIES_POINTS_MAX])
def test_a_short_series_is_drawn_whole(count: int) -> None:
    points = a_line(*range(count))
    assert thinned(points) == points


@pytest.mark.parametrize("count", [SERIES_POINTS_MAX + 1, 777, 10_000, 100_001])
def test_a_long_series_keeps_its_ends_its_peaks_and_its_gaps_in_order(count: int) -> None:
    chance = random.Random(count)
    values: list[float | None] = [chance.gauss(0, 1) for _ in range(count)]
    peak, gap = count // 3, 2 * count // 3
    values[peak], values[gap] = 50.0, None
    points = a_line(*values)
    kept = thinned(points)
    assert len(kept) <= SERIES_POINTS_MAX
    assert [kept[0], kept[-1]] == [points[0], points[-1]]
    assert {points[peak], points[gap]} <= set(kept)
    assert kept == sorted(kept, key=lambda point: point.step)
    assert min(each.value for each in points if each.value is not None) in {each.value for each in kept}


def test_a_series_that_is_nowhere_finite_is_thinned_out_too() -> None:
    assert 0 < len(thinned(a_line(*[None] * 10_000))) <= SERIES_POINTS_MAX


def test_ten_thousand_points_take_milliseconds() -> None:
    text = json.dumps(a_series(*[0.1 + n / 1e7 for n in range(10_000)]), separators=(",", ":"))
    start = time.perf_counter()
    drawn = drawn_series({"loss": text, "other": "{}"})
    assert time.perf_counter() - start < 0.5
    assert (list(drawn), drawn["loss"].logged) == (["loss"], 10_000)
