"""Tasks: what a client sends is kept as protobuf's own JSON and comes back as it was sent."""

import json
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.apis.kfp.codec import UnusableValue
from server.errors import InvalidArgument
from server.rules.tasks import TaskTexts, append_state, new_task
from storage.digests import logical_key
from storage.model import ChildTask, Task
from tests.server.codec_messages import NOW, TASK, a_task, linked, task_message, task_update, wire

COLUMNS = {
    "pods": "pods",
    "statusMetadata": "status_metadata",
    "typeAttributes": "type_attributes",
}


@given(TASK)
def test_a_created_task_reads_back_as_it_was_sent(sent: run_pb2.PipelineTask) -> None:
    assert wire(task_message(created(sent))) == wire(expected_of(sent))


@given(TASK)
def test_stored_columns_are_what_protobuf_writes(sent: run_pb2.PipelineTask) -> None:
    record = created(sent)
    plain = json_format.MessageToDict(cut(sent))
    stored = {name: json.loads(getattr(record, column) or "null") for name, column in COLUMNS.items()}
    assert stored == {name: plain.get(name) for name in COLUMNS}
    for side, text in (("inputs", record.input_parameters), ("outputs", record.output_parameters)):
        assert json.loads(text or "null") == plain.get(side, {}).get("parameters")
    history = plain.get("stateHistory", [])
    assert json.loads(record.state_history or "[]")[: len(history)] == history


@given(TASK)
def test_stored_fields_are_in_the_order_of_their_numbers(sent: run_pb2.PipelineTask) -> None:
    record = created(sent)
    for text in (record.input_parameters, record.output_parameters):
        for parameter in json.loads(text or "[]"):
            assert list(parameter) == [
                name for name in ("value", "type", "parameterKey", "producer") if name in parameter
            ]
            assert list(parameter.get("producer", {})) in (
                [],
                ["taskName"],
                ["iteration"],
                ["taskName", "iteration"],
            )


def test_a_task_without_create_time_starts_now() -> None:
    record = created(task_update(name="x", create_time="1970-01-01T00:00:00.5Z"))
    assert (record.created_at, record.started_at, record.updated_at) == (NOW, NOW, NOW)


def test_a_task_with_create_time_keeps_its_microseconds_and_has_not_started() -> None:
    record = created(task_update(create_time="2024-01-01T00:00:00.123456789Z"))
    assert (record.created_at, record.started_at) == (1_704_067_200_123_456, None)


def test_an_empty_parent_means_none() -> None:
    assert created(task_update(parent_task_id="")).parent_task_id is None
    assert not task_message(a_task()).HasField("parent_task_id")


def test_a_state_is_appended_to_the_history_unless_it_ends_with_it() -> None:
    sent: Any = [{"state": "RUNNING", "update_time": "2024-01-01T00:00:01Z"}]
    same, other = created(task_update(state=1, state_history=sent)), created(task_update(state=4, state_history=sent))
    assert same.state_history == '[{"updateTime":"2024-01-01T00:00:01Z","state":"RUNNING"}]'
    assert json.loads(other.state_history or "")[1:] == [
        {"updateTime": "2025-06-15T15:06:40.123456Z", "state": "FAILED"}
    ]
    assert created(task_update(state=0)).state_history is None


def test_appending_a_state_twice_appends_it_once() -> None:
    once = append_state(None, 1, NOW)
    assert once == '[{"updateTime":"2025-06-15T15:06:40.123456Z","state":"RUNNING"}]'
    assert append_state(once, 1, NOW + 1) == once
    assert append_state(once, 0, NOW + 1) == once


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_null_value_is_not_a_missing_one(side: str) -> None:
    sent = task_update(**{side: {"parameters": [{"value": None}, {}]}})
    with_null, without = getattr(task_message(created(sent)), side).parameters
    assert with_null.HasField("value")
    assert not without.HasField("value")


def test_an_iteration_of_zero_is_kept() -> None:
    sent = task_update(
        type_attributes={"iteration_index": 0}, inputs={"parameters": [{"producer": {"iteration": "0"}}]}
    )
    record = created(sent)
    assert record.type_attributes == '{"iterationIndex":"0"}'
    assert record.input_parameters == '[{"producer":{"iteration":"0"}}]'


