"""The list of runs: its filters stand in the address, it is paged by tokens, and runs are archived and deleted from it."""

from urllib.parse import urlencode

import pytest

from tests.api.builders import a_spec, unique
from tests.rest.client import ask
from tests.rest.uploads import upload_pipeline
from tests.ui_pages.document import Element, check, read
from tests.ui_pages.recorded import POISON, experiment, failed_run, finished_run, running_run
from tests.ui_pages.visitor import Visitor, resolved

pytestmark = pytest.mark.one_database


def names(page: Element) -> list[str]:
    """The names of the runs of a list, in its order."""
    return [next(iter(row.all("a"))).text for row in page.all("tr") if "data-row" in row.attributes]


def read_page(body: bytes) -> Element:
    """A page that is as every page must be."""
    page = read(body.decode())
    check(page)
    return page


async def listed(visitor: Visitor, **query: str) -> list[str]:
    return names(await visitor.main(f"/runs?{urlencode(query)}"))


async def three_runs(visitor: Visitor) -> tuple[str, list[str], list[str]]:
    """An experiment with a run in each of three states: its id, and the runs' ids and names, the oldest first."""
    experiment_id, run_names = await experiment(visitor.api, unique("e")), [unique(word) for word in ("a", "b", "c")]
    recorders = (failed_run, finished_run, running_run)
    await finished_run(visitor.api)  # in another experiment
    ids = [
        await record(visitor.api, display_name=name, experiment_id=experiment_id)
        for record, name in zip(recorders, run_names, strict=True)
    ]
    return experiment_id, ids, run_names


async def test_runs_are_listed_the_newest_first(visitor: Visitor) -> None:
    experiment_id, _, run_names = await three_runs(visitor)
    assert await listed(visitor, experiment=experiment_id) == run_names[::-1]


async def test_filters_stand_in_the_address_and_all_hold(visitor: Visitor) -> None:
    experiment_id, _, (failed, fine, going) = await three_runs(visitor)
    assert await listed(visitor, experiment=experiment_id, state="FAILED") == [failed]
    assert await listed(visitor, experiment=experiment_id, since="1h") == [going, fine, failed]
    assert await listed(visitor, experiment=experiment_id, since="2999-01-01") == []
    assert await listed(visitor, experiment=experiment_id, ended="1h") == [fine, failed]
    assert await listed(visitor, experiment=experiment_id, state="RUNNING", since="24h") == [going]
    assert await listed(visitor, experiment=experiment_id, archived="only") == []


async def test_each_chip_changes_one_filter_and_keeps_the_others(visitor: Visitor) -> None:
    page = await visitor.main("/runs?state=FAILED&since=7d")
    current = [each.text for each in page.with_class("chip") if "aria-current" in each.attributes]
    assert current == ["Failed", "Last 7 days", "Not archived"]
    hrefs = {each.text: each.attributes["href"] for each in page.with_class("chip")}
    assert hrefs["Running"] == "./runs?state=RUNNING&since=7d"
    assert hrefs["Any time"] == "./runs?state=FAILED"
    assert hrefs["Both"] == "./runs?state=FAILED&since=7d&archived=all"
    form = next(each for each in page.all("form") if each.attributes["method"] == "get")
    kept = {each.attributes["name"]: each.attributes["value"] for each in form.all("input")}
    assert kept == {"state": "FAILED", "since": "7d"}


async def test_runs_of_a_pipeline_and_of_an_experiment_can_be_chosen_by_name(visitor: Visitor) -> None:
    name = unique("p") + POISON
    pipeline_id = (await upload_pipeline(visitor.rest, a_spec(), name=name)).json["pipeline_id"]
    run_id = await finished_run(visitor.api, pipeline_version_reference={"pipeline_id": pipeline_id})
    page = await visitor.main(f"/runs?pipeline={pipeline_id}")
    assert [row.hrefs[0] for row in page.all("tr") if "data-row" in row.attributes] == [f"./runs/{run_id}"]
    [chosen] = [each for each in page.by_id("pipeline").all("option") if "selected" in each.attributes]
    assert (chosen.attributes["value"], chosen.text) == (pipeline_id, name)


