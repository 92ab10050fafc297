"""What a server that has started has not imported: it takes time and memory in every process."""

import subprocess
import sys

import pytest

from server.api import FileBody
from server.app import APIS
from server.late import Late
from server.ui.table import PAGES
from storage.sql.tx import TABLES, SqlTx, table_class

STARTED = """
import asyncio, os, sys
from server.cli import command_named
command_named("serve")
from server.app import prepare_store, running
from server.config import Settings

async def main():
    settings = Settings(store=sys.argv[1], grpc="127.0.0.1:0", rest="127.0.0.1:0", admin="127.0.0.1:0")
    await prepare_store(settings)
    async with running(settings):
        print(*sys.modules)

asyncio.run(main())
sys.stdout.flush()
os._exit(0)
"""

NEVER = {"structlog", "rich", "pygments", "sqlalchemy.orm", "multiprocessing", "concurrent.futures.process"}
WHEN_NEEDED = {
    "alembic",
    "difflib",
    "grpc_reflection.v1alpha.reflection",
    "httpcore2",
    "jinja2",
    "kfp.pipeline_spec",
    "prometheus_client",
    "python_multipart",
    "server.apis.kfp.services.pipeline_versions",
    "server.apis.kfp.services.runs",
    "server.apis.kfp.services.tasks",
    "server.apis.kfp_v1beta1.reads",
    "server.apis.lineal.lineage",
    "server.packages.archives",
    "server.packages.package",
    "server.recorded_spec.document",
    "server.rules.lineage.recorded_tasks",
    "server.rules.search.look",
    "server.ui.home",
    "storage.sql.lineage",
    "storage.sql.runs",
    "storage.sql.tasks",
    "tomllib",
    "yaml",
}
OF_DATABASES = {
    "sqlite": {"aiosqlite", "sqlalchemy.dialects.sqlite", "storage.sql.dialects.sqlite"},
    "postgresql": {"asyncpg", "sqlalchemy.dialects.postgresql", "storage.sql.dialects.postgresql"},
    "mysql": {"asyncmy", "aiomysql", "sqlalchemy.dialects.mysql", "storage.sql.dialects.mysql"},
}


def imported_by(program: str, *arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_server_that_has_started_has_imported_nothing_that_it_does_not_need(
    migrated_url: str, database_kind: str
) -> None:
    others = {name for kind, names in OF_DATABASES.items() if kind != database_kind for name in names}
    modules = imported_by(STARTED, migrated_url)
    assert "grpc" in modules
    assert OF_DATABASES[database_kind] & modules
    assert modules & (NEVER | WHEN_NEEDED | others) == set()


def test_help_imports_no_command() -> None:
    program = "import sys; from server.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    modules = imported_by(program)
    assert {name for name in modules if name.startswith(("server.commands", "sqlalchemy", "asyncio", "grpc"))} == set()


OPERATIONS = [operation.handler for api in APIS for operation in api.served()]
FILES = [route.body.too_large for api in APIS for route in api.routes if isinstance(route.body, FileBody)]
LATE = [each for each in [*OPERATIONS, *FILES, *[page.make for page in PAGES]] if isinstance(each, Late)]


@pytest.mark.parametrize("late", LATE, ids=[late.where for late in LATE])
def test_what_is_imported_late_is_there(late: Late) -> None:
    assert callable(late.function())


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_its_class(name: str) -> None:
    assert table_class(name).__name__ == SqlTx.__annotations__[name].strip("'\"")


def test_a_name_that_is_no_table_is_none() -> None:
    assert not hasattr(SqlTx(None, None), "nothing")  # type: ignore[arg-type]


def test_what_sqlalchemy_has_for_sessions_can_be_imported_all_the_same() -> None:
    program = (
        "import storage.sql; from sqlalchemy.ext.asyncio import AsyncSession, AsyncEngine; print(AsyncSession.__name__)"
    )
    assert imported_by(program) == {"AsyncSession"}
