"""A recording and a server: what is recorded is there, as it was recorded."""

import math
import threading
import time
from pathlib import Path

import lineal
import pytest
from lineal import errors

from tests.client.recording.conftest import Record
from tests.client.recording.places import (
    NOWHERE,
    SUCCEEDED,
    a_metric,
    a_model,
    a_run,
    a_task,
    an_output,
    values_of,
)

sqlite_only = pytest.mark.databases("sqlite")


def test_everything_that_is_recorded_is_there(record: Record, client: lineal.Client) -> None:
    recording = record()
    run, root = a_run(recording)
    fit, check = (a_task(recording, run, root, name) for name in ("fit", "check"))
    model = a_model(recording, run, fit)
    recording.link(run, check, artifact=model, type="TASK_OUTPUT_INPUT", key="in", producer={"task_name": "fit"})
    recording.update_task(run, fit, an_output("rows", 3) | {"state": "SUCCEEDED"})
    recording.update_task(run, root, {"state": "SUCCEEDED"})
    assert recording.flush(20.0)
    tasks = {task.name: task for task in client.list_tasks(run)}
    assert (tasks["ROOT"].task_id, tasks["fit"].task_id, tasks["check"].task_id) == (root, fit, check)
    assert tasks["fit"].outputs.parameters[0].value.number_value == 3
    assert [
        each.artifacts[0].artifact_id for each in (*tasks["fit"].outputs.artifacts, *tasks["check"].inputs.artifacts)
    ] == [model.id] * 2
    assert client.get_run(run).state == 3


def test_points_of_metrics_are_there_after_a_flush(record: Record, client: lineal.Client) -> None:
    recording = record(metric_seconds=3600.0)
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    for value in (0.5, math.nan, math.inf):
        recording.add_point(metric, None, 1.0, value)
    assert recording.flush(20.0)
    recording.add_point(metric, 10, 2.0, 0.75)
    recording.add_point(metric, None, 3.0, -math.inf)
    assert recording.flush(20.0)
    artifact = client.get_artifact(metric.id)
    assert (artifact.number_value, values_of(artifact)) == (0.75, [0.5, "NaN", "Infinity", 0.75, "-Infinity"])
    steps = [point.struct_value.fields["step"].number_value for point in artifact.metadata["series"].list_value.values]
    assert steps == [0, 1, 2, 10, 11]


@sqlite_only
def test_a_metric_without_a_finite_value_has_no_number(record: Record, client: lineal.Client) -> None:
    recording = record()
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    recording.add_point(metric, None, 1.0, math.nan)
    assert recording.flush(20.0)
    artifact = client.get_artifact(metric.id)
    assert (artifact.HasField("number_value"), values_of(artifact)) == (False, ["NaN"])


@sqlite_only
def test_a_long_series_is_thinned(record: Record, client: lineal.Client) -> None:
    recording = record()
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    for number in range(25_000):
        recording.add_point(metric, None, 1.0, float(number))
    assert recording.flush(30.0)
    artifact = client.get_artifact(metric.id)
    assert artifact.metadata["points"].number_value == 25_000
    assert values_of(artifact) == [*map(float, range(0, 25_000, 4)), 24_999.0]


@sqlite_only
def test_points_are_sent_before_their_task_ends_and_later_ones_are_added(record: Record, client: lineal.Client) -> None:
    recording = record(metric_seconds=3600.0)
    run, root = a_run(recording)
    task = a_task(recording, run, root)
    metric = a_metric(recording, run, task)
    assert recording.flush(20.0)
    recording.add_point(metric, None, 1.0, 0.25)
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    recording.wait_for(task, timeout_seconds=20.0)
    assert values_of(client.get_artifact(metric.id)) == [0.25]
    recording.add_point(metric, None, 2.0, 0.75)
    assert recording.flush(20.0)
    assert values_of(client.get_artifact(metric.id)) == [0.25, 0.75]


