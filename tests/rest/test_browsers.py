"""Pages of other sites write nothing, whatever they send; programs, our own pages and listed origins do."""

import json
import re
from pathlib import Path

import pytest

from server.config import InvalidSetting, Settings
from server.doors.http.browser_guard import SAFE_VERBS, BrowserGuard
from server.doors.http.messages import HttpRequest
from tests.api.builders import unique
from tests.rest.browsers import LISTED, SENDERS, UI_HOST
from tests.rest.client import Answer, ask, connected, request_text
from tests.rest.conftest import Serve

DOCUMENT = json.loads(Path(__file__).parents[2].joinpath("api", "openapi.json").read_text())
UNSAFE = [
    (verb.upper(), re.sub(r"\{[^}]*\}", "unknown", path))
    for path, operations in DOCUMENT["paths"].items()
    for verb in operations
    if verb.upper() not in SAFE_VERBS
]
PAGES = [("POST", path) for path in ("/", "/docs", "/metrics", "/healthz", "/static/ui/ui.css", "/bogus")]
RUNS = "/apis/v2beta1/runs"


@pytest.fixture
async def guarded(serve: Serve) -> str:
    """The address of a server that lists an origin and a host."""
    return await serve(cors_origins=LISTED, allowed_hosts=UI_HOST)


def refused(answer: Answer) -> bool:
    """Say whether the guard refused a request."""
    return answer.status in (403, 421)


def test_every_unsafe_route_is_in_the_table() -> None:
    assert len(UNSAFE) > 30
    assert ("POST", "/apis/v2beta1/pipelines/upload") in UNSAFE
    assert ("DELETE", "/apis/v1beta1/runs/unknown") in UNSAFE


@pytest.mark.parametrize("name", SENDERS)
async def test_who_may_write_is_the_same_on_every_unsafe_route(guarded: str, name: str) -> None:
    sender = SENDERS[name]
    async with connected(guarded) as wire:
        for verb, path in (*UNSAFE, *PAGES):
            request = request_text(verb, path, sender.body.encode(), host=sender.host, **sender.headers)
            await wire.send(request)
            answer = await wire.answer()
            assert refused(answer) is not sender.may_write, (verb, path, answer.body)


@pytest.mark.parametrize("name", [name for name, sender in SENDERS.items() if not sender.may_write])
async def test_a_foreign_page_reads_no_answer_and_leaves_everything_as_it_is(guarded: str, name: str) -> None:
    sender = SENDERS[name]
    run_id = (await ask(guarded, "POST", RUNS, {"display_name": unique("run")})).json["run_id"]
    run = (await ask(guarded, "GET", f"{RUNS}/{run_id}")).json
    for verb, path in (("POST", f"{RUNS}/{run_id}:terminate"), ("DELETE", f"{RUNS}/{run_id}")):
        answer = await ask(guarded, verb, path, text=sender.body, host=sender.host, **sender.headers)
        assert (answer.status, answer.reason) == (403, "FOREIGN_ORIGIN")
        assert "access-control-allow-origin" not in answer.headers
        assert "cors_origins" in answer.json["message"]
    assert (await ask(guarded, "GET", f"{RUNS}/{run_id}")).json == run


async def test_the_refusal_says_what_to_list(guarded: str) -> None:
    sender = SENDERS["KFP's UI over plain http"]
    answer = await ask(guarded, "POST", RUNS, {}, host=sender.host, **sender.headers)
    assert "add http://kfp.example to the setting cors_origins" in answer.json["message"]


async def test_every_origin_may_write_when_the_settings_say_so(serve: Serve) -> None:
    address = await serve(cors_origins="*")
    sender = SENDERS["a foreign page's text"]
    answer = await ask(address, "POST", f"{RUNS}/unknown:terminate", text="{}", **sender.headers)
    assert answer.status == 404


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [RUNS, "/", "/healthz", "/metrics", "/docs", "/bogus"])
async def test_a_name_that_was_pointed_here_reaches_nothing(guarded: str, verb: str, path: str) -> None:
    rebound = {"Origin": "http://evil.example:8888", "Sec_Fetch_Site": "same-origin"}
    answer = await ask(guarded, verb, path, host="evil.example:8888", **rebound)
    assert (answer.status, answer.reason) == (421, "UNKNOWN_HOST")
    assert "allowed_hosts" in answer.json["message"]


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("127.0.0.1:8888", True),
        ("127.0.0.1", True),
        ("[::1]:8888", True),
        ("10.1.2.3:80", True),
        ("localhost:8888", True),
        ("LOCALHOST.", True),
        (UI_HOST, True),
        (f"{UI_HOST}:8888", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        (f"{UI_HOST}.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("0x7f000001", False),
        ("2130706433", False),
        ("evil.example, 127.0.0.1", False),
        ("127.0.0.1:99999", False),
        ("[evil.example]", False),
        (".", False),
        ("", False),
    ],
)
async def test_only_addresses_localhost_and_allowed_hosts_are_answered(
    guarded: str, host: str, is_allowed: bool
) -> None:
    assert (await ask(guarded, "GET", "/healthz", host=host)).status == (200 if is_allowed else 421)


@pytest.mark.parametrize(
    ("address", "allowed_hosts", "host", "is_allowed"),
    [
        ("127.0.0.1:8888", "", "ml-pipeline", False),
        ("[::1]:8888", "", "ml-pipeline", False),
        ("localhost:8888", "", "ml-pipeline", False),
        ("127.0.0.1:8888", "*", "ml-pipeline", True),
        ("127.0.0.1:8888", "*", "no host at all", True),
        ("0.0.0.0:8888", "", "ml-pipeline", True),
        ("[::]:8888", "", "ml-pipeline.kubeflow:8888", True),
        ("10.0.0.7:8888", "", "ml-pipeline", True),
        ("0.0.0.0:8888", "ml-pipeline, ml-pipeline.kubeflow", "ml-pipeline.kubeflow:8888", True),
        ("0.0.0.0:8888", "ml-pipeline", "evil.example", False),
        ("0.0.0.0:8888", "ml-pipeline", "10.0.0.7:8888", True),
        ("0.0.0.0:8888", "ml-pipeline", "localhost", True),
    ],
)
def test_elsewhere_than_on_loopback_every_name_is_answered_until_the_settings_name_some(
    address: str, allowed_hosts: str, host: str, is_allowed: bool
) -> None:
    guard = BrowserGuard(cors_origins="", allowed_hosts=allowed_hosts, address=address)
    answer = guard.refusal(HttpRequest("GET", "/healthz", headers={"host": host}))
    assert (answer is None) is is_allowed


@pytest.mark.parametrize(
    "values",
    [
        {"cors_origins": "ui.example"},
        {"cors_origins": "null"},
        {"cors_origins": "https://ui.example/path"},
        {"cors_origins": "https://"},
        {"cors_origins": "https://*.example"},
        {"allowed_hosts": "https://ui.example"},
        {"allowed_hosts": "ui.example:8888"},
        {"allowed_hosts": "*.example"},
    ],
)
def test_a_list_that_could_match_nothing_refuses_to_start(values: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(values))):
        Settings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", ["https://evil.example", LISTED])
async def test_no_page_is_allowed_to_say_which_host_it_was_forwarded_from(guarded: str, origin: str) -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-forwarded-host"}
    answer = await ask(guarded, "OPTIONS", RUNS, Origin=origin, **asked)
    assert answer.status == (204 if origin == LISTED else 501)
    assert "x-forwarded-host" not in answer.headers.get("access-control-allow-headers", "")
