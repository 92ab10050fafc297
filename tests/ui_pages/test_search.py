"""Search results: what is found leads to its page; what a query cannot say is explained."""

from urllib.parse import quote, urlencode

import pytest

from tests.api.builders import new_artifact, new_run, new_task, unique
from tests.ui_pages.document import Element
from tests.ui_pages.recorded import POISON, experiment, failed_run
from tests.ui_pages.visitor import Visitor, resolved

pytestmark = pytest.mark.one_database


def rows(page: Element) -> list[Element]:
    return [row for row in page.all("tr") if "data-row" in row.attributes]


async def found(visitor: Visitor, **query: str) -> Element:
    return await visitor.main(f"/search?{urlencode(query)}")


async def test_everything_with_a_name_is_found_and_leads_to_its_page(visitor: Visitor) -> None:
    word = unique("w")
    run_id = await new_run(visitor.api, display_name=word)
    task_id = await new_task(visitor.api, run_id, word)
    artifact_id = await new_artifact(visitor.api, run_id, task_id, word)
    experiment_id = await experiment(visitor.api, word)
    shown = rows(await found(visitor, q=word))
    leads = {next(iter(row.all("td"))).text: row.hrefs[0] for row in shown}
    assert leads == {
        "Run": f"./runs/{run_id}",
        "Artifact": f"./artifacts/{artifact_id}",
        "Experiment": f"./experiments/{experiment_id}",
    }
    [task] = rows(await found(visitor, q=word, kind="task"))
    assert task.hrefs[0] == f"./runs/{run_id}/tasks/{task_id}"
    assert f"./runs/{run_id}" in task.hrefs


async def test_an_id_and_a_uri_are_found(visitor: Visitor) -> None:
    run_id = await new_run(visitor.api)
    task_id, uri = await new_task(visitor.api, run_id), f"s3://bucket/{unique()}"
    artifact_id = await new_artifact(visitor.api, run_id, task_id, uri=uri)
    for query, path in (
        (run_id, f"./runs/{run_id}"),
        (artifact_id, f"./artifacts/{artifact_id}"),
        (uri, f"./artifacts/{artifact_id}"),
    ):
        assert rows(await found(visitor, q=query))[0].hrefs[0] == path


async def test_qualifiers_are_understood(visitor: Visitor) -> None:
    word = unique("w")
    failed = await failed_run(visitor.api, display_name=word)
    await new_run(visitor.api, display_name=word)
    [row] = rows(await found(visitor, q=f"{word} state:failed since:1h"))
    assert row.hrefs[0] == f"./runs/{failed}"
    assert "Failed" in row.text


async def test_more_results_follow_by_tokens(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ui.search.PAGE_SIZE", 2)
    word = unique("w")
    ids = [await new_run(visitor.api, display_name=word) for _ in range(3)]
    first = await found(visitor, q=word, kind="run")
    [more] = [each for each in first.with_class("button") if each.text == "More results"]
    second = await visitor.main(resolved(more.attributes["href"], at="/search"))
    assert [row.hrefs[0] for row in (*rows(first), *rows(second))] == [f"./runs/{each}" for each in ids[::-1]]


async def test_nothing_found_says_what_to_try(visitor: Visitor) -> None:
    page = await found(visitor, q=unique("nowhere"))
    assert "Nothing was found" in page.text
    assert "What a search may say" in page.text


async def test_an_empty_search_explains_itself_with_searches_that_work(visitor: Visitor) -> None:
    page = await visitor.main("/search")
    examples = [href for href in page.hrefs if "q=" in href]
    assert len(examples) == 8
    for href in examples:
        await visitor.main(resolved(href, at="/search"))


@pytest.mark.parametrize(
    "query", ["bogus:x", "state:nothing", "state:failed state:failed", "since:soon", '"', "x" * 5000]
)
async def test_what_a_query_cannot_say_is_explained(visitor: Visitor, query: str) -> None:
    page = await visitor.main(f"/search?{urlencode({'q': query})}", status=400)
    assert len(page.with_class("error-line")) == 1
    assert "What a search may say" in page.text


async def test_a_query_that_is_not_text_is_refused_with_a_page(visitor: Visitor) -> None:
    page = await visitor.page("/search?q=%FF", status=400)
    assert page.by_id("search").attributes["value"] == ""


async def test_an_unknown_kind_is_refused(visitor: Visitor) -> None:
    assert "no results of the kind" in (await visitor.main("/search?q=x&kind=bogus", status=400)).text


async def test_a_poisoned_query_and_name_are_text(visitor: Visitor) -> None:
    word = unique("w")
    run_id = await new_run(visitor.api, display_name=word + POISON)
    task_id = await new_task(visitor.api, run_id)
    await new_artifact(visitor.api, run_id, task_id, word + POISON, uri="javascript:alert(1)")
    query = f'"{word}<script>alert(1)</script>"'
    page = await visitor.page(f"/search?q={quote(query)}")
    assert page.by_id("search").attributes["value"] == query
    assert page.one("h1").text == f"Search: {query}"
    shown = {next(iter(row.all("td"))).text: row for row in rows(page)}
    assert word + POISON in shown["Run"].text
    assert "javascript:alert(1)" in shown["Artifact"].text
    assert not [href for href in shown["Artifact"].hrefs if "javascript" in href]
