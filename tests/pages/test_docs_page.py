"""The page of the API docs in a real browser: short at first, searched by paths and words, read and tried on a phone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from server.app import Addresses
from tests.pages.axe import LOOKS, findings
from tests.pages.browser import DESKTOP, PHONE, Browser, Page

API = Path(__file__).parents[2] / "api"
GROUPS = "document.querySelectorAll('.opblock-tag').length"
SHOWN = "document.querySelectorAll('.opblock').length"
PATHS = "[...document.querySelectorAll('.opblock-summary-path')].map(path => path.dataset.path)"
SEARCH = "document.querySelector('#operations-LineageService-LineageService_Search button.opblock-summary-control')"
ANSWERS = "document.querySelector('.response-col_status') !== null"


@pytest_asyncio.fixture(params=["desktop", "phone"])
async def tab(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """An empty tab of either size."""
    yield await browser.new_page({"desktop": DESKTOP, "phone": PHONE}[request.param])


async def opened(tab: Page, served: Addresses, address: str) -> None:
    """Open a page of docs and wait until it shows its groups."""
    await tab.open(f"http://{served.rest}{address}")
    await tab.until(f"{GROUPS} > 0")


async def find(tab: Page, words: str) -> None:
    """Type words into the field of the page."""
    await tab.tab.get_by_label("Find methods by path or words").fill(words)


def no_fault(tab: Page, served: Addresses) -> bool:
    hosts = {urlsplit(url).netloc for url in tab.requests if not url.startswith("data:")}
    return (tab.complaints, hosts) == ([], {served.rest})


@pytest.mark.parametrize(("path", "file"), [("/docs", "openapi.json"), ("/docs/lineal", "openapi_lineal.json")])
async def test_every_operation_is_found_by_its_path(tab: Page, served: Addresses, path: str, file: str) -> None:
    operations = sum(len(verbs) for verbs in json.loads((API / file).read_text())["paths"].values())
    await opened(tab, served, path)
    assert await tab.value(SHOWN) == 0
    await find(tab, "/")
    assert await tab.until(f"{SHOWN} === {operations}")
    assert await tab.value("document.getElementById('found').textContent") == f"{operations} methods"
    assert no_fault(tab, served)


async def test_the_first_screen_has_all_groups(browser: Browser, served: Addresses) -> None:
    tab = await browser.new_page(DESKTOP)
    await opened(tab, served, "/docs/lineal")
    last = "[...document.querySelectorAll('.opblock-tag')].at(-1).getBoundingClientRect().bottom"
    assert await tab.value(last) < DESKTOP[1]


async def test_words_narrow_the_methods_and_stand_in_the_address(tab: Page, served: Addresses) -> None:
    await opened(tab, served, "/docs")
    await find(tab, "tasks bulk patch")
    await tab.until(f"{SHOWN} === 0 && {GROUPS} === 0")
    await find(tab, "Batch ARTIFACT_tasks")
    await tab.until(f"{SHOWN} === 1")
    assert await tab.value(PATHS) == ["/apis/v2beta1/artifact_tasks:batchCreate"]
    assert "q=Batch" in await tab.value("location.search")
    await opened(tab, served, f"/docs{await tab.value('location.search')}")
    assert await tab.until(PATHS) == ["/apis/v2beta1/artifact_tasks:batchCreate"]
    await find(tab, "")
    await tab.until(f"{SHOWN} === 0 && {GROUPS} > 5")
    assert await tab.value("location.search") == ""
    assert no_fault(tab, served)


async def test_an_open_operation_has_no_fault(tab: Page, served: Addresses) -> None:
    await opened(tab, served, "/docs/lineal?q=search")
    await tab.until(f"{SEARCH} !== null")
    await tab.value(f"{SEARCH}.click()")
    await tab.until(ANSWERS)
    assert await findings(tab) == []
    assert await tab.value("document.documentElement.scrollWidth <= window.innerWidth")
    await tab.prefer(dark=True)
    assert await findings(tab, rules=LOOKS) == []
    assert no_fault(tab, served)


async def test_a_path_is_copied_by_a_button_that_is_seen(browser: Browser, served: Addresses) -> None:
    tab = await browser.new_page(PHONE, permissions=["clipboard-read", "clipboard-write"])
    await opened(tab, served, "/docs/lineal?q=search")
    button = tab.tab.get_by_role("button", name="Copy path to clipboard")
    await button.wait_for(state="visible")
    box: Any = await button.bounding_box()
    assert min(box["width"], box["height"]) >= 24
    await button.click()
    assert await tab.value("navigator.clipboard.readText()") == "/apis/lineal/v1/search"


async def test_an_operation_can_be_tried(tab: Page, served: Addresses) -> None:
    part = "document.querySelector('#operations-Server-Server_Alive {}')"
    names = ("opblock-summary-control", "try-out__btn", "execute", "live-responses-table")
    summary, trying, execute, answer = (part.format(f".{name}") for name in names)
    await opened(tab, served, "/docs?q=healthz")
    for button in (summary, trying, execute):
        await tab.until(f"{button} !== null")
        await tab.value(f"{button}.click()")
    body = await tab.until(f"{answer}?.querySelector('.highlight-code')?.innerText")
    assert json.loads(body[body.index("{") : body.rindex("}") + 1]) == {"alive": True}
    assert no_fault(tab, served)


async def test_a_method_has_an_address(browser: Browser, served: Addresses) -> None:
    tab = await browser.new_page()
    await opened(tab, served, "/docs/lineal#/LineageService/LineageService_Search")
    await tab.until("document.querySelector('#operations-LineageService-LineageService_Search.is-open') !== null")
