"""An import that is killed at any moment goes on when it is called again, to the result of an undisturbed one."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.mlmd_store import make_store
from tests.databases.queries import execute
from tests.faults.cluster import clean_environment
from tests.mlmd_import.imports import Contents, asked_for_file, command, contents, imported, ran

EXECUTIONS = 1500
ATTEMPTS = 8


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose import takes some batches."""
    path = tmp_path_factory.mktemp("large") / "mlmd.sqlite"
    make_store(path, EXECUTIONS)
    return path


@pytest.fixture
async def undisturbed(source: Path, migrated_url: str) -> Contents:
    """What an import that nothing disturbs makes."""
    await imported(asked_for_file(source, migrated_url))
    return contents(migrated_url)


def started(words: list[str]) -> "subprocess.Popen[bytes]":
    """A command that runs on by itself."""
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(None))


def killed_at(words: list[str], url: str, rows: int, pause: float) -> bool:
    """Start an import and kill it a moment after it noted so many rows; False when it had ended before."""
    process = started(words)
    for noted in progress(url):
        if noted >= rows or process.poll() is not None:
            break
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def killed_import(source: Path, make_migrated: Callable[[], str], total: int) -> tuple[list[str], str]:
    """Kill an import at a random moment, its beginning included; return its command and its store."""
    for attempt in range(ATTEMPTS):
        url = make_migrated()
        words = command(f"sqlite:///{source}", url)
        # A fast machine may be done before the moment comes: an earlier one is tried then.
        moment = random.random() / 2**attempt
        if killed_at(words, url, int(total * moment), moment / 2):
            return words, url
    pytest.fail(f"{ATTEMPTS} imports ended before they were killed")


def progress(url: str) -> Iterator[int]:
    """How many rows imports have noted, again and again."""
    while True:
        yield execute(url, "SELECT count(*) FROM imported_rows")[0][0]
        time.sleep(0.02)


async def test_a_killed_import_goes_on_to_the_same_result(
    make_migrated: Callable[[], str], source: Path, undisturbed: Contents, rounds: Callable[[int, int], int]
) -> None:
    total = len(undisturbed["imported_rows"])
    for _ in range(rounds(1, 30)):
        words, url = killed_import(source, make_migrated, total)
        ended = ran(*words)
        assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0)
        assert contents(url) == undisturbed


async def test_a_killed_undo_goes_on(migrated_url: str, source: Path) -> None:
    before = contents(migrated_url)
    await imported(asked_for_file(source, migrated_url))
    words = command("", migrated_url, "--undo")
    process = started(words)
    full = next(progress(migrated_url))
    while process.poll() is None and next(progress(migrated_url)) == full:
        pass
    process.kill()
    killed = process.wait() == -signal.SIGKILL
    assert ran(*words).returncode == (0 if killed else 1)
    assert contents(migrated_url) == before


async def test_a_second_importer_is_refused_while_one_runs(migrated_url: str, source: Path) -> None:
    words = command(f"sqlite:///{source}", migrated_url)
    first = started(words)
    for done in progress(migrated_url):
        if done or first.poll() is not None:
            break
    first.send_signal(signal.SIGSTOP)  # or it might end before the second begins
    try:
        second = ran(*words)
    finally:
        first.send_signal(signal.SIGCONT)
        ended = first.wait()
    assert (second.returncode, ended) == (1, 0)
    assert second.stderr.splitlines()[-1].endswith("another import is writing to this store; wait until it has ended")
    assert first.wait() == 0
