"""A server that is killed between the effect of a call and its answer: sent again with its key, the call happened once."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import grpc
import pytest
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_task, new_run, unique
from tests.faults.client import connected
from tests.faults.cluster import Server

pytestmark = pytest.mark.slow

CLIENTS = 6
LOAD_SECONDS = (0.3, 1.5)


@dataclass
class Calls:
    """What clients have sent: names of tasks by key, the answers that they got, and the codes of failures."""

    run_id: str
    names: dict[str, str] = field(default_factory=dict)
    answers: dict[str, run_pb2.PipelineTask] = field(default_factory=dict)
    refusals: set[str] = field(default_factory=set)

    async def make(self, address: str, client: int) -> None:
        """Create tasks, each with a key of its own, until the server is gone."""
        async with connected(address) as api:
            for number in count():
                key, name = unique("key"), f"task-{client}-{number}-{len(self.names)}"
                self.names[key] = name
                try:
                    task = a_task(name)
                    self.answers[key] = await api.CreateTask(run_id=self.run_id, task=task, idempotency_key=key)
                except grpc.aio.AioRpcError as error:
                    self.refusals.add(error.code().name)
                    return

    async def make_again(self, address: str, keys: list[str]) -> int:
        """Send calls again; return how many had not been answered but had happened. Fails if an answer differs."""
        async with connected(address) as api:
            before = {task.name for task in await self.stored(address)}
            for key in keys:
                task = a_task(self.names[key])
                answer = await api.CreateTask(run_id=self.run_id, task=task, idempotency_key=key)
                assert answer == self.answers.get(key, answer)
        return sum(1 for key in keys if key not in self.answers and self.names[key] in before)

    async def stored(self, address: str) -> list[run_pb2.PipelineTask]:
        """All tasks of the run."""
        async with connected(address) as api:
            tasks, token = [], ""
            while True:
                page = await api.ListTasks(run_id=self.run_id, page_size=200, page_token=token)
                tasks += page.tasks
                token = page.next_page_token
                if not token:
                    return tasks


async def test_calls_of_a_killed_server_that_are_sent_again_happened_once(
    database_kind: str,
    migrated_url: str,
    start_server: Callable[..., Server],
    rounds: Callable[[int, int], int],
    seed: int,
    report: Callable[[str], None],
) -> None:
    chance, unanswered, kills = random.Random(seed), 0, rounds(2, 20)
    server = start_server(migrated_url)
    # At once, where the database of the killed server may still be at work for it; a file has one server at a time.
    other = None if database_kind == "sqlite" else start_server(migrated_url)
    async with connected(server.grpc) as api:
        calls = Calls(await new_run(api))
    for _ in range(kills):
        sent_before = set(calls.names)
        clients = [asyncio.create_task(calls.make(server.grpc, number)) for number in range(CLIENTS)]
        await asyncio.sleep(chance.uniform(*LOAD_SECONDS))
        server.kill()
        await asyncio.gather(*clients)
        if other is None:
            server.start()
        keys = [key for key in calls.names if key not in sent_before]
        assert keys
        chance.shuffle(keys)
        unanswered += await calls.make_again((other or server).grpc, keys)
        if other is not None:
            server.start()
    names = sorted(task.name for task in await calls.stored(server.grpc))
    report(f"{kills} kills, seed {seed}: {len(names)} calls, {unanswered} happened and were not answered")
    assert names == sorted(calls.names.values())
    assert calls.refusals == {"UNAVAILABLE"}
