"""Somebody who is new writes a script with a bug in it, and looks at the page of the run that failed."""

import subprocess
import sys
from pathlib import Path

import lineal
import pytest

from tests.faults.cluster import Server, clean_environment, serving
from tests.rest.client import ask

SCRIPT = """\
import lineal

with lineal.run("first try", parameters={"rate": 0.1}) as run:
    with run.task("load") as task:
        rows = [1, 2, 3]
        task.output("rows", len(rows))
    with run.task("fit") as task:
        for step in range(5):
            task.log_metric("loss", 1 / (step + 1), step=step)
        mean = sum(row) / len(rows)
        task.output("mean", mean)
"""


@pytest.mark.databases("sqlite")
async def test_the_page_of_the_run_says_which_line_has_the_bug_and_draws_what_was_logged_before(
    migrated_url: str, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with serving(migrated_url) as server:
        done = run_script(server, tmp_path)
        assert done.returncode == 1
        with lineal.Client(server.grpc) as client:
            [run] = client.list_runs()
        page = (await ask(server.rest, "GET", f"/runs/{run.run_id}")).body.decode()
    assert "first try" in page
    assert "NameError: name &#39;row&#39; is not defined" in page
    assert "mean = sum(row) / len(rows)" in page
    assert 'aria-label="loss by step' in page


def run_script(server: Server, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = clean_environment({"LINEAL_SERVER": server.grpc, "LINEAL_SPOOL_DIR": str(folder / "spool")})
    command = [sys.executable, str(folder / "script.py")]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)