@sqlite_only
def test_metrics_are_sent_every_few_seconds(record: Record, client: lineal.Client) -> None:
    recording = record(metric_seconds=0.2)
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    assert recording.flush(20.0)
    calls = recording.counters.calls
    end = time.monotonic() + 20.0
    while len(values_of(client.get_artifact(metric.id))) < 3 and time.monotonic() < end:
        recording.add_point(metric, None, time.time(), 0.5)
        time.sleep(0.01)
    assert recording.counters.calls - calls < 10


@sqlite_only
def test_an_artifact_that_is_reused_has_the_id_of_the_first(record: Record) -> None:
    recording = record()
    run, root = a_run(recording)
    artifact = {"name": "data", "type": "Dataset", "namespace": "team", "uri": f"s3://lake/{run}"}
    first, second = (
        recording.create_artifact(run, root, key=key, artifact=artifact, reuse_if_exists=True) for key in "ab"
    )
    task = a_task(recording, run, root)
    recording.link(run, task, artifact=second, type="TASK_OUTPUT_INPUT", key="data")
    assert first.id == second.id
    assert recording.flush(20.0)
    assert recording.rejected() == []


@sqlite_only
def test_counters_tell_how_many_calls_were_saved(record: Record) -> None:
    recording = record(flush_seconds=3600.0)
    run, root = a_run(recording)
    for number in range(100):
        recording.update_task(run, root, an_output("rows", number))
    assert recording.counters.waiting == 102
    assert recording.flush(20.0)
    counters = recording.counters
    assert (counters.changes, counters.calls, counters.calls_saved, counters.waiting) == (102, 2, 100, 0)
    assert counters.spooled_bytes > 0


@sqlite_only
def test_changes_of_many_threads_are_all_recorded(record: Record, client: lineal.Client) -> None:
    recording = record(batch_items=7, queue_items=20)
    run, root = a_run(recording)

    def work(number: int) -> None:
        for index in range(20):
            task = a_task(recording, run, root, f"{number}-{index}")
            a_model(recording, run, task)
            recording.update_task(run, task, {"state": "SUCCEEDED"})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recording.flush(60.0)
    tasks = [task for task in client.list_tasks(run) if task.name != "ROOT"]
    assert len({task.name for task in tasks}) == len(tasks) == 100
    assert {(task.state, len(task.outputs.artifacts[0].artifacts)) for task in tasks} == {(SUCCEEDED, 1)}


@sqlite_only
def test_recording_does_not_wait_for_a_server_that_is_not_there(record: Record, spool: Path) -> None:
    recording = record(NOWHERE)
    start = time.monotonic()
    run, root = a_run(recording)
    model = a_model(recording, run, root)
    assert time.monotonic() - start < 1.0
    with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1:1 does not have it yet: .*Connection refused"):
        recording.wait_for(run, timeout_seconds=1.0)
    assert (model.known_id, recording.flush(0.1), recording.close(0.1)) == (None, False, False)
    assert len(list(spool.glob("*.jsonl"))) == 1


@sqlite_only
def test_a_file_is_deleted_when_the_server_has_everything(record: Record, spool: Path) -> None:
    recording = record()
    a_run(recording)
    assert recording.flush(20.0)
    assert [path.stat().st_mode & 0o777 for path in (spool, *spool.iterdir())] == [0o700, 0o600]
    assert (recording.close(20.0), recording.close(20.0)) == (True, True)
    assert list(spool.iterdir()) == []


@sqlite_only
def test_a_closed_recording_takes_nothing_more(record: Record) -> None:
    recording = record()
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    assert recording.close(20.0)
    with pytest.raises(RuntimeError, match="the recording is closed"):
        recording.create_run({})
    with pytest.raises(RuntimeError, match="the recording is closed"):
        recording.add_point(metric, None, 1.0, 0.5)


@sqlite_only
def test_a_recording_that_was_not_used_writes_nothing(record: Record, spool: Path) -> None:
    assert record().close(0.0)
    assert not spool.exists()
