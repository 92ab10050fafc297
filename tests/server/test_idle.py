"""Memory is returned after work only, and a server looks at its schema once."""

import asyncio
import time

import pytest

import migrations.upgrade
from server.app import prepare_store, running
from server.config import Settings
from server.process import memory
from server.process.metrics import Metrics


async def test_memory_is_returned_after_work_and_not_again_until_there_was_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returned: list[float] = []
    used = 0.0
    monkeypatch.setattr(memory, "_trim", returned.append)
    monkeypatch.setattr(memory, "TRIM_SECONDS", 0.001)
    monkeypatch.setattr(time, "process_time", lambda: used)
    task = asyncio.create_task(memory.give_back())
    counts = []
    for share in (0.5, 1.0, 1.5, 5.0):
        used = share * memory.BUSY_SECONDS
        await asyncio.sleep(0.02)
        counts.append(len(returned))
    task.cancel()
    assert counts == [0, 1, 1, 2]


async def test_a_server_looks_at_its_schema_once(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, told = 0, list[str]()
    look, present = migrations.upgrade.plan_async, Metrics.__init__

    async def counted(url: str) -> migrations.upgrade.Plan:
        nonlocal looks
        looks += 1
        return await look(url)

    def noted(self: Metrics, gauges: object, *, build: dict[str, str]) -> None:
        told.append(build["schema"])
        present(self, gauges, build=build)  # type: ignore[arg-type]

    monkeypatch.setattr(migrations.upgrade, "plan_async", counted)
    monkeypatch.setattr(Metrics, "__init__", noted)
    settings = Settings(store=migrated_url, grpc="127.0.0.1:0", rest="127.0.0.1:0")
    schema = await prepare_store(settings)
    async with running(settings, schema=schema):
        assert looks == 1
    async with running(settings):
        assert looks == 2
    assert told == [schema, schema] == [migrations.upgrade.newest_and_all()[0]] * 2
