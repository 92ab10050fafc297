"""The blocks between markers say what the code says, and the check notices when they do not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.config import setting_fields, variable_of
from tests.docs.pages import CHECKOUT, DOCS

CHECK = CHECKOUT / "checks" / "docs_drift.py"


def drift(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK, *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(DOCS, tmp_path / "docs")


def replace(page: Path, old: str, new: str) -> None:
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new, 1))


def test_the_generated_blocks_are_current() -> None:
    done = drift()
    assert (done.returncode, done.stdout.splitlines()[:-1]) == (0, []), done.stdout + done.stderr


def test_another_default_of_a_setting_is_drift(copied: Path) -> None:
    replace(copied / "operations.md", "| `10` |", "| `11` |")
    done = drift(copied)
    assert done.returncode == 1
    assert "operations.md: settings differs" in done.stdout


def test_another_limit_is_drift(copied: Path) -> None:
    replace(copied / "limits.md", "| 191 bytes |", "| 192 bytes |")
    done = drift(copied)
    assert done.returncode == 1
    assert "limits.md: limits differs" in done.stdout


def test_another_figure_of_a_measurement_is_drift(copied: Path) -> None:
    replace(copied / "performance.md", "| GetTask | ", "| GetTask | 1")
    done = drift(copied)
    assert done.returncode == 1
    assert "performance.md: performance-calls differs" in done.stdout


def test_a_missing_block_is_drift(copied: Path) -> None:
    replace(copied / "api.md", "<!-- generated: reasons -->", "")
    done = drift(copied)
    assert done.returncode == 1
    assert "reasons: occurs 0 times" in done.stdout


def test_an_unknown_block_stops_the_check(copied: Path) -> None:
    replace(copied / "api.md", "<!-- generated: reasons -->", "<!-- generated: seasons -->")
    done = drift(copied)
    assert done.returncode == 1
    assert "there is no generated block named seasons" in done.stderr


def test_writing_repairs_every_block(copied: Path) -> None:
    replace(copied / "operations.md", "| `10` |", "| `11` |")
    assert drift(copied, "--write").returncode == 0
    assert drift(copied).returncode == 0
    assert "| `11` |" not in (copied / "operations.md").read_text()


def test_every_setting_stands_in_operations() -> None:
    text = (DOCS / "operations.md").read_text()
    missing = [each.name for each in setting_fields() if f"| `{each.name}` | `{variable_of(each.name)}` |" not in text]
    assert missing == []


def test_another_docstring_of_the_client_is_drift(copied: Path) -> None:
    replace(copied / "python-reference.md", "A node that has been shown with all that follows", "A node")
    done = drift(copied)
    assert done.returncode == 1
    assert "python-reference.md: python-modules differs" in done.stdout


def test_another_argument_of_a_method_is_drift(copied: Path) -> None:
    replace(copied / "python-reference.md", "get_artifact(artifact_id: str)", "get_artifact(id: str)")
    done = drift(copied)
    assert done.returncode == 1
    assert "python-reference.md: python-methods differs" in done.stdout
