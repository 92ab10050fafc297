"""Series of metrics are drawn on the pages of their run and of their artifact, whatever is recorded of them."""

import json
from typing import Any

import pytest

from tests.api.builders import a_series, a_struct, new_artifact, new_run_and_task, unique
from tests.api.client import Api
from tests.ui_pages.document import Element
from tests.ui_pages.recorded import POISON
from tests.ui_pages.visitor import Visitor

NAN, UP = "NaN", "Infinity"


async def a_metric(api: Api, metadata: Any, name: str = "loss") -> tuple[str, str]:
    """A metric with metadata of any kind; its run's id and its own."""
    run_id, task_id = await new_run_and_task(api)
    fields = {"type": "Metric", "number_value": 0.5, "metadata": dict(a_struct(metadata).fields)}
    return run_id, await new_artifact(api, run_id, task_id, name, **fields)


async def figures(visitor: Visitor, metadata: Any, name: str = "loss") -> list[Element]:
    """What the pages of a run and of a metric draw of it."""
    run_id, artifact_id = await a_metric(visitor.api, metadata, name)
    pages = [await visitor.main(path) for path in (f"/runs/{run_id}", f"/artifacts/{artifact_id}")]
    return [each for page in pages for each in page.all("figure")]


def places(line: Element) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in line.attributes["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


async def test_a_series_is_drawn_by_step_with_words_and_a_table(visitor: Visitor) -> None:
    found = await figures(visitor, a_series(3.0, 1.0, 2.0))
    assert len(found) == 2
    for figure in found:
        assert figure.one("figcaption").text == "loss : 2 at step 2"
        assert places(figure.one("polyline")) == [(0, 0), (150, 100), (300, 50)]
        words = "3 points, steps 0 to 2, values 1 to 3"
        assert figure.one("svg").attributes["aria-label"] == f"loss by step: {words}"
        assert figure.one("p").text == words
    # The page of a run may have many: points are listed on that of the artifact.
    assert list(found[0].all("table")) == []
    cells = [[cell.text for cell in row.all("td")] for row in found[1].one("table").all("tr")]
    assert cells[1:] == [[f"{n}", "2023-11-14 22:13 UTC", v] for n, v in enumerate(["3", "1", "2"])]


async def test_values_that_are_not_finite_are_gaps(visitor: Visitor) -> None:
    found = await figures(visitor, a_series(1.0, 2.0, NAN, 1.5, UP, NAN, 1.0, 1.25))
    assert found[1].one("table").text.count("not finite") == 3
    for figure in found:
        assert [len(places(line)) for line in figure.all("polyline")] == [2, 2]
        [dot] = figure.all("circle")
        assert (dot.attributes["cx"], dot.attributes["cy"]) == ("128.6", "50.0")
        assert figure.one("p").text.endswith("values 1 to 2; gaps are values that are not finite")


async def test_a_series_without_a_finite_value_says_so(visitor: Visitor) -> None:
    for figure in await figures(visitor, a_series(NAN, UP)):
        assert list(figure.all("polyline", "circle")) == []
        assert figure.one("figcaption").text == "loss"
        assert figure.one("p").text == "2 points, none of them finite"


async def test_a_long_series_is_drawn_with_its_peaks_though_its_metadata_are_not_shown(visitor: Visitor) -> None:
    values = [0.123456789 + n / 1e6 for n in range(10_000)]
    values[1234], values[7654] = 99.0, -99.0
    found = await figures(visitor, a_series(*values, points=80_000))
    assert len(found) == 2
    for figure in found:
        heights = [y for _, y in places(figure.one("polyline"))]
        assert (len(heights) <= 500, min(heights), max(heights)) == (True, 0, 100)
        assert figure.one("p").text == "80000 points, steps 0 to 9999, values -99 to 99"
    assert len(list(found[1].one("table").all("tr"))) <= 101


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0], []),
        ([2.0, 2.0, 2.0], [(0, 50), (150, 50), (300, 50)]),
        ([1.7e308, -1.7e308, 0.0], [(0, 0), (150, 100), (300, 50)]),
        ([5e-324, 0.0, 0.0], [(0, 0), (150, 100), (300, 100)]),
    ],
)
async def test_numbers_at_their_limits_are_drawn(
    visitor: Visitor, values: list[float], expected: list[tuple[float, float]]
) -> None:
    for figure in await figures(visitor, a_series(*values)):
        assert [place for line in figure.all("polyline") for place in places(line)] == expected
        assert len(list(figure.all("circle"))) == (len(values) == 1)


async def test_points_of_one_step_are_drawn_in_their_order(visitor: Visitor) -> None:
    points = [{"step": 7, "time": 0, "value": value} for value in (1, 3, 2)]
    for figure in await figures(visitor, {"series": points}):
        assert places(figure.one("polyline")) == [(0, 100), (150, 0), (300, 50)]


async def test_steps_may_go_back(visitor: Visitor) -> None:
    points = [{"step": step, "time": 0, "value": 1} for step in (0, 10, 5, 10)]
    for figure in await figures(visitor, {"series": points}):
        assert [x for x, _ in places(figure.one("polyline"))] == [0, 300, 150, 300]


GOOD = {"step": 1, "time": 1.7e9, "value": 0.25}


@pytest.mark.parametrize(
    "metadata",
    [
        {"series": POISON},
        {"series": {"step": 1}},
        {"series": [POISON, None, [], {}]},
        {"series": [GOOD | {"step": POISON}, GOOD | {"step": 1e300}, GOOD | {"step": 0.5}, GOOD | {"step": True}]},
        {"series": [GOOD | {"value": POISON}, GOOD | {"value": None}, GOOD | {"value": ["NaN"]}]},
    ],
    ids=range(5),
)
async def test_what_is_no_series_is_not_drawn(visitor: Visitor, metadata: Any) -> None:
    assert await figures(visitor, metadata) == []


@pytest.mark.parametrize(
    "bad", [{"time": POISON}, {"time": 1e300}, {"time": -1}, {"more": {POISON: POISON}}], ids=range(4)
)
async def test_a_point_with_a_step_and_a_value_is_drawn_whatever_else_it_has(visitor: Visitor, bad: Any) -> None:
    metadata = {"series": [POISON, GOOD | bad, GOOD | {"step": 2}], "points": POISON, POISON: POISON}
    found = await figures(visitor, metadata, name=f"{POISON} {unique()}")
    assert [len(places(figure.one("polyline"))) for figure in found] == [2, 2]
    assert all(figure.one("svg").attributes["aria-label"].startswith(POISON) for figure in found)


async def test_a_run_draws_its_metrics_by_name_and_only_so_many(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.rules.run_report.series.SERIES_MAX", 2)
    run_id, task_id = await new_run_and_task(visitor.api)
    for name in ("c", "a", "b", "plain"):
        metadata = dict(a_struct({} if name == "plain" else a_series(1.0, 2.0)).fields)
        await new_artifact(visitor.api, run_id, task_id, name, type="Metric", number_value=1.0, metadata=metadata)
    page = await visitor.main(f"/runs/{run_id}")
    assert [figure.one("a").text for figure in page.all("figure")] == ["a", "b"]
    shown = json.loads((await visitor.get(f"/apis/lineal/v1/runs/{run_id}/report")).body)
    assert [each["name"] for each in shown["series"]] == ["a", "b"]
    assert shown["series"][0]["points"][1] == {"step": "1", "time": 1700000001, "value": 2}
