"""examples/first_run.py records, reads back and checks; and its checks see what is different."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lineal.v2beta1 import run_pb2

from tests.databases.private import free_port
from tests.faults.client import connected
from tests.faults.cluster import clean_environment, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_run.py"


@pytest.fixture
def first_run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the example to its end, with a folder of its own for spool files."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(EXAMPLE), *arguments]
        environment = clean_environment({"LINEAL_SPOOL_DIR": str(tmp_path / "spool")})
        return subprocess.run(
            command, check=False, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
        )

    return run


def as_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("first_run", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FirstRun = Callable[..., subprocess.CompletedProcess[str]]


def test_the_first_run_is_recorded_and_read_back_as_often_as_one_likes(migrated_url: str, first_run: FirstRun) -> None:
    with serving(migrated_url) as server:
        for _ in range(2):
            done = first_run(server.grpc)
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stderr == ""
            assert "train[1] SUCCEEDED  depth=4  → accuracy=0.93  → model" in done.stdout
            assert "split CACHED" in done.stdout
            assert "publish FAILED  (the registry refused the model)" in done.stdout
        assert [line for line in server.log_lines() if line["event"] == "call" and line["code"] != "OK"] == []


def a_task(run: run_pb2.Run, name: str) -> Any:
    return next(task for task in run.tasks if task.name == name)


CHANGES = {
    "a task is missing": lambda run: run.tasks.pop(),
    "a child is missing": lambda run: a_task(run, "report").child_tasks.pop(),
    "an iteration is another's": lambda run: setattr(a_task(run, "train").type_attributes, "iteration_index", 2),
    "a parameter differs": lambda run: setattr(a_task(run, "train").inputs.parameters[0].value, "number_value", 3),
    "a metric differs": lambda run: setattr(
        next(g for g in a_task(run, "train").outputs.artifacts if g.artifact_key == "accuracy").artifacts[0],
        "number_value",
        0.5,
    ),
    "an input is missing": lambda run: a_task(run, "compare").inputs.artifacts.pop(),
    "an output is missing": lambda run: a_task(run, "split").outputs.artifacts.pop(),
    "the message is lost": lambda run: a_task(run, "publish").ClearField("status_metadata"),
    "the run ended otherwise": lambda run: setattr(run, "state", run_pb2.CANCELED),
    "the import is another": lambda run: setattr(
        a_task(run, "import-mails").outputs.artifacts[0].artifacts[0], "artifact_id", "another"
    ),
}


def changed(run: run_pb2.Run, change: Callable[[run_pb2.Run], object]) -> run_pb2.Run:
    copy = run_pb2.Run.FromString(run.SerializeToString())
    change(copy)
    return copy


@pytest.mark.databases("sqlite")
async def test_its_checks_see_what_is_not_as_it_was_recorded(migrated_url: str, first_run: FirstRun) -> None:
    example = as_module()
    with serving(migrated_url) as server:
        assert first_run(server.grpc).returncode == 0
        async with connected(server.grpc) as api:
            first, second = (await api.ListRuns(view="FULL")).runs

    def accepted(run: run_pb2.Run) -> bool:
        try:
            example.check_tree(run)
            example.check_loop(run)
            example.check_ends(run, second)
        except (SystemExit, ValueError):
            return False
        return True

    assert accepted(first)
    assert [what for what, change in CHANGES.items() if accepted(changed(first, change))] == []


def test_it_says_how_it_is_called_and_when_nobody_answers(first_run: FirstRun, tmp_path: Path) -> None:
    unasked = first_run()
    assert (unasked.returncode, unasked.stderr.split()[0]) == (1, "usage:")
    unanswered = first_run(f"127.0.0.1:{free_port()}")
    assert unanswered.returncode == 1
    assert "answered UNAVAILABLE" in unanswered.stderr
    assert "Traceback" not in unanswered.stderr
    assert not (tmp_path / "spool").exists()
