"""Writers of one SQLite file, alone and beside readers of complete runs: `python -m benchmarks.sqlite_writers [--base COMMIT]`.

Three loads, each by closed-loop clients in processes of their own, without deadlines:

- `writers`: 20 writers, each CreateTask and UpdateTask in turn;
- `writers + GetRun`: the same beside 5 readers, each GetRun in the view FULL of a run with 500 tasks;
- `mixed`: 40 writers and 40 readers that wait for each other, so that 65 to 75 % of all calls are reads: GetTask, of every 20
  reads one ListTasks of 50 tasks, and of every 200 one GetRun in the view FULL.

The table has calls per second, the longest and the median duration of a call, how many calls failed, and how many processors
the server, its clients and everything else on the machine used: only a server that has one to itself shows what it can do.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from lineal.v2beta1 import run_pb2

from benchmarks.calls import PACKAGE, SPEC, Rpcs, task
from benchmarks.sides import Running, Side, checked_out, cpu_seconds, serving, this_side

RUN_TASKS = 500
READ_SHARES = (0.65, 0.75)
_OPTIONS = [("grpc.max_receive_message_length", -1)]


@dataclass(slots=True)
class Figures:
    """What one kind of client saw: the duration of each call (ms), and what failed."""

    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Load:
    """How many clients of each kind there are, and for how long."""

    name: str
    writers: int
    readers: int
    seconds: float
    is_mixed: bool = False


@dataclass(frozen=True, slots=True)
class Cpu:
    """How many processors were busy on average: with the server, with its clients, and in all."""

    server: float
    clients: float
    all: float

    @property
    def others(self) -> float:
        """What neither used, the kernel's work on the network and the file included."""
        return max(self.all - self.server - self.clients, 0.0)


@dataclass(frozen=True, slots=True)
class Target:
    """A server with a run that is read and a run that grows."""

    address: str
    run_id: str
    task_ids: tuple[str, ...]
    growing_run_id: str


async def _prepare(address: str) -> Target:
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        rpcs = Rpcs(channel)

        async def a_run() -> str:
            # With a specification, as runs of pipelines have: otherwise the first answers would wait for one to be made.
            run = run_pb2.Run(display_name="writers")
            run.pipeline_spec.update(SPEC)
            return str((await rpcs.create_run(run_pb2.CreateRunRequest(run=run))).run_id)

        run_id = await a_run()
        requests = [run_pb2.CreateTaskRequest(run_id=run_id, task=task(number)) for number in range(RUN_TASKS)]
        task_ids = tuple([(await rpcs.create_task(request)).task_id for request in requests])
        return Target(address, run_id, task_ids, await a_run())


class _Requests:
    """The requests of one target as bytes. Only what differs between two of them is serialised when they are sent."""

    def __init__(self, target: Target) -> None:
        run_id = target.growing_run_id
        self._create = run_pb2.CreateTaskRequest(run_id=run_id, task=task(0)).SerializeToString()
        self._update = run_pb2.UpdateTaskRequest(run_id=run_id, task=task(0, state=2)).SerializeToString()
        self.get_run = run_pb2.GetRunRequest(run_id=target.run_id, view=1).SerializeToString()
        self.list_tasks = run_pb2.ListTasksRequest(run_id=target.run_id, page_size=50).SerializeToString()
        self.get_task = [
            run_pb2.GetTaskRequest(run_id=target.run_id, task_id=task_id).SerializeToString()
            for task_id in target.task_ids
        ]

    def create(self, number: int) -> bytes:
        # A message that follows another one is merged into it.
        named = run_pb2.PipelineTask(name=f"t{number}", scope_path=f"root.t{number}")
        return self._create + run_pb2.CreateTaskRequest(task=named).SerializeToString()

    def update(self, number: int, task_id: str) -> bytes:
        named = run_pb2.PipelineTask(display_name=f"task {number}")
        return self._update + run_pb2.UpdateTaskRequest(task_id=task_id, task=named).SerializeToString()


class _Client:
    """The calls of all clients of one process, with answers that stay bytes: it is the server that is measured."""

    def __init__(self, channel: grpc.aio.Channel, target: Target) -> None:
        self._requests = _Requests(target)
        names = ("CreateTask", "UpdateTask", "GetTask", "ListTasks", "GetRun")
        rpcs = [channel.unary_unary(f"{PACKAGE}RunService/{name}") for name in names]
        self._create_task, self._update_task, self._get_task, self._list_tasks, self._get_run = rpcs
        self._written: dict[int, str] = {}

    async def write(self, number: int, writer: int) -> None:
        """Create a task, or finish the one that this writer created before."""
        if task_id := self._written.pop(writer, None):
            await self._update_task(self._requests.update(number, task_id))
            return
        answer = await self._create_task(self._requests.create(number))
        self._written[writer] = run_pb2.PipelineTask.FromString(answer).task_id

    async def read(self, number: int, *, is_mixed: bool) -> None:
        if not is_mixed or number % 200 == 0:
            await self._get_run(self._requests.get_run)
        elif number % 20 == 0:
            await self._list_tasks(self._requests.list_tasks)
        else:
            await self._get_task(self._requests.get_task[number % RUN_TASKS])


class _Shares:
    """Makes writers wait for readers and readers for writers, so that reads keep their share of all calls."""

    def __init__(self, writes: Figures, reads: Figures, load: Load) -> None:
        self._writes, self._reads, self._load = writes, reads, load
        self.writers, self.readers, self._is_over = asyncio.Event(), asyncio.Event(), False
        self.update()

    def update(self) -> None:
        """Let those go on that are not ahead. Called after each call."""
        reads, writes = len(self._reads.times), len(self._writes.times)
        share = reads / (reads + writes or 1)
        is_free = self._is_over or not self._load.is_mixed
        _set(self.writers, is_free or share >= min(READ_SHARES) or writes <= self._load.writers)
        _set(self.readers, is_free or share <= max(READ_SHARES))

    def end(self) -> None:
        """Let all go on, from now on."""
        self._is_over = True
        self.update()


