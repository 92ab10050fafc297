"""CreateTask: what is refused, what is kept, and how a creation that is sent again finds its task."""

import time
from typing import Any

import pytest
from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from tests.api.builders import (
    Task,
    a_parameter,
    a_task,
    get_task,
    moment,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
)
from tests.api.client import Api, code

STEP = {"name": "train", "type": "RUNTIME", "scope_path": "root.train"}
EVERYTHING = a_task(
    display_name="Train 🚀",
    cache_fingerprint="f" * 64,
    create_time=moment("2024-01-01T00:00:00.123456Z"),
    end_time=moment("2024-01-01T00:00:01.000001Z"),
    state_history=[{"state": "RUNNING", "update_time": moment("2024-01-01T00:00:00.999999Z")}],
    pods=[{"name": "pod", "uid": "u", "type": "EXECUTOR"}],
    status_metadata={"message": "m"},
    type_attributes={"iteration_index": 0, "iteration_count": 2**62, "download_to_workspace": False},
    inputs={"parameters": [a_parameter(), a_parameter("text", "x", producer={"task_name": "t", "iteration": 0})]},
    outputs={"parameters": [a_parameter("out", type="OUTPUT")]},
    scope_path="root.train",
)


async def test_an_empty_task_is_accepted_and_gets_id_and_times(api: Api) -> None:
    run_id, before = await new_run(api), time.time() - 1
    task = await api.CreateTask(run_id=run_id, task=Task())
    assert (task.name, task.state, task.type, task.run_id) == ("", 0, 0, run_id)
    assert before < task.create_time.seconds + 1
    assert task.create_time.seconds <= time.time()
    assert {field.name for field, _ in task.ListFields()} == {"task_id", "run_id", "create_time", "inputs", "outputs"}


async def test_a_new_task_reads_back_as_it_was_answered(api: Api) -> None:
    run_id = await new_run(api)
    sent = a_task()
    sent.CopyFrom(EVERYTHING)
    made = await api.CreateTask(run_id=run_id, task=sent)
    sent.task_id, sent.run_id = made.task_id, run_id
    assert made == sent == await get_task(api, run_id, made.task_id)


async def test_what_is_not_a_clients_to_say_is_ignored(api: Api) -> None:
    run_id = await new_run(api)
    sent = a_task(
        task_id="mine",
        child_tasks=[{"task_id": "child"}],
        inputs={"artifacts": [{"artifact_key": "data"}]},
        outputs={"artifacts": [{"artifact_key": "model"}]},
    )
    made = await api.CreateTask(run_id=run_id, task=sent)
    assert made.task_id != "mine"
    assert not made.child_tasks
    assert (len(made.inputs.artifacts), len(made.outputs.artifacts)) == (0, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run_id": ""}, "INVALID_ARGUMENT"),
        ({"run_id": "no-such-run"}, "NOT_FOUND"),
        ({"run_id": "x" * 300}, "NOT_FOUND"),
        ({"task": None}, "INVALID_ARGUMENT"),
        ({"task": Task(run_id="another")}, "INVALID_ARGUMENT"),
        ({"task": Task(parent_task_id="no-such-task")}, "NOT_FOUND"),
        ({"task": Task(parent_task_id="x" * 300)}, "NOT_FOUND"),
    ],
)
async def test_a_senseless_creation_is_refused(api: Api, fields: dict[str, Any], expected: str) -> None:
    request = {"run_id": await new_run(api), "task": a_task()} | fields
    assert await code(api.CreateTask(**request)) == expected


