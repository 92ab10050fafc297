"""How many tasks a second are recorded, beside ML Metadata 1.17.1: its core behind a thin gRPC servicer, 16 clients, the same database.

A task is 27 calls to ML Metadata (`mlmd_load`) and 16 to Lineal (`kfp_task`). Rounds alternate. Needs .venv-mlmd, which `make test`
creates.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql

from benchmarks.bench import THIS, Options, Stores, serving_all
from benchmarks.clients import Load
from benchmarks.costs import Costs, Row
from benchmarks.operations import KFP_TASK
from benchmarks.sides import CHECKOUT, Running

PYTHON = CHECKOUT / ".venv-mlmd" / "bin" / "python"
KINDS = ("sqlite", "mysql")
CLIENTS = 16
SECONDS_MIN = 3.0
"""A round of less has too few tasks of ML Metadata's."""

THREADS = {"sqlite": 1, "mysql": CLIENTS}
"""On SQLite, several connections of ML Metadata only abort each other's transactions."""


class MlmdMissing(Exception):
    """ML Metadata's library is not installed in .venv-mlmd."""


@dataclass(frozen=True, slots=True)
class _Mlmd:
    """The servicer and its clients."""

    running: Running
    load: "subprocess.Popen[str]"
    calls: int

    def record(self, seconds: float) -> Load:
        """Record tasks for a time."""
        answer = _told(self.load, f"{seconds}\n")
        if answer["failures"]:
            raise SystemExit(f"ML Metadata: {answer['failures'][0]}")
        return Load(times=answer["times"], seconds=answer["seconds"])


def measure_mlmd(stores: Stores, options: Options) -> Row:
    """Record tasks in both and return the rates, the costs per task, and the ratios. Raises MlmdMissing."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import ml_metadata"], capture_output=True).returncode:
        raise MlmdMissing(
            "ml-metadata is not installed in .venv-mlmd: run `make .venv-mlmd/stamp`, on x86-64 with Python 3.11"
        )
    store = stores.new_store()
    seconds = max(options.seconds, SECONDS_MIN)
    costs = {"mlmd": Costs(), "lineal": Costs()}
    with serving_all(stores) as bench, _serving_mlmd(stores.kind, store, stores.folder) as mlmd:

        def lineal() -> Load:
            return bench.clients.call(THIS, KFP_TASK, clients=CLIENTS, seconds=seconds)

        lineal()
        mlmd.record(1.0)
        statements = _statements_per_task(store, mlmd) if stores.kind == "mysql" else None
        for _ in range(options.rounds):
            costs["mlmd"].measure(mlmd.running, stores.database_cpu, lambda: mlmd.record(seconds))
            costs["lineal"].measure(bench.running[THIS], stores.database_cpu, lineal)
        row: Row = {name: one.row() for name, one in costs.items()}
        row["mlmd"] |= {"calls": mlmd.calls} | ({"statements": statements} if statements else {})
    row["rate_ratio"] = round(row["lineal"]["calls_per_second"] / row["mlmd"]["calls_per_second"], 2)
    row["cpu_ratio"] = round(sum(costs["mlmd"].total) / sum(costs["lineal"].total), 2)
    _print(row)
    return row


@contextmanager
def _serving_mlmd(kind: str, store: str, folder: Path) -> Iterator[_Mlmd]:
    path = store.removeprefix("sqlite:///")
    with ExitStack() as stack:
        server = stack.enter_context(_program("mlmd_servicer.py", path, str(THREADS[kind]), folder=folder))
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise SystemExit(f"ML Metadata does not serve: {(folder / 'mlmd_servicer.py.log').read_text()[-2000:]}")
        load = stack.enter_context(_program("mlmd_load.py", port, str(CLIENTS), folder=folder))
        first = _told(load, "")
        yield _Mlmd(Running(server.pid, f"127.0.0.1:{port}", ""), load, first["calls"])


@contextmanager
def _program(name: str, *arguments: str, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [str(PYTHON), str(CHECKOUT / "benchmarks" / name), *arguments]
    with (
        (folder / f"{name}.log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _told(process: "subprocess.Popen[str]", line: str) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit("the clients of ML Metadata ended")
    told: dict[str, Any] = json.loads(answer)
    return told


def _statements_per_task(store: str, mlmd: _Mlmd) -> float:
    """Return how many statements the database gets per task, as it counts them."""
    parts = urlsplit(store)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port or 0, user=parts.username, password=unquote(parts.password or "")
    )
    with closing(connection), connection.cursor() as cursor:

        def count() -> int:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
            return int(cursor.fetchall()[0][1])

        before = count()
        tasks = len(mlmd.record(1.0).times)
        return round((count() - before) / tasks, 1)


def _print(row: Row) -> None:
    for name in ("mlmd", "lineal"):
        one = row[name]
        calls = f", {one['calls']} calls" if "calls" in one else ""
        statements = f", {one['statements']} statements" if "statements" in one else ""
        print(
            f"{name:<12}{CLIENTS} clients: {one['calls_per_second']:.1f} tasks/s, p50 {one['p50_ms']:.0f} ms, p99 {one['p99_ms']:.0f} ms, "
            f"CPU per task {one['server_us']:,} + {one['database_us']:,} µs{calls}{statements}"
        )
    print(f"rate × {row['rate_ratio']}, CPU / {row['cpu_ratio']}", flush=True)
    sys.stdout.flush()
