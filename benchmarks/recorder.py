"""What recording costs: `python -m benchmarks.recorder [sqlite] [postgresql] [mysql] [--tasks 10000] [--points 1000000]`.

- `run`: a run of many tasks, each with a parameter, an output, an artifact, a metric, and the artifact of the task before it as its
  input. It is recorded by `lineal.run`, and by the client with one call per change. The table has how long the program that records was
  kept waiting, how long it took until the server had everything, and how many calls that were.
- `log_metric`: many points of one metric in a loop. The table has the mean time of a call, the 99th percentile and the longest
  one of a sample, and the memory of the process after each tenth of the calls.

Each measurement is a process of its own, beside a server that has nothing else to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import lineal

from benchmarks.sides import CHECKOUT, serving, this_side
from tests.databases import create_database, private_server

KINDS = ("sqlite", "postgresql", "mysql")
NAMESPACE = "benchmarks"
SAMPLE_EVERY = 20
"""Every so many calls, one is timed by itself: reading the clock costs a part of a microsecond too."""

_SPOOL_SECONDS = 600.0


def record(address: str, spool: str, tasks: int) -> dict[str, Any]:
    """Record the run with the recorder."""
    begun = time.perf_counter()
    with lineal.run("recorded", server=address, spool_dir=spool, spool_seconds=_SPOOL_SECONDS) as run:
        model = None
        for number in range(tasks):
            with run.task("fit", inputs={"number": number}, uses={"former": model} if model else None) as task:
                task.log_metric("loss", number / tasks)
                task.output("double", 2 * number)
                model = task.log_artifact("model", f"mem://{number}", type="Model")
        recorded = time.perf_counter()
    ended = time.perf_counter()
    counters = run.counters
    return {
        "waited": recorded - begun,
        "until all is there": ended - begun,
        "calls": counters.calls,
        "changes": counters.changes,
        "run": run.id,
    }


def call(address: str, spool: str, tasks: int) -> dict[str, Any]:
    """Record the same with one call per change."""
    calls, begun = Calls(), time.perf_counter()
    with lineal.Client(address) as client:
        run_id = calls.count(client.create_run(run={"display_name": "called"})).run_id
        root = calls.count(client.create_task(run_id, task={"name": "ROOT", "type": "ROOT", "state": "RUNNING"}))
        model_id = ""
        for number in range(tasks):
            model_id = call_task(client, calls, run_id, root.task_id, number, tasks, model_id)
        calls.count(client.update_task(run_id, root.task_id, task={"state": "SUCCEEDED"}))
    seconds = time.perf_counter() - begun
    return {"waited": seconds, "until all is there": seconds, "calls": calls.number, "run": run_id}


class Calls:
    """Counts calls."""

    def __init__(self) -> None:
        self.number = 0

    def count(self, answer: Any) -> Any:
        """Count a call, and return its answer."""
        self.number += 1
        return answer


def call_task(
    client: lineal.Client, calls: Calls, run_id: str, parent_id: str, number: int, tasks: int, model_id: str
) -> str:
    """Record a task with a call for each of its changes; return the id of its artifact."""

    def parameters(type: str, name: str, value: float) -> dict[str, Any]:
        return {"parameters": [{"parameter_key": name, "value": value, "type": type}]}

    def artifact(name: str, **fields: Any) -> str:
        made = client.create_artifact(
            run_id=run_id,
            task_id=task.task_id,
            producer_key=name,
            artifact={"name": name, "namespace": NAMESPACE, **fields},
        )
        return str(calls.count(made).artifact_id)

    inputs = parameters("RUNTIME_VALUE_INPUT", "number", number)
    fields = {"name": "fit", "type": "RUNTIME", "state": "RUNNING", "parent_task_id": parent_id, "inputs": inputs}
    task = calls.count(client.create_task(run_id, task=fields))
    if model_id:
        link = {"run_id": run_id, "task_id": task.task_id, "artifact_id": model_id, "key": "former"}
        link |= {"type": "TASK_OUTPUT_INPUT", "producer": {"task_name": "fit"}}
        calls.count(client.create_artifact_task(artifact_task=link))
    artifact("loss", type="Metric", number_value=number / tasks)
    outputs = parameters("OUTPUT", "double", 2 * number)
    calls.count(client.update_task(run_id, task.task_id, task={"outputs": outputs}))
    made = artifact("model", type="Model", uri=f"mem://{number}")
    calls.count(client.update_task(run_id, task.task_id, task={"state": "SUCCEEDED"}))
    return made


def log_points(address: str, spool: str, points: int) -> dict[str, Any]:
    """Log the points of a metric."""
    sample: list[float] = []
    megabytes: list[float] = []
    clock = time.perf_counter
    with (
        lineal.run("logged", server=address, spool_dir=spool, spool_seconds=_SPOOL_SECONDS) as run,
        run.task("fit") as task,
    ):
        log_metric = task.log_metric
        begun = clock()
        for number in range(points):
            if number % SAMPLE_EVERY:
                log_metric("loss", 1.0, step=number)
                continue
            before = clock()
            log_metric("loss", 1.0, step=number)
            sample.append(clock() - before)
            if number % (points // 10) == 0:
                megabytes.append(resident_megabytes())
        seconds = clock() - begun
        megabytes.append(resident_megabytes())
    return {
        "mean": seconds / points,
        "99 %": statistics.quantiles(sample, n=100)[98],
        "longest": max(sample),
        "until all is there": clock() - begun,
        "megabytes": megabytes,
    }


def resident_megabytes() -> float:
    """Return how much memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


