"""The page of a run: where it broke, what was different, its tasks a level at a time, what it made, its charts."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from server.rules.run_report.level import ROWS_MAX
from storage.ids import new_id
from storage.model import ArtifactType, IOType, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.api.builders import a_spec, unique
from tests.contract.builders import (
    MOMENT,
    a_link,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)
from tests.lineage.broken_run import SPEC, Recorded, compact, index, inputs, status
from tests.mlmd_import.imports import imported, main_request
from tests.rest.uploads import upload_pipeline
from tests.ui_pages.document import Element
from tests.ui_pages.recorded import POISON, failed_run, finished_run, running_run
from tests.ui_pages.visitor import Visitor, resolved

pytestmark = pytest.mark.one_database

SECOND = 1_000_000


@pytest.fixture
async def store(pages_url: str) -> AsyncIterator[SqlStore]:
    """The store of the server that is visited."""
    store = SqlStore(pages_url)
    yield store
    await store.close()


async def visit(visitor: Visitor, recorded: Recorded, query: str = "") -> Element:
    return await visitor.main(f"/runs/{recorded.run.id}{query}")


def sentence(page: Element) -> str:
    return page.with_class("verdict")[0].text


def rows(page: Element) -> list[Element]:
    """The rows of the table of tasks."""
    [table] = page.with_class("tasks")
    return [row for row in table.all("tr") if "data-row" in row.attributes]


def cells(row: Element) -> list[str]:
    return [cell.text for cell in row.all("td")]


def table_after(page: Element, id: str) -> list[list[str]]:
    """The cells of the table that follows a heading."""
    elements = list(page.all())
    start = elements.index(page.by_id(id))
    table = next(each for each in elements[start:] if each.name == "table")
    return [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")]


async def test_a_failed_run_says_first_where_and_why_and_leads_down_to_the_iteration(
    visitor: Visitor, store: SqlStore
) -> None:
    recorded = Recorded(display_name="at night")
    await keep(store, *recorded.records)
    page = await visit(visitor, recorded)
    assert sentence(page) == "✕ Failed in Train (iteration 1 of tune) after 12 s: ValueError: no rows <b>"
    [chain] = page.with_class("blame")
    assert [each.text for each in chain.all("li")] == [
        "✕ Failed ROOT root",
        "✕ Failed tune loop",
        "✕ Failed Train iteration 1 runtime ValueError: no rows <b>",
    ]
    here = f"/runs/{recorded.run.id}"
    assert [resolved(href, at=here) for href in chain.hrefs] == [
        f"{here}?level={recorded.root.id}#tasks".partition("#")[0],
        f"{here}?level={recorded.loop.id}&iteration=1",
    ]
    assert page.by_id("message").one("pre").text == "ValueError: no rows <b> Traceback"
    assert "kubectl logs -n team pod-2" in page.text
    assert "kubectl logs -n team $(rm)" not in page.text
    assert "data-watch" not in page.attributes


async def test_inputs_that_differ_lead_to_the_run_that_succeeded(visitor: Visitor, store: SqlStore) -> None:
    of: dict[str, Any] = {"pipeline_id": new_id()}
    failed = Recorded(**of, given=inputs(depth=3, same=1))
    before = Recorded(
        fails=False,
        display_name="a good one",
        **of,
        created_at=failed.run.created_at - 5,
        given=inputs(depth=2, same=1),
    )
    mails = [an_artifact(name="mails", uri=f"s3://mails/{day}", namespace="team") for day in (1, 2)]
    for recorded, artifact in zip((before, failed), mails, strict=True):
        recorded.takes("mails", artifact, recorded.importer)
    await keep(store, *mails, *before.records, *failed.records)
    page = await visit(visitor, failed)
    assert table_after(page, "differs") == [
        ["Input of the task", "Here", "When it succeeded, in a good one"],
        ["depth", "3", "2"],
        ["mails", "s3://mails/2", "s3://mails/1"],
    ]
    assert "1 other input of the task is the same." in page.text
    addresses = [resolved(href, at=f"/runs/{failed.run.id}") for href in page.hrefs]
    assert f"/runs/{before.run.id}" in addresses
    assert f"/artifacts/{mails[1].id}" in addresses


async def test_a_run_without_a_success_to_compare_with_says_so(visitor: Visitor, store: SqlStore) -> None:
    lonely = Recorded(pipeline_id=new_id())
    await keep(store, *lonely.records)
    page = await visit(visitor, lonely)
    assert "No run of this pipeline has succeeded" in page.text


async def test_a_pipeline_and_an_experiment_that_are_gone_are_no_links(visitor: Visitor, store: SqlStore) -> None:
    lonely = Recorded(pipeline_id=new_id(), experiment_id=new_id())
    await keep(store, *lonely.records)
    page = await visit(visitor, lonely)
    assert lonely.run.pipeline_id[-8:] in page.text
    assert not [href for href in page.hrefs if "pipelines/" in href or "experiments/" in href]


async def test_what_was_not_reached_and_the_graph_of_the_specification(visitor: Visitor, store: SqlStore) -> None:
    recorded = Recorded(pipeline_spec=compact(SPEC))
    await keep(store, *recorded.records)
    page = await visit(visitor, recorded)
    assert page.by_id("unreached").text == "Not reached"
    assert [each.text for each in page.with_class("unreached")] == [
        "tune[0] › evaluate and in 1 more",
        "report",
        "publish",
    ]
    by_name = {row.attributes["data-key"]: row for row in rows(page) if "data-key" in row.attributes}
    assert list(by_name) == ["import", "split", "tune", "report", "publish"]
    assert by_name["report"].attributes["data-sources"] == '["tune"]'
    assert (by_name["report"].attributes["data-kind"], cells(by_name["report"])[1]) == ("unreached", "not recorded")
    assert cells(by_name["report"])[2] == "tune models"
    assert page.by_id("graph").attributes["data-dagre"].startswith("../static/vendor/dagre/dagre.esm.js?v=")


async def test_a_loop_is_a_strip_of_squares_of_which_each_opens_an_iteration(visitor: Visitor, store: SqlStore) -> None:
    recorded = Recorded()
    await keep(store, *recorded.records)
    page = await visit(visitor, recorded)
    [strip] = page.with_class("strip")
    squares = list(strip.all("a"))
    assert [(each.text, each.attributes["aria-label"]) for each in squares] == [
        ("✓", "Iteration 0: succeeded"),
        ("✕", "Iteration 1: failed"),
    ]
    here = f"/runs/{recorded.run.id}"
    opened = await visitor.main(resolved(squares[0].attributes["href"], at=here))
    assert [row.attributes["id"] for row in rows(opened)] == [f"t-{recorded.good.id}"]
    [path] = opened.with_class("path")
    assert path.text == "ROOT › tune"
    [current] = [each for each in opened.with_class("cell") if "aria-current" in each.attributes]
    assert current.attributes["aria-label"] == "Iteration 0: succeeded"
    # Without an iteration, the one that failed.
    opened = await visit(visitor, recorded, f"?level={recorded.loop.id}")
    assert [row.attributes["id"] for row in rows(opened)] == [f"t-{recorded.train.id}"]


async def test_many_tasks_come_in_pages_and_groups_are_folded(visitor: Visitor, store: SqlStore) -> None:
    run = a_run(state="SUCCEEDED")
    root = a_task(run.id, name="ROOT", type=TaskType.ROOT.value, state=2)
    tasks = [a_task(run.id, name=f"t{number}", type=2, state=2, parent_task_id=root.id) for number in range(ROWS_MAX)]
    group = a_task(run.id, name="last", type=TaskType.DAG.value, state=2, parent_task_id=root.id)
    await keep(store, run, root, *tasks, group, a_task(run.id, name="leaf", type=2, parent_task_id=group.id))
    page = await visitor.main(f"/runs/{run.id}")
    assert len(rows(page)) == ROWS_MAX
    [paging] = page.with_class("paging")
    following = await visitor.main(resolved(paging.hrefs[0], at=f"/runs/{run.id}"))
    assert [cells(row)[0] for row in rows(following)] == ["last dag", "leaf"]
    assert [each.text for each in following.with_class("paging")[0].all("a")] == ["First tasks"]


async def test_a_page_with_many_loops_has_a_bounded_number_of_squares(visitor: Visitor, store: SqlStore) -> None:
    run = a_run(state="FAILED")
    loops = [a_task(run.id, name=f"l{number}", type=TaskType.LOOP.value) for number in range(60)]
    tasks = [
        a_task(run.id, name="t", parent_task_id=loop.id, type_attributes=index(at), state=4 if at == 19 else 2)
        for loop in loops
        for at in range(20)
    ]
    await keep(store, run, *loops, *tasks)
    page = await visitor.main(f"/runs/{run.id}")
    strips = page.with_class("strip")
    assert [len(list(strip.all("a"))) for strip in strips] == [17] * 60
    assert all(list(strip.all("a"))[-1].attributes["aria-label"] == "Iteration 19: failed" for strip in strips)
    assert page.text.count("3 more") == 60


async def test_what_a_run_made_its_metrics_charts_and_parameters(visitor: Visitor, store: SqlStore) -> None:
    experiment, pipeline = an_experiment(name="nightly"), a_pipeline(display_name="Churn")
    version = a_version(pipeline.id, display_name="v7")
    recorded = Recorded(
        fails=False,
        experiment_id=experiment.id,
        pipeline_id=pipeline.id,
        pipeline_version_id=version.id,
        runtime_config=compact({"parameters": {"depth": 4, "name": "x", "list": [1, {"a": True}]}}),
    )
    metric = an_artifact(name="accuracy", type=ArtifactType.Metric.value, number_value=0.75)
    model = an_artifact(name="model", type=ArtifactType.Model.value, uri="javascript:alert(1)")
    page_made = an_artifact(name="page", type=ArtifactType.HTML.value, uri="https://example.org/a?b=<c>")
    points = [{"falsePositiveRate": x, "recall": y, "confidenceThreshold": 1 - x} for x, y in ((0, 0.5), (0.5, 1))]
    matrix = {
        "annotationSpecs": [{"displayName": "cat"}, {"displayName": "dog"}],
        "rows": [{"row": [9, 1]}, {"row": [0, 4]}],
    }
    chart = an_artifact(
        name="quality",
        type=ArtifactType.ClassificationMetric.value,
        metadata=compact({"confidenceMetrics": points, "confusionMatrix": matrix}),
    )
    made = (metric, model, page_made, chart)
    links = [a_link(recorded.train, each, key="out", iteration=1) for each in made]
    await keep(store, experiment, pipeline, version, *recorded.records, *made, *links)
    page = await visit(visitor, recorded)
    assert sentence(page) == "✓ Succeeded : 6 tasks"
    assert "Churn @ v7" in page.text
    assert [row[:3] for row in table_after(page, "artifacts")[1:]] == [
        ["quality", "ClassificationMetric", "Train [1] as out"],
        ["page", "HTML", "Train [1] as out"],
        ["model", "Model", "Train [1] as out"],
    ]
    assert "https://example.org/a?b=<c>" in page.hrefs
    assert not any(href.startswith("javascript") for href in page.hrefs)
    # From (0, 0.5) over (0.5, 1) to the corners: 0.5 * 0.75 + 0.5 * 1.
    assert "ROC curve, area 0.875" in page.text
    [line] = list(page.all("polyline"))
    assert line.attributes["points"] == "0.0,100.0 100.0,0.0"
    [table] = page.with_class("matrix")
    assert [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")] == [
        ["True class", "cat", "dog"],
        ["cat", "9", "1"],
        ["dog", "0", "4"],
    ]
    assert [cell.attributes["class"].split()[-1] for cell in table.all("td")] == ["heat4", "heat1", "heat0", "heat4"]
    facts = [each.text for each in page.all("dt", "dd")]
    for name, value in (("accuracy", "0.75"), ("depth", "4"), ("name", "x"), ("list", '[1.0, {"a": true}]')):
        assert facts[facts.index(name) + 1] == value


async def test_poisoned_names_are_text_wherever_they_stand(visitor: Visitor, store: SqlStore) -> None:
    recorded = Recorded(display_name=POISON, description=POISON, given=inputs(**{POISON: POISON}))
    changes: dict[str, Any] = {"name": POISON, "display_name": POISON, "status_metadata": status(POISON)}
    bad = recorded.task(recorded.root, type=TaskType.LOOP, state=TaskState.FAILED.value, **changes)
    inner = recorded.task(bad, POISON, state=2, type_attributes=index(0))
    artifact = an_artifact(name=POISON, type=2, uri=POISON)
    chart = an_artifact(
        name=POISON,
        type=ArtifactType.ClassificationMetric.value,
        metadata=compact({"confusionMatrix": {"annotationSpecs": [{"displayName": POISON}], "rows": [{"row": [1]}]}}),
    )
    links = [a_link(recorded.train, each, key=POISON[:200]) for each in (artifact, chart)]
    links.append(a_link(recorded.train, artifact, key=POISON[:200], type=IOType.TASK_OUTPUT_INPUT.value))
    await keep(store, *recorded.records, bad, inner, artifact, chart, *links)
    page = await visit(visitor, recorded)
    assert page.one("h1").text == POISON
    assert not list(page.all("script", "b"))
    assert page.text.count(POISON) >= 8
    assert not list((await visit(visitor, recorded, f"?level={bad.id}")).all("script", "b"))


async def test_a_running_run_is_watched_by_a_small_request(visitor: Visitor) -> None:
    run_id = await running_run(visitor.api, display_name="going")
    page = await visitor.main(f"/runs/{run_id}")
    assert sentence(page).startswith("▶ Running for ")
    assert sentence(page).endswith(": 0 of 1 recorded tasks have ended")
    address = resolved(page.attributes["data-watch"], at=f"/runs/{run_id}")
    answer = await visitor.get(address, Accept="application/json")
    assert (answer.status, answer.json["state"]) == (200, "RUNNING")
    assert len(answer.body) < 300


@pytest.mark.parametrize(
    ("state", "is_ended", "words"),
    [
        ("PENDING", False, "… Waiting for {}: no task was recorded"),
        ("CANCELED", True, "⊘ Canceled after 3 s: no task was recorded"),
        ("FAILED", True, "✕ Failed after 3 s; no recorded task failed: no quota"),
        ("SUCCEEDED", True, "✓ Succeeded after 3 s, started again once: no task was recorded"),
    ],
)
async def test_runs_say_in_a_sentence_how_they_are(
    visitor: Visitor, store: SqlStore, state: str, is_ended: bool, words: str
) -> None:
    earlier: list[Any] = [{"state": "RUNNING"}, {"state": "FAILED"}, {"state": "RUNNING"}]
    history = [*(earlier if state == "SUCCEEDED" else []), {"state": state, "error": {"message": "no quota"}}]
    ended = {"finished_at": MOMENT + 3 * SECOND} if is_ended else {}
    run = a_run(state=state, state_history=compact(history), **ended)
    await keep(store, run)
    found = sentence(await visitor.main(f"/runs/{run.id}"))
    before, _, after = words.partition("{}")
    assert found.startswith(before)
    assert found.endswith(after)


async def test_a_run_that_does_not_exist_or_a_level_of_another_has_an_error_page(
    visitor: Visitor, store: SqlStore
) -> None:
    recorded, other = Recorded(), Recorded()
    await keep(store, *recorded.records, *other.records)
    for path in ("/runs/nothing", f"/runs/{quote(POISON, safe='')}", "/runs/nothing/specification"):
        page = await visitor.main(path, status=404)
        assert page.one("h1").text == "Not found"
    assert await visitor.main(f"/runs/{recorded.run.id}?level={other.root.id}", status=404)
    assert await visitor.main(f"/runs/{recorded.run.id}?iteration=x", status=400)
    assert await visitor.main(f"/runs/{recorded.run.id}?page=x", status=400)


async def test_the_specification_is_a_page_of_its_own(visitor: Visitor, store: SqlStore) -> None:
    recorded = Recorded(pipeline_spec=compact({"pipeline_spec": {"root": {"name": POISON}}}))
    await keep(store, *recorded.records)
    page = await visit(visitor, recorded)
    here = f"/runs/{recorded.run.id}"
    [address] = [href for href in page.hrefs if href.endswith("/specification")]
    shown = await visitor.main(resolved(address, at=here))
    assert POISON.replace('"', '\\"') in shown.one("pre").text
    run_id = await finished_run(visitor.api)
    made = await visitor.main(f"/runs/{run_id}/specification")
    assert '"sdkVersion": "recorded"' in made.one("pre").text
    pipeline_id = (await upload_pipeline(visitor.rest, a_spec(), name=unique("pipeline"))).json["pipeline_id"]
    run_id = await finished_run(visitor.api, pipeline_version_reference={"pipeline_id": pipeline_id})
    of_version = await visitor.main(f"/runs/{run_id}/specification")
    assert '"pipelineInfo"' in of_version.one("pre").text
    [rest] = [each.attributes["href"] for each in of_version.with_class("rest")]
    assert (await visitor.get(resolved(rest, at=f"/runs/{run_id}/specification"))).status == 200
    assert "/versions/" in rest


async def test_a_run_is_archived_and_brought_back_from_its_page(visitor: Visitor) -> None:
    run_id = await finished_run(visitor.api)
    form = (await visitor.main(f"/runs/{run_id}")).one("form")
    assert [button.attributes["value"] for button in form.all("button")] == ["archive", "delete"]
    target = resolved(form.attributes["action"], at=f"/runs/{run_id}")
    assert (await visitor.post(target, ("run", run_id), ("do", "archive"))).status == 303
    form = (await visitor.main(f"/runs/{run_id}")).one("form")
    assert [button.attributes["value"] for button in form.all("button")] == ["unarchive", "delete"]


async def test_a_run_that_was_started_again_is_no_failure_any_more(visitor: Visitor) -> None:
    run_id = await failed_run(visitor.api, message="no quota")
    assert sentence(await visitor.main(f"/runs/{run_id}")).endswith(": no quota")
    await visitor.api.RetryRun(run_id=run_id)
    page = await visitor.main(f"/runs/{run_id}")
    assert sentence(page).startswith("▶ Running for ")
    assert ", started again once: " in sentence(page)
    assert "data-watch" in page.attributes
    assert not page.with_class("blame")


async def test_every_run_of_an_imported_store_has_its_page(fresh: Visitor, migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    answer = await fresh.api.ListRunSummaries(page_size=200)
    failed = 0
    for run in answer.runs:
        page = await fresh.main(f"/runs/{run.run_id}")
        assert page.one("h1").text == run.display_name
        assert rows(page)
        for link in [href for href in page.hrefs if "level=" in href]:
            level = await fresh.main(resolved(link, at=f"/runs/{run.run_id}"))
            assert level.with_class("tasks") or "No task was recorded here." in level.text
        failed += bool(page.with_class("blame"))
    assert failed == sum(run.state == "FAILED" and run.HasField("failed") for run in answer.runs) > 0
    texts = [(await fresh.main(f"/runs/{run.run_id}")).text for run in answer.runs]
    assert sum("confusion matrix" in text for text in texts) > 0
    assert sum("ROC curve" in text for text in texts) > 0
