"""gRPC answers with long lists are serialized in slices, to what they would be as a whole."""

import asyncio
from types import SimpleNamespace

import pytest
from lineal.v2beta1 import run_pb2

from server.doors.grpc.serializing import ITEMS_AT_ONCE, serialized
from storage import slices


def a_long_run(count: int) -> run_pb2.Run:
    tasks = [run_pb2.PipelineTask(name=f"t{number}", scope_path="x" * (number % 300)) for number in range(count)]
    return run_pb2.Run(run_id="r", display_name="long", tasks=tasks, task_count=count)


@pytest.mark.parametrize("count", [0, 1, ITEMS_AT_ONCE, ITEMS_AT_ONCE + 1, 3 * ITEMS_AT_ONCE])
async def test_a_message_is_read_as_it_was(count: int) -> None:
    assert run_pb2.Run.FromString(await serialized(a_long_run(count))) == a_long_run(count)


async def test_others_go_on_while_a_long_list_is_serialized(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    fake = SimpleNamespace(sleep=sleep, get_running_loop=asyncio.get_running_loop, Lock=asyncio.Lock)
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(slices, "asyncio", fake)
    await serialized(a_long_run(ITEMS_AT_ONCE))
    assert not pauses
    await serialized(a_long_run(2 * ITEMS_AT_ONCE))
    assert len(pauses) == 2 * ITEMS_AT_ONCE
