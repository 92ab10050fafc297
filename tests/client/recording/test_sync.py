"""What killed processes leave behind is sent by others: all of it, and once."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lineal
import pytest
from lineal._recording import chain, sender
from lineal._recording.sync import FileReport, sync
from lineal.settings import load

from tests.client.recording.conftest import Record
from tests.client.recording.killed import command, die, run
from tests.client.recording.places import (
    NOWHERE,
    RUNNING,
    SUCCEEDED,
    a_metric,
    a_model,
    a_run,
    values_of,
)
from tests.faults.cluster import Server, clean_environment

pytestmark = pytest.mark.databases("sqlite")

WORK = """
run, root = a_run(recording)
fit, check = (a_task(recording, run, root, name) for name in ("fit", "check"))
model, loss = a_model(recording, run, fit), a_metric(recording, run, fit)
for number in range(50):
    recording.add_point(loss, None, 1.0, number / 2)
recording.link(run, check, artifact=model, type="TASK_OUTPUT_INPUT", key="in", producer={"task_name": "fit"})
recording.update_task(run, fit, an_output("rows", 3) | {"state": "SUCCEEDED"})
print(run, flush=True)
"""


def synced(address: str, spool: Path, **options: Any) -> list[FileReport]:
    return list(sync(load({"server": address, "retries": 1}), [spool], **options))


def seen(client: lineal.Client, run_id: str) -> dict[str, Any]:
    """Return what of WORK the server has."""
    tasks = {task.name: task for task in client.list_tasks(run_id)}
    outputs = {each.artifact_key: each.artifacts for each in tasks["fit"].outputs.artifacts}
    return {
        "tasks": sorted(task.name for task in client.list_tasks(run_id)),
        "states": [tasks[name].state for name in ("fit", "check", "ROOT")],
        "outputs": {key: len(artifacts) for key, artifacts in outputs.items()},
        "inputs": [len(each.artifacts) for each in tasks["check"].inputs.artifacts],
        "same": tasks["check"].inputs.artifacts[0].artifacts[0].artifact_id == outputs["model"][0].artifact_id,
        "rows": [parameter.value.number_value for parameter in tasks["fit"].outputs.parameters],
        "values": values_of(client.get_artifact(outputs["loss"][0].artifact_id)),
    }


ALL = {
    "tasks": ["ROOT", "check", "fit"],
    "states": [SUCCEEDED, RUNNING, RUNNING],
    "outputs": {"loss": 1, "model": 1},
    "inputs": [1],
    "same": True,
    "rows": [3],
    "values": [number / 2 for number in range(50)],
}


def test_what_a_killed_process_has_recorded_is_sent(address: str, spool: Path, client: lineal.Client) -> None:
    [run_id] = die(address, spool, WORK)
    [report] = synced(address, spool)
    assert (report.outcome, report.rejected, report.damaged) == ("sent", 0, 0)
    assert seen(client, run_id) == ALL
    assert list(spool.glob("*.jsonl")) == []
    assert synced(address, spool) == []


def test_it_is_sent_once_however_often(address: str, spool: Path, client: lineal.Client) -> None:
    [run_id] = die(address, spool, WORK)
    [path] = spool.glob("*.jsonl")
    content = b"".join(
        line
        for line in path.read_bytes().splitlines(keepends=True)
        if line.startswith((b'{"call', b'{"points', b'{"lineal'))
    )
    for _ in range(3):
        path.write_bytes(content)
        assert [report.outcome for report in synced(address, spool)] == ["sent"]
        assert seen(client, run_id) == ALL


@pytest.fixture
def forgets(server: Server) -> Iterator[Any]:
    """Lets the server forget all idempotency keys, as it does after a day."""
    path = server.store.partition("///")[2]

    def forget() -> None:
        with sqlite3.connect(path, timeout=20.0) as database:
            database.execute("DELETE FROM idempotency_keys")

    return forget


def test_it_is_sent_once_by_a_server_that_has_forgotten_the_keys(
    address: str, spool: Path, client: lineal.Client, forgets: Any
) -> None:
    [run_id] = die(address, spool, WORK)
    [path] = spool.glob("*.jsonl")
    content = path.read_bytes()
    synced(address, spool)
    path.write_bytes(content)
    forgets()
    [report] = synced(address, spool)
    assert (report.outcome, report.rejected) == ("sent", 0)
    assert seen(client, run_id) == ALL


def test_old_calls_are_looked_up_before_they_are_sent(
    address: str, spool: Path, client: lineal.Client, forgets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "KEY_SECONDS", -1e9)
    [run_id] = die(NOWHERE, spool, WORK)
    [path] = spool.glob("*.jsonl")
    content = path.read_bytes()
    first = synced(address, spool, any_server=True)
    path.write_bytes(content)
    forgets()
    second = synced(address, spool, any_server=True)
    assert [report.found for report in first + second] == [0, 5]
    assert seen(client, run_id) == ALL


def test_an_old_update_does_not_begin_a_finished_task_anew(
    address: str, spool: Path, client: lineal.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "KEY_SECONDS", -1e9)
    code = """
