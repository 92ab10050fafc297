"""What starting and resting cost: CPU until a server is ready, CPU while nobody calls it, and its memory.

Each side serves its own store, whose schema is current, with the sweep that servers have by default. Figures are of all processes.
"""

import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench import Options, Stores
from benchmarks.costs import Row
from benchmarks.sides import Side, family, family_cpu_seconds

STARTS_PER_ROUND = 3
SETTLE_SECONDS = 8.0
"""How long a server rests before it counts as idle: its first sweep, five seconds after the start, builds the statements of all."""
IDLE_SECONDS = 20.0

_REST = re.compile(r"REST on (http://\S+), store")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_MEGABYTE = 1_000_000


def measure_start(stores: Stores, options: Options, *, idle_seconds: float = IDLE_SECONDS) -> dict[str, Row]:
    """Measure servers with one worker, and with two where the database allows that, and return their rows."""
    rows = {}
    for workers in (1,) if stores.kind == "sqlite" else (1, 2):
        name = "1 worker" if workers == 1 else f"{workers} workers"
        ready = _seconds_to_ready(stores, workers, options.rounds * STARTS_PER_ROUND)
        resting = _at_rest(stores, workers, idle_seconds)
        sides = {side.name: {"ready_s": round(ready[side.name], 3), **resting[side.name]} for side in stores.urls}
        rows[name] = _row(sides)
        for side, figures in sides.items():
            print(
                f"{side:<12}{name:<12} ready after {figures['ready_s']:.3f} s of CPU, idle {figures['idle_ms_per_s']:.2f} ms/s, "
                f"PSS {figures['pss_mb']:.0f} MB",
                flush=True,
            )
    return rows


def _row(sides: dict[str, dict[str, Any]]) -> Row:
    *bases, this = sides.values()
    row: Row = {"this": this}
    if bases:
        row |= {"base": bases[0], "ratio": round(this["ready_s"] / bases[0]["ready_s"], 3)}
    return row


def _seconds_to_ready(stores: Stores, workers: int, starts: int) -> dict[str, float]:
    """Return the median of the CPU times of each side, whose starts alternate. In the first, Python compiles: it is not counted."""
    seconds: dict[str, list[float]] = {side.name: [] for side in stores.urls}
    for _ in range(starts + 1):
        for side, url in stores.urls.items():
            with _started(side, url, workers) as process_id:
                taken = family_cpu_seconds(process_id) + _seconds_of_ended_children(process_id)
            seconds[side.name].append(taken)
    return {name: statistics.median(of_side[1:]) for name, of_side in seconds.items()}


def _at_rest(stores: Stores, workers: int, idle_seconds: float) -> dict[str, dict[str, float]]:
    """Return what the servers of all sides take while nobody calls them, at the same time."""
    with ExitStack() as stack:
        servers = {side.name: stack.enter_context(_started(side, url, workers)) for side, url in stores.urls.items()}
        time.sleep(min(SETTLE_SECONDS, idle_seconds))
        before = {name: (family_cpu_seconds(process_id), time.monotonic()) for name, process_id in servers.items()}
        time.sleep(idle_seconds)
        figures = {}
        for name, process_id in servers.items():
            cpu, moment = before[name]
            taken = (family_cpu_seconds(process_id) - cpu) / (time.monotonic() - moment)
            memory = sum(_pss_bytes(each) for each in family(process_id))
            figures[name] = {"idle_ms_per_s": round(taken * 1000, 2), "pss_mb": round(memory / _MEGABYTE, 1)}
        return figures


@contextmanager
def _started(side: Side, store: str, workers: int) -> Iterator[int]:
    """Start a server, and yield the id of its (parent) process once it is ready."""
    command = [sys.executable, "-m", "server", "serve", "--store", store, "--upgrade", "--log-level", "warning"]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--workers", str(workers)]
    # An installed server is compiled.
    environment = {name: value for name, value in side.environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=side.folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = _REST.search(process.stdout.readline())
            if address is None:
                raise SystemExit(f"{side.name} does not serve {store}")
            with urllib.request.urlopen(f"{address[1]}/readyz") as answer:  # raises an error unless it is ready
                answer.read()
            yield process.pid
        finally:
            process.terminate()


def _seconds_of_ended_children(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[13:15])) / _TICKS_PER_SECOND


def _pss_bytes(process_id: int) -> int:
    """Return the memory of a process, of what it shares with others its part."""
    lines: Sequence[str] = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
