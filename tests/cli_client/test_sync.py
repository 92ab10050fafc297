"""`lineal sync`: spool files as a table, and how the command ends."""

import re
from pathlib import Path

import pytest
from lineal import Client

from tests.cli_client.program import Ended, Lineal
from tests.client.recording.killed import die
from tests.client.recording.places import NOWHERE

pytestmark = pytest.mark.databases("sqlite")

RUN = "run, root = a_run(recording)\nprint(run)\n"


def lines(ended: Ended) -> list[list[str]]:
    """Return the table's lines, cut at gaps, without the names of files."""
    return [re.split(r" {2,}", line)[1:] for line in ended.out.splitlines()]


def test_files_are_sent_and_listed(writer: Lineal, client: Client, tmp_path: Path) -> None:
    [run_id] = die(writer.environment["LINEAL_SERVER"], tmp_path, RUN)
    ended = writer("sync", "--spool-dir", str(tmp_path))
    assert (ended.status, ended.err) == (0, "")
    assert [line[0] for line in lines(ended)] == ["OUTCOME", "sent"]
    assert client.get_run(run_id).display_name == "train"
    assert writer("sync", "--spool-dir", str(tmp_path)) == Ended(0, "", "no spool files\n")


def test_the_folder_is_that_of_the_recorder(writer: Lineal, tmp_path: Path) -> None:
    die(writer.environment["LINEAL_SERVER"], tmp_path, RUN)
    writer.environment["LINEAL_SPOOL_DIR"] = str(tmp_path)
    writer.environment["TMPDIR"] = str(tmp_path)
    ended = writer("sync", "-o", "csv")
    assert ended.out.splitlines()[0] == "file,outcome,calls,there already,refused,damaged lines,path"
    assert [line.split(",")[1] for line in ended.out.splitlines()[1:]] == ["sent"]


def test_files_for_another_address_are_left_unless_it_is_said(writer: Lineal, tmp_path: Path) -> None:
    die(NOWHERE, tmp_path, RUN)
    ended = writer("sync", "--spool-dir", str(tmp_path))
    assert (ended.status, [line[0] for line in lines(ended)]) == (0, ["OUTCOME", f"for {NOWHERE}"])
    ended = writer("sync", "--spool-dir", str(tmp_path), "--any-server")
    assert (ended.status, [line[0] for line in lines(ended)]) == (0, ["OUTCOME", "sent"])


def test_a_server_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    die(NOWHERE, tmp_path, RUN)
    ended = Lineal(NOWHERE)("sync", "--spool-dir", str(tmp_path), "--retries", "0")
    assert (ended.status, [line[0] for line in lines(ended)]) == (4, ["OUTCOME", "not sent"])
    assert ended.err == f"lineal: no server could be reached at {NOWHERE}: Connection refused\n"
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_what_the_server_refuses_is_told(writer: Lineal, tmp_path: Path) -> None:
    code = RUN + "recording.update_task(run, 'unknown', {'state': 'FAILED'})\n"
    die(writer.environment["LINEAL_SERVER"], tmp_path, code)
    ended = writer("sync", "--spool-dir", str(tmp_path))
    assert (ended.status, [line[0] for line in lines(ended)]) == (1, ["OUTCOME", "sent"])
    assert "RunService.UpdateTasksBulk of unknown was refused by the server: task 'unknown' not found" in ended.err
    assert ended.err.endswith("the server has refused 1 change; see the folder `rejected`\n")
