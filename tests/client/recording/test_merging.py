"""Changes of one task become one: the server would see the same if they were sent one by one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lineal._recording.merging import Merged
from lineal._requests import build
from lineal.v2beta1.task_pb2 import PipelineTask

from server.apis.kfp.codec import tasks as codec
from server.rules.tasks import merge_task, new_task
from storage.model import Task
from tests.server.codec_messages import task_message

pytestmark = pytest.mark.databases("sqlite")

PARAMETERS = st.fixed_dictionaries(
    {
        "parameter_key": st.sampled_from(["a", "b"]),
        "type": st.sampled_from(["OUTPUT", "ITERATOR_OUTPUT", "COLLECTED_INPUTS"]),
        "value": st.sampled_from([1, 2, "x", None, [1]]),
    },
    optional={"producer": st.sampled_from([{}, {"task_name": "t"}, {"task_name": "t", "iteration": 1}])},
)
SIDES = st.fixed_dictionaries({"parameters": st.lists(PARAMETERS, max_size=4)})
UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["", "n", "m"]),
        "display_name": st.sampled_from(["", "d"]),
        "cache_fingerprint": st.sampled_from(["f", "g"]),
        "state": st.sampled_from(["RUNNING", "SUCCEEDED", "FAILED"]),
        "type": st.sampled_from(["RUNTIME", "DAG"]),
        "end_time": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
        "status_metadata": st.sampled_from([{}, {"message": "m"}]),
        "type_attributes": st.sampled_from([{"iteration_index": 0}, {"iteration_count": 2}]),
        "pods": st.sampled_from([[], [{"name": "p", "uid": "u", "type": "EXECUTOR"}]]),
        "inputs": SIDES,
        "outputs": SIDES,
    },
)
NOW = 1_790_000_000_000_000


def a_stored_task(task: PipelineTask) -> Task:
    return new_task(codec.new_task(task), task_id="t", run_id="r", namespace="n", now=NOW)


def as_seen(task: Task) -> PipelineTask:
    """Return a task as clients see it, but for its history and the message that another state takes away."""
    message = task_message(task)
    message.ClearField("state_history")
    return message


@given(st.lists(UPDATES, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_merged_updates_have_the_effect_of_all(updates: list[dict[str, Any]]) -> None:
    messages = [build(PipelineTask, update) for update in updates]
    one_by_one = together = a_stored_task(PipelineTask(name="t", type="RUNTIME"))
    merged = Merged(PipelineTask())
    for message in messages:
        one_by_one = merge_task(one_by_one, codec.task_update(message), NOW + 1)
        merged.update(message)
    together = merge_task(together, codec.task_update(merged.task), NOW + 1)
    if not any(message.state == PipelineTask.FAILED for message in messages):
        assert as_seen(together) == as_seen(one_by_one)


@given(st.lists(UPDATES, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_task_that_is_created_late_is_what_its_updates_have_made_of_it(updates: list[dict[str, Any]]) -> None:
    messages = [build(PipelineTask, update) for update in updates]
    new = PipelineTask(name="t", type="RUNTIME", state="RUNNING")
    one_by_one, merged = a_stored_task(new), Merged(new)
    for message in messages:
        one_by_one = merge_task(one_by_one, codec.task_update(message), NOW + 1)
        merged.update_new(message, 1_790_000_000.0)
    created = a_stored_task(merged.task)
    states = [entry.state for entry in task_message(one_by_one).state_history]
    assert [entry.state for entry in task_message(created).state_history] == states
    if not any(message.state == PipelineTask.FAILED for message in messages):
        assert as_seen(created) == as_seen(one_by_one)


def test_the_history_of_a_late_task_has_the_times_of_its_changes() -> None:
    created = {"state": "RUNNING", "create_time": "2026-01-01T00:00:00Z"}
    merged = Merged(build(PipelineTask, created))
    merged.update_new(build(PipelineTask, {"state": "SUCCEEDED", "end_time": "2026-01-01T00:00:09Z"}), 5.0)
    times = [entry.update_time.ToJsonString() for entry in merged.task.state_history]
    assert times == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"]


def test_the_history_of_a_late_task_never_goes_back() -> None:
    merged = Merged(build(PipelineTask, {"state": "RUNNING", "create_time": "2026-01-01T00:00:00Z"}))
    merged.update_new(build(PipelineTask, {"state": "FAILED"}), 5.0)
    first, second = merged.task.state_history
    assert first.update_time == second.update_time
