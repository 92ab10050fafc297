"""Every page in a real browser: desktop and phone, light and dark, with whatever can stand on it, and names that are markup.

LINEAL_SCREENSHOTS names a folder in which each page is kept as it looked.
"""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from server.ui.table import PAGES
from tests.lineage.served import Served, served_on
from tests.pages.axe import LOOKS, findings
from tests.pages.browser import DESKTOP, PHONE, Browser, Page
from tests.pages.exhibition import POISON, SCRIPT_URI, Ids, exhibited, fill

SCREENSHOTS = os.environ.get("LINEAL_SCREENSHOTS", "")
ELEMENTS_MAX = 6_000
"""How many elements a page may have, whatever it shows: more are slow to lay out on a phone."""


SHOWN: dict[str, str] = {
    "home": "/",
    "search": "/search?q=churn",
    "search, nothing": "/search?q=nothing-has-this-name",
    "search, refused": "/search?q=state:unknown",
    "runs": "/runs",
    "runs, failed": "/runs?state=FAILED",
    "runs, none": "/runs?state=SKIPPED",
    "artifacts": "/artifacts",
    "artifact, a model": "/artifacts/{model}",
    "artifact, a table that is overwritten": "/artifacts/{table}",
    "artifact, a curve": "/artifacts/{curve}",
    "artifact, a matrix": "/artifacts/{matrix}",
    "artifact, a metric": "/artifacts/{metric}",
    "artifact, a series": "/artifacts/{series}",
    "artifact, poisoned": "/artifacts/{poisoned_artifact}",
    "affected": "/artifacts/{table}/affected",
    "affected, poisoned": "/artifacts/{poisoned_artifact}/affected",
    "about": "/about",
    "docs": "/docs",
    "docs, lineal": "/docs/lineal",
    "run, refused": "/runs/{refused}",
    "run, failed in a loop": "/runs/{looped}",
    "run, running": "/runs/{running}",
    "run, succeeded": "/runs/{succeeded}",
    "run, canceled": "/runs/{canceled}",
    "run, skipped": "/runs/{skipped}",
    "run, imported": "/runs/{imported}",
    "run, imported from KFP": "/runs/{imported_kfp}",
    "run, recorded": "/runs/{recorded}",
    "run, 5,000 tasks": "/runs/{large}",
    "run, poisoned": "/runs/{poisoned}",
    "specification": "/runs/{succeeded}/specification",
    "task": "/runs/{refused}/tasks/{task}",
    "experiment": "/experiments/{experiment}",
    "experiment, poisoned": "/experiments/{poisoned_experiment}",
    "pipeline": "/pipelines/{pipeline}",
    "pipeline, poisoned": "/pipelines/{poisoned_pipeline}",
    "version": "/pipelines/{pipeline}/versions/{version}",
    "missing run": "/runs/missing",
    "missing page": "/nothing/is/here",
}
"""The addresses of pages by what they show; ids are those of the exhibition."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A server on the exhibition, and a tab of each size."""

    rest: str
    ids: Ids
    tabs: dict[str, Page]

    async def opened(self, size: str, what: str) -> Page:
        """A tab that shows a page."""
        tab = self.tabs[size]
        tab.requests.clear()
        tab.complaints.clear()
        await tab.prefer(dark=False)
        await tab.open(f"http://{self.rest}{self.path(what)}")
        return tab

    def path(self, what: str) -> str:
        """The address of what is shown."""
        return SHOWN[what].format_map(self.ids)


@pytest_asyncio.fixture(scope="session")
async def exhibition(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Served, Ids]]:
    """A server on the store, and the ids of what it has."""
    file = tmp_path_factory.mktemp("exhibition") / "store.sqlite"
    await fill(file)
    async with served_on(f"sqlite:///{file}") as served:
        yield served, await exhibited(served)


@pytest_asyncio.fixture(scope="module")
async def hall(exhibition: tuple[Served, Ids], chromium: Browser) -> AsyncIterator[Hall]:
    """The server, and tabs that all tests of this module use one after another."""
    served, ids = exhibition
    tabs = {"desktop": await chromium.new_page(DESKTOP), "phone": await chromium.new_page(PHONE, has_touch=True)}
    yield Hall(served.rest, ids, tabs)
    await chromium.close_pages()


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("what", SHOWN)
async def test_a_page_has_no_fault(hall: Hall, what: str, size: str) -> None:
    tab = await hall.opened(size, what)
    if what.startswith("docs"):
        await tab.until("document.querySelector('.opblock-tag') !== null")
    await kept(tab, what, size, "light")
    # The semantics of a page are the same at every size and in all colours; how it looks is not.
    assert await findings(tab, rules=() if size == "desktop" else LOOKS) == []
    assert await tab.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert await tab.value("document.querySelectorAll('*').length") < ELEMENTS_MAX
    await tab.prefer(dark=True)
    assert await findings(tab, rules=LOOKS) == []
    await kept(tab, what, size, "dark")
    assert unexpected(tab, what, hall) == []
    assert {urlsplit(url).netloc for url in tab.requests if not url.startswith("data:")} == {hall.rest}
    assert not await tab.value("'poisoned' in window")
    assert await tab.value("document.querySelectorAll('img[src=poison], a[href^=\"javascript:\" i]').length") == 0


async def test_names_that_are_markup_are_shown_as_they_are(hall: Hall) -> None:
    tab = await hall.opened("desktop", "run, poisoned")
    text = await tab.value("document.body.textContent")
    assert POISON in text
    assert SCRIPT_URI in text


def test_every_page_of_the_ui_is_among_those_shown() -> None:
    for page in PAGES:
        if page.path.endswith(".csv"):
            continue  # a file
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/?]+", page.path) + r"(\?.*)?")
        assert any(pattern.fullmatch(path) for path in SHOWN.values()), page.path


async def kept(tab: Page, what: str, size: str, colours: str) -> None:
    """Keep a picture of the page, if that is asked for."""
    if SCREENSHOTS:
        name = re.sub(r"\W+", "-", what)
        await tab.screenshot(Path(SCREENSHOTS, f"{name}.{size}.{colours}.png"), whole=True)


def unexpected(tab: Page, what: str, hall: Hall) -> list[str]:
    """What the tab complained of, but for what it must: that a page which shows an error has its status."""
    own = f"http://{hall.rest}{hall.path(what)}"
    is_error = what.startswith("missing") or what == "search, refused"
    return [line for line in tab.complaints if not (is_error and "the server responded with" in line and own in line)]
