"""Forks: a child records for itself, and what its parent has recorded stays the parent's."""

import os
from pathlib import Path

import lineal
import pytest

from tests.client.recording.killed import DIE, die, run
from tests.client.recording.places import NOWHERE, RUNNING, SUCCEEDED
from tests.client.recording.test_sync import synced

pytestmark = [
    pytest.mark.databases("sqlite"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here"),
]

FORK = """
run, root = a_run(recording)
model = a_model(recording, run, root)
if WAITS: recording.flush(20.0)
child = os.fork()
if child == 0:
    task = a_task(recording, run, root, "child")
    recording.link(run, task, artifact=model, type="TASK_OUTPUT_INPUT", key="in")
    mine = a_model(recording, run, task)
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    recording.close(5.0)
    os._exit(0)
task = a_task(recording, run, root, "parent")
os.waitpid(child, 0)
"""

END = "print(run, recording.close(30.0), recording.counters.rejected)\n"


def assert_all_there(client: lineal.Client, run_id: str) -> None:
    tasks = {task.name: task for task in client.list_tasks(run_id)}
    assert sorted(task.name for task in client.list_tasks(run_id)) == ["ROOT", "child", "parent"]
    assert [tasks[name].state for name in ("child", "parent")] == [SUCCEEDED, RUNNING]
    [model] = [each.artifacts[0].artifact_id for each in tasks["ROOT"].outputs.artifacts]
    assert [each.artifacts[0].artifact_id for each in tasks["child"].inputs.artifacts] == [model]
    assert len(tasks["child"].outputs.artifacts) == 1


@pytest.mark.parametrize("waits", [True, False])
def test_what_a_child_records_is_sent_by_its_parent(
    address: str, spool: Path, client: lineal.Client, waits: bool
) -> None:
    run_id, is_complete, rejected = run(address, spool, f"WAITS = {waits}\n" + FORK + END)
    assert (is_complete, rejected) == ("True", "0")
    assert_all_there(client, run_id)
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("server_is_there", [True, False])
def test_parent_and_child_that_are_killed_are_sent_by_sync(
    address: str, spool: Path, client: lineal.Client, server_is_there: bool
) -> None:
    code = "WAITS = False\n" + FORK.replace("recording.close(5.0)\n    os._exit(0)", DIE.replace("\n", "\n    "))
    [run_id] = die(address if server_is_there else NOWHERE, spool, code + "print(run, flush=True)\n")
    reports = synced(address, spool, any_server=True)
    assert ({report.outcome for report in reports}, sum(report.rejected for report in reports)) == ({"sent"}, 0)
    assert_all_there(client, run_id)


def test_a_child_of_a_process_that_has_sent_nothing_sends_for_itself(
    address: str, spool: Path, client: lineal.Client
) -> None:
    code = """
if os.fork() == 0:
    run, root = a_run(recording)
    print(run, recording.close(20.0), flush=True)
    os._exit(0)
os.wait()
print(recording.counters.changes)
"""
    run_id, is_complete, changes = run(address, spool, code)
    assert (is_complete, changes) == ("True", "0")
    assert client.get_run(run_id).display_name == "train"


def test_a_child_waits_for_nothing_it_cannot_have(address: str, spool: Path) -> None:
    code = """
run, root = a_run(recording)
recording.flush(20.0)
if os.fork() == 0:
    start = time.monotonic()
    model = a_model(recording, run, root)
    try:
        model.id
    except Exception as error:
        print(type(error).__name__, "before this process was forked" in str(error), time.monotonic() - start < 5.0, flush=True)
    os._exit(0)
os.wait()
"""
    assert run(address, spool, code) == ["Unavailable", "True", "True"]


def test_a_metric_of_the_parent_is_not_the_childs(address: str, spool: Path) -> None:
    code = """
run, root = a_run(recording)
loss = a_metric(recording, run, root)
if os.fork() == 0:
    try:
        recording.add_point(loss, None, 1.0, 0.5)
    except RuntimeError as error:
        print("by another process" in str(error), flush=True)
    os._exit(0)
os.wait()
recording.add_point(loss, None, 1.0, 0.5)
print(recording.close(20.0))
"""
    assert run(address, spool, code) == ["True", "True"]


def test_workers_of_a_pool_record(address: str, spool: Path, client: lineal.Client) -> None:
    code = """
import multiprocessing
run, root = a_run(recording)
def work(number):
    task = a_task(recording, run, root, f"t{number}")
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    return task
with multiprocessing.get_context("fork").Pool(3) as pool:
    tasks = pool.map(work, range(30))
    pool.close()
    pool.join()
print(run, len(set(tasks)), recording.close(30.0))
"""
    run_id, count, is_complete = run(address, spool, code)
    assert (count, is_complete) == ("30", "True")
    tasks = [task for task in client.list_tasks(run_id) if task.name != "ROOT"]
    assert {task.name for task in tasks} == {f"t{number}" for number in range(30)}
    assert {task.state for task in tasks} == {SUCCEEDED}


def test_children_of_threads_that_record_hang_nowhere(address: str, spool: Path, client: lineal.Client) -> None:
    code = """
import threading
run, root = a_run(recording)
stop = threading.Event()
def work():
    while not stop.is_set():
        recording.update_task(run, root, an_output("x", 1))
        time.sleep(0.0005)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for number in range(12):
    child = os.fork()
    if child == 0:
        a_task(recording, run, root, f"t{number}")
        recording.close(0.0)
        os._exit(0)
    os.waitpid(child, 0)
stop.set()
for thread in threads: thread.join()
print(run, recording.close(30.0), recording.counters.rejected)
"""
    run_id, is_complete, rejected = run(address, spool, code)
    assert (is_complete, rejected) == ("True", "0")
    assert len([task for task in client.list_tasks(run_id) if task.name != "ROOT"]) == 12


def test_a_file_that_changed_before_a_fork_is_read_by_the_child_to_its_end(
    address: str, spool: Path, client: lineal.Client
) -> None:
    code = """
run, root = a_run(recording)
data = {"name": "data", "type": "Dataset", "namespace": "team", "uri": f"s3://{run}"}
first = recording.create_artifact(run, root, key="a", artifact=data, reuse_if_exists=True)
recording.flush(20.0)
second = recording.create_artifact(run, root, key="b", artifact=data, reuse_if_exists=True)
child = os.fork()
if child == 0:
    task = a_task(recording, run, root, "child")
    recording.link(run, task, artifact=second, type="TASK_OUTPUT_INPUT", key="in")
    recording.close(0.0)
    os._exit(0)
os.waitpid(child, 0)
print(run, first.id, second.id, recording.close(30.0), recording.counters.rejected)
"""
    run_id, first, second, is_complete, rejected = run(address, spool, code)
    assert (first == second, is_complete, rejected) == (True, "True", "0")
    [child] = [task for task in client.list_tasks(run_id) if task.name == "child"]
    assert [each.artifacts[0].artifact_id for each in child.inputs.artifacts] == [first]
