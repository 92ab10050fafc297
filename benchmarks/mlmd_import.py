"""The cost of importing an MLMD store: `python -m benchmarks.mlmd_import [--base COMMIT] [sqlite] [postgresql] [mysql] [--executions N …]`.

Steps, each a process of `import-mlmd`: the first import; true-ups with nothing changed; --verify and --dry-run; then, with every
tenth execution and artifact changed in the source, a dry run and a true-up. The table has the CPU time of the importer (user and
system; on SQLite the database's work is part of it), the duration and the peak of resident memory. With --base, the code of that
commit imports the same source in turn, into a store of its own, and the ratio is that of CPU times. Importer and database server
are limited to two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sides import Side, checked_out, this_side
from tests.databases import KINDS, create_database, private_server

CORES = 2
MB = 1024


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and which tenth of the source is changed before it."""

    name: str
    flags: tuple[str, ...] = ()
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    cpu_seconds: float
    seconds: float
    peak_mb: float
    status: int


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mlmd_import",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: sqlite")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument(
        "--executions", type=int, nargs="+", default=[100_000], help="sizes of the stores; default: 100000"
    )
    parser.add_argument(
        "--rounds", type=int, default=1, help="number of measurements of all but the first import; default: 1"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    heads = f"{'CPU s':>9}{'wall s':>9}{'peak MB':>9}"
    print(
        f"{'database':<12}{'executions':>10}  {'step':<20}{heads}{heads if chosen.base else ''}{'ratio' if chosen.base else '':>9}"
    )
    with ExitStack() as stack:
        sides = [stack.enter_context(checked_out(chosen.base))] if chosen.base else []
        sides.append(this_side())
        for side in sides:
            side.check()
        for kind in chosen.kinds or ["sqlite"]:
            for executions in chosen.executions:
                measure(kind, executions, sides, rounds=chosen.rounds)


def measure(kind: str, executions: int, sides: Sequence[Side], *, rounds: int) -> None:
    """Import a store with about this number of executions into new databases of a kind, and print a line per step."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-bench-")))
        source = folder / "mlmd.sqlite"
        run_with_store("make_store", source, executions)
        server = "" if kind == "sqlite" else stack.enter_context(private_server(kind)).url
        stores = [
            create_database(kind, server=server) if server else f"sqlite:///{folder}/{side.name}.sqlite"
            for side in sides
        ]
        for step in _steps(rounds):
            if step.change is not None:
                run_with_store("change_store", source, step.change)
            costs = [_run(side, source, store, step.flags) for side, store in zip(sides, stores, strict=True)]
            _print(kind, executions, step, costs)


def _steps(rounds: int) -> Iterator[Step]:
    yield Step("import", ("--upgrade",))
    for number in range(rounds):
        yield Step("again")
        yield Step("verify", ("--verify",))
        yield Step("dry run", ("--dry-run",))
        yield Step("dry run of changes", ("--dry-run",), change=number)
        yield Step("changes")


def run_with_store(function: str, *arguments: object) -> None:
    """Call a function of mlmd_store in a process of its own: the peak of a process begins with that of the one that starts it."""
    script = f"import sys; from pathlib import Path; from benchmarks.mlmd_store import {function} as fn; "
    script += "fn(Path(sys.argv[1]), int(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True)


def _run(side: Side, source: Path, store: str, flags: Sequence[str]) -> Cost:
    command = [sys.executable, "-m", "server", "import-mlmd", f"sqlite:///{source}", "--store", store, *flags]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=side.folder, env=side.environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    return Cost(usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / MB, process.returncode)


def _print(kind: str, executions: int, step: Step, costs: Sequence[Cost]) -> None:
    figures = "".join(f"{one.cpu_seconds:>9.2f}{one.seconds:>9.1f}{one.peak_mb:>9.0f}" for one in costs)
    ratio = f"{costs[-1].cpu_seconds / costs[0].cpu_seconds:>9.2f}" if len(costs) > 1 else ""
    failures = "".join(f"  exit {one.status}" for one in costs if one.status)
    print(f"{kind:<12}{executions:>10}  {step.name:<20}{figures}{ratio}{failures}", flush=True)


if __name__ == "__main__":
    main()