def test_inputs_and_outputs_are_present_and_the_basic_view_leaves_them_empty() -> None:
    record = a_task(input_parameters='[{"parameterKey":"a"}]', pods='[{"name":"p"}]')
    full = task_message(record, artifacts=[linked("a1")])
    basic = task_message(record, artifacts=[linked("a1")], basic=True)
    assert len(full.inputs.parameters) == len(full.outputs.artifacts) == 1
    assert basic.HasField("inputs")
    assert basic.HasField("outputs")
    assert wire(basic.inputs) == wire(basic.outputs) == b""
    assert basic.pods[0].name == "p"


def test_children_come_in_the_order_given() -> None:
    children = [ChildTask("c2", "b", "t1"), ChildTask("c1", "a", "t1")]
    assert [child.task_id for child in task_message(a_task(), children=children).child_tasks] == ["c2", "c1"]


@pytest.mark.parametrize("text", [None, "null", "[]", "{}", ""])
def test_absent_lists_are_read_alike(text: str | None) -> None:
    record = a_task(pods=text, state_history=text, input_parameters=text, output_parameters=text)
    assert wire(task_message(record)) == wire(task_message(a_task()))


def test_empty_objects_are_present_and_null_ones_absent() -> None:
    empty = task_message(a_task(status_metadata="{}", type_attributes="{}"))
    null = task_message(a_task(status_metadata="null", type_attributes="null"))
    assert empty.HasField("status_metadata")
    assert empty.HasField("type_attributes")
    assert wire(null) == wire(task_message(a_task()))


def test_stored_text_that_this_version_does_not_know_is_read_around() -> None:
    pods = '[{"name":"p","type":"SIDECAR","node":"n1"},{"type":2},{"type":"EXECUTOR","uid":7},"pod"]'
    parameters = '[{"parameterKey":"k","type":"LATER","producer":{"iteration":3}},{"type":9}]'
    message = task_message(a_task(state=77, pods=pods, output_parameters=parameters))
    assert [(pod.name, pod.type) for pod in message.pods] == [("p", 0), ("", 2), ("", 2)]
    assert [parameter.type for parameter in message.outputs.parameters] == [0, 9]
    assert message.outputs.parameters[0].producer.iteration == 3
    assert message.state == 77


def test_error_details_of_an_unknown_type_leave_code_and_message() -> None:
    history = '[{"state":"FAILED","error":{"code":3,"message":"m","details":[{"@type":"x/unknown.Type"}]}}]'
    error = task_message(a_task(state_history=history)).state_history[0].error
    assert (error.code, error.message, len(error.details)) == (3, "m", 0)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"pods": [{"uid": "\x00"}]}, "task.pods"),
        ({"status_metadata": {"custom_properties": {"\x00": 1}}}, "task.status_metadata"),
        ({"state_history": [{"error": {"message": "\x00"}}]}, "task.state_history"),
        ({"inputs": {"parameters": [{"producer": {"task_name": "\x00"}}]}}, "task.inputs.parameters"),
        ({"state": 6}, "task.state"),
        ({"type": 9}, "task.type"),
        ({"pods": [{"type": 3}]}, "task.pods"),
        ({"inputs": {"parameters": [{"type": 12}]}}, "task.inputs.parameters"),
        ({"state_history": [{"state": -1}]}, r"task.state_history\[0\].state"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UnusableValue, match=named):
        created(task_update(**fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "a\x00"}, "task.name contains a NUL"),
        ({"name": "n" * 129}, "task.name is longer than 128"),
        ({"display_name": "\x00"}, "task.display_name contains a NUL"),
        ({"display_name": "n" * 1_025}, "task.display_name is longer than 1024"),
        ({"cache_fingerprint": "\x00"}, "task.cache_fingerprint contains a NUL"),
        ({"cache_fingerprint": "n" * 256}, "task.cache_fingerprint is longer than 255"),
        ({"scope_path": "\x00"}, "task.scope_path contains a NUL"),
        (
            {"inputs": {"parameters": [{}, {"parameter_key": "k" * 192}]}},
            "task.inputs.parameters.parameter_key is longer",
        ),
        (
            {"outputs": {"parameters": [{"parameter_key": "k" * 192}]}},
            "task.outputs.parameters.parameter_key is longer",
        ),
        ({"outputs": {"parameters": [{"parameter_key": "\x00"}]}}, "task.outputs.parameters.parameter_key contains"),
    ],
)
def test_texts_of_a_task_that_are_too_long_are_refused_with_their_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        codec.task_texts(task_update(**fields)).check()


def test_a_parent_whose_id_has_nul_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"task\.parent_task_id contains a NUL"):
        created(task_update(parent_task_id="\x00"))


