"""Clients of two servers that go over to the other one when a server refuses. Called by tests.

async with calling_patiently([first.grpc, second.grpc]) as counts:
    ...             one of them is restarted, or their database is changed; no call may fail
counts.calls        how many calls were answered, by name
counts.retried      how many of them were sent again
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_parameter, new_run_and_task, new_task, with_inputs
from tests.api.client import Api
from tests.faults.client import connected

ATTEMPTS = 200
CLIENTS = 6


@dataclass
class Counts:
    """Calls that were answered, and attempts that were refused, by name."""

    calls: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def calling_patiently(addresses: Sequence[str]) -> AsyncIterator[Counts]:
    """For as long as the block lasts, clients write to either server and read what they wrote; raises what a call failed with."""
    counts, stopped, ready = Counts(), asyncio.Event(), asyncio.Barrier(CLIENTS + 1)
    clients = [asyncio.create_task(_client(addresses, number, counts, ready, stopped)) for number in range(CLIENTS)]
    try:
        await ready.wait()  # what clients begin with is not sent again
        yield counts
    finally:
        stopped.set()
        await asyncio.gather(*clients)


async def _client(
    addresses: Sequence[str], number: int, counts: Counts, ready: asyncio.Barrier, stopped: asyncio.Event
) -> None:
    async with connected(addresses[0]) as first, connected(addresses[1]) as second:
        apis = [first, second] if number % 2 else [second, first]
        run_id, _ = await new_run_and_task(first)
        task_id = await new_task(first, run_id)
        await ready.wait()
        while not stopped.is_set():
            name = f"p{counts.calls['UpdateTask']}"
            change = with_inputs(a_parameter(name))
            await _patiently(apis, "UpdateTask", counts, run_id=run_id, task_id=task_id, task=change)
            await _patiently(apis, "ListRuns", counts, page_size=2)
            task = await _patiently(apis, "GetTask", counts, run_id=run_id, task_id=task_id)
            assert isinstance(task, run_pb2.PipelineTask)
            assert name in {parameter.parameter_key for parameter in task.inputs.parameters}


async def _patiently(apis: list[Api], name: str, counts: Counts, **fields: object) -> object:
    for _ in range(ATTEMPTS):
        try:
            answer: object = await getattr(apis[0], name)(**fields)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            counts.retried[name] += 1
            apis.reverse()
            await asyncio.sleep(0.01)
        else:
            counts.calls[name] += 1
            return answer
    raise AssertionError(f"no server answered {name} in {ATTEMPTS} attempts")
