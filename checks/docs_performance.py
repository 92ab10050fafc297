"""The tables of docs/performance.md, made from the kept results of the benchmarks. docs_blocks.py calls this.

Nothing is computed here but the comparison with the figures to reach, so that the page cannot say other than benchmarks/results.
"""

import json
import pathlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from docs_tables import table

RESULTS = pathlib.Path(__file__).parents[1] / "benchmarks" / "results"
COLUMNS = {
    "postgresql": "PostgreSQL",
    "postgresql-2-workers": "PostgreSQL, 2 workers",
    "mysql": "MariaDB",
    "sqlite": "SQLite",
}
"""The heads of columns, by the name of a file of results."""

KINDS = ("postgresql", "mysql", "sqlite")
CLIENTS, SINGLE, CROWD = "32", "1", "256"
NOTHING = "–"

Results = dict[str, Any]


def _results(name: str) -> Results:
    file = RESULTS / f"{name}.json"
    kept: Results = json.loads(file.read_text()) if file.exists() else {}
    return kept


def conditions() -> str:
    """Return on what each file's figures were measured, and from which commits they are."""
    rows = []
    for file in sorted(RESULTS.glob("*.json")):
        kept = json.loads(file.read_text())
        machine = kept.pop("machine")
        measured = list(_measured(kept))
        commits = sorted({one["commit"] for one in measured})
        bases = sorted({one["base"] for one in measured if "base" in one})
        days = sorted({one["day"] for one in measured})
        rows.append(
            (
                f"`{file.name}`",
                ", ".join(f"`{one}`" for one in commits),
                ", ".join(f"`{one}`" for one in bases) or NOTHING,
                " to ".join(dict.fromkeys((days[0], days[-1]))),
                machine["cores"],
                f"{machine['database']}, Python {machine['python']}",
            )
        )
    return table(("file", "commit", "compared with", "day", "cores", "versions"), rows)


def _measured(kept: Results) -> Iterator[dict[str, str]]:
    for part in kept.values():
        for row in part.values():
            yield row["measured"]


def calls() -> str:
    """Return what each operation costs with 32 clients."""
    return _calls_with(CLIENTS)


def single_calls() -> str:
    """Return what each operation costs with one client."""
    return _calls_with(SINGLE)


def _calls_with(clients: str) -> str:
    kept = {name: _results(name).get("calls", {}) for name in COLUMNS}
    operations = dict.fromkeys(operation for rows in kept.values() for operation in rows)

    def cell(rows: Results, operation: str) -> str:
        row = rows.get(operation, {}).get(clients)
        if row is None:
            return NOTHING
        one = row["this"]
        times = f"{_short(one['p50_ms'])} / {_short(one['p99_ms'])} ms"
        return f"{one['calls_per_second']:,.0f}/s · {times} · {one['server_us']:,} + {one['database_us']:,} µs"

    def statements_and_bytes(operation: str) -> str:
        one = next(rows[operation][clients]["this"] for rows in kept.values() if clients in rows.get(operation, {}))
        return f"{one.get('statements', NOTHING)} · {one['request_bytes']:,} · {one['answer_bytes']:,}"

    measured = [name for name in operations if any(clients in rows.get(name, {}) for rows in kept.values())]
    rows = ((name, statements_and_bytes(name), *(cell(rows, name) for rows in kept.values())) for name in measured)
    return table(("operation", "statements · bytes sent · got", *COLUMNS.values()), rows)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure to reach: its name, how it is read from a kind's results, and the bound on servers and on SQLite."""

    name: str
    reached: Callable[[str], float | None]
    servers: float | None
    sqlite: float | None
    is_minimum: bool = False

    def cells(self) -> Iterator[str]:
        """Return for each kind the bound and what was reached."""
        sign = "≥" if self.is_minimum else "≤"
        for kind in KINDS:
            bound = self.sqlite if kind == "sqlite" else self.servers
            value = self.reached(kind)
            yield NOTHING if bound is None else f"{sign} {bound:g}"
            yield NOTHING if value is None else f"{value:.2f}{' ✓' if self._holds(value, bound) else ''}"

    def _holds(self, value: float, bound: float | None) -> bool:
        return bound is not None and (value >= bound if self.is_minimum else value <= bound)


def _ratio(part: str, operation: str) -> Callable[[str], float | None]:
    def reached(kind: str) -> float | None:
        row = _results(kind).get(part, {}).get(operation, {})
        row = row.get(CLIENTS, {}) if part == "calls" else row
        value: float | None = row.get("ratio", [None])[0]
        return value

    return reached


def _total(kind: str, operation: str, clients: str = CLIENTS) -> float | None:
    row = _results(kind).get("calls", {}).get(operation, {}).get(clients)
    return None if row is None else float(row["this"]["server_us"] + row["this"]["database_us"])


def _large_run(kind: str) -> float | None:
    large, small = _total(kind, "CreateTask, run of 5,000"), _total(kind, "CreateTask")
    return large / small if large and small else None


def _far_page(operation: str) -> Callable[[str], float | None]:
    return lambda kind: _results(kind).get("pages", {}).get(operation, {}).get("ratio")


def _limit(operation: str) -> Callable[[str], float | None]:
    def reached(kind: str) -> float | None:
        bare, total = _results(kind).get("limit", {}).get(operation), _total(kind, operation)
        return total / (bare["driver_us"] + bare["database_us"]) if bare and total else None

    return reached


def _crowd(operation: str) -> Callable[[str], float | None]:
    def reached(kind: str) -> float | None:
        row = _results(kind).get("calls", {}).get(operation, {}).get(CROWD)
        return row["this"]["p99_ms"] / row["this"]["p50_ms"] if row else None

    return reached


