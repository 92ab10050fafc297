"""Writers of one SQLite file, alone and beside readers of complete runs: `python -m benchmarks.sqlite_writers [--base COMMIT]`.

Three loads, each by closed-loop clients in processes of their own, without deadlines:

- `writers`: 20 writers, each CreateTask and UpdateTask in turn;
- `writers + GetRun`: the same beside 5 readers, each GetRun in the view FULL of a run with 500 tasks;
- `mixed`: 40 writers and 40 readers that wait for each other, so that 65 to 75 % of all calls are reads: GetTask, of every 20
  reads one ListTasks of 50 tasks, and of every 200 one GetRun in the view FULL.

The table has calls per second, the longest and the median duration of a call, and how many calls failed.
"""

import argparse
import asyncio
import itertools
import multiprocessing
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

from benchmarks.calls import Rpcs, task
from benchmarks.sides import Side, checked_out, serving, this_side

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
            run = await rpcs.create_run(run_pb2.CreateRunRequest(run=run_pb2.Run(display_name="writers")))
            return str(run.run_id)

        run_id = await a_run()
        requests = [run_pb2.CreateTaskRequest(run_id=run_id, task=task(number)) for number in range(RUN_TASKS)]
        task_ids = tuple([(await rpcs.create_task(request)).task_id for request in requests])
        return Target(address, run_id, task_ids, await a_run())


async def _write(rpcs: Rpcs, target: Target, number: int, written: dict[int, str], writer: int) -> None:
    """Create a task, or finish the one that this writer created before."""
    if task_id := written.pop(writer, None):
        done = task(number, state=2)
        await rpcs.update_task(run_pb2.UpdateTaskRequest(run_id=target.growing_run_id, task_id=task_id, task=done))
        return
    new = run_pb2.CreateTaskRequest(run_id=target.growing_run_id, task=task(number))
    written[writer] = (await rpcs.create_task(new)).task_id


async def _read(rpcs: Rpcs, target: Target, number: int, *, is_mixed: bool) -> None:
    if not is_mixed or number % 200 == 0:
        await rpcs.get_run(run_pb2.GetRunRequest(run_id=target.run_id, view=1))
    elif number % 20 == 0:
        await rpcs.list_tasks(run_pb2.ListTasksRequest(run_id=target.run_id, page_size=50))
    else:
        task_id = target.task_ids[number % RUN_TASKS]
        await rpcs.get_task(run_pb2.GetTaskRequest(run_id=target.run_id, task_id=task_id))


async def _clients(target: Target, load: Load) -> tuple[Figures, Figures]:
    writes, reads = Figures(), Figures()
    numbers: Iterator[int] = itertools.count(1)
    written: dict[int, str] = {}
    end = time.monotonic() + load.seconds

    async def client(figures: Figures, call: Callable[[int], Awaitable[None]], *, waits: Callable[[], bool]) -> None:
        while (started := time.monotonic()) < end:
            if waits():
                await asyncio.sleep(0.001)
                continue
            try:
                await call(next(numbers))
                figures.times.append((time.monotonic() - started) * 1000)
            except grpc.aio.AioRpcError as error:
                figures.failures.append(f"{error.code().name}: {error.details()}")
                await asyncio.sleep(0.01)

    def share_of_reads() -> float:
        return len(reads.times) / (len(reads.times) + len(writes.times) or 1)

    def writes_are_ahead() -> bool:
        return load.is_mixed and share_of_reads() < min(READ_SHARES) and len(writes.times) > load.writers

    def reads_are_ahead() -> bool:
        return load.is_mixed and share_of_reads() > max(READ_SHARES)

    async with grpc.aio.insecure_channel(target.address, options=_OPTIONS) as channel:
        rpcs = Rpcs(channel)
        writers = [
            client(
                writes,
                lambda number, writer=writer: _write(rpcs, target, number, written, writer),
                waits=writes_are_ahead,
            )
            for writer in range(load.writers)
        ]
        readers = [
            client(reads, lambda number: _read(rpcs, target, number, is_mixed=load.is_mixed), waits=reads_are_ahead)
            for _ in range(load.readers)
        ]
        await asyncio.gather(*writers, *readers)
    return writes, reads


def _serve_clients(pipe: Connection, target: Target, load: Load) -> None:
    pipe.send(asyncio.run(_clients(target, load)))


def _run(target: Target, load: Load) -> tuple[Figures, Figures]:
    """Run a load in processes of its own, writers and readers apart unless reads follow writes."""
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    parts = [load]
    if not load.is_mixed:
        parts = [Load(load.name, load.writers, 0, load.seconds), Load(load.name, 0, load.readers, load.seconds)]
    started = []
    for part in parts:
        if part.writers + part.readers:
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_serve_clients, args=(child_end, target, part), daemon=True)
            process.start()
            started.append((process, parent_end))
    writes, reads = Figures(), Figures()
    for process, pipe in started:
        part_writes, part_reads = pipe.recv()
        for total, one in ((writes, part_writes), (reads, part_reads)):
            total.times += one.times
            total.failures += one.failures
        process.join(10)
    return writes, reads


@contextmanager
def _target(side: Side, folder: Path) -> Iterator[Target]:
    store = f"sqlite:///{folder}/{side.name}.sqlite"
    with serving(side, store, folder / f"{side.name}.log") as server:
        yield asyncio.run(_prepare(server.grpc))


def _print(side: str, load: Load, kind: str, figures: Figures) -> None:
    times = sorted(figures.times) or [0.0]
    print(
        f"{side:<10}{load.name:<20}{kind:<8}{len(figures.times) / load.seconds:>10.0f}{statistics.median(times):>10.1f}"
        f"{times[-1]:>10.0f}{len(figures.failures):>8}  {', '.join(sorted(set(figures.failures)))[:80]}",
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
    print(f"{'side':<10}{'load':<20}{'calls':<8}{'per s':>10}{'p50 ms':>10}{'max ms':>10}{'failed':>8}")
    with tempfile.TemporaryDirectory(prefix="lineal-bench-") as folder:
        for load in loads if arguments.mixed_seconds else loads[:2]:
            for _ in range(arguments.rounds):
                if arguments.base:
                    with checked_out(arguments.base) as side, _target(side, Path(folder)) as target:
                        _measure(side.name, target, load)
                with _target(this_side(), Path(folder)) as target:
                    _measure("this", target, load)


def _measure(side: str, target: Target, load: Load) -> None:
    writes, reads = _run(target, load)
    _print(side, load, "writes", writes)
    if load.readers:
        _print(side, load, "reads", reads)


if __name__ == "__main__":
    main()
