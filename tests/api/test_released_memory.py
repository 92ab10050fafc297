"""Whatever way a call over gRPC ends, its memory ends with it: not with the next call, nor with a garbage collection."""

import asyncio
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2

from server.calls.request_size import PARTS_MAX
from tests.api.builders import Task, a_link, a_run, a_task, an_artifact, empty_parameters, new_run_and_task, unique
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.statements import failing_at
from tests.faults.database_faults import writes_held_up
from tests.leftovers import LARGE_BYTES, nothing_left

pytestmark = [pytest.mark.slow, pytest.mark.one_database]

LARGE = "x" * (2 * LARGE_BYTES)
SHORT_SECONDS = 0.5


def creation(**fields: Any) -> bytes:
    """A CreateRun request with a large text."""
    return run_pb2.CreateRunRequest(run=a_run(**{"description": LARGE, **fields})).SerializeToString()


def bulk(item: artifact_pb2.CreateArtifactRequest) -> bytes:
    return artifact_pb2.CreateArtifactsBulkRequest(artifacts=[item]).SerializeToString()


A_LARGE_RUN = creation()
A_LARGE_TASK = a_task(status_metadata={"message": LARGE})
AN_ARTIFACT = artifact_pb2.CreateArtifactRequest(
    run_id="no-such-run", task_id="t", producer_key="k", artifact=an_artifact(metadata={"a": {"string_value": LARGE}})
)
MANY_PARTS = Task(run_id="r", task_id="t", inputs=empty_parameters(PARTS_MAX + 1))
A_LINK = a_link("no-such-run", "no-such-task", LARGE)

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "no message": ("CreateRun", b"\xff" * len(LARGE), "INVALID_ARGUMENT"),
    "no message at its end": ("CreateRun", A_LARGE_RUN + b"\xff", "INVALID_ARGUMENT"),
    "many parts": (
        "UpdateTask",
        run_pb2.UpdateTaskRequest(task_id="t", task=MANY_PARTS).SerializeToString(),
        "INVALID_ARGUMENT",
    ),
    "a long name": ("CreateRun", creation(display_name=LARGE), "INVALID_ARGUMENT"),
    "a long id": ("GetRun", run_pb2.GetRunRequest(run_id=LARGE).SerializeToString(), "NOT_FOUND"),
    "a long filter": ("ListRuns", run_pb2.ListRunsRequest(filter=LARGE).SerializeToString(), "INVALID_ARGUMENT"),
    "an unknown run": (
        "CreateTask",
        run_pb2.CreateTaskRequest(run_id="no-such-run", task=A_LARGE_TASK).SerializeToString(),
        "NOT_FOUND",
    ),
    "an unknown task": ("CreateArtifactsBulk", bulk(AN_ARTIFACT), "NOT_FOUND"),
    "a link to nothing": (
        "CreateArtifactTask",
        artifact_pb2.CreateArtifactTaskRequest(artifact_task=A_LINK).SerializeToString(),
        "NOT_FOUND",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_nothing_of_a_refused_call_is_left(api: Api, name: str) -> None:
    rpc, data, expected = REFUSED[name]
    async with nothing_left():
        assert await code(api.send(rpc, data)) == expected


async def test_nothing_of_a_call_that_is_answered_is_left(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    update = run_pb2.UpdateTasksBulkRequest(run_id=run_id, tasks={task_id: A_LARGE_TASK}).SerializeToString()
    async with nothing_left():
        assert await code(api.send("UpdateTasksBulk", update)) == "OK"


async def test_nothing_of_a_run_that_is_there_already_is_left(api: Api) -> None:
    data = creation(run_id=unique("run"))
    assert await code(api.send("CreateRun", data)) == "OK"
    async with nothing_left():
        assert await code(api.send("CreateRun", data)) == "ALREADY_EXISTS"


async def test_nothing_of_a_filter_that_is_read_at_second_sight_is_left(api: Api) -> None:
    # Bytes that no field has: the request is as large as others, and its filter is as short as a filter must be.
    unknown = b"\xfa\xff\x03" + bytes([0x80, 0x80, 0x80, 0x01]) + LARGE.encode()
    escaped = run_pb2.ListRunsRequest(filter="%7B%22predicates%22%3A%5B%5D%7D").SerializeToString()
    async with nothing_left():
        assert await code(api.send("ListRuns", escaped + unknown)) == "OK"


async def test_nothing_of_a_call_that_fails_is_left(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    async with nothing_left():
        with failing_at(migrated_url, 1):
            assert await code(api.send("CreateRun", A_LARGE_RUN)) == "INTERNAL"


async def test_nothing_of_a_call_that_runs_out_of_time_is_left(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    async with nothing_left(), writes_held_up(migrated_url):
        assert await code(api.send("CreateRun", A_LARGE_RUN, timeout_seconds=SHORT_SECONDS)) == "DEADLINE_EXCEEDED"
        await asyncio.sleep(SHORT_SECONDS)  # the server learns of it a little later


async def test_nothing_of_a_call_that_its_caller_gives_up_is_left(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    async with nothing_left(), writes_held_up(migrated_url):
        call: Any = api.send("CreateRun", A_LARGE_RUN)
        await asyncio.sleep(SHORT_SECONDS)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.sleep(SHORT_SECONDS)
