"""The servers that are compared: one with the code of this checkout, one with that of another commit.

Both run with the same interpreter and libraries, on separate stores of one database server. What the other commit needs and this
one does not is installed beside its code.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[1]
_ANNOUNCED = re.compile(r"gRPC on (\S+), REST on http://(\S+),")
_CPU_CLOCK_OF_PROCESS = 2
_NEVER_SECONDS = "1000000"


@dataclass(frozen=True, slots=True)
class Side:
    """A commit's code in a folder; `first` are folders in which Python looks for packages before that."""

    name: str
    folder: Path
    first: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Added to the environment."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Python imports this folder's code before any other."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINEAL_")}
        path = (*self.first, self.folder, self.folder / "clients" / "python")
        return environment | {"PYTHONPATH": os.pathsep.join(map(str, path))} | dict(self.variables)

    def check(self) -> None:
        """Fail if Python would not import this folder's code."""
        script = "import server, storage, lineal; print(server.__file__, storage.__file__, lineal.__file__)"
        paths = subprocess.run(
            [sys.executable, "-c", script],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        if not all(path.startswith(str(self.folder)) for path in paths.split()):
            raise SystemExit(f"{self.name}: Python imports other code: {paths}")


@dataclass(frozen=True, slots=True)
class Running:
    """A running server: its process, and the addresses of its doors."""

    process_id: int
    grpc: str
    rest: str

    def cpu_seconds(self) -> float:
        """Return the user and system time of its process and of its workers."""
        return family_cpu_seconds(self.process_id)


@contextmanager
def checked_out(commit: str) -> Iterator[Side]:
    """Check a commit out into a folder that is removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="lineal-base-") as folder:
        name = _git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}").strip()
        archive = subprocess.run(["git", "archive", name], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        _install_missing(Path(folder))
        yield Side(name, Path(folder))


def _install_missing(folder: Path) -> None:
    """Install the packages that a commit's code needs into its folder, but for those that are installed here."""
    texts = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]
    requirements = [Requirement(text) for text in texts]
    missing = [
        each.name for each in requirements if (not each.marker or each.marker.evaluate()) and not _is_installed(each)
    ]
    if missing:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            str(folder),
        ]
        subprocess.run([*command, "--constraint", str(folder / "constraints.txt"), *missing], check=True)


def _is_installed(requirement: Requirement) -> bool:
    try:
        distribution(requirement.name)
    except PackageNotFoundError:
        return False
    return True


def this_side() -> Side:
    """Return the code of this checkout, including uncommitted changes."""
    return Side("this", CHECKOUT)


@contextmanager
def this_side_without(package: str) -> Iterator[Side]:
    """The code of this checkout as it runs where a package is not installed."""
    with tempfile.TemporaryDirectory(prefix="lineal-without-") as folder:
        Path(folder, f"{package}.py").write_text("raise ImportError\n")
        yield Side(f"without {package}", CHECKOUT, (Path(folder),))


@contextmanager
def serving(side: Side, store: str, log: Path, *, workers: int = 1) -> Iterator[Running]:
    """Serve a store with a side's code in a separate process, with the schema upgraded to the side's newest."""
    command = [sys.executable, "-m", "server", "serve", "--store", store, "--upgrade", "--log-level", "warning"]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--sweep-seconds", _NEVER_SECONDS]
    command += ["--cancel-grace-seconds", _NEVER_SECONDS]
    command += ["--workers", str(workers)] if workers > 1 else []
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
            yield Running(process.pid, match[1], match[2])
        finally:
            process.terminate()


def family_cpu_seconds(process_id: int) -> float:
    """Return the user and system time of a process and all its descendants."""
    total = 0.0
    for one in family(process_id):
        try:
            total += cpu_seconds(one)
        except OSError:
            continue  # it has ended
    return total


def cpu_seconds(process_id: int) -> float:
    """Return the user and system time of a process with all its threads, to the nanosecond."""
    # The clock's id contains the process id, as in clock_getcpuclockid(3).
    return time.clock_gettime((~process_id << 3) | _CPU_CLOCK_OF_PROCESS)


def family(process_id: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has ended
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    process_ids = [process_id]
    for one in process_ids:
        process_ids += children.get(one, [])
    return process_ids


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