run, root = a_run(recording)
recording._writer.write()
recording.update_task(run, root, {"state": "RUNNING", "name": "new"})
print(run, root)
"""
    run_id, root = die(address, spool, code)
    [path] = spool.glob("*.jsonl")
    content = path.read_bytes()
    synced(address, spool)
    client.update_task(run_id, root, task={"state": "SUCCEEDED"})
    path.write_bytes(content)
    synced(address, spool)
    task = client.get_task(run_id, root)
    assert (task.state, task.name) == (SUCCEEDED, "new")


def test_a_metric_never_goes_back(address: str, spool: Path, client: lineal.Client) -> None:
    [run_id] = die(address, spool, WORK)
    [path] = spool.glob("*.jsonl")
    content = path.read_bytes()
    synced(address, spool)
    [task] = [task for task in client.list_tasks(run_id) if task.name == "fit"]
    [loss] = [each.artifacts[0].artifact_id for each in task.outputs.artifacts if each.artifact_key == "loss"]
    longer = {"series": [{"step": 0, "time": 1.0, "value": 7.0}], "points": 1000}
    client.update_artifact(loss, metadata=longer, number_value=7.0)
    path.write_bytes(content)
    assert [report.rejected for report in synced(address, spool)] == [0]
    assert values_of(client.get_artifact(loss)) == [7.0]


def test_a_torn_line_and_a_lost_mark_cost_nothing(address: str, spool: Path, client: lineal.Client) -> None:
    [run_id] = die(address, spool, WORK)
    [path] = spool.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"call": 99, "name": "RunServ')
    assert [(report.outcome, report.damaged) for report in synced(address, spool)] == [("sent", 0)]
    assert seen(client, run_id) == ALL


def test_damaged_lines_are_told(address: str, spool: Path) -> None:
    die(address, spool, WORK)
    [path] = spool.glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b"\0\0\n")
    assert [(report.outcome, report.damaged) for report in synced(address, spool)] == [("sent", 1)]


def test_files_of_other_servers_and_newer_versions_are_left(address: str, spool: Path) -> None:
    die(NOWHERE, spool, WORK)
    (spool / "0.jsonl").write_text(json.dumps({"lineal_spool": 2, "server": address}) + "\n")
    (spool / "1.jsonl").write_text("something else\n")
    assert [report.outcome for report in synced(address, spool)] == ["of a newer version", f"for {NOWHERE}"]
    assert len(list(spool.glob("*.jsonl"))) == 3


def test_a_file_in_use_is_left_to_its_process(record: Record, address: str, spool: Path) -> None:
    recording = record()
    a_run(recording)
    assert recording.flush(20.0)
    assert [report.outcome for report in synced(address, spool)] == ["in use"]


def test_without_a_server_the_file_stays(spool: Path) -> None:
    die(NOWHERE, spool, WORK)
    [path] = spool.glob("*.jsonl")
    before = path.read_bytes()
    [report] = synced(NOWHERE, spool)
    assert isinstance(report.error, lineal.errors.Unavailable)
    assert path.read_bytes() == before


def test_what_is_refused_is_kept_next_to_the_file(address: str, spool: Path) -> None:
    die(address, spool, WORK + "recording.update_task(run, 'unknown', {'state': 'FAILED'})")
    [path] = spool.glob("*.jsonl")
    [report] = synced(address, spool)
    assert (report.outcome, report.rejected) == ("sent", 1)
    [line] = map(json.loads, (spool / "rejected" / path.name).read_text().splitlines())
    assert (line["call"], line["subject"], line["reason"]) == ("RunService.UpdateTasksBulk", "unknown", "NOT_FOUND")


def test_several_processes_may_sync_at_once(address: str, spool: Path, client: lineal.Client) -> None:
    runs = [die(NOWHERE, spool, WORK)[0] for _ in range(3)]
    arguments = ("sync", "--server", address, "--spool-dir", str(spool), "--any-server")
    syncs = [
        subprocess.Popen(
            [sys.executable, "-m", "lineal", *arguments], env=clean_environment(), stdout=subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    assert [each.wait(60.0) for each in syncs] == [0, 0, 0]
    assert [seen(client, run_id) for run_id in runs] == [ALL] * 3


def test_the_next_process_that_records_sends_it(address: str, spool: Path, client: lineal.Client) -> None:
    [run_id] = die(address, spool, WORK)
    code = "run, _ = a_run(recording)\nrecording.wait_for(run, timeout_seconds=20.0)\ntime.sleep(0.1)\n"
    code += "while len(os.listdir(sys.argv[2])) > 1: time.sleep(0.05)\nprint(recording.close())"
    assert run(address, spool, code) == ["True"]
    assert seen(client, run_id) == ALL


def test_large_recordings_go_on_in_further_files(
    record: Record, client: lineal.Client, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "FILE_BYTES", 20_000)
    recording = record(metric_seconds=0.1)
    run_id, root = a_run(recording)
    metric, models = a_metric(recording, run_id, root), []
    for number in range(60):
        models.append(a_model(recording, run_id, root, name=f"m{number}", description="x" * 500))
        for _ in range(20):
            recording.add_point(metric, None, 1.0, float(number))
        recording.link(run_id, root, artifact=models[-1], type="COMPONENT_INPUT", key=f"in{number}")
        recording._writer.write()
    assert recording.flush(30.0)
    assert recording.counters.spooled_bytes > 60_000
    assert len(list(spool.glob("*.jsonl"))) == 1
    assert len(values_of(client.get_artifact(metric.id))) == 1200
    assert len(client.get_task(run_id, root).inputs.artifacts) == 60


SEVERAL = """
from lineal._recording import chain
recording._chain.file_bytes = 3000
""" + WORK.replace("recording.link", "recording._writer.write()\nrecording.link").replace(
    "recording.add_point(", "recording._writer.write() if number % 10 == 0 else None\n    recording.add_point("
)


@pytest.mark.parametrize("server_is_there", [True, False])
def test_several_files_of_one_process_are_sent_in_order(
    address: str, spool: Path, client: lineal.Client, server_is_there: bool
) -> None:
    [run_id] = die(address if server_is_there else NOWHERE, spool, SEVERAL)
    reports = synced(address, spool, any_server=True)
    assert {report.outcome for report in reports} == {"sent"}
    assert server_is_there or len(reports) > 1
    assert seen(client, run_id) == ALL
    assert list(spool.glob("*.jsonl")) == []


def test_split_calls_are_not_sent_twice(address: str, spool: Path, client: lineal.Client) -> None:
    code = """
