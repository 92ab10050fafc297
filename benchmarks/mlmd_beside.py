"""What writers notice of an import beside them: `python -m benchmarks.mlmd_beside [--executions N] [sqlite] [postgresql] [mysql]`.

A server serves the store, and clients call CreateRun, CreateTask and UpdateTask at a fixed rate: alone, beside the first import of an
MLMD store, alone again, and beside a true-up after a tenth of the source has changed. The table has the duration of a call (ms) and,
for the imports, the ratio of the 95th percentile to that of the calls alone just before.
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from lineal.v2beta1 import run_pb2

from benchmarks.calls import SPEC, Rpcs, task
from benchmarks.mlmd_import import run_with_store
from benchmarks.sides import Side, checked_out, serving, this_side
from tests.databases import KINDS, create_database, private_server

TASKS_PER_RUN = 10
WAIT_SECONDS = 60.0


@dataclass(slots=True)
class Load:
    """Calls at a fixed rate, each begun when its time comes, whether the ones before have ended or not."""

    rpcs: Rpcs
    rate: float
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def until(self, is_over: Callable[[], bool]) -> None:
        """Call until a condition holds, and wait for the last answers."""
        started, calls = time.monotonic(), set[asyncio.Task[None]]()
        runs = asyncio.Queue[tuple[str, str]]()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, started + number / self.rate - time.monotonic()))
            if is_over():
                break
            call = asyncio.create_task(self._call(number, runs))
            calls.add(call)
            call.add_done_callback(calls.discard)
        if calls:
            await asyncio.wait(calls, timeout=WAIT_SECONDS)

    async def _call(self, number: int, runs: "asyncio.Queue[tuple[str, str]]") -> None:
        started = time.monotonic()
        try:
            if number % TASKS_PER_RUN == 0 or runs.empty():
                await self._create_run(runs)
            else:
                await self._write_task(number, runs)
            self.times.append((time.monotonic() - started) * 1000)
        except grpc.aio.AioRpcError as error:
            self.failures.append(f"{error.code().name}: {error.details()}")

    async def _create_run(self, runs: "asyncio.Queue[tuple[str, str]]") -> None:
        run = run_pb2.Run(display_name="beside")
        run.pipeline_spec.update(SPEC)
        answer = await self.rpcs.create_run(run_pb2.CreateRunRequest(run=run))
        runs.put_nowait((str(answer.run_id), ""))

    async def _write_task(self, number: int, runs: "asyncio.Queue[tuple[str, str]]") -> None:
        run_id, task_id = runs.get_nowait()
        if not task_id:
            answer = await self.rpcs.create_task(run_pb2.CreateTaskRequest(run_id=run_id, task=task(number)))
            runs.put_nowait((run_id, str(answer.task_id)))
            return
        finished = task(number, state=2)
        finished.task_id = task_id
        await self.rpcs.update_task(run_pb2.UpdateTaskRequest(run_id=run_id, task_id=task_id, task=finished))
        if runs.qsize() < TASKS_PER_RUN:
            runs.put_nowait((run_id, ""))


@dataclass(frozen=True, slots=True)
class Bench:
    """One side's importer and server, and the store that both write to."""

    side: Side
    kind: str
    rpcs: Rpcs
    rate: float
    source: Path
    store: str

    async def alone(self, name: str, seconds: float) -> float:
        """Measure calls without an import; returns their 95th percentile (ms)."""
        end = time.monotonic() + seconds
        load = Load(self.rpcs, self.rate)
        await load.until(lambda: time.monotonic() >= end)
        return self._print(name, load)

    async def beside(self, name: str, before: float) -> None:
        """Measure calls while an import runs."""
        command = [sys.executable, "-m", "server", "import-mlmd", f"sqlite:///{self.source}", "--store", self.store]
        output = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.side.folder, env=self.side.environment, stdout=output, stderr=output
        )
        started, load = time.monotonic(), Load(self.rpcs, self.rate)
        await load.until(lambda: process.returncode is not None)
        self._print(name, load, before, f"  {time.monotonic() - started:.0f} s, exit {process.returncode}")

    def _print(self, name: str, load: Load, before: float = 0.0, remark: str = "") -> float:
        times = sorted(load.times) or [0.0]
        p50, p95, p99 = (times[int(len(times) * share)] for share in (0.5, 0.95, 0.99))
        ratio = f"{p95 / before:>8.2f}" if before else " " * 8
        print(
            f"{self.side.name:<10}{self.kind:<12}{name:<18}{len(times):>7}{p50:>8.1f}{p95:>8.1f}{p99:>8.1f}{times[-1]:>8.0f}"
            f"{len(load.failures):>8}{ratio}{remark}  {', '.join(sorted(set(load.failures)))[:80]}",
            flush=True,
        )
        return p95


async def _measure(side: Side, kind: str, address: str, source: Path, store: str, rate: float, seconds: float) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        bench = Bench(side, kind, Rpcs(channel), rate, source, store)
        with suppress(grpc.aio.AioRpcError):
            await Load(bench.rpcs, rate).until(_after(2.0))
        await bench.beside("first import", await bench.alone("alone", seconds))
        run_with_store("change_store", source, 0)
        await bench.beside("true-up", await bench.alone("alone", seconds))


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mlmd_beside",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: all")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--executions", type=int, default=10_000, help="size of the store; default: 10000")
    parser.add_argument("--rate", type=float, default=30.0, help="calls per second; default: 30")
    parser.add_argument("--seconds", type=float, default=15.0, help="duration without an import; default: 15")
    chosen = parser.parse_args()
    heads = ("p50 ms", "p95 ms", "p99 ms", "max ms", "failed", "ratio")
    print(f"{'side':<10}{'database':<12}{'beside':<18}{'calls':>7}" + "".join(f"{head:>8}" for head in heads))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-bench-")))
        sides = [stack.enter_context(checked_out(chosen.base))] if chosen.base else []
        for kind in chosen.kinds or KINDS:
            server = "" if kind == "sqlite" else stack.enter_context(private_server(kind)).url
            for side in [*sides, this_side()]:
                source = folder / f"{kind}-{side.name}.sqlite"
                run_with_store("make_store", source, chosen.executions)
                store = create_database(kind, server=server) if server else f"sqlite:///{folder}/{side.name}.sqlite"
                with serving(side, store, folder / "log") as running:
                    measuring: Awaitable[None] = _measure(
                        side, kind, running.grpc, source, store, chosen.rate, chosen.seconds
                    )
                    asyncio.run(measuring)  # type: ignore[arg-type]
                os.remove(source)


if __name__ == "__main__":
    main()
