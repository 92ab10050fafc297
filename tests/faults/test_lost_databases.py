"""A database that goes away under load is a warning or two that say why, and no stack traces, however many calls it fails."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from migrations.upgrade import upgrade_async
from server.process import telemetry
from storage.sql import troubles
from tests.api.builders import new_run_and_task
from tests.api.client import code
from tests.databases import PrivateServer, create_database
from tests.faults.client import Client, connected
from tests.faults.cluster import serving

CALLERS = 16
LOAD_SECONDS = 1.5


async def call_until(end: float, api: Client, run_id: str, task_id: str, number: int) -> None:
    while time.monotonic() < end:
        if number % 2:
            change = {"name": "x", "status_metadata": {"message": "m"}}
            await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=change, timeout_seconds=1))
        else:
            await code(api.GetTask(run_id=run_id, task_id=task_id, timeout_seconds=1))


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.parametrize("fault", ["kill", "stop", "pause"])
async def test_a_database_that_goes_away_is_a_warning(
    fault: str, database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    database = start_private_server(database_kind)
    url = create_database(database_kind, server=database.url)
    await upgrade_async(url)
    with serving(url) as server:
        async with connected(server.grpc) as api:
            run_id, task_id = await new_run_and_task(api)
            begun = time.monotonic()
            callers = [call_until(begun + 2 * LOAD_SECONDS, api, run_id, task_id, each) for each in range(CALLERS)]
            load = asyncio.gather(*callers)
            await asyncio.sleep(LOAD_SECONDS)
            await asyncio.to_thread(getattr(database, fault))
            await load
            seconds = time.monotonic() - begun
            database.resume()
        lines = server.log_lines()
    others = [line for line in lines if line["event"] not in ("call", "serving")]
    assert [line for line in lines if "exception" in line] == []
    assert {line["level"] for line in others} <= {"warning"}
    # Each kind once a second at most: connections that broke, and those that nobody waited for; and why, once in ten.
    assert len(others) <= 2 * (seconds / telemetry.LOST_SECONDS + 2) + 4 * (seconds / troubles.QUIET_SECONDS + 2)
    if fault != "pause":
        assert any("cannot be reached: nothing listens on port" in line["event"] for line in others)


def record(name: str, error: BaseException) -> logging.LogRecord:
    kind: Any = (type(error), error, None)
    return logging.LogRecord(name, logging.ERROR, "file", 1, "Exception during reset or similar", (), kind)


def test_what_libraries_log_of_lost_connections_is_a_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now)
    lost = telemetry._Lost()
    kinds = [("sqlalchemy.pool.impl.AsyncAdaptedQueuePool", OSError("x")), ("asyncio", ConnectionError("x"))]
    for name, error in kinds:
        said = [each for each in (record(name, error) for _ in range(16)) if lost.filter(each)]
        assert [(each.levelname, each.exc_info) for each in said] == [("WARNING", None)]
        assert said[0].getMessage().endswith("broke: 1 of them") or "nobody waited" in said[0].getMessage()
    now += telemetry.LOST_SECONDS
    for name, error in kinds:
        again = record(name, error)
        assert lost.filter(again)
        assert again.getMessage().endswith(": 16 of them")


def test_what_libraries_log_of_other_errors_is_left_as_it_is() -> None:
    lost = telemetry._Lost()
    for name, error in (("asyncio", ValueError("x")), ("other", ConnectionError("x"))):
        for _ in range(3):
            kept = record(name, error)
            assert lost.filter(kept)
            assert kept.exc_info is not None
