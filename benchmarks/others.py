"""How long others wait while one caller makes large calls: `python -m benchmarks.others [--base COMMIT] [sqlite] [postgresql] [mysql]`.

One client makes a large call again and again, one at a time. Another client, in a process of its own, makes small calls
meanwhile, each kind every 10 ms unless its last call takes longer: GetTask over gRPC, /healthz and /readyz over REST.
The table has the duration of a large call, and the median, the 99th percentile and the maximum of each kind of small call.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from lineal.v2beta1 import run_pb2

from benchmarks.calls import PACKAGE
from benchmarks.large_calls import QUIET, Make, Target, large_calls, prepare
from benchmarks.sides import Running, Side, checked_out, serving, this_side
from tests.databases import KINDS, create_database, private_server

PERIOD_SECONDS = 0.01
KINDS_OF_SMALL_CALLS = ("GetTask", "/healthz", "/readyz")
Times = dict[str, list[float]]


def _watch(pipe: Connection, target: Target) -> None:
    """Make small calls between two messages of the pipe, and send how long each took (ms)."""
    makers = _small_calls(target)
    for make in makers.values():
        make()
    pipe.send(None)
    while pipe.recv() is not None:
        end = threading.Event()
        times: Times = {kind: [] for kind in makers}
        threads = [
            threading.Thread(target=_repeat, args=(make, times[kind], end), daemon=True)
            for kind, make in makers.items()
        ]
        for thread in threads:
            thread.start()
        pipe.recv()
        end.set()
        for thread in threads:
            thread.join()
        pipe.send(times)


def _repeat(make: Make, times: list[float], end: threading.Event) -> None:
    while not end.is_set():
        started = time.perf_counter()
        make()
        took = time.perf_counter() - started
        times.append(took * 1000)
        time.sleep(max(0.0, PERIOD_SECONDS - took))


def _small_calls(target: Target) -> dict[str, Make]:
    channel = grpc.insecure_channel(target.grpc)
    get_task = channel.unary_unary(f"{PACKAGE}RunService/GetTask")
    request = run_pb2.GetTaskRequest(run_id=target.small_run_id, task_id=target.other_task_id).SerializeToString()

    def probe(path: str) -> Make:
        connection = HTTPConnection(target.rest, timeout=300)

        def make() -> None:
            connection.request("GET", path)
            connection.getresponse().read()

        return make

    return {"GetTask": lambda: get_task(request), "/healthz": probe("/healthz"), "/readyz": probe("/readyz")}


def _load(pipe: Connection, target: Target) -> None:
    """Make a large call by name for some seconds, and send how long each call took (ms), or what failed."""
    calls = large_calls(target)
    while (order := pipe.recv()) is not None:
        name, seconds = order
        times: list[float] = []
        try:
            make = calls[name]()
            pipe.send(None)
            pipe.recv()
            end = time.monotonic() + seconds
            while (started := time.monotonic()) < end:
                make()
                times.append((time.monotonic() - started) * 1000)
            pipe.send(times)
        except (grpc.RpcError, OSError, RuntimeError) as error:
            pipe.send(f"{type(error).__name__}: {error}"[:300])


@contextmanager
def _process(serve: Callable[[Connection, Target], None], target: Target) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    parent_end, child_end = context.Pipe()
    process = context.Process(target=serve, args=(child_end, target), daemon=True)
    process.start()
    yield parent_end
    parent_end.send(None)
    process.join(10)


def _measure(side: str, target: Target, only: str, seconds: float) -> None:
    with _process(_watch, target) as watcher, _process(_load, target) as loader:
        watcher.recv()
        for name in large_calls(target):
            if only not in name and name != QUIET:
                continue
            loader.send((name, seconds))
            if loader.recv() is not None:
                raise SystemExit(f"{name} cannot be prepared")
            watcher.send(())
            loader.send(())
            answer = loader.recv()
            watcher.send(())
            _print(side, name, answer, watcher.recv())


def _print(side: str, name: str, answer: list[float] | str, times: Times) -> None:
    took = f"{statistics.median(answer):>9.0f}" if isinstance(answer, list) else f"{'failed':>9}"
    columns = []
    for each in times.values():
        values = sorted(each)
        p99 = values[min(len(values) - 1, len(values) * 99 // 100)]
        columns.append(f"{statistics.median(values):>8.1f}{p99:>8.0f}{values[-1]:>8.0f}")
    note = "" if isinstance(answer, list) else f"  {answer}"
    print(f"{side:<10}{name:<30}{took}  " + " ".join(columns) + note, flush=True)


@contextmanager
def _store(kind: str, folder: Path, stack: ExitStack) -> Iterator[Callable[[], str]]:
    if kind == "sqlite":
        numbers = iter(range(100))
        yield lambda: f"sqlite:///{folder}/{next(numbers)}.sqlite"
        return
    server = stack.enter_context(private_server(kind))
    yield lambda: create_database(kind, server=server.url)


def _prepared(running: Running, tasks: int) -> Target:
    return asyncio.run(prepare(running.grpc, running.rest, tasks=tasks))


def _compare(kind: str, sides: list[Side], arguments: argparse.Namespace) -> None:
    heads = "".join(f"{'p50 p99 max':>24} " for _ in KINDS_OF_SMALL_CALLS)
    print(f"\n{kind}: ms of the large call; then of others: {', '.join(KINDS_OF_SMALL_CALLS)}")
    print(f"{'side':<10}{'large call':<30}{'ms':>9}  {heads}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="lineal-bench-") as folder,
        ExitStack() as stack,
        _store(kind, Path(folder), stack) as new_store,
    ):
        for side in sides:
            with serving(side, new_store(), Path(folder) / f"{side.name}.log") as running:
                _measure(side.name, _prepared(running, arguments.tasks), arguments.only, arguments.seconds)


def main() -> None:
    """Measure each side beside each large call and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.others", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: all")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each large call is repeated; default: 5")
    parser.add_argument("--tasks", type=int, default=20_000, help="tasks of the large run; default: 20,000")
    parser.add_argument("--only", default="", help="measure only large calls whose name contains this")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        sides = [stack.enter_context(checked_out(arguments.base))] if arguments.base else []
        sides.append(this_side())
        for side in sides:
            side.check()
        for kind in arguments.kinds or KINDS:
            _compare(kind, sides, arguments)


if __name__ == "__main__":
    main()
