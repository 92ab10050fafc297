"""The list of artifacts: its filters stand in the address, it is paged by tokens, and a uri is a link only if that is safe."""

from urllib.parse import urlencode

import pytest

from tests.api.builders import new_artifact, new_run, new_task, unique
from tests.ui_pages.document import Element
from tests.ui_pages.recorded import POISON
from tests.ui_pages.visitor import Visitor, resolved

pytestmark = pytest.mark.one_database


def rows(page: Element) -> list[Element]:
    return [row for row in page.all("tr") if "data-row" in row.attributes]


async def listed(visitor: Visitor, **query: str) -> list[str]:
    """The names of the artifacts of a list, in its order."""
    page = await visitor.main(f"/artifacts?{urlencode(query)}")
    return [next(iter(row.all("a"))).text for row in rows(page)]


async def record(visitor: Visitor, *names: str, **fields: object) -> list[str]:
    run_id = await new_run(visitor.api)
    task_id = await new_task(visitor.api, run_id)
    return [await new_artifact(visitor.api, run_id, task_id, name, **fields) for name in names]


async def test_artifacts_are_listed_the_newest_first_with_what_they_are(visitor: Visitor) -> None:
    word = unique("w")
    older, newer = await record(visitor, f"{word}-1", f"{word}-2", type="Metric", number_value=0.1234567)
    page = await visitor.main(f"/artifacts?name={word}")
    assert [row.hrefs[0] for row in rows(page)] == [f"./artifacts/{newer}", f"./artifacts/{older}"]
    assert all(text in rows(page)[0].text for text in ("Metric", f"{word}-2", "0.123457"))
    assert rows(page)[0].one("time").attributes["title"].startswith("UTC ")


async def test_filters_stand_in_the_address_and_all_hold(visitor: Visitor) -> None:
    word = unique("w")
    await record(visitor, f"{word} model", uri=f"s3://{word}/m")
    await record(visitor, f"{word} data", type="Dataset", uri=f"s3://{word}/d")
    assert await listed(visitor, name=word, type="Dataset") == [f"{word} data"]
    assert await listed(visitor, name=f"model {word}") == [f"{word} model"]
    assert await listed(visitor, uri=f"{word}/d") == [f"{word} data"]
    assert await listed(visitor, uri=word, since="1h") == [f"{word} data", f"{word} model"]
    assert await listed(visitor, uri=word, since="2999-01-01") == []
    assert await listed(visitor, name=f"model data {word}") == []


async def test_each_chip_changes_one_filter_and_keeps_the_others(visitor: Visitor) -> None:
    page = await visitor.main("/artifacts?type=Model&name=none+such")
    hrefs = {each.text: each.attributes["href"] for each in page.with_class("chip")}
    assert hrefs["Dataset"] == "./artifacts?type=Dataset&name=none%20such"
    assert hrefs["Last 7 days"] == "./artifacts?type=Model&name=none%20such&since=7d"
    assert page.by_id("name").attributes["value"] == "none such"
    assert "No artifact fits" in page.text


async def test_pages_follow_one_another_by_tokens(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ui.artifacts.PAGE_SIZE", 2)
    word = unique("w")
    await record(visitor, *(f"{word}-{number}" for number in range(3)))
    first = await visitor.main(f"/artifacts?name={word}")
    [older] = [each for each in first.with_class("button") if each.text == "Older"]
    second = await visitor.main(resolved(older.attributes["href"], at="/artifacts"))
    names = [next(iter(row.all("a"))).text for page in (first, second) for row in rows(page)]
    assert names == [f"{word}-{number}" for number in (2, 1, 0)]


@pytest.mark.parametrize(
    ("uri", "is_link"),
    [
        ("https://example.org/a?b=<c>&d", True),
        ("HTTP://example.org/", True),
        ("s3://bucket/model", False),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("JavaScript:alert(1)//http://x/", False),
        ("java\tscript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("vbscript:x", False),
        ("//evil.example/x", False),
        ("https:javascript", False),
        (f"s3://bucket/{POISON}", False),
    ],
)
async def test_a_uri_is_a_link_only_if_it_leads_over_http(visitor: Visitor, uri: str, is_link: bool) -> None:
    word = unique("w")
    [artifact_id] = await record(visitor, word, uri=uri)
    [row] = rows(await visitor.main(f"/artifacts?name={word}"))
    assert row.hrefs == [f"./artifacts/{artifact_id}", *([uri] if is_link else [])]
    assert row.with_class("uri")[0].text == " ".join(uri.split())
    assert uri in [each.attributes["data-copy"] for each in row.with_class("copy")]


async def test_a_poisoned_name_is_text(visitor: Visitor) -> None:
    word = unique("w")
    await record(visitor, word + POISON)
    [row] = rows(await visitor.main(f"/artifacts?name={word}"))
    assert word + POISON in row.text


@pytest.mark.parametrize(
    ("query", "says"),
    [("type=Bogus", "no type 'Bogus'"), ("since=x", "since is not a time"), ("page=x", "page token is not valid")],
)
async def test_a_filter_that_does_not_fit_is_a_page_that_says_so(visitor: Visitor, query: str, says: str) -> None:
    assert says in (await visitor.main(f"/artifacts?{query}", status=400)).text
