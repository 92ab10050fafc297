"""The cost of importing an MLMD store: time, rows per second and peak memory of `lineal-server import-mlmd`, on one database.

`python -m benchmarks.mlmd_import [--executions 100000 …] [--verify] [sqlite] [postgresql] [mysql]`. Importer and database
server are limited to two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.mlmd_store import make_store
from tests.databases import KINDS, create_database, private_server

PROGRAM = Path(sys.executable).parent / "lineal-server"
CORES = 2


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=KINDS, default="postgresql", help="default: postgresql")
    parser.add_argument(
        "--executions", type=int, nargs="+", default=[100_000], help="sizes of the stores; default: 100000"
    )
    parser.add_argument("--verify", action="store_true", help="also measure a second import and --verify")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    for kind in [chosen.kinds] if isinstance(chosen.kinds, str) else chosen.kinds:
        for executions in chosen.executions:
            measure(kind, executions, further=chosen.verify)


def measure(kind: str, executions: int, *, further: bool = False) -> None:
    """Import a store with about this number of executions into a new database of a kind, and print a line per command."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = folder / "mlmd.sqlite"
        make_store(source, executions)
        if kind == "sqlite":
            url = f"sqlite:///{folder}/bench.sqlite"
        else:
            url = create_database(kind, server=stack.enter_context(private_server(kind)).url)
        command = [str(PROGRAM), "import-mlmd", f"sqlite:///{source}", "--store", url]
        _run(kind, executions, "import", [*command, "--upgrade"])
        if further:
            _run(kind, executions, "again", command)
            _run(kind, executions, "verify", [*command, "--verify"])


def _run(kind: str, executions: int, name: str, command: list[str]) -> None:
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    rows = executions * (1 + 3.05 + 5.9)
    print(
        f"{kind:<12}{executions:>10} executions  {name:<8}{seconds:>8.1f} s{rows / seconds:>10.0f} rows/s"
        f"{seconds / rows * 1e6:>8.1f} µs/row{usage.ru_maxrss / 1024:>8.0f} MB  exit {process.returncode}",
        flush=True,
    )


if __name__ == "__main__":
    main()