async def test_what_is_chosen_can_be_seen_though_nobody_knows_it(visitor: Visitor) -> None:
    page = await visitor.main("/runs?pipeline=gone")
    [chosen] = [each for each in page.by_id("pipeline").all("option") if "selected" in each.attributes]
    assert chosen.text == "gone"
    assert "No run fits" in page.text


async def test_pages_follow_one_another_by_tokens(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ui.runs.PAGE_SIZE", 2)
    experiment_id, _, run_names = await three_runs(visitor)
    first = await visitor.main(f"/runs?experiment={experiment_id}&archived=all")
    [older] = [each for each in first.with_class("button") if each.text == "Older"]
    path = resolved(older.attributes["href"], at="/runs")
    assert "archived=all" in path
    second = await visitor.main(path)
    assert [*names(first), *names(second)] == run_names[::-1]
    buttons = {each.text: each.attributes["href"] for each in second.with_class("button")}
    assert buttons == {"Newest": f"./runs?experiment={experiment_id}&archived=all"}


async def test_the_page_looks_again_only_at_what_is_unfinished(visitor: Visitor) -> None:
    experiment_id, ids, _ = await three_runs(visitor)
    assert "data-watch" not in (await visitor.main(f"/runs?experiment={experiment_id}&state=FAILED")).attributes
    address = (await visitor.main(f"/runs?experiment={experiment_id}")).attributes["data-watch"]
    shown = await ask(visitor.rest, "GET", resolved(address, at="/runs"))
    assert [run["run_id"] for run in shown.json["runs"]] == ids[2:]


async def test_a_poisoned_name_is_text(visitor: Visitor) -> None:
    experiment_id = await experiment(visitor.api, unique("e") + POISON)
    run_id = await failed_run(visitor.api, display_name=POISON, experiment_id=experiment_id, message=POISON)
    page = await visitor.main(f"/runs?experiment={experiment_id}")
    [row] = [each for each in page.all("tr") if "data-row" in each.attributes]
    assert row.text.count(POISON) == 3  # the run, its error and its experiment
    box = next(iter(row.all("input")))
    assert (box.attributes["value"], box.attributes["aria-label"]) == (run_id, f"Select {POISON}")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("state=BOGUS", "there is no state 'BOGUS' of runs"),
        ("since=yesterday", "since is not a time"),
        ("since=999999999w", "since is not a time"),
        ("ended=x", "ended is not a time"),
        ("archived=x", "archived is one of"),
        ("page=x", "page token is not valid"),
        ("state=%zz", "malformed escape"),
        (f"state={'%3Cscript%3E'}", "there is no state '<script>' of runs"),
    ],
)
async def test_a_filter_that_does_not_fit_is_a_page_that_says_so(visitor: Visitor, query: str, says: str) -> None:
    page = await visitor.main(f"/runs?{query}", status=400)
    assert says in page.text
    assert "change the filters" in page.text


async def test_selected_runs_are_archived_and_come_back(visitor: Visitor) -> None:
    experiment_id, ids, run_names = await three_runs(visitor)
    back = f"experiment={experiment_id}&page=x"
    fields = [("run", ids[0]), ("run", ids[1]), ("back", back)]
    answer = await visitor.post("/runs", *fields, ("do", "archive"))
    assert (answer.status, answer.headers["location"]) == (303, f"./runs?experiment={experiment_id}&done=archived.2")
    page = await visitor.main(answer.headers["location"][1:])
    assert names(page) == run_names[2:]
    assert "2 runs were archived." in page.text
    assert await listed(visitor, experiment=experiment_id, archived="only") == run_names[1::-1]
    answer = await visitor.post("/runs", fields[0], ("back", back), ("do", "unarchive"))
    assert "1 run was unarchived." in (await visitor.main(answer.headers["location"][1:])).text
    assert await listed(visitor, experiment=experiment_id) == [run_names[2], run_names[0]]


