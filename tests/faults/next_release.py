"""Lineal as it will be after its next migration, to see how servers of two releases treat one store. Called by tests."""

import re
import shutil
from pathlib import Path

from tests.faults.cluster import run_program

ROOT = Path(__file__).parents[2]

MIGRATION = '''
"""What the next release will change."""

from sqlalchemy import Column, Integer

from migrations.repeatable_ddl import NewIndex, add_column, replace_indexes

revision = "9999"
down_revision = "{newest}"
readable_since = "{readable_since}"


def upgrade() -> None:
    add_column("runs", Column("of_the_next_release", Integer))
    replace_indexes("runs", new=[NewIndex("runs_of_the_next_release", ("of_the_next_release", "id"))])
'''

LOCK_SECONDS = 2  # longer than a server waits for a table


def copy_with_one_more_migration(folder: Path, *, is_for_this_release: bool = False) -> dict[str, str]:
    """Copy the server into the folder, with a migration on top; returns the environment in which that copy runs.

    If it is for this release, this release's servers can use the migrated store. The copy waits LOCK_SECONDS for a lock.
    """
    for package in ("server", "storage", "migrations"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    plan = run_program("upgrade", "--plan", "--store", f"sqlite:///{folder}/empty.sqlite")
    newest = re.search(r"newest is (\w+)", plan.stdout)
    assert newest
    readable_since = newest[1] if is_for_this_release else "9999"
    migration = MIGRATION.format(newest=newest[1], readable_since=readable_since)
    (folder / "migrations" / "versions" / "9999_next.py").write_text(migration)
    waits = folder / "storage" / "sql" / "dialects" / "online_ddl.py"
    waits.write_text(
        re.sub(r"^LOCK_SECONDS = \d+$", f"LOCK_SECONDS = {LOCK_SECONDS}", waits.read_text(), flags=re.MULTILINE)
    )
    return {"PYTHONPATH": str(folder)}