async def test_a_parent_must_be_of_the_same_run(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    other_id = await new_run(api)
    assert await code(new_task(api, other_id, parent_task_id=task_id)) == "INVALID_ARGUMENT"
    assert await code(new_task(api, run_id, parent_task_id=task_id)) == "OK"


async def test_an_empty_parent_means_none(api: Api) -> None:
    run_id = await new_run(api)
    task_id = await new_task(api, run_id, parent_task_id="")
    assert not (await get_task(api, run_id, task_id)).HasField("parent_task_id")


@pytest.mark.parametrize("create_time", [None, {"seconds": 0, "nanos": 5}])
async def test_a_task_without_create_time_is_created_and_starts_now(api: Api, create_time: Any) -> None:
    run_id = await new_run(api)
    made = await api.CreateTask(run_id=run_id, task=a_task(create_time=create_time))
    assert abs(made.create_time.seconds - time.time()) < 60
    assert made.create_time == made.state_history[0].update_time


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], ["RUNNING"]),
        (["RUNNING"], ["RUNNING"]),
        (["FAILED"], ["FAILED", "RUNNING"]),
        (["RUNNING", "FAILED"], ["RUNNING", "FAILED", "RUNNING"]),
    ],
)
async def test_the_state_ends_the_history_that_is_sent(api: Api, sent: list[str], expected: list[str]) -> None:
    run_id = await new_run(api)
    history = [{"state": state, "update_time": {"seconds": 1}} for state in sent]
    made = await api.CreateTask(run_id=run_id, task=a_task(state_history=history))
    assert [Task.TaskState.Name(entry.state) for entry in made.state_history] == expected


async def test_parameters_are_kept_in_the_order_sent_duplicates_too(api: Api) -> None:
    run_id = await new_run(api)
    parameters = [a_parameter("b", 1.0), a_parameter("a", 2.0), a_parameter("b", 3.0)]
    task_id = await new_task(api, run_id, inputs={"parameters": parameters})
    assert list((await get_task(api, run_id, task_id)).inputs.parameters) == parameters


@pytest.mark.parametrize("value", [None, False, "", 0, -0.5, 1e300, 2**53, [], {}, [[{"a": [None]}]], "ü🚀\n\t'\"\\"])
async def test_a_parameter_may_have_any_json_value(api: Api, value: Any) -> None:
    run_id = await new_run(api)
    parameter = a_parameter()
    json_format.ParseDict(value, parameter.value)
    task_id = await new_task(api, run_id, inputs={"parameters": [parameter]})
    [kept] = (await get_task(api, run_id, task_id)).inputs.parameters
    assert kept == parameter


async def test_a_creation_sent_again_returns_the_task_unchanged(api: Api) -> None:
    run_id = await new_run(api)
    made = await api.CreateTask(run_id=run_id, task=Task(**STEP, state="RUNNING"))
    other = Task(**STEP, state="FAILED", pods=[{"name": "pod"}], inputs={"parameters": [a_parameter()]})
    assert await api.CreateTask(run_id=run_id, task=other) == made
    assert await get_task(api, run_id, made.task_id) == made


async def test_a_creation_sent_again_is_answered_without_artifacts_and_children(api: Api) -> None:
    run_id = await new_run(api)
    made = await api.CreateTask(run_id=run_id, task=Task(**STEP))
    await new_artifact(api, run_id, made.task_id)
    await new_task(api, run_id, parent_task_id=made.task_id)
    assert await api.CreateTask(run_id=run_id, task=Task(**STEP)) == made


async def test_a_task_that_was_changed_is_found_by_its_original_creation(api: Api) -> None:
    run_id, parent_id = await new_run_and_task(api)
    made = await api.CreateTask(run_id=run_id, task=Task(**STEP))
    changed = Task(name="renamed", type="DAG", parent_task_id=parent_id, type_attributes={"iteration_index": 4})
    await api.UpdateTask(run_id=run_id, task_id=made.task_id, task=changed)
    again = await api.CreateTask(run_id=run_id, task=Task(**STEP))
    assert (again.task_id, again.name, again.type) == (made.task_id, "renamed", Task.DAG)
    other = await api.CreateTask(run_id=run_id, task=Task(**{**STEP, "name": "renamed"}))
    assert other.task_id != made.task_id


@pytest.mark.parametrize(
    "difference",
    [
        {"name": "test"},
        {"name": "Train"},
        {"name": "train "},
        {"type": "DAG"},
        {"scope_path": "root.loop.train"},
        {"type_attributes": {"iteration_index": 0}},
        {"type_attributes": {"iteration_index": 1}},
    ],
)
async def test_tasks_that_differ_in_what_identifies_them_are_different(api: Api, difference: dict[str, Any]) -> None:
    run_id = await new_run(api)
    for fields in (STEP, STEP | difference, STEP | {"parent_task_id": await new_task(api, run_id)}):
        await api.CreateTask(run_id=run_id, task=Task(**fields))
    assert (await api.ListTasks(run_id=run_id)).total_size == 3 + 1


