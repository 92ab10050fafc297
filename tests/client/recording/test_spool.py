"""Spool files: whole lines, one owner, and what happens where they cannot be written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lineal._recording import spool as spools
from lineal._recording.lines import encoded, entry_of
from lineal._recording.spool import Full, MemoryPlace, SpoolFile, folders, header_of, lines_of, make_folder
from lineal.errors import SettingsError

from tests.client.recording.conftest import Record
from tests.client.recording.places import NOWHERE, a_metric, a_run

pytestmark = pytest.mark.databases("sqlite")

HEADER = {"lineal_spool": 1, "server": "s:1"}


def lines(place: SpoolFile | MemoryPlace, offset: int = 0) -> list[object]:
    return [line for line, _ in lines_of(place, offset)]


def test_lines_are_read_back_from_any_line_on(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path, "a", HEADER)
    offset = file.size
    written = [{"n": number, "text": "ü" * number} for number in range(2000)]
    file.append(written)
    assert lines(file) == [HEADER, *written]
    assert lines(file, offset) == written
    file.delete()
    assert list(tmp_path.iterdir()) == []


def test_a_line_longer_than_what_is_read_at_once_is_read(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path, "a", HEADER)
    file.append([{"text": "x" * (3 * spools.READ_BYTES)}, {"n": 1}])
    assert [len(json.dumps(line)) > spools.READ_BYTES for line in lines(file)] == [False, True, False]
    file.close()


def test_a_file_is_of_one_process_until_it_lets_go(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path, "a", HEADER)
    assert SpoolFile.take_over(file.path) is None
    file.close()
    taken = SpoolFile.take_over(file.path)
    assert taken is not None
    assert lines(taken) == [HEADER]
    assert SpoolFile.take_over(file.path) is None
    taken.close()


def test_a_file_that_is_gone_is_not_taken_over(tmp_path: Path) -> None:
    assert SpoolFile.take_over(tmp_path / "none.jsonl") is None


@pytest.mark.parametrize("cut", [1, 5, 40, 70_000, 400_000])
def test_a_torn_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    whole = encoded([HEADER, {"n": 1}])
    (tmp_path / "a.jsonl").write_bytes(whole + encoded([{"text": "x" * 500_000}])[:cut])
    file = SpoolFile.take_over(tmp_path / "a.jsonl")
    assert file is not None
    file.append([{"n": 2}])
    assert lines(file) == [HEADER, {"n": 1}, {"n": 2}]
    file.close()


def test_damaged_lines_are_seen_and_do_not_hide_others(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(encoded([HEADER]) + b"\0\0\0\n[1]\n{\n" + encoded([{"n": 1}]))
    file = SpoolFile.take_over(tmp_path / "a.jsonl")
    assert file is not None
    assert lines(file) == [HEADER, None, None, None, {"n": 1}]
    file.close()


@pytest.mark.parametrize(
    "line",
    [
        {"call": 1},
        {"call": "x", "name": "n", "key": "k", "batch": 1, "level": 1, "changes": 1, "request": ""},
        {"call": 1, "name": "n", "key": "k", "batch": 1, "level": 1, "changes": 1, "request": "%"},
        {"points": 1, "first": 0, "batch": 1, "id": "i", "steps": "AA==", "times": "", "values": ""},
        {"points": 1, "first": 0, "batch": 1, "id": "i", "steps": "AAAAAAAAAAA=", "times": "", "values": ""},
    ],
)
def test_a_line_of_another_form_is_not_understood(line: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a line that cannot be understood"):
        entry_of(line)


def test_a_closed_file_takes_nothing(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path, "a", HEADER)
    file.close()
    with pytest.raises(OSError, match="was closed"):
        file.append([{"n": 1}])
    assert file.read(0) == b""


def test_memory_forgets_what_was_read_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "MEMORY_BYTES", 1000)
    memory = MemoryPlace()
    for number in range(100):
        memory.append([{"n": number, "text": "x" * 300}])
        assert lines(memory, memory.size - len(encoded([{"n": number, "text": "x" * 300}]))) == [
            {"n": number, "text": "x" * 300}
        ]
    with pytest.raises(Full):
        memory.append([{"text": "x" * 2000}])


def test_the_temporary_folder_must_be_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    wanted, temporary = folders(str(tmp_path / "wanted"))
    make_folder(wanted)
    make_folder(temporary)
    assert temporary.stat().st_mode & 0o777 == 0o700
    temporary.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to somebody else, or is open to others"):
        make_folder(temporary)


def test_only_spool_files_have_headers(tmp_path: Path) -> None:
    for name, text in {"a": '{"lineal_spool": 1}\n', "b": "{}\n", "c": "x", "d": ""}.items():
        (tmp_path / name).write_text(text)
    assert [header_of(tmp_path / name) is not None for name in "abcde"] == [True, False, False, False, False]


def test_without_a_folder_the_temporary_one_is_used(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_text("")
    recording = record(NOWHERE, spool_dir=str(tmp_path / "file" / "spool"))
    a_run(recording)
    assert not recording.close(0.0)
    [folder] = tmp_path.glob("lineal-spool-*")
    assert len(list(folder.iterdir())) == 1
    assert "no spool file can be made in" in caplog.text


def test_without_any_folder_memory_is_used_and_that_is_told(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    recording = record(spool_dir=str(tmp_path / "file" / "spool"))
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    recording.add_point(metric, None, 1.0, 0.5)
    assert recording.flush(20.0)
    assert "is kept in memory, and lost if this process ends" in caplog.text
    assert metric.id


def test_what_memory_cannot_take_is_lost_and_that_is_told(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    monkeypatch.setattr(spools, "MEMORY_BYTES", 20_000)
    (tmp_path / "file").write_text("")
    recording = record(NOWHERE, spool_dir=str(tmp_path / "file" / "spool"), batch_items=10)
    for _ in range(300):
        recording.create_run({"display_name": "x"})
    recording.close(0.0)
    assert "changes are lost" in caplog.text
    assert recording.counters.lost > 100
    assert recording.counters.lost + recording.counters.waiting == 300


FULL_DISK = """
import logging, resource, sys
from lineal._recording import Options, Recording
from lineal.settings import Settings
logging.basicConfig(level=logging.WARNING)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
recording = Recording(Settings(server=sys.argv[1]), Options(spool_dir=sys.argv[2], flush_seconds=0.01))
run = recording.create_run({"display_name": "full"})
root = recording.create_task(run, {"name": "ROOT", "type": "ROOT", "state": "RUNNING"})
for number in range(1000):
    recording.create_task(run, {"name": f"t{number}", "type": "RUNTIME", "parent_task_id": root, "display_name": "x" * 900})