run, root = a_run(recording)
for number in range(9):
    a_model(recording, run, root, name="m" * (200 if number == 4 else 10))
print(run, root)
"""
    run_id, root = die(address, spool, code)
    [path] = spool.glob("*.jsonl")
    content = path.read_bytes()
    for _ in range(2):
        synced(address, spool)
        [output] = client.get_task(run_id, root).outputs.artifacts
        assert len(output.artifacts) == 8
        path.write_bytes(content)


def test_a_process_may_be_killed_at_any_moment(
    address: str, spool: Path, client: lineal.Client, tmp_path: Path
) -> None:
    code = """
log = open(sys.argv[3], "a")
run, root = a_run(recording)
number = 0
while True:
    number += 1
    task = a_task(recording, run, root, f"t{number}")
    model, loss = a_model(recording, run, task), a_metric(recording, run, task)
    recording.add_point(loss, None, 1.0, 0.5)
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    recording._writer.write()
    print(run, task, file=log, flush=True)
"""
    for number in range(4):
        process = subprocess.Popen(
            command(address, spool, code, (str(tmp_path / str(number)),)), env=clean_environment()
        )
        while not (tmp_path / str(number)).exists() or (tmp_path / str(number)).stat().st_size < 400 * number:
            assert process.poll() is None
        os.kill(process.pid, 9)
        process.wait()
    assert {report.outcome for report in synced(address, spool)} <= {"sent"}
    for number in range(1, 4):
        pairs = [line.split() for line in (tmp_path / str(number)).read_text().splitlines()]
        tasks = {task.task_id: task for task in client.list_tasks(pairs[0][0])}
        assert len({task.name for task in tasks.values()}) == len(tasks)
        for _, task_id in pairs:
            outputs = {each.artifact_key: len(each.artifacts) for each in tasks[task_id].outputs.artifacts}
            assert (tasks[task_id].state, outputs) == (SUCCEEDED, {"loss": 1, "model": 1})
