"""What docs/operations.md says about wrong settings and refused starts is what the commands say, and how they end."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.program import lineal
from tests.docs.pages import DOCS
from tests.docs.refusals import CASES, PASSWORD, Place
from tests.faults.cluster import run_program
from tests.mlmd.reading import store_url

TITLE = "| what is wrong | what is said | status |\n|---|---|---|\n"
ANY = "…"
FREE_DOORS = {"LINEAL_GRPC": "127.0.0.1:0", "LINEAL_REST": "127.0.0.1:0"}


def table() -> dict[str, tuple[str, int]]:
    """The table: what is wrong → what is said, and the exit status."""
    rows = (DOCS / "operations.md").read_text().partition(TITLE)[2].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {wrong: (said, int(status)) for wrong, said, status in cells}


TABLE = table()


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert list(CASES.keys() - TABLE.keys()) == []
    assert list(TABLE.keys() - CASES.keys()) == []
    assert len(TABLE) > 40


def words_of(command: str, words: list[str]) -> list[str]:
    return [command, store_url("kfp_main"), *words] if command == "import-mlmd" else [command, *words]


def run(words: list[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
    """The exit status of a command, what it printed, and its errors. Only `serve` on a store ends its process."""
    if words[0] == "serve" and "LINEAL_GRPC" in environment:
        process = run_program(*words, cwd=folder, environment=environment)
        return process.returncode, process.stdout, process.stderr
    done = lineal(*words, environment=environment)
    return done.exit_code, done.stdout, done.stderr


def check(row: str, url: str, folder: Path) -> None:
    said, status = TABLE[row]
    pattern = ".*".join(re.escape(part) for part in said.split(ANY))
    with contextlib.ExitStack() as stack:
        place = Place(url, folder, stack)
        words = CASES[row].make(place)
        environment = (FREE_DOORS if CASES[row].kinds else {}) | place.environment
        for command in CASES[row].commands:
            ended, printed, errors = run(words_of(command, words), environment, folder)
            context = f"{command}: {errors}"
            assert ended == status, context
            line = errors.splitlines()[-1].removeprefix("lineal-server: ")
            assert re.fullmatch(pattern, line), context
            assert errors.count("\n") == 1 or line.startswith("Error: "), context  # with the usage
            assert PASSWORD not in errors + printed


@pytest.mark.parametrize("row", [row for row in CASES if not CASES[row].kinds])
def test_a_wrong_setting_is_refused_as_the_table_says(row: str, tmp_path: Path) -> None:
    check(row, "", tmp_path)


def rows_of(kind: str) -> list[str]:
    return [row for row in CASES if kind in CASES[row].kinds]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("row", rows_of("sqlite"))
def test_a_file_is_refused_as_the_table_says(row: str, database_url: str, tmp_path: Path) -> None:
    check(row, database_url, tmp_path)


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("row", rows_of("postgresql"))
def test_a_postgresql_database_is_refused_as_the_table_says(row: str, database_url: str, tmp_path: Path) -> None:
    check(row, database_url, tmp_path)


@pytest.mark.databases("mysql")
@pytest.mark.parametrize("row", rows_of("mysql"))
def test_a_mariadb_database_is_refused_as_the_table_says(row: str, database_url: str, tmp_path: Path) -> None:
    check(row, database_url, tmp_path)
