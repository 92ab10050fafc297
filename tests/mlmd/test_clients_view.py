"""Imported runs look like live ones to KFP's clients: what its UI looks for is there."""

import json
from collections import Counter
from typing import Any

import pytest

from migrations.mlmd.kfp.runs_file import RunsFile
from storage.model import LinkedArtifact, Task, TaskType
from tests.mlmd.reading import RUNS_FILE, Imported, read_all, store_url
from tests.server.codec_messages import task_message


@pytest.fixture(scope="module")
async def imported() -> Imported:
    return await read_all(store_url("kfp_main"), kfp=RunsFile.read(str(RUNS_FILE)))


def attributes(task: Task) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(task.type_attributes or "{}")
    return found


def test_every_run_has_one_root_above_all_its_tasks(imported: Imported) -> None:
    for run in imported.runs:
        ids = {task.id for task in run.tasks}
        (root,) = [task for task in run.tasks if task.parent_task_id is None]
        assert (root.type, root.name) == (TaskType.ROOT, "ROOT")
        assert all(task.parent_task_id in ids for task in run.tasks if task is not root)


def test_children_of_a_loop_are_found_by_parent_and_iteration(imported: Imported) -> None:
    loops = [task for task in imported.tasks if task.type == TaskType.LOOP]
    for loop in loops:
        children = [task for task in imported.tasks if task.parent_task_id == loop.id]
        found = {int(attributes(child)["iterationIndex"]) for child in children}
        assert found == set(range(int(attributes(loop)["iterationCount"])))
    assert len(loops) == 6


def test_a_name_is_unique_under_its_parent_and_iteration(imported: Imported) -> None:
    places = Counter(
        (task.parent_task_id, task.name, attributes(task).get("iterationIndex")) for task in imported.tasks[1:]
    )
    assert {times for place, times in places.items() if place[0]} == {1}


def test_the_service_shows_one_group_for_each_output_key(imported: Imported) -> None:
    groups = 0
    for run in imported.runs:
        artifacts = {artifact.id: artifact for artifact in run.artifacts}
        for task in run.tasks:
            links = [LinkedArtifact(link, artifacts[link.artifact_id]) for link in run.links if link.task_id == task.id]
            message = task_message(task, artifacts=links)
            keys = Counter(
                (io.artifact_key, io.producer.iteration if task.type == TaskType.LOOP else None)
                for io in message.outputs.artifacts
            )
            assert set(keys.values()) <= {1}
            groups += len(keys)
    assert groups > 40


def test_all_logs_of_a_task_that_was_tried_again_are_in_one_group(imported: Imported) -> None:
    (flaky,) = [task for task in imported.tasks if task.name == "flaky"]
    logs = [link for link in imported.links if link.task_id == flaky.id and link.key == "executor-logs"]
    assert len(logs) == 2
    assert len({(link.type, link.producer, link.iteration) for link in logs}) == 1


def test_every_record_is_one_that_the_service_can_show(imported: Imported) -> None:
    for task in imported.tasks:
        message = task_message(task)
        assert message.state == task.state
        assert len(message.state_history) in (1, 2)
        stored = (task.pods, task.state_history, task.type_attributes, task.input_parameters, task.output_parameters)
        assert not [text for text in stored if text is not None and text[0] not in "[{"]
