"""UpdateTask and UpdateTasksBulk: what is sent is merged into what is stored."""

from typing import Any

import pytest

from tests.api.builders import (
    Task,
    a_link,
    a_parameter,
    a_task,
    get_task,
    moment,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    new_tasks,
    with_inputs,
)
from tests.api.client import Api, code

FULL = {
    "name": "train",
    "display_name": "Train",
    "cache_fingerprint": "f",
    "state": "RUNNING",
    "type": "RUNTIME",
    "end_time": {"seconds": 1_700_000_000},
    "status_metadata": {"message": "m"},
    "pods": [{"name": "pod"}],
    "type_attributes": {"iteration_index": 1},
    "inputs": {"parameters": [a_parameter()]},
    "outputs": {"parameters": [a_parameter("out", type="OUTPUT")]},
    "scope_path": "root.train",
    "create_time": {"seconds": 1_600_000_000},
}


async def updated(api: Api, update: Any, **fields: Any) -> tuple[Any, Any]:
    """Create a task, update it, and return it as it was before and as it is kept afterwards."""
    run_id = await new_run(api)
    before = await api.CreateTask(run_id=run_id, task=Task(**(FULL | fields)))
    answer = await api.UpdateTask(run_id=run_id, task_id=before.task_id, task=update)
    assert answer == await get_task(api, run_id, before.task_id)
    return before, answer


async def test_an_empty_update_changes_nothing(api: Api) -> None:
    before, after = await updated(api, Task())
    assert after == before


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "other"},
        {"display_name": "Other"},
        {"cache_fingerprint": "g"},
        {"type": "DAG"},
        {"end_time": {"seconds": 1_800_000_000, "nanos": 123_456_000}},
        {"status_metadata": {"custom_properties": {"a": {"number_value": 1}}}},
        {"status_metadata": {}},
        {"pods": [{"name": "new", "uid": "u", "type": "DRIVER"}, {}]},
        {"type_attributes": {"iteration_count": 3}},
        {"type_attributes": {}},
    ],
)
async def test_a_sent_field_replaces_the_kept_one_and_no_other(api: Api, sent: dict[str, Any]) -> None:
    before, after = await updated(api, Task(**sent))
    [field] = sent
    expected = Task()
    expected.CopyFrom(before)
    expected.ClearField(field)  # type: ignore[arg-type]
    expected.MergeFrom(Task(**sent))
    assert after == expected


@pytest.mark.parametrize(
    "sent",
    [
        {"create_time": {"seconds": 5}},
        {"scope_path": "other"},
        {"state_history": [{"state": "FAILED"}]},
        {"child_tasks": [{"task_id": "x"}]},
        {"inputs": {"artifacts": [{"artifact_key": "a"}]}},
        {"outputs": {}},
        {"end_time": {"seconds": 0, "nanos": 5}},
    ],
)
async def test_what_an_update_cannot_change_is_ignored(api: Api, sent: dict[str, Any]) -> None:
    before, after = await updated(api, Task(**sent))
    assert after == before


@pytest.mark.parametrize(
    "path", ["SUCCEEDED RUNNING FAILED", "FAILED FAILED RUNNING", "CACHED SKIPPED SKIPPED RUNNING"]
)
async def test_any_state_may_follow_any_other_and_repetitions_leave_no_trace(api: Api, path: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    expected = ["RUNNING"]
    for state in path.split():
        task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state=state))
        expected += [state] if state != expected[-1] else []
        assert Task.TaskState.Name(task.state) == state
    assert [Task.TaskState.Name(entry.state) for entry in task.state_history] == expected


@pytest.mark.parametrize("end", ["SUCCEEDED", "CACHED"])
@pytest.mark.parametrize(
    ("path", "sent", "kept"),
    [
        ("FAILED RUNNING", None, {"custom_properties": {"node": {"string_value": "n"}}}),
        ("FAILED", None, {"custom_properties": {"node": {"string_value": "n"}}}),
        ("FAILED RUNNING", {"message": "at last"}, {"message": "at last"}),
        ("RUNNING", None, {"message": "m", "custom_properties": {"node": {"string_value": "n"}}}),
    ],
)
async def test_success_after_a_failure_drops_its_message(
    api: Api, end: str, path: str, sent: dict[str, Any] | None, kept: dict[str, Any]
) -> None:
    run_id, task_id = await new_run_and_task(api)
    status = {"message": "m", "custom_properties": {"node": {"string_value": "n"}}}
    for state in path.split():
        await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state=state, status_metadata=status))
    last = {} if sent is None else {"status_metadata": sent}
    task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state=end, **last))
    assert task.status_metadata == Task(status_metadata=kept).status_metadata
    assert await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state=end)) == task


async def test_a_message_alone_leaves_nothing_behind(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    failed = Task(state="FAILED", status_metadata={"message": "m"})
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=failed)
    task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(state="SUCCEEDED"))
    assert not task.HasField("status_metadata")


async def test_a_parent_is_kept_set_and_cleared(api: Api) -> None:
    run_id, parent_id = await new_run_and_task(api)
    task_id = await new_task(api, run_id)
    for sent, expected in (({"parent_task_id": parent_id}, parent_id), ({}, parent_id), ({"parent_task_id": ""}, "")):
        task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task(**sent))
        assert (task.parent_task_id, task.HasField("parent_task_id")) == (expected, bool(expected))


