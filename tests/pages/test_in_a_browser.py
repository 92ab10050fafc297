"""A real browser opens the pages: they work, nothing is complained of, and no other host is asked for anything."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from server import __version__
from server.app import Addresses
from server.doors.http.messages import PAGE_HEADERS
from tests.listening import listening
from tests.pages.axe import LOOKS, findings
from tests.pages.browser import Browser, Page

API = Path(__file__).parents[2] / "api"
BAD_PAGE = (
    "<!doctype html><title>bad</title><link rel=icon href='data:,'><script>document.title = 'inline'</script>"
    "<img src='http://elsewhere.invalid/picture.png'><font color='#dddddd'>faint</font>"
)


def hosts_asked(tab: Page) -> set[str]:
    return {urlsplit(url).netloc for url in tab.requests if not url.startswith("data:")}


async def opened(browser: Browser, address: str, path: str, *, until: str = "true") -> Page:
    tab = await browser.new_page()
    await tab.open(f"http://{address}{path}")
    await tab.until("location.protocol === 'http:' && document.readyState === 'complete'")
    await tab.until(until)
    return tab


@pytest_asyncio.fixture
async def bad_address() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        headers = [*PAGE_HEADERS, ("content-type", "text/html"), ("connection", "close")]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        writer.write(f"HTTP/1.1 200 OK\r\n{lines}\r\n{BAD_PAGE}".encode())
        await writer.drain()
        writer.close()

    async with listening(answer) as port:
        yield f"127.0.0.1:{port}"


async def test_a_page_says_what_runs_here(browser: Browser, served: Addresses) -> None:
    tab = await opened(browser, served.rest, "/about")
    text = await tab.value("document.body.innerText")
    assert all(said in text for said in (__version__, "sqlite:///", served.grpc, served.rest, "Ready"))
    assert await tab.value("document.querySelector('dl').innerText.match(/Schema\\s+(\\S+)/)[1].length") >= 4
    assert (tab.complaints, hosts_asked(tab)) == ([], {served.rest})


async def test_every_link_about_the_server_leads_somewhere(browser: Browser, served: Addresses) -> None:
    tab = await opened(browser, served.rest, "/about")
    links = await tab.value("[...document.querySelectorAll('main a')].map(link => link.getAttribute('href'))")
    assert links == ["./docs", "./openapi.json", "./metrics", "./healthz", "./readyz"]
    fetched = "Promise.all([...document.querySelectorAll('main a')].map(link => fetch(link.href).then(answer => answer.status)))"
    assert await tab.value(fetched) == [200] * len(links)


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_are_dark_where_that_is_preferred(browser: Browser, served: Addresses, path: str) -> None:
    brightness = "Math.max(...getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g))"
    tab = await opened(browser, served.rest, path, until=f"{brightness} > 200")
    await tab.prefer(dark=True)
    assert await tab.until(f"{brightness} < 60")
    assert tab.complaints == []


async def test_a_page_that_runs_inline_script_or_asks_another_host_is_noticed(
    browser: Browser, bad_address: str
) -> None:
    tab = await opened(browser, bad_address, "/")
    assert await tab.value("document.title") == "bad"
    assert hosts_asked(tab) == {bad_address, "elsewhere.invalid"}
    assert [complaint for complaint in tab.complaints if "inline script" in complaint]
    assert [complaint for complaint in tab.complaints if "elsewhere.invalid" in complaint]


async def test_a_page_that_is_hard_to_read_is_noticed(browser: Browser, bad_address: str) -> None:
    tab = await opened(browser, bad_address, "/")
    found = {line.partition(":")[0] for line in await findings(tab)}
    assert {"html-has-lang", "image-alt", "color-contrast"} <= found
    assert [line for line in await findings(tab, rules=LOOKS) if "font" in line]