def test_a_task_may_repeat_the_ids_it_is_sent_with_and_no_others() -> None:
    for texts in (TaskTexts(), TaskTexts(task_id="t1", run_id="r1")):
        texts.check_ids(task_id="t1", run_id="r1")
    TaskTexts(task_id="any").check_ids(run_id="r1")
    with pytest.raises(InvalidArgument, match=r"task\.task_id differs"):
        TaskTexts(task_id="t2", run_id="r2").check_ids(task_id="t1", run_id="r1")
    with pytest.raises(InvalidArgument, match=r"task\.run_id differs"):
        TaskTexts(run_id="r2").check_ids(run_id="r1")


@pytest.mark.parametrize("field", ["create_time", "end_time"])
def test_a_time_outside_of_the_calendar_is_refused(field: str) -> None:
    sent = run_pb2.PipelineTask()
    getattr(sent, field).seconds = 10**15
    with pytest.raises(UnusableValue, match=f"task.{field}"):
        created(sent)


@pytest.mark.parametrize("type_name", ["unknown.Type", "google.rpc.Status"])
def test_error_details_of_an_unknown_type_or_with_other_bytes_are_refused(type_name: str) -> None:
    sent = run_pb2.PipelineTask()
    sent.state_history.add().error.details.add(type_url=f"type.googleapis.com/{type_name}", value=b"\xff")
    with pytest.raises(UnusableValue, match=r"task.state_history\[0\].error"):
        created(sent)


def test_the_logical_key_is_the_digest_that_kfp_computes() -> None:
    key: dict[str, Any] = {"run_id": "r", "parent_task_id": None, "scope_path": "root.é", "name": "n", "type": 2}
    hashed = b"\0\0\0\1r" + b"\0\0\0\0" + b"\0\0\0\7root.\xc3\xa9" + b"\0\0\0\1n" + b"\0\0\0\2"
    assert logical_key(**key, iteration_index=None) == sha256(hashed + b"\0").hexdigest()
    assert logical_key(**key, iteration_index=3) == sha256(hashed + b"\1" + b"\0" * 7 + b"\3").hexdigest()


@pytest.mark.parametrize("missing", ["run_id", "scope_path", "name", "type"])
def test_a_task_that_lacks_its_identity_has_no_logical_key(missing: str) -> None:
    key: dict[str, Any] = {"run_id": "r", "parent_task_id": "p", "scope_path": "s", "name": "n", "type": 2}
    key[missing] = 0 if missing == "type" else ""
    assert logical_key(**key, iteration_index=0) is None


def test_a_created_task_carries_the_logical_key_of_its_iteration() -> None:
    sent = task_update(name="n", type=2, scope_path="s", parent_task_id="p", type_attributes={"iteration_index": 0})
    key: dict[str, Any] = {"run_id": "r1", "parent_task_id": "p", "scope_path": "s", "name": "n", "type": 2}
    assert created(sent).logical_key == logical_key(**key, iteration_index=0)
    assert created(task_update(name="n", type=2, scope_path="s")).logical_key != created(sent).logical_key


def created(sent: run_pb2.PipelineTask) -> Task:
    """The record that CreateTask makes of a message."""
    return new_task(codec.new_task(sent), task_id="t1", run_id="r1", namespace="", now=NOW)


def cut(sent: run_pb2.PipelineTask) -> run_pb2.PipelineTask:
    """The message with its times cut to microseconds."""
    message = run_pb2.PipelineTask.FromString(sent.SerializeToString())
    times = [entry.update_time for entry in message.state_history if entry.HasField("update_time")]
    times += [getattr(message, name) for name in ("create_time", "end_time") if message.HasField(name)]
    for time in times:
        time.nanos -= time.nanos % 1000
    return message


def expected_of(sent: run_pb2.PipelineTask) -> run_pb2.PipelineTask:
    """The answer to CreateTask, written down without the codec."""
    message = cut(sent)
    message.task_id, message.run_id = "t1", "r1"
    if not sent.create_time.seconds:
        message.create_time.FromMicroseconds(NOW)
    for name in ("create_time", "end_time"):
        time = getattr(message, name)
        if time.ToMicroseconds() <= 0 or (name == "end_time" and not time.seconds):
            message.ClearField(name)
    if not message.parent_task_id:
        message.ClearField("parent_task_id")
    if message.state and (not message.state_history or message.state_history[-1].state != message.state):
        now = Timestamp()
        now.FromMicroseconds(NOW)
        message.state_history.add(state=message.state, update_time=now)
    message.inputs.SetInParent()
    message.outputs.SetInParent()
    return message
