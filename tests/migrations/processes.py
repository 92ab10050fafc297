"""Upgrades in processes of their own. Called by the tests of migrations."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
UPGRADE = "import sys; from migrations.upgrade import upgrade; print(upgrade(sys.argv[1]).state.value)"


def start_upgrade(url: str) -> subprocess.Popen[str]:
    """Start a process that upgrades a store and prints how it stood before."""
    command = [sys.executable, "-W", "error", "-c", UPGRADE, url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcomes(upgrades: Sequence[subprocess.Popen[str]], *, seconds: float = 60) -> list[tuple[int, str, str]]:
    """Wait for upgrades: exit status, standard output and error of each."""
    found = []
    for each in upgrades:
        out, err = each.communicate(timeout=seconds)
        found.append((each.returncode, out.strip(), err))
    return found
