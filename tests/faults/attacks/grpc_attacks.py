"""Attacks on the gRPC door."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lineal.v2beta1 import run_pb2

from tests.api.builders import a_run, a_task, an_artifact
from tests.api.client import METHODS
from tests.faults.attacks import frames
from tests.faults.attacks.attack import Attack
from tests.faults.attacks.target import MEBIBYTE
from tests.faults.client import connected

STREAMS = 256
RESETS = 500


async def stream_resets(attack: Attack) -> None:
    """4 connections begin calls and reset them at once."""

    async def strike(_: int) -> None:
        async with frames.connected(attack.target.grpc) as connection:
            numbers = frames.streams()
            for _ in attack.rounds():
                batch = itertools.islice(numbers, RESETS)
                path = METHODS["GetHealthz"].path
                await connection.send(b"".join(frames.call(path, one) + frames.reset(one) for one in batch))
                attack.count += RESETS

    await attack.repeat(4, strike)


async def calls_without_message(attack: Attack) -> None:
    """8 connections hold 256 calls each whose messages never come."""

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with frames.connected(attack.target.grpc) as connection:
            for stream in itertools.islice(frames.streams(), STREAMS):
                await connection.send(frames.call(METHODS["CreateRun"].path, stream))
            yield

    await attack.hold(8, held)


async def _large_messages(attack: Attack, clients: int) -> None:
    too_long = "x" * (attack.target.size.message_mebibytes * MEBIBYTE)
    data = run_pb2.CreateRunRequest(run=a_run(too_long)).SerializeToString()

    async def strike(_: int) -> None:
        async with connected(attack.target.grpc) as api:
            await api.send("CreateRun", data)

    await attack.repeat(clients, strike)


async def large_messages(attack: Attack) -> None:
    """8 clients send messages of 60 MiB, whose run has too long a name."""
    await _large_messages(attack, 8)


async def many_large_messages(attack: Attack) -> None:
    """40 clients send messages of 60 MiB."""
    await _large_messages(attack, 40)


async def half_messages(attack: Attack) -> None:
    """32 clients send 59 of 60 MiB, and then nothing."""
    head = frames.message(bytes(attack.target.size.message_mebibytes * MEBIBYTE))[:-MEBIBYTE]

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with frames.connected(attack.target.grpc) as connection:
            await connection.send(frames.call(METHODS["CreateRun"].path, 1))
            await connection.send_body(head, 1)
            yield

    await attack.hold(32, held)


async def unread_answers(attack: Attack) -> None:
    """8 connections ask 100 times each for a whole run, and take nothing of the answers."""
    request = frames.message(run_pb2.GetRunRequest(run_id=attack.target.run_id, view=1).SerializeToString())

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with frames.connected(attack.target.grpc, window=0) as connection:
            for stream in itertools.islice(frames.streams(), 100):
                await connection.send(frames.call(METHODS["GetRun"].path, stream))
                await connection.send_body(request, stream)
            yield

    await attack.hold(8, held)


async def whole_runs(attack: Attack) -> None:
    """5 clients read a whole run."""
    async with connected(attack.target.grpc) as api:
        await attack.repeat(5, lambda _: api.GetRun(run_id=attack.target.run_id, view="FULL"))


async def large_artifacts(attack: Attack) -> None:
    """3 clients write and read artifacts with much metadata, and list them."""
    target = attack.target
    async with connected(target.grpc) as api:
        large = await api.GetArtifact(artifact_id=target.artifact_id)

        async def strike(number: int) -> None:
            if number % 3 == 0:
                await api.ListArtifacts(page_size=20)
            elif number % 3 == 1:
                await api.GetArtifact(artifact_id=target.artifact_id)
            else:
                artifact = an_artifact(metadata=large.metadata)
                ids = {"run_id": target.run_id, "task_id": target.task_id}
                await api.CreateArtifact(**ids, producer_key="large", artifact=artifact)

        await attack.repeat(3, strike)


async def bulk_calls(attack: Attack) -> None:
    """2 clients create 10,000 artifacts in a call, and update 10,000 tasks that are not there."""
    target = attack.target
    items = [
        {"run_id": target.run_id, "task_id": target.task_id, "producer_key": "bulk", "artifact": an_artifact(f"a{one}")}
        for one in range(10_000)
    ]
    tasks = {f"no-such-task-{one}": a_task() for one in range(10_000)}
    async with connected(target.grpc) as api:

        async def strike(number: int) -> None:
            if number % 2:
                await api.CreateArtifactsBulk(artifacts=items)
            else:
                await api.UpdateTasksBulk(run_id=target.run_id, tasks=tasks)

        await attack.repeat(2, strike)


async def costly_filters(attack: Attack) -> None:
    """20 clients look for texts that are nowhere, in every JSON column that a filter may search."""
    predicates = [
        {"key": key, "operation": "IS_SUBSTRING", "string_value": f"nowhere {number}"}
        for number, key in enumerate(("inputs", "outputs", "status_metadata", "pods"))
    ]
    async with connected(attack.target.grpc) as api:

        async def strike(number: int) -> None:
            text = json.dumps({"predicates": predicates}).replace("nowhere", f"nowhere {number}")
            await api.ListTasks(run_id=attack.target.run_id, filter=text)

        await attack.repeat(20, strike)


async def malformed_messages(attack: Attack) -> None:
    """8 clients send bytes that are no message, and groups nested 100,000 deep."""
    texts = (b"\xff" * 1000, b"\x0b" * 100_000, b"\x0a\xff\xff\xff\xff\x07")
    async with connected(attack.target.grpc) as api:
        await attack.repeat(8, lambda number: api.send("CreateRun", texts[number % len(texts)]))


async def silent_connections(attack: Attack) -> None:
    """500 connections that say nothing, or half of what begins a connection."""

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        host, _, port = attack.target.grpc.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(b"PRI * HTTP/2.0" * (attack.count % 2))
            await writer.drain()
            yield
        finally:
            writer.transport.abort()

    await attack.hold(500, held)
