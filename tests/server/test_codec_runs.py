"""Runs: what a run is started with is kept as given, and shown where a view asks for it."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.apis.kfp.codec import UnusableValue, basic_run_message, run_message
from server.rules.new_runs import NewRun, RunStart, VersionReference
from server.rules.runs import append_state
from tests.server.codec_messages import NOW, PLAIN_OBJECT, TEXT, a_run, some, wire

FULL = a_run(
    description="d",
    service_account="pipeline-runner",
    recurring_run_id="rr",
    state="SUCCEEDED",
    state_history='[{"updateTime":"2024-01-01T00:00:00Z","state":"PENDING"}]',
    finished_at=NOW + 1,
    runtime_config='{"parameters":{"a":1},"pipelineRoot":"s3://b"}',
    plugins_input='{"p":{"k":"v"},"q":{}}',
    pipeline_spec='{"root":{}}',
)


@given(some(parameters=PLAIN_OBJECT, pipeline_root=TEXT), PLAIN_OBJECT, st.dictionaries(TEXT, PLAIN_OBJECT, max_size=3))
def test_what_a_run_is_started_with_reads_back_as_it_was_sent(config: Any, spec: Any, plugins: Any) -> None:
    plain = {"runtime_config": config, "pipeline_spec": {"root": spec}, "plugins_input": plugins}
    sent = json_format.ParseDict(plain, run_pb2.Run())
    message = run_message(a_run(**kept_texts(start_of(sent))), with_spec=False)
    assert wire(message.runtime_config) == wire(sent.runtime_config)
    assert wire(message.pipeline_spec) == wire(sent.pipeline_spec)
    assert wire(run_pb2.Run(plugins_input=message.plugins_input)) == wire(run_pb2.Run(plugins_input=sent.plugins_input))


@given(some(parameters=PLAIN_OBJECT, pipeline_root=TEXT))
def test_a_stored_runtime_config_is_what_protobuf_writes(config: Any) -> None:
    sent = json_format.ParseDict({"runtime_config": config}, run_pb2.Run())
    assert json.loads(start_of(sent).runtime_config or "{}") == json_format.MessageToDict(sent.runtime_config)


def test_an_empty_runtime_config_and_no_sources_are_kept_as_nothing() -> None:
    sent = json_format.ParseDict({"runtime_config": {}}, run_pb2.Run())
    assert start_of(sent) == RunStart()
    message = run_message(a_run(), with_spec=True)
    assert not message.HasField("runtime_config")
    assert message.WhichOneof("pipeline_source") is None


def test_an_unfinished_run_has_finished_at_the_epoch() -> None:
    message = basic_run_message(a_run())
    assert message.HasField("finished_at")
    assert message.finished_at.ToMicroseconds() == 0
    assert message.created_at.ToMicroseconds() == message.scheduled_at.ToMicroseconds() == NOW


def test_a_run_shows_all_it_has() -> None:
    shown = run_message(FULL, with_spec=False, task_count=2)
    assert json_format.MessageToDict(shown, preserving_proto_field_name=True) == {
        "experiment_id": "e1",
        "run_id": "r1",
        "display_name": "first",
        "storage_state": "AVAILABLE",
        "description": "d",
        "pipeline_spec": {"root": {}},
        "runtime_config": {"parameters": {"a": 1}, "pipeline_root": "s3://b"},
        "service_account": "pipeline-runner",
        "created_at": "2025-06-15T15:06:40.123456Z",
        "scheduled_at": "2025-06-15T15:06:40.123456Z",
        "finished_at": "2025-06-15T15:06:40.123457Z",
        "state": "SUCCEEDED",
        "recurring_run_id": "rr",
        "state_history": [{"update_time": "2024-01-01T00:00:00Z", "state": "PENDING"}],
        "plugins_input": {"p": {"k": "v"}, "q": {}},
        "task_count": 2,
    }


def test_the_basic_form_has_ids_names_states_times_and_the_number_of_tasks() -> None:
    fields = {field.name for field, _ in basic_run_message(FULL, task_count=2).ListFields()}
    ids, times = {"run_id", "experiment_id", "recurring_run_id"}, {"created_at", "scheduled_at", "finished_at"}
    assert fields == ids | times | {"display_name", "state", "storage_state", "task_count"}


@pytest.mark.parametrize(("with_spec", "source"), [(False, "pipeline_version_reference"), (True, "pipeline_spec")])
def test_a_run_from_a_version_names_it_unless_the_spec_is_asked_for(with_spec: bool, source: str) -> None:
    record = a_run(pipeline_id="p1", pipeline_version_id="v1", pipeline_spec='{"root":{}}')
    assert run_message(record, with_spec=with_spec).WhichOneof("pipeline_source") == source


def test_a_run_from_a_version_without_a_stored_spec_names_the_version() -> None:
    reference = run_message(a_run(pipeline_id="p1", pipeline_version_id="v1"), with_spec=True)
    assert reference.pipeline_version_reference.pipeline_id == "p1"
    assert reference.pipeline_version_reference.pipeline_version_id == "v1"


def test_without_settings_neither_spec_nor_runtime_config_is_shown() -> None:
    message = run_message(FULL, with_spec=True, with_settings=False)
    assert message.WhichOneof("pipeline_source") is None
    assert not message.HasField("runtime_config")
    assert len(message.state_history) == 1


@pytest.mark.parametrize("platform", [{}, {"platform_spec": {}}])
def test_a_wrapped_spec_without_platform_is_kept_as_the_spec(platform: dict[str, Any]) -> None:
    assert spec_text({"pipeline_spec": {"root": {}}} | platform) == '{"root":{}}'


def test_a_wrapped_spec_with_a_platform_is_kept_as_given() -> None:
    given_spec = {"pipeline_spec": {"root": {}}, "platform_spec": {"platforms": {"kubernetes": {}}}}
    assert json.loads(spec_text(given_spec) or "") == given_spec


def test_a_spec_is_kept_as_given_defaults_too() -> None:
    assert spec_text({"root": {"isOptional": False, "x": ""}}) == '{"root":{"isOptional":false,"x":""}}'
    assert spec_text({}) == "{}"


@pytest.mark.parametrize(
    "plugins",
    [
        {f"p{index}": {} for index in range(33)},
        {"p": {"text": "x" * 64 * 1024}},
        {"p": json.loads('{"a":' * 17 + "1" + "}" * 17)},
        {"p": {"list": json.loads("[" * 16 + "]" * 16)}},
    ],
)
def test_plugin_settings_over_their_limits_are_refused(plugins: dict[str, Any]) -> None:
    with pytest.raises(UnusableValue, match=r"run\.plugins_input"):
        start_of(json_format.ParseDict({"plugins_input": plugins}, run_pb2.Run()))


def test_plugin_settings_at_their_limits_are_kept() -> None:
    plugins = {f"p{index:02}": json.loads('{"a":' * 16 + "1" + "}" * 16) for index in range(32)}
    text = start_of(json_format.ParseDict({"plugins_input": plugins}, run_pb2.Run())).plugins_input
    assert json.loads(text or "") == plugins


def test_a_state_is_appended_to_the_history_once() -> None:
    pending = append_state("[]", "PENDING", NOW)
    assert pending == '[{"updateTime":"2025-06-15T15:06:40.123456Z","state":"PENDING"}]'
    assert append_state(pending, "PENDING", NOW + 1) == pending
    assert [entry["state"] for entry in json.loads(append_state(pending, "CANCELED", NOW))] == [
        "PENDING",
        "CANCELED",
    ]


def test_stored_states_that_this_version_does_not_know_are_unspecified() -> None:
    message = basic_run_message(a_run(state="DREAMING", storage_state="LOST"))
    assert (message.state, message.storage_state) == (0, 0)


def test_what_is_said_of_a_new_run_is_read_from_the_request() -> None:
    plain = {"run_id": "r", "experiment_id": "e", "display_name": "n", "description": "d", "service_account": "s"}
    plain |= {"recurring_run_id": "rr", "storage_state": "ARCHIVED"}
    sent = json_format.ParseDict(plain | {"plugins_output": {"p": {}}}, run_pb2.Run())
    assert codec.new_run(sent) == NewRun("r", "e", "n", "d", "s", "rr", 2, has_plugins_output=True)
    assert codec.new_run(run_pb2.Run()) == NewRun()


def test_a_version_is_read_from_either_field() -> None:
    assert codec.new_run(run_pb2.Run(pipeline_version_id="v")).version == VersionReference("", "v")
    reference = run_pb2.PipelineVersionReference(pipeline_id="p", pipeline_version_id="v")
    assert codec.new_run(run_pb2.Run(pipeline_version_reference=reference)).version == VersionReference("p", "v")
    assert codec.new_run(run_pb2.Run(pipeline_version_id="")).version == VersionReference()
    assert codec.new_run(run_pb2.Run(pipeline_spec={})).version is None


def test_times_are_read_unless_they_are_the_epoch() -> None:
    start = start_of(json_format.ParseDict({"scheduled_at": "1970-01-01T00:00:00.5Z"}, run_pb2.Run()))
    assert (start.scheduled_at, start.finished_at) == (None, None)
    start = start_of(json_format.ParseDict({"finished_at": "1970-01-01T00:00:01Z"}, run_pb2.Run()))
    assert (start.scheduled_at, start.finished_at) == (None, 1_000_000)


@pytest.mark.parametrize("field", ["runtime_config", "pipeline_spec", "plugins_input"])
def test_what_a_run_is_started_with_is_refused_when_it_cannot_be_kept(field: str) -> None:
    bad = {"a": "\x00"}
    plain = {"runtime_config": {"parameters": bad}, "pipeline_spec": bad, "plugins_input": {"p": bad}}
    with pytest.raises(UnusableValue, match=rf"run\.{field} contains a NUL"):
        start_of(json_format.ParseDict({field: plain[field]}, run_pb2.Run()))


def start_of(sent: run_pb2.Run) -> RunStart:
    """What CreateRun keeps of what a run is started with."""
    return codec.run_start(sent, codec.pipeline_spec(sent))


def kept_texts(start: RunStart) -> dict[str, str | None]:
    """The columns of a run that hold JSON."""
    return {name: getattr(start, name) for name in ("runtime_config", "plugins_input", "pipeline_spec")}


def spec_text(spec: dict[str, Any]) -> str | None:
    """The stored text of a pipeline spec."""
    return start_of(json_format.ParseDict({"pipeline_spec": spec}, run_pb2.Run())).pipeline_spec
