"""A headless Chromium that tells what a page did: what it asked for, what it said to the console, what it shows.

Playwright drives it; the program is Debian's, never one that Playwright downloads.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright import async_api as playwright

from tests.databases.programs import DatabaseMissing, find_program, install_packages

PROGRAM = "chromium"
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.05
DESKTOP = (1280, 900)
PHONE = (400, 800)
"""Sizes of a tab in CSS pixels: width, height."""


_LEFT = "net::ERR_ABORTED"
_NAVIGATING = ("context was destroyed", "Cannot find context", "frame was detached")


class BrowserMissing(RuntimeError):
    """Chromium is not here and could not be installed."""


def require_chromium() -> Path:
    """Return Chromium's path, after installing Debian's package if it is missing and we may. Raises BrowserMissing."""
    found = find_program(PROGRAM)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        try:
            install_packages((PROGRAM,))
        except DatabaseMissing as error:
            raise BrowserMissing(str(error)) from error
        found = find_program(PROGRAM)
    if found is None:
        raise BrowserMissing(f"{PROGRAM} not found: install the package {PROGRAM}")
    return found


@dataclass
class Page:
    """One tab, and what it did since it was made.

    `requests` are the URLs that it and its frames asked for, `complaints` what a page without fault has none of: console errors
    and warnings, exceptions, requests that failed.
    """

    tab: playwright.Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("requestfailed", self._failed)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("console", self._heard)

    def _failed(self, request: playwright.Request) -> None:
        # What a page was still asking for when it was left is given up by the browser.
        if request.failure != _LEFT:
            self.complaints.append(f"{request.failure} {request.url}")

    async def open(self, url: str) -> None:
        """Go to an address and wait until the page is loaded; raises Playwright's Error when nothing can be had from there."""
        await self.tab.goto(url)

    async def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives, promises awaited; raises Playwright's Error when it throws."""
        return await self.tab.evaluate(expression)

    async def until(self, expression: str) -> Any:
        """Return the expression's value as soon as it is true; raises AssertionError when it does not become so.

        Playwright's own wait_for_function evaluates a string in the page, which the page's content security policy forbids.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if value := await self.value(expression):
                    return value
            except playwright.Error as error:
                # Asked in the moment in which the tab leaves a page for another: the next look sees the new one.
                if not any(text in str(error) for text in _NAVIGATING):
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{expression} stayed false; complaints: {self.complaints}")

    async def prefer(self, *, dark: bool) -> None:
        """Tell the tab which colours its user prefers, and wait until scripts and styles that follow that have done so.

        Transitions (the API's page fades into its colours) are at their end, so that a slow machine sees no colour in between.
        """
        await self.tab.emulate_media(color_scheme="dark" if dark else "light")
        await self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        await self.value(
            "document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish())"
        )

    async def screenshot(self, path: Path | None = None, *, whole: bool = False) -> bytes:
        """Return what the tab shows, or the whole page, as a PNG, and keep it under a path if there is one."""
        return await self.tab.screenshot(path=path, full_page=whole)

    def _heard(self, message: playwright.ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


class Browser:
    """A running Chromium; `launched` starts and ends one."""

    def __init__(self, chromium: playwright.Browser) -> None:
        self._chromium = chromium

    async def new_page(self, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        """Return an empty tab with cookies and storage of its own, watched from its first request on.

        `options` are those of Playwright's Browser.new_context.
        """
        width, height = size
        context = await self._chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        return Page(await context.new_page())

    async def close_pages(self) -> None:
        """Close all tabs."""
        for context in list(self._chromium.contexts):
            await context.close()


@contextlib.asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Browser]:
    """Run a Chromium with an empty profile, and with further flags, until the block ends."""
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=require_chromium(), args=flags)
        try:
            yield Browser(chromium)
        finally:
            await chromium.close()
