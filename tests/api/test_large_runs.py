"""Calls that read more tasks than a server process reads itself: a helper process answers them, with the same answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from server import app
from tests.api.builders import a_spec, new_artifact, new_run, new_task, new_tasks
from tests.api.client import Api, refusal
from tests.api.service import serving
from tests.rest.client import ask

pytestmark = pytest.mark.one_database

ROWS_MAX = 4

VIEWS = ["FULL", "RUNTIME_ONLY"]


@dataclass(frozen=True, slots=True)
class Servers:
    """One whose calls read at most ROWS_MAX tasks themselves, with its address over REST, and one whose calls read all."""

    limited: Api
    rest: str
    itself: Api


@pytest_asyncio.fixture
async def servers(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Servers]:
    """Both servers, on one store."""
    monkeypatch.setattr(app, "ROWS_MAX", None)
    async with serving(migrated_url) as itself:
        monkeypatch.setattr(app, "ROWS_MAX", ROWS_MAX)
        async with serving(migrated_url) as limited:
            both = Servers(Api(limited.grpc), limited.rest, Api(itself.grpc))
            yield both
            await both.limited.channel.close()
            await both.itself.channel.close()


async def a_large_run(api: Api, **fields: Any) -> str:
    """A run of ROWS_MAX + 1 tasks, one below another, with an artifact; returns its id."""
    run_id = await new_run(api, **fields)
    parent, *_ = await new_tasks(api, run_id, ROWS_MAX)
    await new_task(api, run_id, "child", parent_task_id=parent)
    await new_artifact(api, run_id, parent)
    return run_id


@pytest.mark.parametrize("view", VIEWS)
async def test_a_run_is_the_same_from_a_helper(servers: Servers, helped: list[str], view: str) -> None:
    specs: list[dict[str, Any]] = [{}, {"pipeline_spec": a_spec()}]
    for fields in specs:  # without one, a specification is made from the tasks
        run_id = await a_large_run(servers.itself, **fields)
        expected = await servers.itself.GetRun(run_id=run_id, view=view)
        assert len(expected.tasks) == ROWS_MAX + 1
        assert not helped
        for _ in range(2):  # what reads too much is not tried again
            assert await servers.limited.GetRun(run_id=run_id, view=view) == expected
        assert [helped.pop(), helped.pop()] == ["get_run", "get_run"]


@pytest.mark.parametrize("view", VIEWS)
async def test_a_list_is_the_same_from_a_helper(servers: Servers, helped: list[str], view: str) -> None:
    for _ in range(3):
        await a_large_run(servers.itself)
    fields = {"view": view, "page_size": 2, "sort_by": "created_at desc"}
    expected = await servers.itself.ListRuns(**fields)
    found = await servers.limited.ListRuns(**fields)
    assert found == expected
    assert found.next_page_token, "which any server of the store continues"
    rest = {**fields, "page_token": found.next_page_token}
    assert await servers.limited.ListRuns(**rest) == await servers.itself.ListRuns(**rest)
    assert helped == ["list_runs", "list_runs"]


async def test_json_is_the_same_from_a_helper(servers: Servers, helped: list[str]) -> None:
    run_id = await a_large_run(servers.itself)
    path = f"/apis/v2beta1/runs/{run_id}?view=FULL"
    expected = await servers.itself.GetRun(run_id=run_id, view="FULL")
    answer = await ask(servers.rest, "GET", path)
    assert helped == ["get_run"]
    assert json_format.ParseDict(answer.json, run_pb2.Run()) == expected


async def test_smaller_runs_need_no_helper(servers: Servers, helped: list[str]) -> None:
    run_id = await new_run(servers.itself)
    await new_tasks(servers.itself, run_id, ROWS_MAX)
    assert len((await servers.limited.GetRun(run_id=run_id, view="FULL")).tasks) == ROWS_MAX
    assert len((await servers.limited.ListRuns(view="FULL")).runs) == 1
    assert not helped


async def test_errors_are_the_same_from_a_helper(servers: Servers, helped: list[str]) -> None:
    run_id = await a_large_run(servers.itself)
    await servers.limited.GetRun(run_id=run_id, view="FULL")
    await servers.itself.ArchiveRun(run_id=run_id)
    await servers.itself.DeleteRun(run_id=run_id)
    found = await refusal(servers.limited.GetRun(run_id=run_id, view="FULL"))
    assert helped == ["get_run", "get_run"]
    assert found == await refusal(servers.itself.GetRun(run_id=run_id, view="FULL"))
    assert found.code == "NOT_FOUND"
