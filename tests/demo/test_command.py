"""The file of the demo: a new one or none; what is there already is left alone, and what was interrupted is no store."""

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from storage.ids import new_id
from tests.cli.program import lineal
from tests.demo.conftest import demo_file
from tests.faults.cluster import ANNOUNCED, ANY_PORT, PROGRAM, clean_environment, run_program
from tests.interrupts import let_it_be_interrupted

PATIENCE_SECONDS = 60.0
FILLED_BYTES = 300_000
"""How large the file is when its filling is under way, far from its end."""


def launched(folder: Path) -> "subprocess.Popen[str]":
    """The command, with a file that it chooses itself."""
    return subprocess.Popen(
        [str(PROGRAM), "demo", "--grpc", ANY_PORT, "--rest", ANY_PORT],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=let_it_be_interrupted,
    )


def await_filling(folder: Path) -> None:
    """Wait until much is written, and not all."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        files = folder.glob(".lineal-demo.sqlite-*/filling.sqlite*")
        if sum(path.stat().st_size for path in files) > FILLED_BYTES:
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing is filled in {os.listdir(folder)}")


def test_killed_while_filling_it_leaves_no_store_and_can_begin_again(tmp_path: Path) -> None:
    store = tmp_path / "lineal-demo.sqlite"
    process = launched(tmp_path)
    await_filling(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not store.exists()

    process = launched(tmp_path)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert ANNOUNCED.search(line), (line, process.stderr)
    assert "lineal-demo.sqlite" in line
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert store.stat().st_size > FILLED_BYTES

    before = hashlib.sha256(store.read_bytes()).digest()
    again = run_program("demo", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "lineal-demo.sqlite holds 43 runs already" in again.stderr
    assert "lineal-server serve --store sqlite:///lineal-demo.sqlite" in again.stderr
    assert hashlib.sha256(store.read_bytes()).digest() == before


def test_ctrl_c_while_filling_leaves_nothing(tmp_path: Path) -> None:
    process = launched(tmp_path)
    await_filling(tmp_path)
    process.send_signal(signal.SIGINT)
    try:
        _, words = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Traceback" not in words
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"no store", b"SQLite format 3\x00" + bytes(100)])
def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = demo_file(tmp_path)
    file.write_bytes(content)
    done = lineal("demo", "--store", f"sqlite:///{file}")
    assert (done.exit_code, file.read_bytes()) == (1, content)
    assert "is there already" in done.stderr


def test_a_store_without_runs_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{demo_file(tmp_path)}"
    assert lineal("upgrade", "--store", url).exit_code == 0
    done = lineal("demo", "--store", url)
    assert done.exit_code == 1
    assert "is a store already" in done.stderr


@pytest.mark.parametrize("url", ["postgresql://user@127.0.0.1/lineal", "mysql://user@127.0.0.1/lineal"])
def test_other_databases_are_not_filled(url: str) -> None:
    done = lineal("demo", "--store", url)
    assert done.exit_code == 1
    assert "--store sqlite:///FILE" in done.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = lineal("demo", "--store", f"sqlite:///{tmp_path}/missing/demo.sqlite")
    assert done.exit_code == 1
    assert "No such file or directory" in done.stderr


def test_the_store_of_the_settings_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lineal-demo.sqlite").write_bytes(b"no store")
    done = lineal("demo", environment={"LINEAL_STORE": f"sqlite:///{tmp_path}/mine.sqlite"})
    assert (done.exit_code, os.listdir(tmp_path)) == (1, ["lineal-demo.sqlite"])


def test_ids_are_made_by_the_clock_again_after_a_history() -> None:
    from storage import ids

    first = new_id()
    with ids.made_by(lambda: 1_000_000, lambda bits: 7):
        past = new_id()
        assert ids.moment_of_id(past) == 1_000_000
        assert new_id() > past
    assert new_id() > first > past
