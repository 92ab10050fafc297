"""A program with loops, a failure, a cache hit and a subprocess: every row that a server has of it, as another client reads them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.builders import unique
from tests.faults.client import connected
from tests.faults.cluster import clean_environment, serving
from tests.recorder.rows import Rows, read

CHECKOUT = Path(__file__).parents[2]
EXPECTED = (Path(__file__).parent / "expected.txt").read_text().splitlines()
CACHED = {
    "ROOT/prepare DAG SUCCEEDED": "ROOT/prepare DAG CACHED",
    "ROOT/prepare/clean RUNTIME SUCCEEDED": "ROOT/prepare/clean RUNTIME CACHED",
}
"""What is different where an equal step was found."""

CHOICE = '{"depth": 4}\n'


class Program:
    """Runs the program, each time in a new process."""

    def __init__(self, address: str, folder: Path) -> None:
        self._cache_key, self._choice = unique("cache"), folder / "choice.json"
        self._choice.write_text(CHOICE)
        places = {"LINEAL_SERVER": address, "LINEAL_SPOOL_DIR": str(folder / "spool")}
        self._environment = clean_environment(places | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")})

    def run(self) -> str:
        """Run it to its end, and return the id of its run."""
        command = [sys.executable, "-W", "error", "-m", "tests.recorder.pipeline", self._cache_key, str(self._choice)]
        done = subprocess.run(
            command, check=False, cwd=CHECKOUT, env=self._environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 1
        *_, last = done.stderr.splitlines()
        assert last == "ConnectionError: the registry refused the model"
        return done.stdout.strip()

    def lines(self, rows: Rows) -> list[str]:
        """What the server has, with the path of the file as in the expected lines."""
        return [line.replace(self._choice.as_uri(), "FILE") for line in rows.lines()]


async def test_every_row_of_a_program_is_recorded_and_a_second_time_from_the_cache(
    migrated_url: str, tmp_path: Path
) -> None:
    with serving(migrated_url) as server:
        program = Program(server.grpc, tmp_path)
        async with connected(server.grpc) as api:
            first, second = [await read(api, program.run()) for _ in range(2)]
            assert (await api.ListRuns()).total_size == 2
            # Each run has 14 artifacts; the data set is imported once, and the table taken from the cache.
            assert (await api.ListArtifacts()).total_size == len({*first.artifacts, *second.artifacts}) == 2 * 14 - 2
        calls = [(line["method"], line["code"]) for line in server.log_lines() if line["event"] == "call"]
    assert program.lines(first) == EXPECTED
    assert program.lines(second) == [CACHED.get(line, line) for line in EXPECTED]
    assert made_by(first, "clean") == made_by(second, "clean")
    assert made_by(first, "import-mails") == made_by(second, "import-mails")
    assert list((tmp_path / "spool").glob("*.jsonl")) == []
    # The subprocess asks for the task that it is in until the one that began it has sent it.
    assert {call for call in calls if call[1] != "OK"} <= {("RunService.GetTask", "NOT_FOUND")}


def made_by(rows: Rows, name: str) -> list[Any]:
    """The ids of the artifacts that the only task with a name made."""
    [task] = [task for task in rows.tasks if task.name == name]
    return [artifact.artifact_id for group in task.outputs.artifacts for artifact in group.artifacts]


async def test_times_are_those_of_the_program_and_a_task_ends_after_what_is_in_it(
    migrated_url: str, tmp_path: Path
) -> None:
    with serving(migrated_url) as server:
        async with connected(server.grpc) as api:
            rows = await read(api, Program(server.grpc, tmp_path).run())
    by_id = {task.task_id: task for task in rows.tasks}
    for task in rows.tasks:
        times = task.create_time.ToMicroseconds(), task.end_time.ToMicroseconds()
        assert times[0] <= times[1]
        if task.parent_task_id:
            parent = by_id[task.parent_task_id]
            assert parent.create_time.ToMicroseconds() <= times[0], task.name
            assert times[1] <= parent.end_time.ToMicroseconds(), task.name
