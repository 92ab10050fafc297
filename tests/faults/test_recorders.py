"""What recorders record is on the server once, and whole, when that is killed again and again, or they are."""

import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import lineal
import pytest
from lineal._recording.lines import Call, decoded, entry_of

from tests.databases.private import free_port
from tests.faults.cluster import Server, clean_environment
from tests.faults.recording_program import (
    Facts,
    expected_run,
    expected_task,
    recorded_facts,
    run_name,
    tasks_in,
)

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
TASKS = 12
Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]
Record = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def address() -> str:
    """Where the server is each time that it is started."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def record(address: str, tmp_path: Path) -> Iterator[Record]:
    """Starts a process that records, with a folder for its spool files."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **variables: str) -> "subprocess.Popen[str]":
        environment = {"LINEAL_SERVER": address, "LINEAL_SPOOL_DIR": str(tmp_path / "spool")} | variables
        command = [sys.executable, "-m", "tests.faults.recording_program", *map(str, arguments)]
        output, errors = (tmp_path / f"{name}-{len(processes)}" for name in ("output", "errors"))
        with output.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(
                command, cwd=CHECKOUT, env=clean_environment(environment), stdout=out, stderr=err, text=True
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def all_facts(address: str) -> Facts:
    """What the server has of all runs."""
    facts: Facts = Counter()
    with lineal.Client(address) as client:
        for run in client.list_runs(page_size=200):
            facts += recorded_facts(client, run)
        facts["artifacts",] = client.list_artifacts().total_size()
    return facts


def test_runs_are_recorded_once_while_the_server_is_killed_and_started_again(
    migrated_url: str,
    address: str,
    start_server: StartServer,
    record: Record,
    tmp_path: Path,
    rounds: Rounds,
    seed: int,
    report: Report,
) -> None:
    chance, kills, processes, each = random.Random(seed), rounds(2, 5), rounds(2, 8), rounds(4, 25)
    server = start_server(migrated_url, "--grpc", address)
    seconds = 2.0 * kills
    recorders = [
        record("runs", number * each, each, TASKS, seconds, LINEAL_SPOOL_SECONDS="300") for number in range(processes)
    ]
    for _ in range(kills):
        time.sleep(chance.uniform(0.5, 3.0))
        server.kill()
        time.sleep(chance.uniform(0.0, 0.5))
        server.start()
    ends = [process.wait(600) for process in recorders]
    words = "".join(path.read_text() for path in sorted(tmp_path.glob("errors-*")))
    assert ends == [0] * processes, words
    names = [run_name(number) for number in range(processes * each)]
    expected = sum((expected_run(name, TASKS) for name in names), Facts({("artifacts",): 2 * TASKS * len(names)}))
    recorded = all_facts(address)
    report(f"{len(names)} recorders, {kills} kills, seed {seed}: {recorded.total()} rows, {spool_files(tmp_path)} left")
    assert {"missing": expected - recorded, "too many": recorded - expected} == {"missing": {}, "too many": {}}
    assert spool_files(tmp_path) == []


def spool_files(folder: Path) -> list[Path]:
    return sorted((folder / "spool").rglob("*.jsonl"))


def test_what_a_killed_process_has_recorded_is_there_once_after_lineal_sync(
    migrated_url: str,
    address: str,
    start_server: StartServer,
    record: Record,
    tmp_path: Path,
    rounds: Rounds,
    seed: int,
    report: Report,
) -> None:
    chance, kills, tasks = random.Random(seed), rounds(2, 20), 0
    server = start_server(migrated_url, "--grpc", address)
    for number in range(kills):
        name, is_away = f"killed {number}", number % 2 == 1
        process = record("endless", name, LINEAL_FLUSH_SECONDS="0.2", LINEAL_TIMEOUT_SECONDS="0.5")
        await_line(tmp_path / f"output-{number}", "kept" if is_away else "logged")
        if is_away:
            server.kill()
        time.sleep(chance.uniform(0.0, 1.5))
        assert process.poll() is None, (tmp_path / f"errors-{number}").read_text()
        process.kill()
        process.wait()
        spooled = max(spooled_tasks(tmp_path), default=-1)
        if is_away:
            server.start()
        sync(address, tmp_path)
        tasks += check_killed_run(address, name, tmp_path / f"output-{number}", spooled)
        assert spool_files(tmp_path) == []
    report(f"{kills} kills, seed {seed}: {tasks} tasks")


def await_line(output: Path, word: str) -> None:
    """Wait until a process has printed a line that begins with a word."""
    deadline = time.monotonic() + 60
    while last_number(output, word) < 0:
        assert time.monotonic() < deadline, output.read_text()[-1000:]
        time.sleep(0.01)


def spooled_tasks(folder: Path) -> list[int]:
    """The numbers of the tasks that the whole lines of spool files create."""
    lines = [line for path in spool_files(folder) for line in path.read_bytes().split(b"\n")[:-1]]
    entries = [entry_of(line) for line in map(decoded, lines) if line is not None]
    calls = [entry for entry in entries if isinstance(entry, Call) and entry.name == "RunService.CreateTask"]
    names = [name for call in calls for name in tasks_in(call.request)]
    return [int(name.removeprefix("task-")) for name in names if name.startswith("task-")]


def sync(address: str, folder: Path) -> None:
    command = [Path(sys.executable).parent / "lineal", "sync", "--server", address, "--spool-dir", folder / "spool"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_killed_run(address: str, name: str, output: Path, spooled: int) -> int:
    """Check what the server has of a killed run: all tasks up to one, once and whole, and at least those that were kept.

    Of the last ones, which the process had begun to record, parts may be missing. Returns how many tasks there are.
    """
    with lineal.Client(address) as client:
        [run] = client.list_runs(filter=lineal.F.name == name)
        recorded = recorded_facts(client, run)
    kept, logged = (last_number(output, word) for word in ("kept", "logged"))
    numbers = sorted(int(fact[2].removeprefix("task-")) for fact in recorded if fact[0] == "task" and fact[2] != "ROOT")
    count = len(numbers)
    assert numbers == list(range(count))
    assert max(kept, spooled) < count <= logged + 2
    if recorded == {("run", name, "PENDING"): 1}:
        return 0  # killed before anything but the run itself, for which its beginning waits, was in the file
    whole = Facts({("run", name, "RUNNING"): 1, ("task", name, "ROOT", "RUNNING"): 1})
    whole += sum((expected_task(name, index) for index in range(count - 1)), Facts())
    most = whole + expected_task(name, count - 1) if count else whole
    assert whole - recorded == {}
    assert {fact for fact in recorded - most if not _is_begun(fact, name, count - 1)} == set()
    return count


def _is_begun(fact: tuple[object, ...], name: str, index: int) -> bool:
    """Whether a fact is of the last task, which was recorded in part: it still runs, its metric has fewer points."""
    return fact[:3] in {(kind, name, f"task-{index:05}") for kind in ("task", "link")}


def last_number(output: Path, word: str) -> int:
    """The last number that a process has printed behind a word, -1 for none."""
    return max((int(number) for number in re.findall(rf"^{word} (\d+)$", output.read_text(), re.MULTILINE)), default=-1)
