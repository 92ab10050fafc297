"""Attacks on the REST door."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.api.builders import a_spec, unique
from tests.faults.attacks.attack import Attack
from tests.faults.attacks.target import MEBIBYTE
from tests.rest import client as http
from tests.rest.uploads import PIPELINES, upload_pipeline

RUNS = "/apis/v2beta1/runs"
FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="uploadfile"; filename="p.json"\r\n\r\n'
FOREIGN = {"Origin": "https://foreign.example", "Sec_Fetch_Site": "cross-site", "Content_Type": "text/plain"}


async def half_bodies(attack: Attack) -> None:
    """16 clients upload 88 of 89 MiB, and then nothing."""
    head = http.request_text(
        "POST", f"{PIPELINES}/upload", Content_Type=FORM, Content_Length=str(89 * MEBIBYTE + len(PART))
    )

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with http.connected(attack.target.rest) as wire:
            await wire.send(head + PART)
            for _ in range(88):
                await wire.send(bytes(MEBIBYTE))
            yield
            wire.writer.transport.abort()

    await attack.hold(16, held)


async def aborted_bodies(attack: Attack) -> None:
    """4 clients send 88 of 89 MiB and leave."""
    head = http.request_text("POST", RUNS, Content_Type="application/json", Content_Length=str(89 * MEBIBYTE))

    async def strike(_: int) -> None:
        async with http.connected(attack.target.rest) as wire:
            await wire.send(head)
            for _ in range(88):
                await wire.send(bytes(MEBIBYTE))
            wire.writer.transport.abort()

    await attack.repeat(4, strike)


async def many_numbers(attack: Attack) -> None:
    """3 clients send a body of 1.9 million numbers."""
    numbers = [0] * attack.target.size.body_numbers
    body = {"display_name": "numbers", "runtime_config": {"parameters": {"numbers": numbers}}}
    text = json.dumps(body, separators=(",", ":"))
    await attack.repeat(3, lambda _: http.ask(attack.target.rest, "POST", RUNS, text=text))


async def packages(attack: Attack) -> None:
    """12 clients upload a specification of 10,000 tasks."""
    tasks = {
        f"task-{number}": {"taskInfo": {"name": f"task-{number}"}, "componentRef": {"name": "comp-one"}}
        for number in range(attack.target.size.spec_tasks)
    }
    spec = a_spec()
    spec["root"]["dag"] = {"tasks": tasks}
    spec["components"] = {"comp-one": {"executorLabel": "exec-one"}}
    spec["deploymentSpec"] = {"executors": {"exec-one": {"container": {"image": "python"}}}}
    await attack.repeat(12, lambda _: upload_pipeline(attack.target.rest, spec, name=unique("p")))


async def reports(attack: Attack) -> None:
    """3 clients report a workflow of a million values."""
    workflow = json.dumps({"status": {"nodes": [[1] * 1_000] * 1_000}})
    body = json.dumps({"workflow": workflow})
    await attack.repeat(3, lambda _: http.ask(attack.target.rest, "POST", "/apis/v2beta1/workflows", text=body))


async def whole_runs_as_json(attack: Attack) -> None:
    """3 clients read a whole run."""
    path = f"{RUNS}/{attack.target.run_id}?view=FULL"
    await attack.repeat(3, lambda _: http.ask(attack.target.rest, "GET", path))


async def unread_responses(attack: Attack) -> None:
    """100 connections ask 10 times each for a large artifact, and take nothing."""
    path = f"/apis/v2beta1/artifacts/{attack.target.artifact_id}"

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with http.connected(attack.target.rest) as wire:
            wire.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await wire.send(http.request_text("GET", path) * 10)
            yield
            wire.writer.transport.abort()

    await attack.hold(100, held)


async def slow_headers(attack: Attack) -> None:
    """300 connections send half of a request's headers."""

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with http.connected(attack.target.rest) as wire:
            await wire.send(f"GET /{attack.count} HTTP/1.1\r\nHost: localhost\r\nX: ")
            yield
            wire.writer.transport.abort()

    await attack.hold(300, held)


async def many_connections(attack: Attack) -> None:
    """1,000 connections are opened, some at once, and kept, each after one request."""
    opening = asyncio.Semaphore(20)

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            async with opening:
                wire = await stack.enter_async_context(http.connected(attack.target.rest))
                await wire.send(http.request_text("GET", f"{RUNS}/unknown"))
                await wire.answer()
            yield
            wire.writer.transport.abort()

    await attack.hold(1_000, held)


async def foreign_pages(attack: Attack) -> None:
    """A browser with a page of another site: 20 requests at once, with bodies of 1 MiB, that may write nothing."""
    text = json.dumps({"display_name": "foreign", "description": "x" * MEBIBYTE})

    async def strike(number: int) -> None:
        path = RUNS if number % 2 else f"{PIPELINES}/upload"
        answer = await http.ask(attack.target.rest, "POST", path, text=text, **FOREIGN)
        if answer.status not in (403, 421):
            raise SystemExit(f"a foreign page was answered {answer.status}")

    await attack.repeat(20, strike)


async def nested_bodies(attack: Attack) -> None:
    """8 clients send JSON that is nested a million deep, or ends too early."""
    texts = ("[" * 1_000_000, '{"a":' * 200_000, '{"display_name": "' + "\\ud800" * 100_000)

    async def strike(number: int) -> None:
        await http.ask(attack.target.rest, "POST", RUNS, text=texts[number % len(texts)])

    await attack.repeat(8, strike)
