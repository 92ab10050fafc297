"""What a call costs on a side: measured in rounds that alternate between the sides, A B A B, so that other load affects both.

The ratio of a call is the median of the rounds' ratios of CPU time; the smallest and the largest stand next to it.
"""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bench import BASE, THIS
from benchmarks.clients import Load
from benchmarks.sides import Running

Row = dict[str, Any]
"""What was measured of one operation, as it is kept as JSON."""

_MICROSECONDS = 1e6


@dataclass(slots=True)
class Costs:
    """The costs of one operation on one side: CPU µs per call of server and database per round, and every latency (ms)."""

    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    clients: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    request_bytes: float = 0.0
    answer_bytes: float = 0.0

    def measure(self, server: Running, database_cpu: Callable[[], float], load: Callable[[], Load]) -> None:
        """Add a round."""
        before = server.cpu_seconds(), database_cpu()
        done = load()
        spent = server.cpu_seconds() - before[0], database_cpu() - before[1]
        count = len(done.times)
        self.server.append(spent[0] / count * _MICROSECONDS)
        self.database.append(spent[1] / count * _MICROSECONDS)
        self.clients.append(done.cpu_seconds / count * _MICROSECONDS)
        self.rates.append(count / done.seconds)
        self.times += done.times
        self.request_bytes, self.answer_bytes = done.request_bytes / count, done.answer_bytes / count

    @property
    def total(self) -> list[float]:
        """The sums of server and database."""
        return [one + other for one, other in zip(self.server, self.database, strict=True)]

    def row(self) -> Row:
        """Return the medians, and the percentiles of all latencies."""
        median = statistics.median
        return {
            "calls_per_second": round(median(self.rates), 1),
            "p50_ms": round(percentile(self.times, 0.5), 2),
            "p99_ms": round(percentile(self.times, 0.99), 2),
            "server_us": round(median(self.server)),
            "database_us": round(median(self.database)),
            "clients_us": round(median(self.clients)),
            "request_bytes": round(self.request_bytes),
            "answer_bytes": round(self.answer_bytes),
        }


def percentile(times: Iterable[float], share: float) -> float:
    """Return the latency that this share of the calls does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def compared(costs: dict[str, Costs]) -> Row:
    """Return a row with both sides and the ratio of this one to the base."""
    row: Row = {("base" if name != THIS else name): one.row() for name, one in costs.items()}
    if BASE in row and THIS in row:
        other = next(one for name, one in costs.items() if name != THIS)
        ratios = sorted(this / base for base, this in zip(other.total, costs[THIS].total, strict=True))
        row["ratio"] = [round(one, 3) for one in (statistics.median(ratios), ratios[0], ratios[-1])]
        row["p50_ratio"] = round(row[THIS]["p50_ms"] / row[BASE]["p50_ms"], 3)
    return row


HEAD = (
    f"{'side':<12}{'operation':<30}{'c':>4}{'calls/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'server':>9}{'database':>9}"
    f"{'clients':>9}{'stmts':>7}{'sent':>8}{'got':>9}  ratio (smallest–largest)"
)


def print_row(operation: str, clients: int, row: Row) -> None:
    """Print a line per side; CPU in µs per call, sizes in bytes."""
    for side in (BASE, THIS):
        if side not in row:
            continue
        one = row[side]
        statements = one.get("statements", "")
        line = (
            f"{side:<12}{operation:<30}{clients:>4}{one['calls_per_second']:>9,.0f}{one['p50_ms']:>9.1f}{one['p99_ms']:>9.1f}"
            f"{one['server_us']:>9,}{one['database_us']:>9,}{one['clients_us']:>9,}{statements:>7}"
            f"{one['request_bytes']:>8,}{one['answer_bytes']:>9,}"
        )
        if side == THIS and "ratio" in row:
            middle, least, most = row["ratio"]
            line += f"  {middle:.3f} ({least:.3f}–{most:.3f})"
        print(line, flush=True)