async def test_merged_parameters_keep_their_places_and_new_ones_follow(api: Api) -> None:
    run_id = await new_run(api)
    kept = [a_parameter("c", 1.0), a_parameter("a", 1.0), a_parameter("b", 1.0)]
    task_id = await new_task(api, run_id, inputs={"parameters": kept})
    sent = [a_parameter("z", 2.0), a_parameter("a", 2.0), a_parameter("d", 2.0)]
    for _ in range(2):
        task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=with_inputs(*sent))
        shown = [(each.parameter_key, each.value.number_value) for each in task.inputs.parameters]
        assert shown == [("c", 1.0), ("a", 2.0), ("b", 1.0), ("z", 2.0), ("d", 2.0)]


async def test_parameters_with_another_type_producer_or_iteration_are_others(api: Api) -> None:
    parameters = [
        a_parameter("p"),
        a_parameter("p", type="COMPONENT_INPUT"),
        a_parameter("p", producer={}),
        a_parameter("p", producer={"task_name": "a"}),
        a_parameter("p", producer={"task_name": "a", "iteration": 0}),
        a_parameter("p", producer={"task_name": "a", "iteration": 1}),
        a_parameter("p-a"),
        a_parameter("p", producer={"task_name": "a-0"}),
    ]
    _, after = await updated(api, with_inputs(*parameters), inputs={})
    assert list(after.inputs.parameters) == parameters


async def test_iterator_entries_without_iteration_are_told_apart_by_value(api: Api) -> None:
    entries = [a_parameter("item", value, type="ITERATOR_INPUT") for value in ("a", "b", "a")]
    _, after = await updated(api, with_inputs(*entries), inputs={})
    assert [entry.value.string_value for entry in after.inputs.parameters] == ["a", "b"]


async def test_an_update_is_answered_with_artifacts_and_children(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, artifact_id))
    children = [await new_task(api, run_id, name, parent_task_id=task_id) for name in ("b", "a")]
    task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=Task())
    assert [(child.task_id, child.name) for child in task.child_tasks] == list(zip(children, "ba", strict=True))
    assert [len(side.artifacts) for side in (task.inputs, task.outputs)] == [1, 1]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run_id": ""}, "INVALID_ARGUMENT"),
        ({"task_id": ""}, "INVALID_ARGUMENT"),
        ({"task": None}, "INVALID_ARGUMENT"),
        ({"task": Task(task_id="other")}, "INVALID_ARGUMENT"),
        ({"task": Task(run_id="other")}, "INVALID_ARGUMENT"),
        ({"task_id": "no-such-task"}, "NOT_FOUND"),
        ({"task_id": "x" * 300}, "NOT_FOUND"),
        ({"run_id": "no-such-run"}, "INVALID_ARGUMENT"),
        ({"task": Task(parent_task_id="no-such-task")}, "NOT_FOUND"),
    ],
)
async def test_a_senseless_update_is_refused(api: Api, fields: dict[str, Any], expected: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    request = {"run_id": run_id, "task_id": task_id, "task": Task(state="FAILED")} | fields
    assert await code(api.UpdateTask(**request)) == expected
    assert (await get_task(api, run_id, task_id)).state == Task.RUNNING


async def test_an_update_may_repeat_the_ids_of_its_task(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    task = Task(task_id=task_id, run_id=run_id, name="x")
    assert (await api.UpdateTask(run_id=run_id, task_id=task_id, task=task)).name == "x"
    assert (await api.UpdateTasksBulk(run_id=run_id, tasks={task_id: task})).tasks[task_id].name == "x"


async def test_a_bulk_update_answers_with_every_task_as_single_updates_would(api: Api) -> None:
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, 3)
    await new_artifact(api, run_id, task_ids[0])
    update = with_inputs(a_parameter(), parent_task_id=task_ids[0])
    answer = await api.UpdateTasksBulk(
        run_id=run_id, tasks={task_ids[1]: update, task_ids[2]: update, task_ids[0]: Task()}
    )
    assert dict(answer.tasks) == {task_id: await get_task(api, run_id, task_id) for task_id in task_ids}
    assert len(answer.tasks[task_ids[0]].child_tasks) == 2


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ({}, "INVALID_ARGUMENT"),
        ({"": Task()}, "INVALID_ARGUMENT"),
        ({"x": Task(task_id="y")}, "INVALID_ARGUMENT"),
        ({"x": Task(run_id="y")}, "INVALID_ARGUMENT"),
        ({"x": Task()}, "NOT_FOUND"),
        ({"x" * 300: Task()}, "NOT_FOUND"),
    ],
)
async def test_a_senseless_bulk_update_is_refused(api: Api, tasks: dict[str, Any], expected: str) -> None:
    assert await code(api.UpdateTasksBulk(run_id=await new_run(api), tasks=tasks)) == expected
    assert await code(api.UpdateTasksBulk(run_id="", tasks=tasks)) == "INVALID_ARGUMENT"


async def test_of_the_tasks_of_a_bulk_update_the_first_by_id_that_does_not_fit_is_told(api: Api) -> None:
    run_id, (_, foreign) = await new_run(api), await new_run_and_task(api)
    for missing, expected in (("zzz", "INVALID_ARGUMENT"), ("z" * 300, "INVALID_ARGUMENT"), ("!", "NOT_FOUND")):
        assert await code(api.UpdateTasksBulk(run_id=run_id, tasks={foreign: Task(), missing: Task()})) == expected


async def test_times_of_updates_keep_microseconds(api: Api) -> None:
    end = moment("2024-02-03T04:05:06.789012Z")
    _, after = await updated(api, a_task(end_time=end, state="FAILED"), state="RUNNING")
    assert after.end_time == end
    assert after.state_history[-1].update_time.nanos % 1000 == 0
    assert after.state_history[-1].update_time.nanos > 0
