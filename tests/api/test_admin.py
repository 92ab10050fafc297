"""The admin door answers from its own thread, whatever the event loop of the calls does, and says what is wrong with it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
import pytest_asyncio

from server import app
from server.app import Addresses
from server.process import admin as admin_module
from tests.api.service import serving

pytestmark = pytest.mark.one_database

PATIENCE_SECONDS = 30.0
ANY_PORT = "127.0.0.1:0"

Answer = tuple[int, str]


@pytest_asyncio.fixture
async def addresses(shared_url: str) -> AsyncIterator[Addresses]:
    """A server with an admin door, on the event loop of the test."""
    async with serving(shared_url, admin=ANY_PORT) as addresses:
        yield addresses


def request(address: str, path: str, verb: str = "GET", **headers: str) -> Answer:
    """Make a request without an event loop."""
    connection = HTTPConnection(address, timeout=PATIENCE_SECONDS)
    try:
        connection.request(verb, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def while_blocked(ask: Callable[[], Answer]) -> Answer:
    """Ask from a thread, while this thread and its event loop do nothing else."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(ask).result(PATIENCE_SECONDS)


async def asked(*args: Any, **headers: str) -> Answer:
    return await asyncio.to_thread(request, *args, **headers)


async def test_it_serves_health_and_metrics_and_nothing_else(addresses: Addresses) -> None:
    assert await asked(addresses.admin, "/healthz") == (200, '{"alive":true}')
    assert await asked(addresses.admin, "/readyz") == (200, '{"ready":true}')
    assert (await asked(addresses.admin, "/apis/v1beta1/healthz"))[0] == 200
    status, figures = await asked(addresses.admin, "/metrics")
    assert status == 200
    assert "lineal_store_bytes" in figures
    assert (await asked(addresses.admin, "/readyz", "POST"))[0] == 405
    assert (await asked(addresses.admin, "/apis/v2beta1/runs"))[0] == 404
    assert (await asked(addresses.admin, "/%zz"))[0] == 404
    assert (await asked(addresses.admin, "/metrics", Host="elsewhere.example"))[0] == 421


async def test_it_answers_while_the_event_loop_of_the_calls_does_not(addresses: Addresses) -> None:
    assert while_blocked(lambda: request(addresses.admin, "/healthz")) == (200, '{"alive":true}')
    unready = '{"ready":false,"reason":"the event loop does not answer"}'
    assert while_blocked(lambda: request(addresses.admin, "/readyz")) == (503, unready)
    status, figures = while_blocked(lambda: request(addresses.admin, "/metrics"))
    assert status == 200
    assert "lineal_pool_connections_in_use" in figures
    assert await asked(addresses.admin, "/readyz") == (200, '{"ready":true}')


async def test_an_event_loop_that_has_stopped_for_long_is_dead(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_module, "DEAD_SECONDS", -1.0)
    status, text = await asked(addresses.admin, "/healthz")
    assert status == 503
    assert "the event loop has not run for 0 seconds" in text


@pytest.mark.slow
async def test_an_event_loop_that_runs_stays_alive(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_module, "DEAD_SECONDS", 5 * admin_module._BEAT_SECONDS)
    await asyncio.sleep(6 * admin_module._BEAT_SECONDS)
    assert (await asked(addresses.admin, "/healthz"))[0] == 200


async def test_it_is_not_ready_while_the_server_drains(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Answer] = []
    stop = app._stop

    async def asking_first(*args: Any) -> None:
        answers.extend([await asked(addresses.admin, "/readyz"), await asked(addresses.admin, "/healthz")])
        await stop(*args)

    monkeypatch.setattr(app, "_stop", asking_first)
    async with serving(shared_url, admin=ANY_PORT) as addresses:
        assert (await asked(addresses.admin, "/readyz"))[0] == 200
    unready = '{"ready":false,"reason":"the server is starting or draining"}'
    assert answers == [(503, unready), (200, '{"alive":true}')]
    with pytest.raises(OSError, match="refused"):
        await asked(addresses.admin, "/healthz")
    assert "admin" not in [thread.name for thread in threading.enumerate()]


async def test_there_is_none_by_default_and_its_address_must_be_free(shared_url: str, addresses: Addresses) -> None:
    async with serving(shared_url) as others:
        assert others.admin == ""
    with pytest.raises(OSError, match=f"cannot listen on {addresses.admin}"):
        async with serving(shared_url, admin=addresses.admin):
            pass
