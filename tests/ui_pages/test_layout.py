"""What all pages have in common: the head, relative addresses, errors, HEAD, and paths under which there is nothing."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import pytest_asyncio

from server.ui.rendering import environment
from server.ui.table import PAGES
from tests.api.builders import a_spec, new_artifact, new_run, new_task, unique
from tests.listening import listening
from tests.rest.client import ask, connected
from tests.rest.uploads import upload_pipeline
from tests.ui_pages.document import LINKS, read
from tests.ui_pages.recorded import failed_run, finished_run, running_run
from tests.ui_pages.visitor import ACCEPT, Visitor

pytestmark = pytest.mark.one_database

STATIC = Path(__file__).parents[2] / "server" / "static"
PREFIX = "/tools/lineal"
NOT_PAGES = ("/docs", "/openapi.json", "/metrics", "/healthz", "/readyz", "/static/", "/apis/")
PACKED_MAX = 150_000
"""Scripts and styles of all pages together, compressed, in bytes."""


@pytest_asyncio.fixture
async def below_a_prefix(visitor: Visitor) -> AsyncIterator[str]:
    """The address of a proxy that strips PREFIX and answers 502 to everything else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        verb, path, rest = head.split(b" ", 2)
        if not path.startswith(f"{PREFIX}/".encode()):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        else:
            length = re.search(rb"content-length: (\d+)", rest, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            lines = rest.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            async with connected(visitor.rest) as wire:
                await wire.send(b" ".join((verb, path[len(PREFIX) :], lines)) + body)
                writer.write(await wire.rest())
        await writer.drain()
        writer.close()

    async with listening(serve) as proxy_port:
        yield f"127.0.0.1:{proxy_port}"


async def record_one_of_each(visitor: Visitor) -> None:
    pipeline_id = (await upload_pipeline(visitor.rest, a_spec(), name=unique("pipeline"))).json["pipeline_id"]
    await finished_run(visitor.api, pipeline_version_reference={"pipeline_id": pipeline_id})
    await failed_run(visitor.api)
    await running_run(visitor.api)
    run_id = await new_run(visitor.api)
    await new_artifact(visitor.api, run_id, await new_task(visitor.api, run_id), uri="s3://bucket/x")


async def test_every_address_of_every_page_works_below_a_prefix(visitor: Visitor, below_a_prefix: str) -> None:
    await record_one_of_each(visitor)
    queue = [f"{PREFIX}/", f"{PREFIX}/search?q=train", f"{PREFIX}/a/b/nothing", f"{PREFIX}/runs/nothing"]
    seen: dict[str, int] = {}
    kinds: dict[tuple[str, str], int] = {}
    while queue:
        path = queue.pop()
        kind = (path.partition("?")[0].rsplit("/", 1)[0], path.partition("?")[2].partition("=")[0])
        kinds[kind] = kinds.get(kind, 0) + 1
        if path in seen or kinds[kind] > 12:  # a few of each kind of page
            continue
        answer = await ask(below_a_prefix, "GET", path, Accept=ACCEPT, host=below_a_prefix)
        seen[path] = answer.status
        if answer.status == 303:
            queue.append(urljoin(path, answer.headers["location"]).partition("#")[0])
        if "text/html" not in answer.headers.get("content-type", "") or path.startswith(f"{PREFIX}/docs"):
            continue
        for element in read(answer.body.decode()).all():
            for name in LINKS:
                if (address := element.attributes.get(name, "")) and not address.lower().startswith(
                    ("https:", "http:")
                ):
                    parts = urlsplit(urljoin(f"http://here{path}", address))
                    queue.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    assert [path for path, status in seen.items() if status == 502] == []
    failures = {path: status for path, status in seen.items() if status not in (200, 303) and "nothing" not in path}
    assert [path for path, status in seen.items() if status == 502] == []
    assert failures == {}
    assert seen[f"{PREFIX}/a/b/nothing"] == seen[f"{PREFIX}/runs/nothing"] == 404
    for part in ("runs/", "experiments/", "pipelines/", "runs?", "search?", "static/ui/ui.css?", "docs", "metrics"):
        assert [path for path in seen if path.startswith(f"{PREFIX}/{part}")], part


async def test_a_page_that_is_watched_is_asked_for_below_the_prefix(visitor: Visitor, below_a_prefix: str) -> None:
    await running_run(visitor.api)
    page = read((await ask(below_a_prefix, "GET", f"{PREFIX}/runs", Accept=ACCEPT)).body.decode())
    watched = urljoin(f"http://here{PREFIX}/runs", page.one("main").attributes["data-watch"])
    answer = await ask(below_a_prefix, "GET", watched.removeprefix("http://here"))
    assert (answer.status, len(answer.json["runs"]) > 0) == (200, True)


async def test_a_form_works_below_the_prefix(visitor: Visitor, below_a_prefix: str) -> None:
    run_id = await finished_run(visitor.api)
    body = f"run={run_id}&do=archive"
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"http://{below_a_prefix}"}
    answer = await ask(below_a_prefix, "POST", f"{PREFIX}/runs", text=body, host=below_a_prefix, **headers)
    assert answer.status == 303
    assert urljoin(f"{PREFIX}/runs", answer.headers["location"]) == f"{PREFIX}/runs?done=archived.1"


