"""What starting costs: CPU seconds until a server is ready, of this checkout and, if it is given, of a base commit.

    python -m benchmarks.start [--base COMMIT] [--rounds N] [--workers N]

Both serve a SQLite store of their own with a current schema, in turn. The least of the rounds is the figure: what other
programs do on the machine can only add to it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.sides import Side, checked_out, cpu_seconds, family, this_side

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def seconds_to_ready(side: Side, store: str, workers: int = 1) -> float:
    """Return the CPU time that a server's processes have taken when it says that it serves."""
    command = [sys.executable, "-m", "server", "serve", "--store", store, "--log-level", "warning"]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--workers", str(workers)]
    # An installed server is compiled.
    environment = {name: value for name, value in side.environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=side.folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if "gRPC on" not in process.stdout.readline():
                raise SystemExit(f"{side.name} does not serve {store}")
            return sum(cpu_seconds(one) for one in family(process.pid)) + _seconds_of_ended_children(process.pid)
        finally:
            process.terminate()


def _seconds_of_ended_children(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[13:15])) / TICKS_PER_SECOND


def measured(sides: Sequence[Side], folder: Path, *, rounds: int, workers: int) -> list[float]:
    """Return the least CPU seconds of each side. A first round, in which Python compiles and the schema is made, is not counted."""
    seconds: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds + 1):
        for number, side in enumerate(sides):
            store = f"sqlite:///{folder}/{number}.db"
            seconds[number].append(seconds_to_ready(side, store, workers))
            time.sleep(0.1)  # so that the end of one does not slow the next
    return [min(of_side[1:]) for of_side in seconds]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", help="a commit to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-start-")))
        sides = [this_side()]
        if options.base:
            sides.insert(0, stack.enter_context(checked_out(options.base)))
        for side in sides:
            side.check()
        figures = measured(sides, folder, rounds=options.rounds, workers=options.workers)
        for side, seconds in zip(sides, figures, strict=True):
            print(f"{side.name:10} ready after {seconds:.3f} s of CPU, {seconds / figures[0]:.2f} of the first")


if __name__ == "__main__":
    main()
