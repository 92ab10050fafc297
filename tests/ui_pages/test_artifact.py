"""The page of an artifact: what made it, columns of what came before and after, versions, and what it says when it leaves something out."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from lineal.v1 import lineage_pb2

from server.app import APIS
from server.calls.call import Shared
from server.calls.dispatcher import Dispatcher
from server.config import Settings
from server.doors.http.messages import HttpRequest
from server.ui import affected, lineage_columns
from server.ui import artifact as artifact_module
from server.ui.calls import office
from server.ui.facts import Facts
from server.ui.visit import Visit
from storage.ids import new_id
from storage.model import ArtifactType, TaskState, TaskType
from storage.pages import PageTokens
from storage.sql.store import SqlStore
from tests.api.client import Api
from tests.api.service import serving
from tests.contract.builders import a_pipeline, a_version, keep
from tests.lineage.test_get_lineage import Confined
from tests.lineage.world import World
from tests.ui_pages.document import Element, check, read
from tests.ui_pages.recorded import POISON
from tests.ui_pages.visitor import Visitor

pytestmark = pytest.mark.one_database

DATASET, MODEL, METRIC = ArtifactType.Dataset.value, ArtifactType.Model.value, ArtifactType.Metric.value


@dataclass(frozen=True)
class Site:
    """A server with a store that tests fill past it."""

    visitor: Visitor
    store: SqlStore

    async def main(self, world: World, name: str, query: str = "", path: str = "") -> Element:
        """The page of an artifact of a world."""
        return await self.visitor.main(f"/artifacts/{world.artifacts[name].id}{path}{query}")


@pytest_asyncio.fixture
async def site(migrated_url: str) -> AsyncIterator[Site]:
    store = SqlStore(migrated_url)
    async with serving(migrated_url) as addresses:
        api = Api(addresses.grpc)
        yield Site(Visitor(addresses.rest, api), store)
        await api.channel.close()
    await store.close()


async def churn(store: SqlStore) -> World:
    """Two runs: a table is written and imported, a model trained on it and on another table, and tested."""
    world, pipeline = World(), a_pipeline(name="churn")
    version = a_version(pipeline.id, name="v3")
    await keep(store, pipeline, version)
    world.run("churn 1", state="SUCCEEDED", pipeline_id=pipeline.id, pipeline_version_id=version.id)
    world.artifact("raw", uri="s3://b/raw", type=DATASET, at=1)
    world.task("write", makes=["raw"], run="earlier")
    world.artifact("raw again", uri="s3://b/raw", type=DATASET, at=2)
    world.artifact("table", type=DATASET)
    world.artifact("model", uri="https://host/model", type=MODEL, at=5, metadata='{"framework":"x","layers":[1,2.5]}')
    world.artifact("accuracy", type=METRIC, number_value=0.93)
    world.task("import", type=TaskType.IMPORTER, makes=["raw again"], run="churn 1")
    world.task("prepare", makes=["table"], run="churn 1")
    inputs = json.dumps([{"parameterKey": "depth", "value": 4}])
    world.task("train", takes=["raw again", "table"], makes=["model"], run="churn 1", input_parameters=inputs)
    world.task("test", takes=["model"], makes=["accuracy"], run="churn 1")
    await world.keep(store)
    return world


def sentence(page: Element) -> str:
    return page.with_class("sentence")[0].text


def titles(page: Element) -> list[list[str]]:
    """The names on the cards of each column, from the left to the right."""
    return [[each.text for each in column.with_class("title")] for column in page.with_class("column")]


def edges(page: Element) -> set[tuple[str, str]]:
    """The edges between cards, by names."""
    cards = page.with_class("card")
    names = {card.attributes["data-card"]: card.with_class("title")[0].text for card in cards}
    return {
        (names[card.attributes["data-card"]], names[to])
        for card in cards
        for kind in ("data-to", "data-same")
        for to in card.attributes[kind].split()
    }


def marked(page: Element) -> set[str]:
    return {card.with_class("title")[0].text for card in page.with_class("marked")}


def link(page: Element, text: str) -> str:
    """Where the link with a text leads."""
    [found] = [each.attributes["href"] for each in page.all("a") if each.text == text]
    return found


async def test_a_sentence_says_what_made_it(site: Site) -> None:
    world = await churn(site.store)
    page = await site.main(world, "model")
    assert page.one("h1").text == "model"
    assert sentence(page) == (
        "Model model was made by task train of run churn 1 (pipeline churn@v3) from 2 datasets. 1 task used it: "
        "what is affected if it is bad ."
    )
    train, run = world.tasks["train"], world.runs["churn 1"]
    assert f"../runs/{run.id}/tasks/{train.id}" in page.hrefs
    assert f"../artifacts/{world.artifacts['table'].id}" in page.hrefs
    for word in ("depth", "accuracy", "0.93", "framework", "[1, 2.5]", "not recorded"):
        assert word in page.text, word


async def test_an_imported_artifact_says_what_was_at_its_uri(site: Site) -> None:
    world = await churn(site.store)
    page = await site.main(world, "raw again")
    assert sentence(page).startswith(
        "Dataset raw again was imported by importer import of run churn 1 (pipeline churn@v3); "
        "what was at its uri then is raw , which task write of run earlier had written."
    )
    rows = [row.text for row in page.all("tr") if "data-row" in row.attributes]
    assert [row for row in rows if "(this one)" in row]
    assert [row for row in rows if row.startswith("2023") and "raw" in row and "task write of run earlier" in row]


async def test_cached_grouped_and_handmade_artifacts_say_so(site: Site) -> None:
    world = World()
    world.task("found", makes=["lost", "model"], state=TaskState.CACHED, run="second")
    world.task("train", makes=["model"], run="first")
    world.task("dag", type=TaskType.DAG, makes=["of a group"])
    world.artifact("by hand")
    await world.keep(site.store)
    assert "was found in the cache by task found of run second" in sentence(await site.main(world, "lost"))
    page = await site.main(world, "model")
    assert "was made by task train of run first" in sentence(page)
    assert "task found of run second , which found it in the cache" in page.text
    assert "was put out by group dag of run run" in sentence(await site.main(world, "of a group"))
    page = await site.main(world, "by hand")
    assert "has no recorded maker" in sentence(page)
    assert "No task is recorded that used it." in sentence(page)
    assert "Nothing is recorded before or after it." in page.text


async def test_columns_are_one_step_to_either_side(site: Site) -> None:
    world = await churn(site.store)
    page = await site.main(world, "model")
    assert titles(page) == [["table", "raw again"], ["train"], ["model"], ["test"], ["accuracy"]]
    assert edges(page) == {
        ("raw again", "train"),
        ("table", "train"),
        ("train", "model"),
        ("model", "test"),
        ("test", "accuracy"),
    }
    assert "leads to train" in page.with_class("card")[0].text
    assert [each.text for each in page.all("h3")][:3] == ["2 steps before", "1 step before", "This"]


async def test_one_more_step_is_a_link_as_long_as_there_is_more(site: Site) -> None:
    world = await churn(site.store)
    page = await site.main(world, "model")
    href = link(page, "+ one more before")
    assert href == f"{world.artifacts['model'].id}?up=2#lineage"
    further = await site.main(world, "model", "?up=2")
    assert titles(further)[:2] == [["raw", "import", "prepare"], ["table", "raw again"]]
    assert "+ one more after" not in page.text
    furthest = await site.main(world, "model", "?up=3&down=0")
    assert titles(furthest)[0] == ["write"]
    assert titles(furthest)[-1] == ["model"]
    assert ("raw", "raw again") in edges(furthest)
    assert "+ one more before" not in furthest.text
    assert link(furthest, "+ one more after").endswith("?up=3&down=1#lineage")
    assert link(furthest, "− one before").endswith("?up=2&down=0#lineage")
    assert titles(await site.main(world, "model", "?up=0&down=0")) == []


@pytest.mark.parametrize("query", ["?up=x", "?down=-1", "?up=21", "?up=1.5"])
async def test_a_number_of_steps_that_is_none_is_refused(site: Site, query: str) -> None:
    world = World()
    world.artifact("model")
    await world.keep(site.store)
    page = await site.visitor.main(f"/artifacts/{world.artifacts['model'].id}{query}", status=400)
    assert "is not a number from 0 to 20" in page.text


async def test_only_the_way_to_what_is_selected_is_marked(site: Site) -> None:
    world = await churn(site.store)
    assert marked(await site.main(world, "model", "?up=3")) == set()
    focus = f"artifact/{world.artifacts['raw'].id}"
    page = await site.main(world, "model", f"?up=3&focus={focus}")
    assert marked(page) == {"raw", "raw again", "train", "model"}
    assert "The way to raw is marked." in page.text
    [current] = [each for each in page.with_class("mark") if "aria-current" in each.attributes]
    assert current.attributes["href"] == f"{world.artifacts['model'].id}?up=3#lineage"
    after = await site.main(world, "model", f"?focus=task/{world.tasks['test'].id}")
    assert marked(after) == {"model", "test"}
    # What is not shown, or is no node, cannot be selected.
    for other in (f"artifact/{new_id()}", "x", POISON, f"artifact/{world.artifacts['model'].id}"):
        page = await site.visitor.main(f"/artifacts/{world.artifacts['model'].id}?focus={other}".replace(" ", "+"))
        assert marked(page) == set()


async def test_a_hub_shows_a_few_of_its_users_and_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage_columns, "CARDS_MAX", 4)
    monkeypatch.setattr(artifact_module, "FANOUT", 6)
    world = World()
    world.task("make", makes=["hub"])
    for number in range(8):
        world.task(f"use {number}", takes=["hub"], makes=[f"out {number}"], run=f"run {number}")
    await world.keep(site.store)
    page = await site.main(world, "hub")
    assert "8 tasks used it" in sentence(page)
    assert [len(column) for column in titles(page)] == [1, 1, 4, 4]
    assert "and 2 more, not shown" in page.text
    assert "More tasks have used hub, or more is at the same uri, than is shown." in page.text
    # That is no matter of hops.
    assert "+ one more after" not in page.text
    # What is selected is shown though others were first.
    hidden = f"task/{world.tasks['use 5'].id}"
    page = await site.main(world, "hub", f"?focus={hidden}")
    assert marked(page) == {"hub", "use 5"}


async def test_what_has_no_name_is_called_by_its_output_or_by_what_it_is(site: Site) -> None:
    world = World()
    world.artifact("nameless", type=MODEL)
    world.artifact("alone", type=MODEL)
    world.artifacts = {key: replace(each, name="") for key, each in world.artifacts.items()}
    world.task("train", makes=["nameless"])
    await world.keep(site.store)
    page = await site.main(world, "nameless")
    assert page.one("h1").text == "out"
    assert ["out"] in titles(page)
    assert (await site.main(world, "alone")).one("h1").text == "model without a name"


async def test_poisoned_names_are_text_and_uris_of_other_schemes_no_links(site: Site) -> None:
    world = World()
    poison = {"metadata": json.dumps({POISON: POISON, "long": [POISON] * 20}), "description": POISON}
    world.artifact(POISON, uri="javascript:alert(1)", type=MODEL, **poison)
    world.artifact("taken", uri="data:text/html,<script>")
    inputs = json.dumps([{"parameterKey": POISON, "value": POISON}])
    world.task(POISON[:64], takes=["taken"], makes=[POISON], run=POISON, input_parameters=inputs)
    world.task("use", takes=[POISON], makes=["other"])
    await world.keep(site.store)
    page = await site.main(world, POISON)
    assert page.one("h1").text == POISON
    assert page.text.count("alert(1)") > 8
    assert not [href for href in page.hrefs if href.lower().startswith(("javascript", "data"))]
    assert "javascript:alert(1)" in page.text
    for path in ("", "/affected"):
        await site.main(world, "taken", path=path)


async def test_versions_of_the_uri_are_in_time(site: Site) -> None:
    world = World()
    for number in range(24):
        world.artifact(f"v{number}", uri="s3://b/m", at=number, type=MODEL)
        world.task(f"train {number}", makes=[f"v{number}"], run=f"run {number}")
    await world.keep(site.store)
    page = await site.main(world, "v12")
    [current] = page.with_class("current")
    assert current.text.startswith("2023-11-14")
    assert "v12 (this one)" in current.text
    assert "Older ones than these 10 are left out" in page.text
    assert "Younger ones than these 10 are left out" in page.text
    names = [cell.text.split()[0] for cell in page.with_class("name") if cell.text.startswith("v")]
    assert names == [f"v{number}" for number in range(2, 23)]


async def test_long_metadata_is_folded_and_too_long_one_left_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    values = {"note": "x" * 300, "table": [{"a": number} for number in range(100)], "none": None, "yes": True, "n": 3.0}
    world.artifact("long", metadata=json.dumps(values))
    world.artifact("infinite", metadata='{"n":1e999}')
    await world.keep(site.store)
    page = await site.main(world, "long")
    assert len(list(page.all("details"))) == 2
    for text in ("300 characters", "none null", "yes true", "n 3"):
        assert text in page.text, text
    assert "Infinity" in (await site.main(world, "infinite")).text
    monkeypatch.setattr("server.rules.artifact_report.report.METADATA_CHARACTERS", 10)
    assert "It has 1" in (await site.main(world, "long")).text


async def test_an_artifact_that_does_not_exist_has_a_page_that_says_so(site: Site) -> None:
    for path in ("", "/affected", "/affected.csv"):
        page = await site.visitor.main(f"/artifacts/{new_id()}{path}", status=404)
        assert "not found" in page.text
        assert "search above" in page.text


async def test_an_id_in_an_address_is_escaped(site: Site) -> None:
    world = World()
    odd = "a b/../?x#y%41"
    world.artifact("odd")
    world.artifacts["odd"] = replace(world.artifacts["odd"], id=odd)
    world.task("use", takes=["odd"])
    await world.keep(site.store)
    page = await site.visitor.main("/artifacts/a%20b%2F..%2F%3Fx%23y%2541")
    assert page.one("h1").text == "odd"
    assert "../artifacts/a%20b%2F..%2F%3Fx%23y%2541/affected" in page.hrefs


async def test_what_a_visitor_may_not_see_has_no_name_and_no_link(site: Site, migrated_url: str) -> None:
    world, store = World(), site.store
    for name in ("mine", "theirs"):
        world.run(name, namespace=name)
    for name in ("given", "model"):
        world.artifact(name, namespace="mine", type=MODEL)
    world.artifact("secret", namespace="theirs")
    world.task("hidden maker", makes=["given"], takes=["secret"], run="theirs", namespace="theirs")
    world.task("train", takes=["given", "secret"], makes=["model"], run="mine", namespace="mine")
    world.task("their use", takes=["given"], makes=["their secret"], run="theirs", namespace="theirs")
    await world.keep(store)
    shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings(store=migrated_url))
    facts = Facts("1", "store", "schema", "127.0.0.1:1", "127.0.0.1:2")
    dispatcher = Dispatcher(shared, Confined("mine"))

    async def main(name: str, make: Any = artifact_module.page) -> Element:
        id = world.artifacts[name].id
        request = HttpRequest("GET", f"/artifacts/{id}", "up=2", {}, b"", "peer", {"artifact_id": id})
        desk = office(facts, shared, dispatcher, APIS).desk(request)
        page = read((await make(Visit(request), desk)).body.decode())
        check(page)
        for word in ("secret", "hidden maker", "theirs", world.runs["theirs"].id):
            assert word not in page.text
        return page.one("main")

    page = await main("given")
    assert "was made by a task that you may not see." in sentence(page)
    page = await main("model")
    assert "from 1 model and 1 hidden artifact" in sentence(page)
    assert any("a hidden artifact" in column for column in titles(page))
    assert "of those before you may not see" in page.text
    shown = await main("given", affected.page)
    assert sentence(shown).startswith("1 model came of it, in 1 run ")
    assert "What you may not see, and what came of it, is left out." in shown.text
    assert f"../artifacts/{world.artifacts['secret'].id}" not in page.hrefs


def test_both_sides_are_asked_for_at_once_if_they_are_equally_long() -> None:
    walks = artifact_module._walks("artifact/x", 2, 2)
    assert [(each["direction"], each["hops"]) for each in walks] == [(lineage_pb2.BOTH, 2)]
    walks = artifact_module._walks("artifact/x", 0, 3)
    assert [(each["direction"], each["hops"]) for each in walks] == [(lineage_pb2.DOWNSTREAM, 3)]
    assert artifact_module._walks("artifact/x", 0, 0) == []


async def test_a_curve_and_a_matrix_are_drawn(site: Site) -> None:
    points = [{"confidenceThreshold": 0.5, "falsePositiveRate": 0.25, "recall": 0.75}]
    matrix = {
        "annotationSpecs": [{"displayName": POISON}, {"displayName": "b"}],
        "rows": [{"row": [3, 1]}, {"row": [0, 4]}],
    }
    world = World()
    for name, values in (("curve", {"confidenceMetrics": points}), ("matrix", {"confusionMatrix": matrix})):
        world.artifact(name, type=ArtifactType.ClassificationMetric.value, metadata=json.dumps(values))
    await world.keep(site.store)
    page = await site.main(world, "curve")
    assert page.one("polyline").attributes["points"] == "50.0,50.0"
    assert "area 0.75" in page.one("figcaption").text
    [table] = (await site.main(world, "matrix")).with_class("matrix")
    assert [row.text for row in table.all("tr")][1:] == [f"{POISON} 3 1", "b 0 4"]
