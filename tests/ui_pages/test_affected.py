"""What is affected if an artifact is bad: a page, and a CSV that no spreadsheet takes for formulas."""

import csv
import io

import pytest

from server.ui import affected
from server.ui.affected import HEAD, as_text
from storage.model import ArtifactType, TaskState
from tests.lineage.world import World
from tests.ui_pages.recorded import POISON
from tests.ui_pages.test_artifact import Site, churn, site

pytestmark = pytest.mark.one_database

__all__ = ["site"]

MODEL = ArtifactType.Model.value


def a_chain() -> World:
    """A table from which two models came in two runs, one of them by way of a cached task; and what is beside it."""
    world = World()
    world.artifact("model", type=MODEL, uri="https://host/m")
    world.artifact("cached model", type=MODEL)
    world.task("load", makes=["table", "aside"], run="loading")
    world.task("split", takes=["table"], makes=["part"], run="loading")
    world.task("train", takes=["part"], makes=["model"], run="training")
    world.task("train again", takes=["part"], makes=["cached model"], run="third", state=TaskState.CACHED)
    return world


async def rows(site: Site, world: World, name: str) -> list[dict[str, str]]:
    """The rows of the CSV."""
    answer = await site.visitor.get(f"/artifacts/{world.artifacts[name].id}/affected.csv")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="affected.csv"'
    text = answer.body.decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.split("\r\n")[0] == ",".join(HEAD)
    return found


async def test_all_that_came_of_it_is_listed_models_first(site: Site) -> None:
    world = a_chain()
    await world.keep(site.store)
    page = await site.main(world, "table", path="/affected")
    assert page.with_class("sentence")[0].text.startswith("2 models and 1 artifact came of it, in 3 runs")
    tables = [[row.hrefs[0] for row in table.all("tr") if "data-row" in row.attributes] for table in page.all("table")]
    assert tables[0][2:] == [f"../../artifacts/{world.artifacts['part'].id}"]
    assert set(tables[0][:2]) == {f"../../artifacts/{world.artifacts[name].id}" for name in ("model", "cached model")}
    assert tables[1] == [f"../../runs/{world.runs[name].id}" for name in ("loading", "third", "training")]
    assert "aside" not in page.text
    assert f"../../artifacts/{world.artifacts['table'].id}/affected.csv" in page.hrefs


async def test_the_csv_has_the_same_rows(site: Site) -> None:
    world = a_chain()
    await world.keep(site.store)
    found = await rows(site, world, "table")
    assert [(row["kind"], row["name"], row["steps"]) for row in found] == [
        *sorted([("artifact", "model", "4"), ("artifact", "cached model", "4")], reverse=found[0]["name"] == "model"),
        ("artifact", "part", "2"),
        ("run", "loading", "1"),
        ("run", "third", "3"),
        ("run", "training", "3"),
    ]
    [model] = [row for row in found if row["name"] == "model"]
    assert model == {
        "kind": "artifact",
        "type": "Model",
        "name": "model",
        "uri": "https://host/m",
        "run": "training",
        "steps": "4",
        "recorded": "2023-11-14T22:13:20+00:00",
        "id": world.artifacts["model"].id,
    }


async def test_what_nothing_used_affects_nothing(site: Site) -> None:
    world = a_chain()
    await world.keep(site.store)
    assert "no task is recorded that used it" in (await site.main(world, "model", path="/affected")).text
    assert await rows(site, world, "model") == []


async def test_where_the_walk_stopped_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affected, "NODES", 3)
    monkeypatch.setattr(affected, "ROWS_MAX", 0)
    world = a_chain()
    await world.keep(site.store)
    page = await site.main(world, "table", path="/affected")
    assert "This is not all" in page.text
    assert "And 1 more, which the CSV has." in page.text
    found = await rows(site, world, "table")
    assert [row["kind"] for row in found] == ["artifact", "run", "cut"]
    assert found[-1]["name"].startswith("This is not all")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_is_text(begin: str) -> None:
    assert as_text(f"{begin}1+1") == f"'{begin}1+1"
    assert as_text(f"x{begin}1") == f"x{begin}1"


async def test_names_and_uris_are_text_in_pages_and_cells(site: Site) -> None:
    world = World()
    formula = '=HYPERLINK("http://evil","x")'
    for name, uri in ((formula, "@SUM(1)"), ("-2+3", 'a",b\r\nc'), (POISON, "javascript:alert(1)"), ("+x", "=1")):
        world.artifact(name, uri=uri)
        world.task(f"use {name[:9]}", takes=["start"], makes=[name], run=name)
    await world.keep(site.store)
    found = await rows(site, world, "start")
    cells = {cell for row in found for cell in row.values()}
    assert {f"'{formula}", "'@SUM(1)", "'-2+3", "'+x", "'=1", POISON, 'a",b\r\nc'} <= cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    page = await site.main(world, "start", path="/affected")
    assert POISON in page.text
    assert formula in page.text


async def test_the_page_leads_to_what_is_affected(site: Site) -> None:
    world = await churn(site.store)
    page = await site.main(world, "raw")
    assert f"../artifacts/{world.artifacts['raw'].id}/affected" in page.hrefs
    shown = await site.main(world, "raw", path="/affected")
    # By way of the artifact that was read from its uri.
    for name in ("raw again", "model", "accuracy"):
        assert name in shown.text
