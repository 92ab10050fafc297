"""What a server that has started has not imported: it takes time and memory in every process."""

import subprocess
import sys

import pytest

from server.app import APIS
from server.late import Late
from server.ui.table import PAGES

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
    "httpcore2",
    "jinja2",
    "prometheus_client",
    "server.apis.kfp.services.pipeline_versions",
    "server.apis.kfp_v1beta1.reads",
    "server.apis.lineal.lineage",
    "server.packages.package",
    "server.rules.search.look",
    "server.ui.home",
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
LATE = [each for each in [*OPERATIONS, *[page.make for page in PAGES]] if isinstance(each, Late)]


@pytest.mark.parametrize("late", LATE, ids=[late.where for late in LATE])
def test_what_is_imported_late_is_there(late: Late) -> None:
    assert callable(late.function())


def test_what_sqlalchemy_has_for_sessions_can_be_imported_all_the_same() -> None:
    program = (
        "import storage.sql; from sqlalchemy.ext.asyncio import AsyncSession, AsyncEngine; print(AsyncSession.__name__)"
    )
    assert imported_by(program) == {"AsyncSession"}
