"""What one caller may take of the server: calls at once, bytes at once, time. Others are served as soon as there is room."""

import asyncio
from typing import Any

import grpc
import pytest

from server.doors.grpc.behaviour import RESERVED_SIZE
from tests.api.builders import new_run_and_task
from tests.api.client import METHODS, Api, Refusal, code, refusal
from tests.api.conftest import Serve
from tests.api.holding import somebody_holding

pytestmark = pytest.mark.databases("sqlite")

SHORT_SECONDS = 0.3
HANGING_SECONDS = 20
LARGE = "x" * (2 * RESERVED_SIZE)


def update(api: Api, run_id: str, task_id: str, **fields: Any) -> Any:
    return api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "x", **fields})


async def reason(call: Any) -> tuple[str, str]:
    refused: Refusal = await refusal(call)
    return refused.code, refused.info.reason


async def test_one_call_too_many_is_refused_at_once(serve: Serve, migrated_url: str) -> None:
    api = await serve(calls_max=1)
    run_id, task_id = await new_run_and_task(api)
    async with somebody_holding(migrated_url, run_id, task_id):
        waiting = asyncio.ensure_future(update(api, run_id, task_id))
        await asyncio.sleep(SHORT_SECONDS)
        async with asyncio.timeout(HANGING_SECONDS):
            assert await reason(api.GetHealthz()) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
    await waiting
    assert await code(api.GetHealthz()) == "OK"


async def test_a_call_waits_for_room_until_its_deadline_and_no_longer(serve: Serve, migrated_url: str) -> None:
    api = await serve(bytes_in_flight_max=2 * RESERVED_SIZE)
    run_id, task_id = await new_run_and_task(api)
    async with somebody_holding(migrated_url, run_id, task_id):
        larger = asyncio.ensure_future(update(api, run_id, task_id, status_metadata={"message": LARGE}))
        await asyncio.sleep(SHORT_SECONDS)
        late = api.GetHealthz(timeout_seconds=SHORT_SECONDS)
        assert await code(late) == "DEADLINE_EXCEEDED"
        patient = asyncio.ensure_future(code(api.GetHealthz()))
        await asyncio.sleep(SHORT_SECONDS)
        assert not patient.done()
    async with asyncio.timeout(HANGING_SECONDS):
        await larger
        assert await patient == "OK"


async def test_no_call_takes_longer_than_the_setting_says(serve: Serve, migrated_url: str) -> None:
    api = await serve(call_seconds_max=SHORT_SECONDS)
    run_id, task_id = await new_run_and_task(api)
    async with somebody_holding(migrated_url, run_id, task_id), asyncio.timeout(HANGING_SECONDS):
        no_deadline = api.UpdateTask(run_id=run_id, task_id=task_id, task={"name": "x"}, timeout_seconds=None)
        assert await code(no_deadline) == "DEADLINE_EXCEEDED"


async def test_a_message_that_does_not_arrive_is_not_waited_for(serve: Serve) -> None:
    api = await serve(http_body_seconds=1.2)
    call = api.channel.stream_unary(METHODS["GetHealthz"].path)()
    async with asyncio.timeout(HANGING_SECONDS):
        assert await reason(call) == ("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT")
        assert await code(api.GetHealthz()) == "OK"


async def test_a_call_without_a_message_is_refused(serve: Serve) -> None:
    api = await serve()
    call = api.channel.stream_unary(METHODS["GetHealthz"].path)()
    await call.done_writing()
    assert await reason(call) == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")


async def test_a_compressed_message_is_refused_before_it_is_unpacked(serve: Serve) -> None:
    api = await serve()
    call = api.channel.unary_unary(METHODS["GetHealthz"].path)(b"", compression=grpc.Compression.Gzip, timeout=60)
    assert await code(call) == "UNIMPLEMENTED"


async def test_what_calls_held_is_free_when_they_have_ended_in_whatever_way(serve: Serve, migrated_url: str) -> None:
    api = await serve(bytes_in_flight_max=RESERVED_SIZE, call_seconds_max=1.0)
    run_id, task_id = await new_run_and_task(api)
    async with somebody_holding(migrated_url, run_id, task_id):
        gone = asyncio.ensure_future(update(api, run_id, task_id, status_metadata={"message": LARGE}))
        await asyncio.sleep(SHORT_SECONDS)
        gone.cancel()
        late = update(api, run_id, task_id, status_metadata={"message": LARGE})
        assert await code(late) == "DEADLINE_EXCEEDED"
    refused = api.send("CreateRun", b"\xff" * len(LARGE))
    assert await code(refused) == "INVALID_ARGUMENT"
    async with asyncio.timeout(HANGING_SECONDS):
        for _ in range(5):
            assert await code(api.GetHealthz()) == "OK"