async def test_iterations_are_told_apart_and_each_is_found_again(api: Api) -> None:
    run_id = await new_run(api)
    tasks = [Task(**STEP, type_attributes={"iteration_index": number}) for number in range(3)]
    made = [(await api.CreateTask(run_id=run_id, task=task)).task_id for task in tasks]
    assert [(await api.CreateTask(run_id=run_id, task=task)).task_id for task in tasks] == made
    assert len(set(made)) == 3


@pytest.mark.parametrize("missing", STEP)
async def test_a_task_that_lacks_what_identifies_it_is_made_each_time(api: Api, missing: str) -> None:
    run_id = await new_run(api)
    task = Task(**{key: value for key, value in STEP.items() if key != missing})
    made = {(await api.CreateTask(run_id=run_id, task=task)).task_id for _ in range(2)}
    assert len(made) == 2


async def test_equal_tasks_of_two_runs_are_two_tasks(api: Api) -> None:
    made = [await api.CreateTask(run_id=await new_run(api), task=Task(**STEP)) for _ in range(2)]
    assert made[0].task_id != made[1].task_id


UNKNOWN = 99


@pytest.mark.parametrize(
    "fields",
    [
        {"state": UNKNOWN},
        {"state": -1},
        {"type": UNKNOWN},
        {"pods": [{"type": UNKNOWN}]},
        {"state_history": [{"state": UNKNOWN}]},
        {"inputs": {"parameters": [{"type": UNKNOWN}]}},
        {"outputs": {"parameters": [{"type": UNKNOWN}]}},
    ],
)
async def test_unknown_enum_values_are_refused(api: Api, fields: dict[str, Any]) -> None:
    run_id, task_id = await new_run_and_task(api)
    task = Task(**fields)
    assert await code(api.CreateTask(run_id=run_id, task=task)) == "INVALID_ARGUMENT"
    if "state_history" not in fields:  # which updates ignore
        assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=task)) == "INVALID_ARGUMENT"
        assert await code(api.UpdateTasksBulk(run_id=run_id, tasks={task_id: task})) == "INVALID_ARGUMENT"
    assert (await api.GetRun(run_id=run_id, view="FULL")).task_count == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a\0b"},
        {"display_name": "\0"},
        {"cache_fingerprint": "\0"},
        {"scope_path": "\0"},
        {"parent_task_id": "\0"},
        {"pods": [{"name": "\0"}]},
        {"status_metadata": {"message": "\0"}},
        {"inputs": {"parameters": [{"parameter_key": "\0"}]}},
        {"inputs": {"parameters": [{"value": {"string_value": "a\0"}}]}},
        {"outputs": {"parameters": [{"producer": {"task_name": "\0"}}]}},
        {"outputs": {"parameters": [{"value": {"number_value": float("nan")}}]}},
        {"inputs": {"parameters": [{"value": {"number_value": float("inf")}}]}},
        {"inputs": {"parameters": [{"value": {"list_value": {"values": [{"number_value": float("-inf")}]}}}]}},
        {"end_time": {"seconds": 2**60}},
        {"end_time": {"seconds": 1, "nanos": -1}},
        {"end_time": {"seconds": 1, "nanos": 2_000_000_000}},
    ],
)
async def test_nul_nan_infinities_and_impossible_times_are_refused(api: Api, fields: dict[str, Any]) -> None:
    run_id, task_id = await new_run_and_task(api)
    task = run_pb2.PipelineTask(**fields)
    expected = {"NOT_FOUND", "INVALID_ARGUMENT"} if "parent_task_id" in fields else {"INVALID_ARGUMENT"}
    assert await code(api.CreateTask(run_id=run_id, task=task)) in expected
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=task)) in expected
    assert (await api.ListTasks(run_id=run_id)).total_size == 1