async def test_runs_are_deleted_only_after_a_confirmation(visitor: Visitor) -> None:
    experiment_id, ids, run_names = await three_runs(visitor)
    answer = await visitor.post("/runs", ("run", ids[0]), ("do", "delete"), ("back", f"experiment={experiment_id}"))
    assert answer.status == 200
    page = read_page(answer.body)
    assert "Delete this run?" in page.text
    assert run_names[0] in page.text
    assert len(await listed(visitor, experiment=experiment_id)) == 3
    form = next(each for each in page.all("form") if each.attributes["method"] == "post")
    fields = [(each.attributes["name"], each.attributes["value"]) for each in form.all("input")]
    delete = next(each for each in form.all("button") if each.text == "Delete")
    path = resolved(form.attributes["action"], at="/runs")
    answer = await visitor.post(path, *fields, (delete.attributes["name"], delete.attributes["value"]))
    assert (answer.status, answer.headers["location"]) == (303, f"./runs?experiment={experiment_id}&done=deleted.1")
    assert await listed(visitor, experiment=experiment_id) == run_names[:0:-1]
    await visitor.main(f"/runs/{ids[0]}", status=404)


async def test_a_run_that_is_gone_already_does_not_stop_the_others(visitor: Visitor) -> None:
    _, ids, _ = await three_runs(visitor)
    await visitor.api.DeleteRun(run_id=ids[0])
    fields = [*(("run", each) for each in ids[:2]), ("do", "delete"), ("confirmed", "yes")]
    answer = await visitor.post("/runs", *fields)
    assert answer.headers["location"] == "./runs?done=deleted.1"
    answer = await visitor.post("/runs", *fields[:-1])
    assert (answer.status, "none of these runs exists" in answer.body.decode()) == (404, True)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("do", "archive")], "no run is selected"),
        ([("run", "x")], "does not say what to do"),
        ([("run", "x"), ("do", "burn")], "does not say what to do"),
        ([*(("run", str(number)) for number in range(201)), ("do", "archive")], "more than 200"),
        ([("run", "x")] * 1001, "not a valid form"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused(visitor: Visitor, fields: list[tuple[str, str]], says: str) -> None:
    answer = await visitor.post("/runs", *fields)
    assert answer.status == 400
    assert says in read_page(answer.body).text


async def test_a_body_that_is_not_a_form_is_refused(visitor: Visitor) -> None:
    for kind in ("application/json", "multipart/form-data; boundary=b", "text/plain"):
        answer = await visitor.post("/runs", ("do", "archive"), Content_Type=kind)
        assert (answer.status, "the body is not a form" in answer.body.decode()) == (400, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
    ],
)
async def test_a_form_of_another_origin_is_refused(visitor: Visitor, headers: dict[str, str]) -> None:
    run_id = await finished_run(visitor.api)
    fields = [("run", run_id), ("do", "delete"), ("confirmed", "yes")]
    assert (await visitor.post("/runs", *fields, **headers)).status == 403
    assert (await visitor.api.GetRun(run_id=run_id)).run_id == run_id


async def test_a_form_of_this_server_is_taken_from_browsers_without_fetch_metadata(visitor: Visitor) -> None:
    """Browsers send it to https and loopback only; then the Origin decides, which the page's referrer policy must not hide."""
    run_id = await finished_run(visitor.api)
    assert (await visitor.get("/runs")).headers["referrer-policy"] == "same-origin"
    fields = [("run", run_id), ("do", "archive")]
    host = "127.0.0.1:8888"
    headers = {"Accept": "text/html", "Content_Type": "application/x-www-form-urlencoded", "host": host}
    refused = await ask_without_metadata(visitor, fields, {**headers, "Origin": "null"})
    taken = await ask_without_metadata(visitor, fields, {**headers, "Origin": f"http://{host}"})
    assert (refused, taken) == (403, 303)


async def ask_without_metadata(visitor: Visitor, fields: list[tuple[str, str]], headers: dict[str, str]) -> int:
    return (await ask(visitor.rest, "POST", "/runs", text=urlencode(fields), **headers)).status


async def test_where_a_form_leads_back_is_always_the_list(visitor: Visitor) -> None:
    run_id = await finished_run(visitor.api)
    fields = [("run", run_id), ("do", "archive"), ("back", "//evil.example/?\r\nx: y&state=FAILED")]
    location = (await visitor.post("/runs", *fields)).headers["location"]
    assert location.startswith("./runs?")
    assert "state=FAILED" in location


async def test_what_was_done_is_said_only_in_its_own_words(visitor: Visitor) -> None:
    for done in ("hacked.1", "deleted.x", "<b>", "deleted"):
        page = await visitor.main(f"/runs?{urlencode({'done': done})}")
        assert not [each for each in page.all("p") if each.attributes.get("role") == "status"]
