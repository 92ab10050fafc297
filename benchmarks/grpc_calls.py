"""The cost of gRPC calls, alone or compared with another commit: CPU time of server and database per call, statements, latency.

Rounds alternate between the sides, A B A B, so that other load on the machine affects both. The ratio of a call is the median
of the rounds' ratios; the smallest and the largest are printed next to it.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks.calls import Rpcs, Stored, calls, prepare
from benchmarks.clients import CONCURRENCY, PROCESSES, Clients
from benchmarks.sides import Side, cpu_seconds, family, serving, statement_counts
from tests.databases import create_database, private_server

_MICROSECONDS = 1e6


@dataclass(slots=True)
class Costs:
    """The cost of one call on one side: CPU µs of server and database per round, and every latency (ms)."""

    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    statements: float = 0.0

    @property
    def total(self) -> list[float]:
        """The sums of server and database."""
        return [one + other for one, other in zip(self.server, self.database, strict=True)]


def measure(kind: str, sides: list[Side], *, rounds: int, seconds: float, only: str = "") -> None:
    """Measure the sides on a fresh database of a kind and print a table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-bench-")))
        new_store, database_cpu = _database(kind, folder, stack)
        running = {side.name: stack.enter_context(serving(side, new_store(), folder / side.name)) for side in sides}
        stored = {name: asyncio.run(_prepare(server.grpc)) for name, server in running.items()}
        clients = stack.enter_context(Clients({name: (server.grpc, stored[name]) for name, server in running.items()}))
        costs: dict[str, dict[str, Costs]] = {}
        for call in (name for name in _call_names() if only in name):
            costs[call] = {name: Costs() for name in running}
            for number in range(rounds + 1):
                for name, server in running.items():
                    before = server.cpu_seconds(), database_cpu()
                    count, times = clients.run(name, call, seconds)
                    spent = server.cpu_seconds() - before[0], database_cpu() - before[1]
                    if number:  # the first round warms up
                        one = costs[call][name]
                        one.server.append(spent[0] / count * _MICROSECONDS)
                        one.database.append(spent[1] / count * _MICROSECONDS)
                        one.times += times
        for side in sides:
            for call, count in statement_counts(side, new_store()).items():
                if call in costs:
                    costs[call][side.name].statements = count
    _print(kind, [side.name for side in sides], costs)


def _database(kind: str, folder: Path, stack: ExitStack) -> tuple[Callable[[], str], Callable[[], float]]:
    """Return functions for the URL of a new store, and for the CPU time of the database, which is 0 for SQLite."""
    if kind == "sqlite":
        numbers = iter(range(100))
        return lambda: f"sqlite:///{folder}/{next(numbers)}.sqlite", lambda: 0.0
    server = stack.enter_context(private_server(kind))
    assert server.process_id is not None
    root = server.process_id

    def spent() -> float:
        total = 0.0
        for one in family(root):
            try:
                total += cpu_seconds(one)
            except OSError:
                continue  # a process of the database has ended
        return total

    return lambda: create_database(kind, server=server.url), spent


async def _prepare(address: str) -> Stored:
    async with grpc.aio.insecure_channel(address) as channel:
        return await prepare(Rpcs(channel))


def _call_names() -> list[str]:
    # Only the names are used, so nothing is called.
    nothing = Stored("", ("",), "", ("",), "")
    return list(calls(Rpcs(_NoChannel()), nothing, client=0))  # type: ignore[arg-type]


class _NoChannel:
    def unary_unary(self, *_: object) -> None:
        return None


def _print(kind: str, names: list[str], costs: dict[str, dict[str, Costs]]) -> None:
    clients = f"{PROCESSES} × {CONCURRENCY} clients"
    print(f"\n{kind}: CPU µs per call of server + database, statements, p50 ms; {clients}")
    head = "".join(f"{name:>28}" for name in names)
    print(f"{'call':<24}{head}" + (f"{'ratio (smallest–largest)':>30}" if len(names) == 2 else ""))
    for call, by_side in costs.items():
        line = f"{call:<24}"
        for name in names:
            one = by_side[name]
            server, database = statistics.median(one.server), statistics.median(one.database)
            line += f"{server:>9.0f} +{database:>6.0f} {one.statements:>5.1f}{statistics.median(one.times):>6.1f}"
        if len(names) == 2:
            pairs = zip(by_side[names[0]].total, by_side[names[1]].total, strict=True)
            ratios = sorted(this / base for base, this in pairs)
            line += f"{statistics.median(ratios):>14.3f}  ({ratios[0]:.3f}–{ratios[-1]:.3f})"
        print(line, flush=True)
