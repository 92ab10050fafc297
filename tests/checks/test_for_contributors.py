"""What a contributor forgot is said in one sentence, and `make migration` makes a file that can be run."""

import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from server.apis.kfp.api import KFP
from tests.checks.test_checks import CHECKOUT, CHECKS, run, run_check
from tests.cli.program import lineal

VERSIONS = CHECKOUT / "migrations" / "versions"


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A copy of the migrations."""
    return Path(shutil.copytree(VERSIONS, tmp_path / "versions"))


def new_migration(name: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return run(sys.executable, CHECKS / "new_migration.py", name, folder)


def test_a_migration_follows_the_newest_one(versions: Path) -> None:
    newest = max(file.name for file in versions.glob("[0-9]*.py"))[:4]
    done = new_migration("Runs, by pipeline!", versions)
    assert done.returncode == 0, done.stderr
    [made] = set(versions.glob("*runs_by_pipeline.py"))
    assert made.name.startswith(f"{int(newest) + 1:04d}_")
    module = runpy.run_path(str(made))
    assert (module["revision"], module["down_revision"]) == (made.name[:4], newest)
    assert str(made) in done.stdout
    assert run(sys.executable, "-m", "ruff", "check", str(made)).returncode == 0


@pytest.mark.parametrize("name", ["", "  ", "…"])
def test_a_migration_without_a_name_is_not_made(versions: Path, name: str) -> None:
    before = set(versions.iterdir())
    done = new_migration(name, versions)
    assert (done.returncode, set(versions.iterdir())) == (2, before)
    assert "make migration NAME=" in done.stderr


def test_a_field_without_a_comment_is_named_in_one_sentence(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "api", copy / "api")
    shutil.copytree(CHECKS, copy / "checks")
    proto = copy / "api" / "proto" / "lineal" / "v2beta1" / "runtime_config.proto"
    lines = proto.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if "pipeline_root" in line)
    while lines[place - 1].strip().startswith("//"):
        place -= 1
        del lines[place]
    proto.write_text("\n".join(lines) + "\n")
    done = run(
        sys.executable, copy / "checks" / "openapi.py", copy, PYTHONPATH=f"{CHECKOUT}:{CHECKOUT / 'clients' / 'python'}"
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "RuntimeConfig.pipeline_root has no comment" in done.stdout


def test_a_method_without_a_policy_line_is_named_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os._exit", sys.exit)
    methods = [replace(one, rule=None) if one.name == "RunService.GetRun" else one for one in KFP.methods]
    monkeypatch.setattr("server.app.APIS", (replace(KFP, methods=tuple(methods)),))
    done = lineal("serve", "--store", f"sqlite:///{tmp_path}/lineal.sqlite")
    assert done.exit_code == 1
    assert done.output == (
        "lineal-server: no policy line for RunService.GetRun: define in the table of its API what a caller must be allowed to do\n"
    )


def test_the_checks_find_nothing_in_the_tree() -> None:
    assert run_check("openapi.py", CHECKOUT).returncode == 0
