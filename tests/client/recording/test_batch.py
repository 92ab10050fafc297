"""From changes in the order in which they were recorded to calls in the order in which they are sent."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from lineal._recording import Options, Recording
from lineal._recording.lines import Call, Points, entry_of
from lineal._recording.parts import request_of
from lineal._recording.spool import SpoolFile, lines_of
from lineal.settings import Settings

from tests.client.recording.places import NOWHERE, a_metric, a_model, a_run, a_task, an_output

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def recording(tmp_path: Path) -> Any:
    """A recording that writes when it is told to, and sends nothing."""
    options = Options(spool_dir=str(tmp_path), flush_seconds=3600.0, batch_items=1000)
    recording = Recording(Settings(server=NOWHERE, retries=0), options)
    yield recording
    recording.close(0.0)


def written(recording: Recording) -> list[Call | Points]:
    """Write what was recorded, and return what is in the file."""
    recording._writer.write()
    place = recording._chain.last
    assert isinstance(place, SpoolFile)
    entries = [entry_of(line) for line, _ in lines_of(place) if line]
    return [entry for entry in entries if entry is not None]


def names(entries: list[Call | Points]) -> list[str]:
    return ["points" if isinstance(entry, Points) else entry.name.partition(".")[2] or entry.name for entry in entries]


def requests(entries: list[Call | Points], name: str) -> list[Any]:
    return [request_of(entry) for entry in entries if isinstance(entry, Call) and entry.name.endswith(name)]


def test_calls_are_in_the_order_in_which_they_depend_on_each_other(recording: Recording) -> None:
    run, root = a_run(recording)
    task = a_task(recording, run, root)
    metric, model = a_metric(recording, run, task), a_model(recording, run, task)
    recording.add_point(metric, None, 1.0, 0.5)
    recording.link(run, root, artifact=model, type="OUTPUT", key="model")
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    recording.update_task(run, root, {"state": "SUCCEEDED"})
    assert names(written(recording)) == [
        *("points", "CreateRun", "CreateTask", "CreateTask", "CreateArtifactsBulk", "CreateArtifactTasksBulk"),
        *("series", "UpdateTasksBulk"),
    ]


def test_a_task_that_is_created_and_finished_in_one_batch_is_one_call(recording: Recording) -> None:
    run, root = a_run(recording)
    task = a_task(recording, run, root)
    recording.update_task(run, task, an_output("rows", 3))
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    entries = written(recording)
    assert names(entries) == ["CreateRun", "CreateTask", "CreateTask"]
    created = requests(entries, "CreateTask")[1].task
    assert (created.state, created.outputs.parameters[0].value.number_value) == (2, 3.0)
    assert sum(entry.changes for entry in entries if isinstance(entry, Call)) == 5


def test_the_end_of_a_root_task_is_the_last_call(recording: Recording) -> None:
    run, root = a_run(recording)
    recording.update_task(run, root, {"state": "SUCCEEDED"})
    assert names(written(recording)) == ["CreateRun", "CreateTask", "UpdateTasksBulk"]


def test_a_task_with_outputs_ends_after_they_are_there(recording: Recording) -> None:
    run, root = a_run(recording)
    task = a_task(recording, run, root)
    a_model(recording, run, task)
    recording.update_task(run, task, {"state": "SUCCEEDED"})
    assert names(written(recording))[-2:] == ["CreateArtifactsBulk", "UpdateTasksBulk"]


def test_parents_come_before_their_children_and_siblings_have_one_level(recording: Recording) -> None:
    run, root = a_run(recording)
    tasks = [a_task(recording, run, root, name) for name in "ab"]
    inner = a_task(recording, run, tasks[0], "c")
    a_task(recording, run, inner, "d")
    calls = [entry for entry in written(recording) if isinstance(entry, Call) and entry.name.endswith("CreateTask")]
    levels = {request_of(call).task.name: call.level for call in calls}
    assert levels == {"ROOT": 1, "a": 2, "b": 2, "c": 3, "d": 4}
    assert [call.level for call in calls] == [1, 2, 2, 3, 4]


def test_links_are_recorded_once_by_their_whole_identity(recording: Recording) -> None:
    run, root = a_run(recording)
    model = a_model(recording, run, root)
    for _ in range(3):
        for key, producer in itertools.product("ab", ({"task_name": "t"}, {"task_name": "t", "iteration": 1})):
            recording.link(run, root, artifact=model, type="COMPONENT_INPUT", key=key, producer=producer)
        recording.link(run, root, artifact="known", type="COMPONENT_INPUT", key="a", producer={"task_name": "t"})
    links = requests(written(recording), "CreateArtifactTasksBulk")
    assert [len(request.artifact_tasks) for request in links] == [5]
    recording.link(run, root, artifact="known", type="COMPONENT_INPUT", key="a", producer={"task_name": "t"})
    assert len(requests(written(recording), "CreateArtifactTasksBulk")) == 1


def test_a_metric_is_made_with_the_points_that_are_there(recording: Recording) -> None:
    run, root = a_run(recording)
    metric = a_metric(recording, run, root)
    for value in (0.25, 0.75, float("nan")):
        recording.add_point(metric, None, 2.0, value)
    entries = written(recording)
    [created] = requests(entries, "CreateArtifactsBulk")[0].artifacts
    assert created.artifact.number_value == 0.75
    assert created.artifact.metadata["points"].number_value == 3
    assert [entry.carries for entry in entries if isinstance(entry, Call) and entry.refs] == [(3,)]


def test_a_metric_without_a_finite_value_loses_its_number_by_an_update(recording: Recording) -> None:
    run, root = a_run(recording)
    recording.add_point(a_metric(recording, run, root), None, 2.0, float("nan"))
    [created] = [entry for entry in written(recording) if isinstance(entry, Call) and entry.refs]
    assert created.carries == (0,) or not created.carries


def test_bulk_calls_are_cut_by_items_and_by_bytes(tmp_path: Path) -> None:
    recording = Recording(Settings(server=NOWHERE, retries=0), Options(spool_dir=str(tmp_path), batch_items=10))
    run, root = a_run(recording)
    recording._writer.write()
    for number in range(25):
        a_model(recording, run, root, description="x" * (1_500_000 if number == 3 else 600_000 if number < 6 else 1))
    entries = written(recording)
    sizes = [len(request.artifacts) for request in requests(entries, "CreateArtifactsBulk")]
    assert sum(sizes) == 25
    assert max(sizes) <= 10
    assert all(len(entry.request) < 2_200_000 for entry in entries if isinstance(entry, Call))
    recording.close(0.0)


def test_what_does_not_fit_is_refused_at_once_and_not_recorded(recording: Recording) -> None:
    run, root = a_run(recording)
    with pytest.raises(ValueError, match=r"task\.state: 'DONE' is not a TaskState"):
        recording.create_task(run, {"state": "DONE"})
    with pytest.raises(TypeError, match=r"outputs: must be InputOutputs or a mapping"):
        recording.update_task(run, root, {"outputs": 3})
    with pytest.raises(ValueError, match=r"artifact\.kind: Artifact has no such field"):
        recording.create_artifact(run, root, key="k", artifact={"kind": "Model"})
    with pytest.raises(ValueError, match="step: 9007199254740993 is not between"):
        recording.add_point(a_metric(recording, run, root), 2**53 + 1, 1.0, 0.5)
    assert recording.counters.changes == 3


def test_a_value_that_changes_after_it_was_recorded_is_recorded_as_it_was(recording: Recording) -> None:
    run, root = a_run(recording)
    value = {"layers": [1, 2]}
    recording.update_task(run, root, an_output("config", value))
    value["layers"].append(3)
    [task] = requests(written(recording), "CreateTask")
    assert len(task.task.outputs.parameters[0].value.struct_value.fields["layers"].list_value.values) == 2
