"""Several client processes, so that the server is the bottleneck. `Clients` starts and ends them."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from types import TracebackType

import grpc

from benchmarks.calls import Call, Rpcs, Stored, calls

PROCESSES = 2
CONCURRENCY = 16
"""Concurrent calls per process: 32 in total with the usual two processes."""


class Clients:
    """Client processes for servers by name; `run` sends load to one of them."""

    def __init__(self, addresses: dict[str, tuple[str, Stored]]) -> None:
        context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(PROCESSES):
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_serve, args=(child_end, addresses, number), daemon=True)
            process.start()
            self._pipes.append(parent_end)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def run(self, server: str, call: str, seconds: float) -> tuple[int, list[float]]:
        """Make calls for a time; return how many were made, and how long each took (ms)."""
        for pipe in self._pipes:
            pipe.send((server, call, seconds))
        answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, str):
                raise RuntimeError(f"{call}: {answer}")
        times = [one for answer in answers for one in answer]
        return len(times), times

    def __enter__(self) -> "Clients":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join(10)


def _serve(pipe: Connection, addresses: dict[str, tuple[str, Stored]], number: int) -> None:
    asyncio.run(_answer(pipe, addresses, number))


async def _answer(pipe: Connection, addresses: dict[str, tuple[str, Stored]], number: int) -> None:
    async with AsyncExitStack() as stack:
        table: dict[str, dict[str, Call]] = {}
        for name, (address, stored) in addresses.items():
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            await channel.channel_ready()
            table[name] = calls(Rpcs(channel), stored, client=number)
        counter = iter(range(10**9))
        pipe.send(None)
        while (order := await asyncio.to_thread(pipe.recv)) is not None:
            server, name, seconds = order
            try:
                pipe.send(await _load(table[server][name], counter, seconds))
            except grpc.aio.AioRpcError as error:
                pipe.send(f"{error.code().name}: {error.details()}")


async def _load(call: Call, counter: Iterator[int], seconds: float) -> list[float]:
    times: list[float] = []
    end = time.monotonic() + seconds

    async def client() -> None:
        while (started := time.monotonic()) < end:
            await call(next(counter))
            times.append((time.monotonic() - started) * 1000)

    await asyncio.gather(*(client() for _ in range(CONCURRENCY)))
    return times
