"""Requests that are refused unread are counted by reason, and whoever sends many of them does not fill the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.app import Addresses
from server.process import refused
from tests.api.builders import new_run_and_task
from tests.api.client import Api, code
from tests.api.holding import somebody_holding
from tests.api.service import serving
from tests.logged import logged_lines
from tests.pages.test_metrics import samples
from tests.rest.client import ask, connected

pytestmark = pytest.mark.databases("sqlite")

HANGING_SECONDS = 20
SHORT_SECONDS = 0.3
ANY_PORT = "127.0.0.1:0"
REQUESTS = 60

Send = Callable[[str], Awaitable[Any]]


def raw(text: str) -> Send:
    """A request that is sent as it is, and answered before its connection ends."""

    async def send(address: str) -> None:
        async with connected(address) as wire:
            await wire.send(text)
            assert await wire.rest()

    return send


HEAD = "Host: 127.0.0.1\r\n"
SENDS: dict[str, Send] = {
    "UNKNOWN_HOST": raw("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
    "FOREIGN_ORIGIN": raw(f"POST / HTTP/1.1\r\n{HEAD}Origin: http://evil.example\r\nConnection: close\r\n\r\n"),
    "INVALID_HTTP": raw("no HTTP\r\n\r\n"),
    "HEADERS_TOO_LARGE": raw(f"GET / HTTP/1.1\r\n{HEAD}X: {'x' * 2000}\r\n\r\n"),
    "BODY_TOO_LARGE": raw(f"POST /apis/v2beta1/runs HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n"),
    "UNKNOWN_PATH": raw(f"GET /bogus HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"),
    "WRONG_VERB": raw(f"PUT /apis/v2beta1/runs HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"),
    "INVALID_PATH": raw(f"GET /apis/v2beta1/runs/%zz HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"),
}
SETTINGS = {"http_header_bytes_max": 1000, "message_bytes_max": 4000}


async def counted(addresses: Addresses, door: str, reason: str) -> float:
    return (await samples(addresses.rest))["lineal_refused_total", frozenset({"door": door, "reason": reason}.items())]


def lines_of(logs: list[Any], reason: str) -> list[Any]:
    return [line for line in logs if line["event"] == "refused" and line["reason"] == reason]


async def all_are_logged(logs: list[Any], reason: str, number: int) -> None:
    """Wait until the lines stand for all requests."""
    end = time.monotonic() + HANGING_SECONDS
    while sum(line["requests"] for line in lines_of(logs, reason)) < number:
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("reason", SENDS)
async def test_a_flood_of_refused_requests_is_a_line_a_second(shared_url: str, reason: str) -> None:
    async with serving(shared_url, **SETTINGS) as addresses:
        begun = time.monotonic()
        with logged_lines() as logs:
            for _ in range(REQUESTS):
                await SENDS[reason](addresses.rest)
            await all_are_logged(logs, reason, REQUESTS)
        seconds = time.monotonic() - begun
        lines = lines_of(logs, reason)
        assert sum(line["requests"] for line in lines) == REQUESTS
        assert 2 <= len(lines) <= seconds / refused.SECONDS + 2
        assert all(line["door"] == "rest" and line["peer"] and line["message"] for line in lines)
        assert await counted(addresses, "rest", reason) == REQUESTS


async def test_reasons_do_not_hide_each_other(shared_url: str) -> None:
    async with serving(shared_url, **SETTINGS) as addresses:
        with logged_lines() as logs:
            for send in SENDS.values():
                await send(addresses.rest)
        assert {line["reason"] for line in logs if line["event"] == "refused"} == SENDS.keys()


async def test_the_admin_door_reports_from_its_thread(shared_url: str) -> None:
    async with serving(shared_url, admin=ANY_PORT) as addresses:
        with logged_lines() as logs:
            for reason in ("UNKNOWN_HOST", "INVALID_HTTP", "UNKNOWN_PATH"):
                for _ in range(3):
                    await SENDS[reason](addresses.admin)
                await all_are_logged(logs, reason, 3)
                assert [line["door"] for line in lines_of(logs, reason)] == ["admin"] * 2
                assert await counted(addresses, "admin", reason) == 3


async def test_connections_for_which_there_is_no_place_are_counted(shared_url: str) -> None:
    async with serving(shared_url, connections_per_peer_max=1) as addresses, connected(addresses.rest) as holder:
        with logged_lines() as logs:
            for _ in range(4):
                await raw(f"GET / HTTP/1.1\r\n{HEAD}\r\n")(addresses.rest)
            await all_are_logged(logs, "TOO_MANY_CONNECTIONS", 4)
        assert {line["level"] for line in lines_of(logs, "TOO_MANY_CONNECTIONS")} == {"warning"}
        await holder.send(f"GET /metrics HTTP/1.1\r\n{HEAD}\r\n")
        answer = await holder.answer()
        assert 'lineal_refused_total{door="rest",reason="TOO_MANY_CONNECTIONS"} 4.0' in answer.body.decode()


async def test_calls_that_admission_refuses_are_a_line_a_second(migrated_url: str) -> None:
    async with serving(migrated_url, calls_max=1) as addresses:
        api = Api(addresses.grpc)
        run_id, task_id = await new_run_and_task(api)
        with logged_lines() as logs:
            async with somebody_holding(migrated_url, run_id, task_id):
                waiting = asyncio.ensure_future(api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "x"}))
                await asyncio.sleep(SHORT_SECONDS)
                for _ in range(21):
                    assert await code(api.GetHealthz()) == "RESOURCE_EXHAUSTED"
            await waiting
            await all_are_logged(logs, "TOO_MANY_CALLS", 21)
        await api.channel.close()
        lines = lines_of(logs, "TOO_MANY_CALLS")
        assert {(line["door"], line["method"]) for line in lines} == {("grpc", "HealthzService.GetHealthz")}
        assert len(lines) < 21
        calls = [line for line in logs if line["event"] == "call" and line["code"] == "RESOURCE_EXHAUSTED"]
        assert calls == []
        assert await counted(addresses, "grpc", "TOO_MANY_CALLS") == 21
        refusals = (await samples(addresses.rest))[
            "lineal_calls_total",
            frozenset(
                {
                    "api": "kfp",
                    "method": "HealthzService.GetHealthz",
                    "door": "grpc",
                    "code": "RESOURCE_EXHAUSTED",
                }.items()
            ),
        ]
        assert refusals == 21


async def test_calls_that_handlers_refuse_have_a_line_each(shared_url: str) -> None:
    async with serving(shared_url) as addresses:
        with logged_lines() as logs:
            for _ in range(5):
                await ask(addresses.rest, "GET", "/apis/v2beta1/runs/nobody")
        assert [line["event"] for line in logs] == ["call"] * 5
        assert await counted(addresses, "rest", "NOT_FOUND") == 0
