"""A headless Chromium that tells what a page did: what it asked for, what it said to the console, what it shows.

It is spoken to in the Chrome DevTools Protocol over a pair of pipes, so no port is open and no driver is needed.
"""

import asyncio
import base64
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.databases.programs import DatabaseMissing, find_program, install_packages

PROGRAM = "chromium"
START_SECONDS = 60.0
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.05
# Chromium reads commands from descriptor 3 and writes to descriptor 4.
COMMANDS, EVENTS = 3, 4

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
    "--remote-debugging-pipe",
)

Event = dict[str, Any]


class BrowserMissing(RuntimeError):
    """Chromium is not here and could not be installed."""


class BrowserFailed(Exception):
    """Chromium did not execute a command."""


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


_NAVIGATING = ("navigated or closed", "context was destroyed", "Cannot find context")


@dataclass
class Page:
    """One tab. What it did is in `requests` (URLs), `complaints` (console errors and warnings, exceptions, refused loads)."""

    browser: "Browser"
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def call(self, method: str, **params: Any) -> Event:
        """Send a command to this tab and return its result; raises BrowserFailed."""
        return await self.browser.call(method, session=self.session, **params)

    async def open(self, url: str) -> None:
        """Go to an address; raises BrowserFailed when nothing can be loaded from there."""
        answer = await self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserFailed(f"{url}: {answer['errorText']}")

    async def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives, promises awaited; raises BrowserFailed when it throws."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Return the expression's value as soon as it is true; raises BrowserFailed when it does not become so."""
        for _ in range(int(WAIT_SECONDS / PAUSE_SECONDS)):
            try:
                if value := await self.value(expression):
                    return value
            except BrowserFailed as error:
                # Asked in the moment in which the tab leaves a page for another: the next look sees the new one.
                if not any(text in str(error) for text in _NAVIGATING):
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        raise BrowserFailed(f"{expression} stayed false; complaints: {self.complaints}")

    async def prefer(self, *, dark: bool) -> None:
        """Tell the tab which colours its user prefers."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self) -> bytes:
        """Return what the tab shows as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    def saw(self, event: Event) -> None:
        """Take note of an event of this tab."""
        params = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(item.get("value", item)) for item in params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


class Browser:
    """A running Chromium; `launched` starts and ends one."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
        self._reader, self._write = reader, write
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Event]] = {}
        self._pages: dict[str, Page] = {}
        self._listening = asyncio.create_task(self._listen())

    async def call(self, method: str, *, session: str | None = None, **params: Any) -> Event:
        """Send a command and return its result; raises BrowserFailed."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        self._send(number, method, session, params)
        async with asyncio.timeout(START_SECONDS):
            answer = await self._answers[number]
        if "error" in answer:
            raise BrowserFailed(f"{method}: {answer['error']}")
        result: Event = answer["result"]
        return result

    async def new_page(self) -> Page:
        """Return an empty tab, watched from its first request on; frames and workers of it are watched too."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        return page

    async def close(self) -> None:
        """Ask Chromium to end."""
        with contextlib.suppress(BrowserFailed, TimeoutError):
            await self.call("Browser.close")
        self._listening.cancel()

    def _send(self, number: int, method: str, session: str | None, params: Event) -> None:
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._write(json.dumps(message).encode() + b"\0")

    async def _listen(self) -> None:
        while True:
            event: Event = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if "id" in event:
                if (answer := self._answers.pop(event["id"], None)) is not None:
                    answer.set_result(event)
            elif event["method"] == "Target.attachedToTarget":
                self._adopt(event)
            elif page := self._pages.get(event.get("sessionId", "")):
                page.saw(event)

    def _adopt(self, event: Event) -> None:
        """A frame or worker reports to the page that made it."""
        page = self._pages.get(event.get("sessionId", ""))
        if page is not None:
            session = event["params"]["sessionId"]
            self._pages[session] = page
            for domain in ("Runtime", "Log", "Network"):
                self._send(next(self._numbers), f"{domain}.enable", session, {})


@contextlib.asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Browser]:
    """Run a Chromium with a profile of its own, and with further flags, until the block ends."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process, commands, events = _start(profile, flags)
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), events)
        writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, commands)
        browser = Browser(reader, writer.write)
        try:
            yield browser
        finally:
            await browser.close()
            writer.close()
            try:
                await asyncio.to_thread(process.wait, 20)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)


def _start(profile: str, flags: Sequence[str]) -> tuple["subprocess.Popen[bytes]", Any, Any]:
    """Start the process; return it with the end of each pipe that is ours."""
    command_read, command_write = os.pipe()
    event_read, event_write = os.pipe()
    # Away from 3 and 4, which one of these may happen to be.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (command_read, event_write)]
    for end in (command_read, event_write):
        os.close(end)

    def place_pipes() -> None:
        os.dup2(theirs[0], COMMANDS)
        os.dup2(theirs[1], EVENTS)

    process = subprocess.Popen(
        [require_chromium(), *FLAGS, *flags, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(COMMANDS, EVENTS),
        preexec_fn=place_pipes,
        env={**os.environ, "HOME": profile},
    )
    for end in theirs:
        os.close(end)
    return process, os.fdopen(command_write, "wb", 0), os.fdopen(event_read, "rb", 0)
