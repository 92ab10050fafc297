"""Several client processes, so that the server is the bottleneck. `Clients` starts and ends them.

They send bytes that were serialized beforehand and count the bytes of the answers, which they do not read.
"""

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType

import grpc

from benchmarks.doors import Doors, Refused
from benchmarks.kfp_task import kfp_tasks
from benchmarks.operations import KFP_TASK, Request, operations
from benchmarks.stored import Stored

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Server:
    """The addresses of a server's doors, and what its store has."""

    grpc: str
    rest: str
    stored: Stored
    workers: int = 1


@dataclass(slots=True)
class Load:
    """What clients did: how long each call took (ms), for how long they called and used the CPU (s), and how many bytes went."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    request_bytes: int = 0
    answer_bytes: int = 0

    def add(self, other: "Load") -> None:
        """Add what another process did at the same time."""
        self.times += other.times
        self.seconds = max(self.seconds, other.seconds)
        self.cpu_seconds += other.cpu_seconds
        self.request_bytes += other.request_bytes
        self.answer_bytes += other.answer_bytes


@dataclass(frozen=True, slots=True)
class _Order:
    """Call an operation for a time with so many clients in a process, or send each of the requests once."""

    server: str
    operation: str
    clients: int
    seconds: float
    requests: tuple[Request, ...] = ()


class Clients:
    """Client processes for servers by name; `call` and `send` have them load one of them."""

    def __init__(self, servers: dict[str, Server], processes: int = PROCESSES) -> None:
        context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(processes):
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_serve, args=(child_end, servers, number), daemon=True)
            process.start()
            self._pipes.append(parent_end)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def call(self, server: str, operation: str, *, clients: int, seconds: float) -> Load:
        """Call an operation for a time, or once per client if that takes longer. Raises Refused if a call fails."""
        counts = _shares(clients, len(self._pipes))
        return self._load([_Order(server, operation, count, seconds) for count in counts])

    def send(self, server: str, requests: Sequence[Request], *, clients: int) -> Load:
        """Send each request once. Raises Refused if a call fails."""
        counts = _shares(min(clients, len(requests)), len(self._pipes))
        parts = [tuple(requests[place :: len(counts)]) for place in range(len(counts))]
        return self._load([_Order(server, "", count, 0, part) for count, part in zip(counts, parts, strict=True)])

    def _load(self, orders: list[_Order]) -> Load:
        pipes = self._pipes[: len(orders)]
        for pipe, order in zip(pipes, orders, strict=True):
            pipe.send(order)
        answers: list[Load | Refused] = [pipe.recv() for pipe in pipes]
        total = Load()
        for answer in answers:
            if isinstance(answer, Refused):
                raise answer
            total.add(answer)
        return total

    def __enter__(self) -> "Clients":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            with suppress(OSError):  # the process may have failed
                pipe.send(None)
        for process in self._processes:
            process.join(10)


def _shares(clients: int, processes: int) -> list[int]:
    """Return how many clients each process has; those that would have none are left out."""
    counts = [clients // processes + (place < clients % processes) for place in range(processes)]
    return [count for count in counts if count]


def _serve(pipe: Connection, servers: dict[str, Server], number: int) -> None:
    asyncio.run(_answer(pipe, servers, number))


async def _answer(pipe: Connection, servers: dict[str, Server], number: int) -> None:
    async with _Process(servers, number) as process:
        pipe.send(None)
        while (order := await asyncio.to_thread(pipe.recv)) is not None:
            try:
                pipe.send(await process.load(order))
            except grpc.aio.AioRpcError as error:
                pipe.send(Refused(error.code().name, f"{order.operation}: {error.details()}"))
            except Refused as error:
                pipe.send(error)


class _Process:
    """One client process: its connections, and the requests of each operation that was called."""

    def __init__(self, servers: dict[str, Server], number: int) -> None:
        self._servers, self._number = servers, number
        self._kfp_numbers = itertools.count()
        self._makers = {name: operations(server.stored, number) for name, server in servers.items()}
        self._calls: dict[tuple[str, str], Callable[[], Awaitable[None]]] = {}
        self._doors = {
            name: Doors(server.grpc, server.rest, connections=1 if server.workers == 1 else 4 * server.workers)
            for name, server in servers.items()
        }

    async def __aenter__(self) -> "_Process":
        for each in self._doors.values():
            await each.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._doors.values():
            await each.close()

    async def load(self, order: _Order) -> Load:
        """Do what is ordered."""
        door = self._doors[order.server]
        door.request_bytes = door.answer_bytes = 0
        if order.requests:
            left = iter(order.requests)
            load = await _measured(order.clients, lambda: _send_next(door, left))
        else:
            call = self._call(order.server, order.operation)
            load = await _measured(order.clients, _until(time.monotonic() + order.seconds, call))
        load.request_bytes, load.answer_bytes = door.request_bytes, door.answer_bytes
        return load

    def _call(self, server: str, operation: str) -> Callable[[], Awaitable[None]]:
        if (server, operation) not in self._calls:
            make = self._kfp_task if operation == KFP_TASK else self._next_request
            self._calls[server, operation] = make(server, operation)
        return self._calls[server, operation]

    def _next_request(self, server: str, operation: str) -> Callable[[], Awaitable[None]]:
        door, requests = self._doors[server], itertools.cycle(self._makers[server][operation]())

        async def call() -> None:
            await door.send(next(requests))

        return call

    def _kfp_task(self, server: str, _: str) -> Callable[[], Awaitable[None]]:
        door, tasks = self._doors[server], itertools.cycle(kfp_tasks(self._servers[server].stored))

        async def call() -> None:
            await next(tasks).record(door.send, next(self._kfp_numbers) * 1000 + self._number)

        return call


Step = Callable[[], Awaitable[bool]]
"""Makes a call, and returns False instead if there is nothing left to do."""


def _until(end: float, call: Callable[[], Awaitable[None]]) -> Callable[[], Step]:
    def client() -> Step:
        calls = itertools.count()

        async def step() -> bool:
            if next(calls) and time.monotonic() >= end:
                return False
            await call()
            return True

        return step

    return client


def _send_next(door: Doors, left: Iterator[Request]) -> Step:
    async def step() -> bool:
        request = next(left, None)
        if request is None:
            return False
        await door.send(request)
        return True

    return step


async def _measured(clients: int, client: Callable[[], Step]) -> Load:
    load = Load()

    async def run(step: Step) -> None:
        while True:
            started = time.perf_counter()
            if not await step():
                return
            load.times.append((time.perf_counter() - started) * 1000)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(run(client()) for _ in range(clients)))
    load.seconds, load.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return load
