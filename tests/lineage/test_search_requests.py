"""Search, over gRPC and REST: tokens, and requests that are refused."""

from typing import Any
from urllib.parse import quote

import pytest

from server.apis.lineal.search import PAGE_SIZE_MAX
from server.rules.search.query import QUERY_CHARACTERS, TERMS_MAX
from tests.api.client import code, refusal
from tests.contract.builders import a_run, keep
from tests.lineage.served import Served
from tests.rest.client import ask

pytestmark = pytest.mark.one_database


async def test_a_token_is_good_for_its_query_only(served: Served) -> None:
    await keep(served.store, *(a_run(display_name="x") for _ in range(3)))
    token = (await served.api.Search(query="x", page_size=1)).next_page_token
    listed = (await served.api.ListRuns(page_size=1)).next_page_token
    for fields in (
        {"query": "y"},
        {"query": "x", "kinds": ["run"]},
        {"query": "x", "namespace": "n"},
    ):
        assert await code(served.api.Search(page_token=token, **fields)) == "INVALID_ARGUMENT"
    for other in (listed, token[:-1], "x", "\x00", "é"):
        assert await code(served.api.Search(query="x", page_token=other)) == "INVALID_ARGUMENT"
    assert await code(served.api.ListRuns(page_token=token)) == "INVALID_ARGUMENT"
    assert len((await served.api.Search(query="x", page_size=2, page_token=token)).nodes) == 2


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no query": ({"query": ""}, "query is required"),
    "white space": ({"query": " \t\n"}, "query is required"),
    "unknown qualifier": ({"query": "x stat:failed"}, "unknown qualifier stat:"),
    "unknown state": ({"query": "state:bad"}, "state: must be one of"),
    "no state": ({"query": "state:"}, "state: must be one of"),
    "two states": ({"query": "state:failed state:running"}, "state: is given twice"),
    "unknown type": ({"query": "type:model2"}, "type: must be one of"),
    "no pipeline": ({"query": 'pipeline:""'}, "pipeline: needs a value"),
    "no time": ({"query": "since:yesterday"}, "since: must be a date"),
    "a day that is not": ({"query": "until:2026-02-30"}, "until: must be a date"),
    "an age too large": ({"query": "since:9999999999d"}, "since: must be a date"),
    "not a number": ({"query": "metric:accuracy>nan"}, "metric: accuracy must be compared with a finite number"),
    "infinity": ({"query": "metric:accuracy>inf"}, "finite number"),
    "a huge number": ({"query": "metric:accuracy>1e999"}, "finite number"),
    "digits of others": ({"query": "metric:accuracy>١"}, "finite number"),
    "no comparison": ({"query": "metric:accuracy"}, "metric: must be a comparison"),
    "no metric": ({"query": "metric:>1"}, "metric: must be a comparison"),
    "an open quote": ({"query": 'x "y'}, "quote that is not closed"),
    "an empty word": ({"query": '""'}, "word without characters"),
    "NUL": ({"query": "x\x00y"}, "NUL"),
    "a long query": ({"query": "x" * 50_000}, f"longer than {QUERY_CHARACTERS}"),
    "many words": ({"query": "x " * (TERMS_MAX + 1)}, f"the limit is {TERMS_MAX}"),
    "unknown kind": ({"query": "x", "kinds": ["model"]}, "kinds must be of"),
    "a negative page": ({"query": "x", "page_size": -1}, "page_size"),
    "a large page": ({"query": "x", "page_size": PAGE_SIZE_MAX + 1}, "page_size"),
    "NUL in a namespace": ({"query": "x", "namespace": "\x00"}, "NUL"),
}


async def test_bad_requests_are_refused_and_told_why(served: Served) -> None:
    for name, (fields, words) in BAD.items():
        refused = await refusal(served.api.Search(**fields))
        assert (refused.code, words in refused.message) == ("INVALID_ARGUMENT", True), (name, refused.message)


STRANGE = [
    "😀",
    "\u200b",
    "İ",
    "x" * 4_000,
    "';--",
    "%s",
    ":name",
    "${x}",
    "\x01",
    "\U0010ffff",
    "-1",
    "1e999",
    "\\",
    "run/",
    "/",
]


async def test_any_words_and_names_are_looked_for(served: Served) -> None:
    await keep(served.store, a_run())
    for text in STRANGE:
        quoted = '"' + text.replace("\\", "\\\\") + '"'
        for query in (quoted, f"pipeline:{quoted}", f"experiment:{quoted}", f"metric:{quoted}>0"):
            answer = await served.api.Search(query=query, namespace=text if text == "😀" else "")
            assert (len(answer.nodes), answer.complete) == (0, True), query


async def test_a_search_over_rest(served: Served) -> None:
    run = a_run(display_name="50% of all", state="FAILED")
    await keep(served.store, run, a_run(display_name="50% of all", state="FAILED", created_at=0))
    path = f"/apis/lineal/v1/search?query={quote('50% state:failed')}&page_size=1&kinds=run&kinds=artifact"
    answer = await ask(served.rest, "GET", path)
    assert answer.status == 200
    [node] = answer.json["nodes"]
    assert (node["ref"], node["state"]) == (f"run/{run.id}", "FAILED")
    answer = await ask(served.rest, "GET", f"{path}&page_token={quote(answer.json['next_page_token'])}")
    assert len(answer.json["nodes"]) == 1
    bad = await ask(served.rest, "GET", f"/apis/lineal/v1/search?query={quote('metric:accuracy>nan')}")
    assert (bad.status, bad.reason) == (400, "INVALID_ARGUMENT")
    assert (await ask(served.rest, "GET", "/apis/lineal/v1/search")).status == 400
