"""The checks of the document and of the vendored files find what is planted in a copy, and nothing is planted here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.openapi.document import CHECKOUT

COPIES = tuple(
    f"{folder}/{name}" for folder in ("api", "server/static") for name in ("openapi.json", "openapi_lineal.json")
)
VENDORED = Path("server", "static", "vendor")


def check(name: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, CHECKOUT / "checks" / name, folder]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "api").mkdir()
    for name in COPIES[:2]:
        shutil.copy(CHECKOUT / name, tmp_path / name)
    shutil.copytree(CHECKOUT / "server" / "static", tmp_path / "server" / "static")
    return tmp_path


@pytest.mark.parametrize("name", ["openapi.py", "vendored.py"])
def test_nothing_is_found_in_a_true_copy(copy: Path, name: str) -> None:
    done = check(name, copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("planted", COPIES)
def test_a_document_that_differs_is_found(copy: Path, planted: str) -> None:
    file = copy / planted
    file.write_text(file.read_text().replace('"openapi": "3.1.0"', '"openapi": "3.0.0"'))
    done = check("openapi.py", copy)
    assert done.returncode == 1
    assert f"{planted}: differs" in done.stdout


@pytest.mark.parametrize("missing", COPIES)
def test_a_missing_document_is_found(copy: Path, missing: str) -> None:
    (copy / missing).unlink()
    assert f"{missing}: differs" in check("openapi.py", copy).stdout


def test_a_changed_vendored_file_is_found(copy: Path) -> None:
    with (copy / VENDORED / "swagger-ui" / "swagger-ui.css").open("a") as file:
        file.write("\n")
    done = check("vendored.py", copy)
    assert done.returncode == 1
    assert "swagger-ui/swagger-ui.css: differs from its sum" in done.stdout


def test_a_vendored_file_too_many_or_too_few_is_found(copy: Path) -> None:
    (copy / VENDORED / "swagger-ui" / "planted.js").write_text("planted()")
    (copy / VENDORED / "swagger-ui" / "LICENSE").unlink()
    done = check("vendored.py", copy)
    assert done.returncode == 1
    assert "swagger-ui/planted.js: is not recorded in SHA256SUMS" in done.stdout
    assert "swagger-ui/LICENSE: is missing" in done.stdout


def test_a_folder_without_vendored_files_fails(tmp_path: Path) -> None:
    assert check("vendored.py", tmp_path).returncode == 1


def test_the_viewer_stays_small() -> None:
    viewer = CHECKOUT / VENDORED / "swagger-ui" / "swagger-ui-bundle.js"
    assert viewer.stat().st_size < 1_600_000