MEASUREMENTS = {"record": record, "call": call, "log_points": log_points}


def measured(name: str, address: str, amount: int) -> dict[str, Any]:
    """Return the figures of a measurement, which has a process of its own."""
    with tempfile.TemporaryDirectory(prefix="lineal-benchmark-") as spool:
        command = [sys.executable, "-m", "benchmarks.recorder", "--measure", name, address, spool, str(amount)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINEAL_")}
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} could not be measured: {done.stderr[-2000:]}")
        left = [path.name for path in Path(spool).rglob("*.jsonl")]
        if left:
            raise SystemExit(f"{name}: the server does not have everything: {left}")
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures


def check_task_count(address: str, figures: dict[str, Any], tasks: int) -> None:
    """Exit unless the server has every task."""
    with lineal.Client(address) as client:
        count = client.get_run(figures["run"]).task_count
    if count != tasks + 1:
        raise SystemExit(f"the server has {count} tasks instead of {tasks + 1}")


def measure(kind: str, options: argparse.Namespace) -> None:
    """Print the figures of one database."""
    with ExitStack() as stack:
        url = stack.enter_context(store(kind))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-benchmark-"))
        server = stack.enter_context(serving(this_side(), url, Path(folder) / "log"))
        if options.tasks:
            figures = {"recorder": measured("record", server.grpc, options.tasks)}
            check_task_count(server.grpc, figures["recorder"], options.tasks)
            figures["one call per change"] = measured("call", server.grpc, options.plain_tasks or options.tasks)
            print_run(kind, options, figures)
        if options.points:
            print_points(kind, options.points, measured("log_points", server.grpc, options.points))


@contextmanager
def store(kind: str) -> Iterator[str]:
    """A database of its own: a server that has been used for nothing else, or a file."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="lineal-benchmark-") as folder:
            yield f"sqlite:///{folder}/lineal.sqlite"
        return
    with private_server(kind) as database:
        yield create_database(kind, server=database.url)


def print_run(kind: str, options: argparse.Namespace, figures: dict[str, dict[str, Any]]) -> None:
    """Print the figures of the run, per task where fewer tasks were recorded on one side."""
    print(f"\n{kind}: a run of {options.tasks:,} tasks")
    print(f"{'':20} {'calls':>8} {'waited':>9} {'all there':>10} {'ms/task':>8}")
    for name, each in figures.items():
        tasks = options.plain_tasks or options.tasks if name != "recorder" else options.tasks
        note = "" if tasks == options.tasks else f"   ({tasks:,} tasks)"
        milliseconds = each["until all is there"] / tasks * 1e3
        print(
            f"{name:20} {each['calls']:>8,} {each['waited']:>7.2f} s {each['until all is there']:>8.2f} s"
            f" {milliseconds:>8.2f}{note}",
            flush=True,
        )


def print_points(kind: str, points: int, figures: dict[str, Any]) -> None:
    """Print the figures of log_metric."""
    micro = {name: figures[name] * 1e6 for name in ("mean", "99 %", "longest")}
    print(f"\n{kind}: {points:,} points of a metric")
    print("  ".join(f"{name} {value:,.1f} µs" for name, value in micro.items()))
    print("memory (MB): " + " ".join(f"{each:.0f}" for each in figures["megabytes"]), flush=True)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorder", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: all")
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of the run, 0 for no run; default: 10000")
    parser.add_argument("--plain-tasks", type=int, default=0, help="tasks with one call per change; default: as many")
    parser.add_argument("--points", type=int, default=1_000_000, help="calls of log_metric; default: 1000000")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for kind in options.kinds or KINDS:
        measure(kind, options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        name, address, spool, amount = sys.argv[2:]
        print(json.dumps(MEASUREMENTS[name](address, spool, int(amount))))
    else:
        main()
