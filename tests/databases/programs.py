"""Finding the servers' programs, and installing Debian's packages where that is allowed. Called by the harness only."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Debian keeps initdb and postgres out of PATH, and /usr/sbin is not in an ordinary user's PATH.
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")

PACKAGES = {"postgresql": ("postgresql",), "mysql": ("mariadb-server-core", "mariadb-client-core")}
PROGRAMS = {"postgresql": ("postgres", "initdb"), "mysql": ("mariadbd", "mariadb-install-db")}
VARIABLES = {"postgresql": "LINEAL_TEST_POSTGRESQL", "mysql": "LINEAL_TEST_MYSQL"}
"""The environment variable that names an existing server, per kind."""


class DatabaseMissing(RuntimeError):
    """A database's programs are not here and could not be installed."""


def find_program(name: str, *, folders: Sequence[str] = SYSTEM_FOLDERS) -> Path | None:
    """The program's path: from PATH, else from the folders (the highest version first), else None."""
    found = shutil.which(name)
    if found:
        return Path(found).resolve()
    candidates = [path for folder in folders for path in Path("/").glob(f"{folder.lstrip('/')}/{name}")]
    return max(candidates, key=_version_in, default=None)


def require_programs(kind: str, *, folders: Sequence[str] = SYSTEM_FOLDERS, may_install: bool = True) -> list[Path]:
    """The paths of PROGRAMS[kind], in that order, after installing the packages if one is missing and we may.

    Raises DatabaseMissing, which says what to install or which variable to set.
    """
    paths = [find_program(name, folders=folders) for name in PROGRAMS[kind]]
    if None in paths and may_install and _can_install():
        install_packages(PACKAGES[kind])
        paths = [find_program(name, folders=folders) for name in PROGRAMS[kind]]
    found = [path for path in paths if path is not None]
    if len(found) < len(paths):
        missing = ", ".join(name for name, path in zip(PROGRAMS[kind], paths, strict=True) if path is None)
        raise DatabaseMissing(
            f"{missing} not found: install {' '.join(PACKAGES[kind])}, or name a server in {VARIABLES[kind]}, "
            f"or leave {kind} out with DB=sqlite"
        )
    return found


def install_packages(packages: Sequence[str]) -> None:
    """Install Debian packages without asking anything. Raises DatabaseMissing with apt-get's last words."""
    print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)  # noqa: T201  minutes may pass
    quiet = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for command in ([*quiet, "update"], [*quiet, "install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        # A failed update may only mean one dead mirror; the installation decides.
        if done.returncode and "install" in command:
            raise DatabaseMissing(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _version_in(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path.parent))]
