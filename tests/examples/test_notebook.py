"""examples/notebook.ipynb runs from its first cell to its last in a real IPython, and shows what it says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lineal
import pytest
from lineal.v2beta1 import run_pb2

from tests.faults.cluster import clean_environment, serving

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text())["cells"]

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell, shown = InteractiveShell.instance(), []
for code in json.load(sys.stdin):
    result = shell.run_cell(code, store_history=True)
    result.raise_error()
    forms = {} if result.result is None else shell.display_formatter.format(result.result)[0]
    shown.append(forms.get("text/html") or forms.get("text/plain"))
json.dump(shown, open(sys.argv[1], "w"))
"""


def code_cells() -> list[str]:
    return ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def run_cells(folder: Path, server: str) -> list[str | None]:
    """Run all cells of code, and return what each of them shows."""
    environment = clean_environment(
        {
            "LINEAL_SERVER": server,
            "LINEAL_SPOOL_DIR": str(folder / "spool"),
            "HOME": str(folder),
            "IPYTHONDIR": str(folder),
        }
    )
    command, cells = [sys.executable, "-c", SHELL, str(folder / "shown.json")], json.dumps(code_cells())
    done = subprocess.run(
        command, check=False, env=environment, cwd=folder, input=cells, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown: list[str | None] = json.loads((folder / "shown.json").read_text())
    return shown


@pytest.mark.slow
@pytest.mark.databases("sqlite")
def test_the_notebook_runs_from_its_first_cell_to_its_last(migrated_url: str, tmp_path: Path) -> None:
    with serving(migrated_url) as server, lineal.Client(server.grpc) as client:
        shown = run_cells(tmp_path, server.grpc)
        runs = list(client.list_runs(view="FULL"))
    assert [(run.display_name, run_pb2.RuntimeState.Name(run.state)) for run in runs] == [
        ("notebook: estimate a mean", "SUCCEEDED"),
        ("notebook: estimate a mean", "SUCCEEDED"),
        ("notebook: by hand", "SUCCEEDED"),
    ]
    tables = [each for each in shown if each and "<table" in each]
    assert len(tables) == 4
    assert f"/runs/{runs[1].run_id}" in tables[0]
    assert [each for each in shown if each and each.startswith("[(0, ")] != []


@pytest.mark.slow
@pytest.mark.databases("sqlite")
def test_an_equal_step_of_the_notebook_is_taken_from_the_cache(migrated_url: str, tmp_path: Path) -> None:
    with serving(migrated_url) as server, lineal.Client(server.grpc) as client:
        run_cells(tmp_path, server.grpc)
        runs = list(client.list_runs(view="FULL"))
    states = [
        run_pb2.PipelineTask.TaskState.Name(task.state) for run in runs for task in run.tasks if task.name == "simulate"
    ]
    assert states == ["SUCCEEDED", "CACHED"]  # outside of runs, a step is an ordinary function


def test_the_notebook_is_kept_without_what_it_once_showed() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
    assert {
        json.dumps([cell["outputs"], cell["execution_count"]]) for cell in CELLS if cell["cell_type"] == "code"
    } == {"[[], null]"}
