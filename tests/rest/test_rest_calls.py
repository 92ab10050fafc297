"""Calls over the REST door of a whole server: JSON in, JSON out, errors, and the routes that are not RPCs."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from migrations.upgrade import upgrade_async
from tests.api.builders import unique
from tests.api.service import serving
from tests.databases import PrivateServer, create_database
from tests.logged import logged_lines
from tests.rest.client import ask, connected, request_text
from tests.rest.conftest import Serve

RUNS = "/apis/v2beta1/runs"
UNKNOWN = f"{RUNS}/00000000-0000-0000-0000-00000000dead"


async def new_run(rest: str, **fields: Any) -> str:
    answer = await ask(rest, "POST", RUNS, {"display_name": unique("run"), **fields})
    return str(answer.json["run_id"])


async def test_a_task_is_created_read_changed_and_listed(rest: str) -> None:
    run_id = await new_run(rest)
    created = await ask(rest, "POST", f"{RUNS}/{run_id}/tasks", {"name": "t", "state": "RUNNING", "type": 2})
    path = f"{RUNS}/{run_id}/tasks/{created.json['task_id']}"
    inputs = {"parameters": [{"parameterKey": "ü", "value": {"deep": [1, 2.5, None, "\u2028"]}}]}
    await ask(rest, "PATCH", path, {"inputs": inputs, "type_attributes": {"iteration_count": 9_007_199_254_740_993}})
    read = (await ask(rest, "GET", path)).json
    assert read["inputs"]["parameters"] == [{"value": inputs["parameters"][0]["value"], "parameter_key": "ü"}]
    assert read["type_attributes"] == {"iteration_count": "9007199254740993"}
    assert (read["type"], read["state"], read["outputs"]) == ("RUNTIME", "RUNNING", {})
    listed = await ask(rest, "GET", f"{RUNS}/{run_id}/tasks?page_size=1&orderBy=name%20desc")
    assert listed.json == {"tasks": [read], "total_size": 1}


async def test_the_log_has_the_request_id_that_a_client_sent(rest: str) -> None:
    with logged_lines() as lines:
        await ask(rest, "GET", RUNS, X_Request_Id="req-7")
        await ask(rest, "GET", RUNS)
    assert [line.get("request_id") for line in lines if line["event"] == "call"] == ["req-7", None]


async def test_an_empty_answer_is_an_empty_object(rest: str) -> None:
    assert (await ask(rest, "POST", f"{RUNS}/{await new_run(rest)}:archive", text="{bad")).json == {}


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "code", "reason"),
    [
        ("GET", UNKNOWN, None, 404, 5, "NOT_FOUND"),
        ("GET", f"{UNKNOWN}:archive", None, 404, 5, "NOT_FOUND"),
        ("GET", f"{RUNS}?page_size=-1", None, 400, 3, "INVALID_ARGUMENT"),
        ("GET", f"{RUNS}?page_token=x", None, 400, 3, "INVALID_PAGE_TOKEN"),
        ("GET", f"{RUNS}?page_size=x", None, 400, 3, "INVALID_QUERY"),
        ("GET", f"{RUNS}?filter=garbage", None, 400, 3, "INVALID_FILTER"),
        ("GET", f"{RUNS}/%zz", None, 400, 3, "INVALID_PATH"),
        ("POST", RUNS, {"bogus": 1}, 400, 3, "INVALID_JSON"),
        ("POST", f"{UNKNOWN}:bogus", {}, 501, 12, "WRONG_VERB"),
        ("PUT", UNKNOWN, {}, 501, 12, "WRONG_VERB"),
        ("OPTIONS", UNKNOWN, None, 501, 12, "WRONG_VERB"),
        ("GET", "/apis/v2beta1/bogus", None, 404, 5, "UNKNOWN_PATH"),
        ("GET", f"{UNKNOWN}/", None, 404, 5, "UNKNOWN_PATH"),
        ("POST", "/apis/v2beta1/scheduledworkflows", None, 501, 12, "UNIMPLEMENTED"),
    ],
)
async def test_an_error_says_code_sentence_and_reason(
    rest: str, verb: str, path: str, body: Any, status: int, code: int, reason: str
) -> None:
    answer = await ask(rest, verb, path, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.reason == reason
    assert answer.json["message"]


async def test_head_is_refused_without_a_body(rest: str) -> None:
    async with connected(rest) as wire:
        await wire.send(request_text("HEAD", UNKNOWN) + request_text("GET", "/healthz"))
        assert (await wire.answer(head_only=True)).status == 501
        assert (await wire.answer()).json == {"alive": True}


async def test_a_name_that_no_message_can_hold_is_refused_like_any_other(rest: str) -> None:
    answer = await ask(rest, "POST", RUNS, text='{"\\ud800": 1}')
    assert (answer.status, answer.reason) == (400, "INVALID_JSON")
    assert "? is unknown" in answer.json["message"]


@pytest.mark.parametrize("accept", ["text/html", "*/*", "application/xml;q=1"])
async def test_answers_are_json_whatever_is_accepted(rest: str, accept: str) -> None:
    assert (await ask(rest, "GET", UNKNOWN, Accept=accept)).json["code"] == 5


async def test_the_type_of_a_body_is_not_looked_at(rest: str) -> None:
    answer = await ask(rest, "POST", RUNS, {"display_name": "x"}, Content_Type="text/plain")
    assert answer.json["display_name"] == "x"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/apis/v2beta1//runs", "/apis/v2beta1/runs"),
        ("/apis/./v2beta1/runs?a=%2F/./", "/apis/v2beta1/runs?a=%2F/./"),
        ("//evil.example/", "/evil.example/"),
        ("/.//\\evil.example", "/%5Cevil.example"),
    ],
)
async def test_a_path_that_is_not_clean_is_moved(rest: str, path: str, location: str) -> None:
    answer = await ask(rest, "GET", path)
    assert (answer.status, answer.headers["location"], answer.body) == (301, location, b"")


async def test_deep_json_is_refused_and_the_server_lives(rest: str) -> None:
    for levels in (200, 100_000):
        deep = '{"runtime_config": {"parameters": {"a": ' + "[" * levels + "]" * levels + "}}}"
        answer = await ask(rest, "POST", RUNS, text=deep)
        assert (answer.status, answer.reason) == (400, "INVALID_JSON")
    assert (await ask(rest, "GET", "/healthz")).status == 200


async def test_an_empty_object_of_tags_clears_them_and_null_does_not(rest: str) -> None:
    made = await ask(rest, "POST", "/apis/v2beta1/pipelines", {"name": unique("p"), "tags": {"a": "b"}})
    path = f"/apis/v2beta1/pipelines/{made.json['pipeline_id']}"
    assert (await ask(rest, "PATCH", path, {"tags": None})).json["tags"] == {"a": "b"}
    assert "tags" not in (await ask(rest, "PATCH", path, text='{"tags": { } }')).json


async def test_the_header_that_clears_tags_goes_on(rest: str) -> None:
    made = await ask(rest, "POST", "/apis/v2beta1/pipelines", {"name": unique("p"), "tags": {"a": "b"}})
    path = f"/apis/v2beta1/pipelines/{made.json['pipeline_id']}"
    assert "tags" not in (await ask(rest, "PATCH", path, {}, X_Clear_Tags="true")).json


async def test_a_name_with_a_slash_is_found(rest: str) -> None:
    name = unique("team/a b%3A")
    made = await ask(rest, "POST", "/apis/v2beta1/pipelines", {"name": name})
    escaped = name.replace("%", "%25").replace("/", "%2F").replace(" ", "%20")
    assert (await ask(rest, "GET", f"/apis/v2beta1/pipelines/names/{escaped}")).json == made.json


@pytest.mark.parametrize("version", ["v1beta1", "v2beta1"])
@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"])
async def test_the_references_healthz_answers_any_verb(rest: str, version: str, verb: str) -> None:
    answer = await ask(rest, verb, f"/apis/{version}/healthz?x=1")
    expected: dict[str, Any] = {"commit_sha": "unknown", "tag_name": "unknown", "multi_user": False}
    if version == "v2beta1":
        expected["pipeline_store"] = "database"
    assert answer.status == 200
    assert verb == "HEAD" or answer.json == expected


async def test_the_references_healthz_says_what_the_settings_say(serve: Serve) -> None:
    answer = await ask(await serve(commit_sha="abc", tag_name="1.2"), "GET", "/apis/v2beta1/healthz")
    assert (answer.json["commit_sha"], answer.json["tag_name"]) == ("abc", "1.2")


@pytest.mark.parametrize("path", ["/apis/v2beta1/healthz/", "/apis/healthz", "/healthz/", "/readyz/x"])
async def test_other_health_paths_are_unknown(rest: str, path: str) -> None:
    assert (await ask(rest, "GET", path)).status == 404


@pytest.mark.parametrize(("path", "said"), [("/healthz", {"alive": True}), ("/readyz", {"ready": True})])
async def test_health_is_read_and_nothing_else(rest: str, path: str, said: dict[str, bool]) -> None:
    assert (await ask(rest, "GET", path)).json == said
    assert (await ask(rest, "HEAD", path)).status == 200
    refused = await ask(rest, "POST", path)
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.databases("postgresql", "mysql")
async def test_a_frozen_database_is_not_ready_within_two_seconds_and_the_process_is_alive(
    start_private_server: Callable[..., PrivateServer], database_kind: str
) -> None:
    server = start_private_server(database_kind)
    url = create_database(database_kind, server=server.url)
    await upgrade_async(url)
    async with serving(url) as addresses:
        assert (await ask(addresses.rest, "GET", "/readyz")).status == 200
        server.pause()
        started = time.monotonic()
        answers = await asyncio.gather(*(ask(addresses.rest, "GET", path) for path in ("/readyz", "/healthz")))
        assert [answer.status for answer in answers] == [503, 200]
        assert time.monotonic() - started < 2
        server.resume()
        await asyncio.sleep(1)
        assert (await ask(addresses.rest, "GET", "/readyz")).json == {"ready": True}


@pytest.mark.databases("postgresql", "mysql")
async def test_a_call_over_its_deadline_is_given_up(
    start_private_server: Callable[..., PrivateServer], database_kind: str
) -> None:
    server = start_private_server(database_kind)
    url = create_database(database_kind, server=server.url)
    await upgrade_async(url)
    async with serving(url, rest_seconds=1.0) as addresses:
        run_id = await new_run(addresses.rest)
        server.pause()
        started = time.monotonic()
        answer = await ask(addresses.rest, "GET", f"{RUNS}/{run_id}")
        assert time.monotonic() - started < 2
        assert (answer.status, answer.reason) == (504, "DEADLINE_EXCEEDED")
        server.resume()


ORIGIN = "https://ui.example"


async def test_no_other_origin_may_read_answers_unless_it_is_named(rest: str) -> None:
    answer = await ask(rest, "GET", "/healthz", Origin=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "vary"]
    asked = await ask(rest, "OPTIONS", RUNS, Origin=ORIGIN, Access_Control_Request_Method="POST")
    assert (asked.status, "access-control-allow-origin" in asked.headers) == (501, False)


async def test_a_named_origin_may_call(serve: Serve) -> None:
    address = await serve(cors_origins=f"https://other.example, {ORIGIN}")
    asked = await ask(address, "OPTIONS", RUNS, Origin=ORIGIN, Access_Control_Request_Method="POST")
    assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "POST" in asked.headers["access-control-allow-methods"]
    for path in ("/healthz", UNKNOWN, "/bogus"):
        answer = await ask(address, "GET", path, Origin=ORIGIN)
        assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (ORIGIN, "Origin")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", ""])
async def test_an_origin_that_is_not_named_may_not_call(serve: Serve, origin: str) -> None:
    address = await serve(cors_origins=ORIGIN)
    answer = await ask(address, "GET", "/healthz", Origin=origin)
    assert ("access-control-allow-origin" in answer.headers, answer.headers["vary"]) == (False, "Origin")
    assert (await ask(address, "OPTIONS", RUNS, Origin=origin, Access_Control_Request_Method="GET")).status == 501


async def test_every_origin_may_call_when_the_settings_say_so(serve: Serve) -> None:
    answer = await ask(await serve(cors_origins="*"), "GET", "/healthz", Origin="https://any.example")
    assert answer.headers["access-control-allow-origin"] == "*"