@pytest.mark.parametrize("path", ["/", "/runs", "/artifacts", "/about"])
async def test_the_head_says_where_the_page_is(visitor: Visitor, path: str) -> None:
    page = await visitor.page(path)
    [current] = [each for each in page.one("header").all("a") if "aria-current" in each.attributes]
    assert current.attributes["href"] == f".{path}"
    assert page.by_id("search").attributes["name"] == "q"
    assert page.one("html").attributes["lang"] == "en"


@pytest.mark.parametrize("path", [entry.path for entry in PAGES])
async def test_pages_answer_reads_and_no_other_verbs(visitor: Visitor, path: str) -> None:
    takes_form = next(entry.takes_form for entry in PAGES if entry.path == path)
    for verb in ("PUT", "DELETE", "PATCH", *(() if takes_form else ("POST",))):
        answer = await ask(visitor.rest, verb, path.replace("{", "").replace("}", ""))
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST" if takes_form else "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/runs", "/artifacts", "/search?q=x", "/about", "/runs/nothing", "/a/nothing"])
async def test_head_answers_as_get_does_without_the_page(visitor: Visitor, path: str) -> None:
    got, head = await visitor.get(path), await ask(visitor.rest, "HEAD", path, Accept=ACCEPT)
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["content-type"] == got.headers["content-type"] == "text/html; charset=utf-8"
    policy = got.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'"} <= set(policy)


async def test_a_browser_is_shown_a_page_for_an_unknown_path_and_others_json(visitor: Visitor) -> None:
    page = await visitor.main("/nothing/here", status=404)
    assert "Not found" in page.one("h1").text
    assert "../" in page.hrefs
    assert (await visitor.get("/nothing/here")).headers["vary"] == "Accept"
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": "application/json, text/html"}):
        assert (await ask(visitor.rest, "GET", "/nothing/here", **accept)).reason == "UNKNOWN_PATH"


async def test_a_browser_is_shown_a_page_whatever_was_wrong_with_its_request(visitor: Visitor) -> None:
    """Paths that are no text, names that the server does not allow, forms of others: the page says so, and what to do next."""
    assert "malformed escape" in (await visitor.main("/runs/%zz", status=400)).text
    answer = await visitor.get("/runs", host="evil.example")
    assert (answer.status, answer.headers["content-type"]) == (421, "text/html; charset=utf-8")
    assert "not an allowed host name" in read(answer.body.decode()).one("main").text
    answer = await visitor.post("/runs", Origin="https://evil.example", Sec_Fetch_Site="cross-site")
    assert (answer.status, "may not write to this server" in answer.body.decode()) == (403, True)
    assert (await ask(visitor.rest, "GET", "/runs", host="evil.example")).reason == "UNKNOWN_HOST"


async def test_an_error_says_what_to_do_next(visitor: Visitor) -> None:
    page = await visitor.main("/runs/nothing", status=404)
    assert "run 'nothing'" in page.text or "not found" in page.text
    assert "Look for it by its name or id" in page.text
    assert {"../", "../runs", "../artifacts", "../about"} <= set(page.hrefs)


async def test_an_unexpected_error_is_a_page_that_shows_nothing_but_its_id(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("server.ui.calls.Desk.ask", fail)
    page = await visitor.main("/runs", status=500)
    assert "internal error" in page.text
    assert "secret" not in page.text


async def test_a_page_that_takes_too_long_says_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ui.calls.SPARE_SECONDS", 1_000_000.0)
    page = await visitor.main("/runs", status=504)
    assert "ask for less" in page.text


def test_every_template_is_valid_and_marks_nothing_as_safe() -> None:
    loader = environment().loader
    assert loader is not None
    names = loader.list_templates()
    assert {"base.html", "home.html", "runs.html", "error.html"} <= set(names)
    for name in names:
        environment().get_template(name)
        source, _, _ = loader.get_source(environment(), name)
        assert "|safe" not in source.replace(" ", "")
        assert "autoescape" not in source


def test_scripts_and_styles_of_all_pages_are_small() -> None:
    files = [
        path
        for path in STATIC.rglob("*")
        if path.suffix in (".js", ".css") and "swagger-ui" not in path.parts and path.stem != "docs"
    ]
    assert len(files) >= 3
    assert sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) < PACKED_MAX
