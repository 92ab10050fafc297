"""Imports in this process or in one of their own, and what stores hold. For the tests of this folder."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from migrations.mlmd.importer import run_import
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.report import Report
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.write.row_kinds import SHAPES, Kind
from storage.sql.tables import metadata
from tests.databases.queries import execute
from tests.faults.cluster import clean_environment
from tests.mlmd.reading import RUNS_FILE, STORES

PROGRAM = Path(sys.executable).parent / "lineal-server"
END_SECONDS = 120.0

Contents = dict[str, list[tuple[Any, ...]]]


class Watching:
    """Records the progress of an import."""

    def __init__(self) -> None:
        self.plans: list[Survey] = []
        self.told: list[tuple[str, int, int]] = []
        self.foretold: list[str] = []
        self.warnings: list[str] = []

    def plan(self, survey: Survey, source: str, store: str) -> None:
        self.plans.append(survey)

    def progress(self, phase: str, done: int, total: int) -> None:
        self.told.append((phase, done, total))

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def foretell(self, sentence: str) -> None:
        self.foretold.append(sentence)

    def all_done(self, phase: str) -> list[int]:
        """The reported progress of a phase, in order."""
        return [done for told, done, _ in self.told if told == phase]


class Acting(Watching):
    """Calls a function whenever an import reports progress."""

    def __init__(self, act: Callable[[str], None]) -> None:
        super().__init__()
        self._act = act

    def progress(self, phase: str, done: int, total: int) -> None:
        super().progress(phase, done, total)
        self._act(phase)


def asked(name: str, store: str, **options: Any) -> ImportRequest:
    """The request to import one of the stores of the data folder."""
    return ImportRequest(f"sqlite:///{STORES / name}.sqlite", store, **options)


def asked_for_file(source: Path, store: str, **options: Any) -> ImportRequest:
    """The request to import a store's file."""
    return ImportRequest(f"sqlite:///{source}", store, **options)


async def imported(request: ImportRequest) -> Report:
    """What an import reports."""
    return await run_import(request, Watching())


def main_request(store: str, **options: Any) -> ImportRequest:
    """The request to import kfp_main with what KFP knew of its runs."""
    return asked("kfp_main", store, kfp=str(RUNS_FILE), **options)


def contents(url: str) -> Contents:
    """Every row that imports write, by table; the bookkeeping of imports included, its times left out."""
    found = {}
    for kind in Kind:
        shape = SHAPES[kind]
        quoted = ", ".join(_quoted(url, name) for name in shape.names)
        found[shape.table.name] = sorted(execute(url, f"SELECT {quoted} FROM {shape.table.name}"), key=repr)
    noted = execute(url, "SELECT import_id, kind, row_id, digest FROM imported_rows")
    jobs = execute(url, "SELECT id, store_id, identity, options, state FROM import_jobs")
    return {**found, "imported_rows": sorted(noted), "import_jobs": jobs}


def everything(url: str) -> Contents:
    """Every row of every table, whole."""
    return {name: sorted(execute(url, f"SELECT * FROM {name}"), key=repr) for name in metadata.tables}


def _quoted(url: str, name: str) -> str:
    return f"`{name}`" if url.startswith("mysql") else f'"{name}"'


def copied(name: str, folder: Path) -> Path:
    """A copy of a store of the data folder, to be changed."""
    return Path(shutil.copy(STORES / f"{name}.sqlite", folder / f"{name}.sqlite"))


def change(store: Path, *statements: str) -> None:
    """Run statements on a store's file."""
    with closing(sqlite3.connect(store)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def command(source: str, store: str, *arguments: str) -> list[str]:
    """The words of an import in a process of its own."""
    return [str(PROGRAM), "import-mlmd", source, "--store", store, *arguments]


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(
        words, capture_output=True, text=True, timeout=END_SECONDS, env=clean_environment(None), check=False
    )
