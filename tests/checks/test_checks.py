"""The checks of the sources find what is planted in a copy of the tree, and nothing is planted in the tree."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CHECKS = CHECKOUT / "checks"
COPIED = ("server", "storage", "migrations", "clients", "checks")
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"

PLANTED_IMPORTS = [
    ("storage", "server", "server over migrations over storage"),
    ("storage", "migrations", "server over migrations over storage"),
    ("migrations", "server", "server over migrations over storage"),
    ("storage", "lineal", "storage knows no wire and no door"),
    ("storage/sql", "google.protobuf", "storage knows no wire and no door"),
    ("storage", "grpc", "storage knows no wire and no door"),
    ("storage", "starlette", "storage knows no wire and no door"),
    ("migrations", "grpc", "migrations know no wire and no door"),
    ("clients/python/lineal", "storage", "the client knows nothing of the server"),
    ("server/doors", "lineal.client", "of the client, the server knows messages and methods"),
    ("server", "lineal.settings", "of the client, the server knows messages and methods"),
    ("clients/python/lineal", "rich", "the client's command line alone needs click, rich and PyYAML"),
    ("clients/python/lineal", "lineal.cli.words", "nothing of the client needs its command line"),
    ("migrations/mlmd/vocabulary", "migrations.mlmd.mapping", "in the import:"),
    ("migrations/mlmd/read", "migrations.mlmd.kfp.tables", "in the import:"),
    ("migrations/mlmd/mapping", "migrations.mlmd.read.store", "in the import:"),
    ("migrations/mlmd/kfp", "migrations.mlmd.write.ledger", "in the import:"),
    ("migrations/mlmd/write", "migrations.mlmd.importer", "in the import:"),
    ("server/apis/kfp/services", "server.doors", "in the server:"),
    ("server/packages", "server.apis.kfp", "in the server:"),
    ("server/doors", "server.apis.kfp.services", "doors and pages know no API: they call it through the dispatcher"),
    ("server/calls", "server.apis.kfp.services", "the path of a call knows no door and no service"),
    ("server/calls", "server.doors.http.responses", "the path of a call knows no door and no service"),
    ("server/apis/kfp/services", "server.calls.dispatcher", "APIs are called by the dispatcher and do not call it"),
    ("server/doors/http", "server.doors.rest.binding", "the HTTP server knows no RPC"),
    ("server/apis/kfp/services", "storage.sql.tables", "a call sees the store's contract, never its SQL"),
    ("server", "storage.sql.store", "only the composition root names the SQL store"),
    ("server/pages", "server.apis.kfp.api", "only the composition root names the APIs"),
    ("server/ui", "server.apis.kfp.codec.runs", "doors and pages know no API: they call it through the dispatcher"),
    ("server/ui", "storage.sql.tables", "a call sees the store's contract, never its SQL"),
    ("server/pages", "server.ui.rendering", "in the server:"),
    ("server/packages", "server.api", "in the server:"),
    ("server/calls", "server.api", "the path of a call knows no door and no service"),
    ("server/apis/kfp", "server.apis.kfp_v1beta1.reads", "no API imports another"),
    ("server/apis/kfp_v1beta1", "server.apis.kfp.codec", "no API imports another"),
    ("server/apis/kfp/codec", "server.apis.kfp.services", "in an API: services over codec"),
    ("server/rules", "google.protobuf", "rules know no wire, no call and no API"),
    ("server/rules", "server.apis.kfp.codec.tasks", "rules know no wire, no call and no API"),
    ("server/rules", "server.calls.call", "rules know no wire, no call and no API"),
    ("server/rules", "storage.sql.tables", "a call sees the store's contract, never its SQL"),
    ("storage/documents", "sqlalchemy", "documents know no SQL"),
    ("storage/documents", "google.protobuf", "storage knows no wire and no door"),
    ("storage/sql", "storage.documents.plain", "SQL parses no document"),
    ("server/apis/kfp/services", "asyncpg", "drivers occur in the dialects only"),
    ("migrations", "pymysql", "drivers occur in the dialects only"),
    ("storage/sql", "aiosqlite", "drivers occur in the dialects only"),
    ("storage", "aiomysql", "drivers occur in the dialects only"),
]

PLANTED_NAMES = [
    "DEFAULT = 'sqlite:///lineal'",
    "def is_mysql(): return False",
    "class PostgresStore: pass",
    "import asyncpg",
    "WORD = f'{1} MariaDB'",
]


def run(*command: str | Path, folder: Path = CHECKOUT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)


def run_check(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, CHECKS / name, folder)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # The path shows the copy's `lineal`, not the installed one; the width keeps a contract's name on one line.
    return run(LINT_IMPORTS, folder=folder, PYTHONPATH=str(folder / "clients" / "python"), COLUMNS="200")


@pytest.fixture(scope="module")
def shared_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def copy(shared_copy: Path) -> Iterator[Path]:
    before = set(shared_copy.rglob("*.py"))
    yield shared_copy
    for planted in set(shared_copy.rglob("*.py")) - before:
        planted.unlink()


@pytest.mark.parametrize(("importer", "imported", "rule"), PLANTED_IMPORTS)
def test_a_planted_import_breaks_its_rule(copy: Path, importer: str, imported: str, rule: str) -> None:
    (copy / importer / "planted.py").write_text(f"import {imported}\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    broken = done.stdout.partition("Broken contracts")[2]
    assert rule in broken
    assert "planted" in broken


def test_a_file_over_the_budget_is_found(copy: Path) -> None:
    (copy / "server" / "planted.py").write_text("FACT = 1\n" * 401)
    done = run_check("size_budget.py", copy)
    assert done.returncode == 1
    assert "server/planted.py: 401 lines, the budget is 400" in done.stdout


def test_a_function_over_the_budget_is_found(copy: Path) -> None:
    body = "        fact = 1\n" * 60
    (copy / "migrations" / "planted.py").write_text(f"class Planted:\n    async def long(self):\n{body}")
    done = run_check("size_budget.py", copy)
    assert done.returncode == 1
    assert "migrations/planted.py:2: long has 61 lines, the budget is 60" in done.stdout


def test_what_just_fits_the_budget_passes(copy: Path) -> None:
    body = "    fact = 1\n" * 59
    (copy / "server" / "planted.py").write_text(f"def long():\n{body}" + "FACT = 1\n" * 340)
    assert "planted" not in run_check("size_budget.py", copy).stdout


@pytest.mark.parametrize("line", PLANTED_NAMES)
@pytest.mark.parametrize("folder", ["server/apis/kfp/services", "storage/sql"])
def test_a_database_named_outside_the_dialects_is_found(copy: Path, folder: str, line: str) -> None:
    (copy / folder / "planted.py").write_text(f'"""Docstrings may say SQLite."""\n# So may comments: MySQL.\n{line}\n')
    done = run_check("dialect_names.py", copy)
    assert done.returncode == 1
    assert f"{folder}/planted.py:3: " in done.stdout


def test_dialects_comments_and_docstrings_may_name_databases(copy: Path) -> None:
    text = '"""SQLite."""\n\nFACT = 1  # MySQL\n"""PostgreSQL."""\n\n\ndef function():\n    """MariaDB."""\n'
    (copy / "storage" / "planted.py").write_text(text)
    (copy / "storage" / "sql" / "dialects" / "planted.py").write_text("import asyncpg\n")
    assert "planted" not in run_check("dialect_names.py", copy).stdout


@pytest.mark.parametrize("check", ["size_budget.py", "dialect_names.py"])
def test_a_check_that_sees_no_file_fails(tmp_path: Path, check: str) -> None:
    assert run_check(check, tmp_path).returncode == 1