print(run, recording.close(60.0), recording.counters.lost)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk_loses_nothing_as_long_as_the_server_is_there(address: str, spool: Path, tmp_path: Path) -> None:
    import lineal

    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, address, str(spool)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    run, is_complete, lost = ended.stdout.split()
    assert (is_complete, lost) == ("True", "0")
    assert "File too large" in ended.stderr
    with lineal.Client(address) as client:
        names = [task.name for task in client.list_tasks(run)]
    assert len(set(names)) == len(names) == 1001


@pytest.mark.parametrize("name", ["spool_seconds", "flush_seconds", "batch_items", "queue_items", "metric_seconds"])
def test_options_that_cannot_be_used_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lineal._recording import options

    monkeypatch.setenv(f"LINEAL_{name.upper()}", "-1")
    with pytest.raises(SettingsError, match=f"{name} must be at least [01], not -1"):
        options.load({})
    monkeypatch.setenv(f"LINEAL_{name.upper()}", "x")
    with pytest.raises(SettingsError, match=f"LINEAL_{name.upper()} must be a"):
        options.load({})


def test_options_come_from_arguments_then_variables_then_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    from lineal._recording import options

    monkeypatch.setenv("LINEAL_BATCH_ITEMS", "7")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    loaded = options.load({"flush_seconds": 3, "queue_items": None})
    assert (loaded.batch_items, loaded.flush_seconds, loaded.queue_items) == (7, 3, 10_000)
    assert loaded.folder == "/state/lineal/spool"
    with pytest.raises(SettingsError, match="there is no option 'colour'"):
        options.load({"colour": 1})
