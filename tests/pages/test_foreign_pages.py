"""A page of another site, in a real browser, tries what a page can try: it writes nothing and reads nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.app import Addresses
from tests.api.builders import unique
from tests.listening import listening
from tests.pages.browser import Browser, Page, launched
from tests.rest.client import ask

RUNS = "/apis/v2beta1/runs"
NAME = "foreign.example"
"""A name that the browser of these tests finds on this machine, as a rebound one would be."""

PAGE = "<!doctype html><title>foreign</title><link rel=icon href='data:,'>"
SANDBOX = """
new Promise(done => {{
  addEventListener('message', event => done(event.origin + ' ' + event.data));
  const frame = document.createElement('iframe');
  frame.sandbox = 'allow-scripts';
  frame.srcdoc = `<script>
    const tell = how => parent.postMessage(how, '*');
    fetch('{url}:terminate', {{method: 'POST', mode: 'no-cors'}}).then(answer => tell(answer.type), () => tell('refused'));
  </${{'script'}}>`;
  document.body.append(frame);
}})
"""

TRIES = """
(async () => {{
  const file = new FormData();
  file.append('uploadfile', new Blob(['a: 1']), 'p.yaml');
  const tries = [
    ['{base}/runs', {{method: 'POST', mode: 'no-cors', headers: {{'Content-Type': 'text/plain'}}, body: '{{"display_name": "x"}}'}}],
    ['{base}/runs', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: '{{"display_name": "x"}}'}}],
    ['{base}/runs/{run}:terminate', {{method: 'POST', mode: 'no-cors'}}],
    ['{base}/runs/{run}', {{method: 'DELETE'}}],
    ['{base}/pipelines/upload?name=x', {{method: 'POST', mode: 'no-cors', body: file}}],
    ['{base}/runs', {{}}],
  ];
  const answers = [];
  for (const [url, options] of tries)
    answers.push(await fetch(url, options).then(answer => answer.type === 'opaque' ? 'opaque' : answer.status, () => 'refused'));
  return answers;
}})()
"""


@pytest_asyncio.fixture
async def foreign() -> AsyncIterator[int]:
    """The port of a server that has an empty page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n{PAGE}".encode())
        await writer.drain()
        writer.close()

    async with listening(answer) as port:
        yield port


@pytest_asyncio.fixture
async def rebinding_browser() -> AsyncIterator[Browser]:
    """A browser in which NAME is this machine."""
    async with launched(f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as browser:
        yield browser


async def _opened(browser: Browser, url: str) -> Page:
    tab = await browser.new_page()
    await tab.open(url)
    await tab.until("document.title === 'foreign'")
    return tab


@pytest.mark.parametrize("host", ["localhost", NAME])
async def test_a_foreign_page_writes_and_reads_nothing(
    rebinding_browser: Browser, served: Addresses, foreign: int, host: str
) -> None:
    name = unique("run")
    run_id = (await ask(served.rest, "POST", RUNS, {"display_name": name})).json["run_id"]
    run = (await ask(served.rest, "GET", f"{RUNS}/{run_id}")).json
    before = (await ask(served.rest, "GET", RUNS)).json["total_size"]
    tab = await _opened(rebinding_browser, f"http://{host}:{foreign}/")
    base = f"http://{served.rest}/apis/v2beta1"
    answers = await tab.value(TRIES.format(base=base, run=run_id))
    assert answers == ["opaque", "refused", "opaque", "refused", "opaque", "refused"]
    assert await tab.value(SANDBOX.format(url=f"{base}/runs/{run_id}")) == "null opaque"
    assert (await ask(served.rest, "GET", f"{RUNS}/{run_id}")).json == run
    assert (await ask(served.rest, "GET", RUNS)).json["total_size"] == before
    assert (await ask(served.rest, "GET", "/apis/v2beta1/pipelines/names/x")).status == 404


async def test_a_name_that_was_pointed_here_shows_no_page(rebinding_browser: Browser, served: Addresses) -> None:
    port = served.rest.rpartition(":")[2]
    tab = await rebinding_browser.new_page()
    await tab.open(f"http://{NAME}:{port}{RUNS}")
    text = await tab.until("document.body.innerText")
    assert "allowed_hosts" in text
    assert "total_size" not in text


async def test_the_page_of_the_server_itself_may_write(browser: Browser, served: Addresses) -> None:
    tab = await browser.new_page()
    await tab.open(f"http://{served.rest}/")
    await tab.until("document.readyState === 'complete'")
    made = await tab.value(
        f"fetch('{RUNS}', {{method: 'POST', body: JSON.stringify({{display_name: 'own'}})}}).then(answer => answer.status)"
    )
    assert made == 200
