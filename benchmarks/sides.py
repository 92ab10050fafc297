"""The servers that are measured beside each other: one from this checkout, one from another commit's.

Both run with the same interpreter and libraries, on stores of their own on one database server.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
_ANNOUNCED = re.compile(r"gRPC on (\S+),")
_CPU_CLOCK_OF_PROCESS = 2
_NEVER_SECONDS = "1000000"


@dataclass(frozen=True, slots=True)
class Side:
    """A commit's code in a folder."""

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Python finds this folder's code before any other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LINEAL_")}
        return kept | {"PYTHONPATH": os.pathsep.join([str(self.folder), str(self.folder / "clients" / "python")])}

    def check(self) -> None:
        """Fail when Python would run other code than this folder's."""
        script = "import server, storage, lineal; print(server.__file__, storage.__file__, lineal.__file__)"
        shown = subprocess.run(
            [sys.executable, "-c", script],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        if not all(path.startswith(str(self.folder)) for path in shown.split()):
            raise SystemExit(f"{self.name}: Python imports other code: {shown}")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves: its process, and where it takes gRPC calls."""

    process_id: int
    grpc: str

    def cpu_seconds(self) -> float:
        """User and system time of its process."""
        return cpu_seconds(self.process_id)


@contextmanager
def checked_out(commit: str) -> Iterator[Side]:
    """Check a commit out into a folder that goes at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="lineal-base-") as folder:
        name = _git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}").strip()
        archive = subprocess.run(["git", "archive", name], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Side(name, Path(folder))


def this_side() -> Side:
    """Return the code of this checkout, changes that are not committed included."""
    return Side("this", CHECKOUT)


@contextmanager
def serving(side: Side, store: str, log: Path) -> Iterator[Running]:
    """Serve a store with a side's code, in a process of its own; the store's schema is brought up to the side's."""
    command = [sys.executable, "-m", "server", "serve", "--store", store, "--upgrade", "--log-level", "warning"]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--sweep-seconds", _NEVER_SECONDS]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=side.folder, env=side.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            match = _ANNOUNCED.search(process.stdout.readline())
            if match is None:
                raise SystemExit(f"{side.name} does not serve {store}: {log.read_text()[-2000:]}")
            yield Running(process.pid, match[1])
        finally:
            process.terminate()


def statement_counts(side: Side, store: str) -> dict[str, float]:
    """Return how many statements each call takes with a side's code, BEGIN and COMMIT not counted."""
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "benchmarks" / "statements.py"), store],
        cwd=side.folder,
        env=side.environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{side.name}: statements cannot be counted: {done.stderr[-2000:]}")
    counts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return counts


def cpu_seconds(process_id: int) -> float:
    """User and system time that a process has used, all its threads together, to the nanosecond."""
    # The clock's number holds the process, as clock_getcpuclockid(3) makes it.
    return time.clock_gettime((~process_id << 3) | _CPU_CLOCK_OF_PROCESS)


def family(process_id: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [process_id]
    for one in found:
        found += children.get(one, [])
    return found


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