def _slowest_single(kind: str) -> float | None:
    rows = (row.get(SINGLE, {}) for key, row in _results(kind).get("calls", {}).items())
    return max((row["p50_ratio"] for row in rows if "p50_ratio" in row), default=None)


def _rate(kind: str) -> float | None:
    value: float | None = _results("mlmd").get("rates", {}).get(kind, {}).get("rate_ratio")
    return value


def _starting(figure: str, workers: str = "1 worker") -> Callable[[str], float | None]:
    return lambda kind: _results("start").get(kind, {}).get(workers, {}).get("this", {}).get(figure)


_ALONE = {
    "GetTask": (0.38, 0.25),
    "FindCachedTask, miss": (0.40, 0.25),
    "FindCachedTask, hit": (0.40, 0.25),
    "GetRun": (0.48, 0.33),
    "UpdateTask": (0.48, 0.35),
    "CreateTask": (0.48, 0.40),
    "CreateArtifact": (0.48, 0.40),
    "ListArtifacts 50": (0.50, 0.35),
    "ListRuns DEFAULT": (0.60, 0.50),
    "UpdateTasksBulk 50": (0.60, 0.60),
    "CreateArtifactsBulk 50": (0.70, 0.65),
    "CreateArtifactTasksBulk 50": (0.75, 0.65),
    "one KFP task": (0.45, 0.30),
}
_FIRST_SIGHT = {name: (0.60, 0.55) for name in ("ListTasks 100", "GetRun FULL", "ListRuns FULL")}
_REST = "REST ListTasks 100"
_LIMITED = ("GetTask", "FindCachedTask, miss", "GetRun", "CreateTask", "UpdateTask", "CreateArtifact")
_CROWDED = ("GetTask", "FindCachedTask, miss", "UpdateTask", "CreateTask", "CreateArtifact")


def _figures() -> Iterable[Figure]:
    for name, bounds in _ALONE.items():
        yield Figure(f"{name}: ratio", _ratio("calls", name), *bounds)
    for name, bounds in _FIRST_SIGHT.items():
        yield Figure(f"{name}, first sight: ratio", _ratio("first_sight", name), *bounds)
        yield Figure(f"{name}, seen before: ratio", _ratio("calls", name), 0.33, 0.33)
    yield Figure(f"{_REST}, first sight: ratio", _ratio("first_sight", _REST), 0.55, None)
    yield Figure(f"{_REST}, seen before: ratio", _ratio("calls", _REST), 0.33, None)
    yield Figure("CreateTask: CPU into a run of 5,000 tasks by that into small runs", _large_run, 1.05, 1.05)
    for name in ("ListRuns", "ListArtifacts"):
        yield Figure(f"{name}: CPU of page 1,000 by that of page 1", _far_page(name), 1.2, 1.2)
    for name in _LIMITED:
        yield Figure(f"{name}: CPU by that of its statements through the bare driver", _limit(name), 3, 3)
    for name in _CROWDED:
        yield Figure(f"{name}: p99 by p50 with 256 clients", _crowd(name), 10, 10)
    yield Figure("any call: p50 with one client, ratio of the worst one", _slowest_single, 1, 1)
    yield Figure("ready: CPU, s", _starting("ready_s"), 0.45, 0.45)
    yield Figure("idle: CPU, ms per s", _starting("idle_ms_per_s"), 1, 1)
    yield Figure("memory (PSS) of one worker, MB", _starting("pss_mb"), 85, 85)
    yield Figure("memory (PSS) of two workers, MB", _starting("pss_mb", "2 workers"), 120, None)
    yield Figure("one KFP task: rate by that of ML Metadata, 16 clients", _rate, 10, None, is_minimum=True)


def figures() -> str:
    """Return the figures to reach beside those that were reached."""
    heads = (head for kind in KINDS for head in (f"{COLUMNS[kind]}, to reach", "reached"))
    return table(("figure", *heads), ((figure.name, *figure.cells()) for figure in _figures()))


def rates() -> str:
    """Return how many tasks a second are recorded, beside ML Metadata."""
    rows = []
    for kind, row in _results("mlmd").get("rates", {}).items():
        for name, label in (("lineal", "Lineal"), ("mlmd", "ML Metadata 1.17.1")):
            one = row[name]
            times = f"{_short(one['p50_ms'])} / {_short(one['p99_ms'])}"
            rows.append(
                (COLUMNS[kind], label, one["calls_per_second"], times, f"{one['server_us']:,} + {one['database_us']:,}")
            )
    heads = ("database", "server", "tasks a second", "p50 / p99 of a task, ms", "CPU per task, µs: server + database")
    return table(heads, rows)


def starts() -> str:
    """Return what starting and resting cost."""
    rows = []
    for kind, by_workers in _results("start").items():
        if kind == "machine":
            continue
        for workers, row in by_workers.items():
            cells = [
                f"{row['base'][key]:{form}} → {row['this'][key]:{form}}"
                if "base" in row
                else f"{row['this'][key]:{form}}"
                for key, form in (("ready_s", ".2f"), ("idle_ms_per_s", ".2f"), ("pss_mb", ".0f"))
            ]
            rows.append((COLUMNS[kind], workers, *cells))
    return table(("database", "server", "CPU until ready, s", "CPU while idle, ms per s", "memory (PSS), MB"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "performance-conditions": conditions,
    "performance-calls": calls,
    "performance-single-calls": single_calls,
    "performance-figures": figures,
    "performance-rates": rates,
    "performance-starts": starts,
}
