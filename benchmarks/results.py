"""The kept results: a JSON file per database and number of workers, one for MLMD, and one for starts.

docs/performance.md has its tables from them. Each row says with which commit and on which day it was measured, since parts can be
measured anew alone. The machine is described without names.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.sides import CHECKOUT

FOLDER = CHECKOUT / "benchmarks" / "results"
_LIBRARIES = ("grpcio", "protobuf", "sqlalchemy", "asyncpg", "asyncmy", "aiosqlite", "uvloop")
_PROGRAMS = {"sqlite": None, "postgresql": "postgres", "mysql": "mariadbd", "mlmd": "mariadbd"}


def file_of(kind: str, workers: int = 1) -> Path:
    """Return the file for a kind of database, or for `mlmd` or `start`."""
    return FOLDER / (f"{kind}.json" if workers == 1 else f"{kind}-{workers}-workers.json")


def read(kind: str, workers: int = 1) -> dict[str, Any]:
    """Return what is kept; nothing if there is no file."""
    file = file_of(kind, workers)
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return kept


def keep(kind: str, parts: dict[str, dict[str, Any]], *, base: str = "", workers: int = 1) -> Path:
    """Replace the rows of each part by these, keep all others, and return the file."""
    kept = read(kind, workers)
    measured = {"commit": commit(), "day": datetime.now(UTC).date().isoformat()} | ({"base": base} if base else {})
    for part, rows in parts.items():
        for name, row in rows.items():
            place = kept.setdefault(part, {})
            place[name] = place.get(name, {}) | row | {"measured": measured}
    file = file_of(kind, workers)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept | {"machine": machine(kind)}, indent=1) + "\n")
    return file


def commit() -> str:
    """Return the short name of the checkout's commit, with a plus sign if files of it were changed since."""
    name = _output("git", "-C", str(CHECKOUT), "rev-parse", "--short=8", "HEAD")
    code = (":!benchmarks", ":!docs", ":!tests")
    is_changed = bool(_output("git", "-C", str(CHECKOUT), "status", "--porcelain", "-uno", "--", ".", *code))
    return name + "+" * is_changed


def machine(kind: str) -> dict[str, Any]:
    """Return what figures depend on: cores, and versions of what runs."""
    libraries = {name: version for name in _LIBRARIES if (version := _version(name))}
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "database": _database(kind),
        "libraries": libraries,
    }


def _database(kind: str) -> str:
    if kind == "start":
        return ", ".join(_database(each) for each in ("sqlite", "postgresql", "mysql"))
    if kind == "sqlite":
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}"
    program = _PROGRAMS[kind]
    words = _output(str(program), "--version").split()
    numbers: Iterator[str] = (word for word in words if word[:1].isdigit())
    name = "PostgreSQL" if kind == "postgresql" else "MariaDB"
    return f"{name} {next(numbers, '').partition('-')[0]}"


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