def _set(event: asyncio.Event, value: bool) -> None:
    if value:
        event.set()
    else:
        event.clear()


async def _clients(target: Target, load: Load) -> tuple[Figures, Figures]:
    writes, reads = Figures(), Figures()
    numbers: Iterator[int] = itertools.count(1)
    shares = _Shares(writes, reads, load)

    async def client(figures: Figures, call: Callable[[int], Awaitable[None]], may_go: asyncio.Event) -> None:
        while True:
            await may_go.wait()
            if (started := time.monotonic()) >= end:
                break
            try:
                await call(next(numbers))
                figures.times.append((time.monotonic() - started) * 1000)
            except grpc.aio.AioRpcError as error:
                figures.failures.append(f"{error.code().name}: {error.details()}")
                await asyncio.sleep(0.01)
            shares.update()
        shares.end()

    async with grpc.aio.insecure_channel(target.address, options=_OPTIONS) as channel:
        await channel.channel_ready()
        calls = _Client(channel, target)
        end = time.monotonic() + load.seconds
        writers = [
            client(writes, lambda number, writer=writer: calls.write(number, writer), shares.writers)
            for writer in range(load.writers)
        ]
        readers = [
            client(reads, lambda number: calls.read(number, is_mixed=load.is_mixed), shares.readers)
            for _ in range(load.readers)
        ]
        await asyncio.gather(*writers, *readers)
    return writes, reads


def _serve_clients(pipe: Connection, target: Target, load: Load) -> None:
    pipe.send(asyncio.run(_clients(target, load)))
    pipe.recv()


def _run(server: Running, target: Target, load: Load) -> tuple[Figures, Figures, Cpu]:
    """Run a load in processes of its own, writers and readers apart unless reads follow writes."""
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    parts = [load]
    if not load.is_mixed:
        parts = [Load(load.name, load.writers, 0, load.seconds), Load(load.name, 0, load.readers, load.seconds)]
    started = []
    of_server, of_machine = server.cpu_seconds(), _busy_seconds()
    for part in parts:
        if part.writers + part.readers:
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_serve_clients, args=(child_end, target, part), daemon=True)
            process.start()
            started.append((process, parent_end))
    writes, reads, of_clients = Figures(), Figures(), 0.0
    for process, pipe in started:
        part_writes, part_reads = pipe.recv()
        for total, one in ((writes, part_writes), (reads, part_reads)):
            total.times += one.times
            total.failures += one.failures
        assert process.pid is not None
        of_clients += cpu_seconds(process.pid)
    of_server, of_machine = server.cpu_seconds() - of_server, _busy_seconds() - of_machine
    for process, pipe in started:
        pipe.send(None)
        process.join(10)
    return writes, reads, Cpu(*(value / load.seconds for value in (of_server, of_clients, of_machine)))


def _busy_seconds() -> float:
    """Return for how long the processors of this machine have worked, all together."""
    user, nice, system, _, _, *rest = (int(one) for one in Path("/proc/stat").read_text().split(maxsplit=11)[1:11])
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _target(side: Side, folder: Path) -> Iterator[tuple[Running, Target]]:
    store = f"sqlite:///{folder}/{side.name}.sqlite"
    with serving(side, store, folder / f"{side.name}.log") as server:
        yield server, asyncio.run(_prepare(server.grpc))


def _print(side: str, load: Load, kind: str, figures: Figures, cpu: Cpu) -> None:
    times = sorted(figures.times) or [0.0]
    print(
        f"{side:<10}{load.name:<20}{kind:<8}{len(figures.times) / load.seconds:>8.0f}{statistics.median(times):>8.1f}"
        f"{times[-1]:>8.0f}{len(figures.failures):>8}{cpu.server:>8.2f}{cpu.clients:>8.2f}{cpu.others:>8.2f}"
        f"  {', '.join(sorted(set(figures.failures)))[:80]}",
        flush=True,
    )


def main() -> None:
    """Measure each side under each load and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sqlite_writers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--rounds", type=int, default=1, help="number of measurements of each load; default: 1")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of the first two loads; default: 5")
    parser.add_argument("--mixed-seconds", type=float, default=60.0, help="duration of the mixed load; default: 60")
    arguments = parser.parse_args()
    loads = [Load("writers", 20, 0, arguments.seconds), Load("writers + GetRun", 20, 5, arguments.seconds)]
    loads += [Load("mixed", 40, 40, arguments.mixed_seconds, is_mixed=True)]
    heads = ("per s", "p50 ms", "max ms", "failed", "server", "clients", "others")
    print(f"{'side':<10}{'load':<20}{'calls':<8}" + "".join(f"{head:>8}" for head in heads))
    with tempfile.TemporaryDirectory(prefix="lineal-bench-") as folder:
        for load in loads if arguments.mixed_seconds else loads[:2]:
            for _ in range(arguments.rounds):
                if arguments.base:
                    with checked_out(arguments.base) as side, _target(side, Path(folder)) as running:
                        _measure(side.name, *running, load)
                with _target(this_side(), Path(folder)) as running:
                    _measure("this", *running, load)


def _measure(side: str, server: Running, target: Target, load: Load) -> None:
    writes, reads, cpu = _run(server, target, load)
    _print(side, load, "writes", writes, cpu)
    if load.readers:
        _print(side, load, "reads", reads, cpu)


if __name__ == "__main__":
    main()
