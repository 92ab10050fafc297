"""Lineal as it will be after its next migration, to see how servers of two releases treat one store. Called by tests."""

import re
import shutil
from pathlib import Path

from tests.faults.cluster import run_program

ROOT = Path(__file__).parents[2]

MIGRATION = '''
"""What the next release will change."""

from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.execute("CREATE TABLE of_the_next_release (id INTEGER)")
'''


def copy_with_one_more_migration(folder: Path) -> dict[str, str]:
    """Copy the server into the folder, with a migration on top; returns the environment in which that copy runs."""
    for package in ("server", "storage", "migrations"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    plan = run_program("upgrade", "--plan", "--store", f"sqlite:///{folder}/empty.sqlite")
    newest = re.search(r"newest is (\w+)", plan.stdout)
    assert newest
    (folder / "migrations" / "versions" / "9999_next.py").write_text(MIGRATION.format(newest=newest[1]))
    return {"PYTHONPATH": str(folder)}
