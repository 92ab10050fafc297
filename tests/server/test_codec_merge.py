"""UpdateTask: what an update leaves empty stays, parameters are merged, the history grows."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.apis.kfp import codec
from server.apis.kfp.codec.parameters import parameters_from_request
from server.rules.tasks import merge_task, new_task
from server.rules.unusable import UnusableValue
from storage.documents import parameters
from tests.server.codec_messages import NOW, PARAMETERS, a_task, task_update

LATER = NOW + 5_000_000
FULL = a_task(
    parent_task_id="p1",
    name="n",
    display_name="d",
    type=2,
    state=1,
    finished_at=NOW,
    cache_fingerprint="f",
    scope_path="root.n",
    logical_key="k",
    pods='[{"name":"p"}]',
    status_metadata='{"message":"m"}',
    state_history='[{"updateTime":"2024-01-01T00:00:00Z","state":"RUNNING"}]',
    type_attributes='{"iterationIndex":"1"}',
    input_parameters='[{"value":1,"type":"COMPONENT_INPUT","parameterKey":"a"}]',
    output_parameters='[{"value":2,"type":"OUTPUT","parameterKey":"b"}]',
)


def test_an_empty_update_changes_only_the_time_of_update() -> None:
    assert merge_task(FULL, codec.task_update(task_update(inputs={}, outputs={})), LATER) == replace(
        FULL, updated_at=LATER
    )


def test_fixed_fields_and_ignored_ones_stay() -> None:
    update = task_update(
        create_time="2020-01-01T00:00:00Z",
        scope_path="other",
        run_id="r1",
        state_history=[{"state": "FAILED"}],
        child_tasks=[{"task_id": "c"}],
        inputs={"artifacts": [{"artifact_key": "x"}]},
    )
    assert merge_task(FULL, codec.task_update(update), LATER) == replace(FULL, updated_at=LATER)


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ({"name": "N"}, {"name": "N"}),
        ({"display_name": "D"}, {"display_name": "D"}),
        ({"cache_fingerprint": "F"}, {"cache_fingerprint": "F"}),
        ({"parent_task_id": "P"}, {"parent_task_id": "P"}),
        ({"parent_task_id": ""}, {"parent_task_id": None}),
        ({"type": "DAG"}, {"type": 8}),
        ({"state": "RUNNING"}, {}),
        ({"end_time": "1970-01-01T00:00:02.000003Z"}, {"finished_at": 2_000_003}),
        ({"end_time": "1970-01-01T00:00:00.5Z"}, {}),
        ({"status_metadata": {}}, {"status_metadata": "{}"}),
        ({"type_attributes": {"iteration_count": 0}}, {"type_attributes": '{"iterationCount":"0"}'}),
        ({"pods": [{"uid": "u"}]}, {"pods": '[{"uid":"u"}]'}),
    ],
)
def test_what_an_update_says_is_taken(update: dict[str, Any], changed: dict[str, Any]) -> None:
    assert merge_task(FULL, codec.task_update(task_update(**update)), LATER) == replace(
        FULL, updated_at=LATER, **changed
    )


def test_a_change_of_state_is_appended_to_the_history() -> None:
    failed = merge_task(FULL, codec.task_update(task_update(state="FAILED")), LATER)
    back = merge_task(failed, codec.task_update(task_update(state="RUNNING")), LATER)
    assert [entry["state"] for entry in json.loads(back.state_history or "")] == ["RUNNING", "FAILED", "RUNNING"]
    assert (failed.state, back.state) == (4, 1)
    assert json.loads(failed.state_history or "")[1]["updateTime"] == "2025-06-15T15:06:45.123456Z"


def test_an_equal_parameter_takes_the_place_of_the_old_one_and_new_ones_follow() -> None:
    old = [parameter("a", 1), parameter("b", 2)]
    assert merged(old, [parameter("c", 3), parameter("a", 9)]) == [
        parameter("a", 9),
        parameter("b", 2),
        parameter("c", 3),
    ]


def test_type_producer_and_iteration_tell_parameters_apart() -> None:
    distinct = [
        parameter("a", 1),
        parameter("a", 1, type="OUTPUT"),
        parameter("a", 1, producer={}),
        parameter("a", 1, producer={"taskName": "p"}),
        parameter("a", 1, producer={"taskName": "p", "iteration": "0"}),
        parameter("a", 1, producer={"taskName": "p", "iteration": "1"}),
    ]
    assert merged(distinct[:3], distinct[3:]) == distinct
    assert merged(distinct, distinct) == distinct


def test_names_with_separators_do_not_collide() -> None:
    distinct = [parameter("a-b", 1, producer={"taskName": "c"}), parameter("a", 1, producer={"taskName": "b-c"})]
    assert merged(distinct[:1], distinct[1:]) == distinct


@pytest.mark.parametrize("kind", ["COLLECTED_INPUTS", "ITERATOR_INPUT", "ITERATOR_INPUT_RAW", "ITERATOR_OUTPUT"])
def test_values_tell_iterator_parameters_without_iteration_apart(kind: str) -> None:
    values: list[Any] = [{"a": 1, "b": [2]}, "1", 1, None, True, 1.5, 0, False, ""]
    distinct = [parameter("k", value, type=kind) for value in values] + [{"parameterKey": "k", "type": kind}]
    after = merged(distinct[:2], [*distinct[2:], parameter("k", {"b": [2], "a": 1}, type=kind)])
    # As text, since Python takes True for 1.
    assert [repr(entry.get("value", "absent")) for entry in after] == [
        repr(entry.get("value", "absent")) for entry in distinct
    ]


def test_values_do_not_tell_parameters_of_one_iteration_apart() -> None:
    producer = {"taskName": "p", "iteration": "0"}
    old, new = (parameter("k", value, type="ITERATOR_OUTPUT", producer=producer) for value in "ab")
    assert merged([old], [new]) == [new]


def test_numbers_written_by_others_are_the_same_numbers() -> None:
    stored = '[{"value":1.0,"type":"ITERATOR_OUTPUT","parameterKey":"k"}]'
    update = task_update(outputs={"parameters": [{"value": 1, "type": "ITERATOR_OUTPUT", "parameter_key": "k"}]})
    merged_text = parameters.merge(stored, parameters_from_request(update.outputs.parameters, "outputs"))
    assert merged_text == '[{"value":1,"type":"ITERATOR_OUTPUT","parameterKey":"k"}]'


def test_duplicates_that_create_kept_are_collapsed_by_the_next_merge() -> None:
    twice = task_update(inputs={"parameters": [{"parameter_key": "a", "value": 1}, {"parameter_key": "a", "value": 2}]})
    created = new_task(codec.new_task(twice), task_id="t", run_id="r", namespace="", now=NOW)
    assert len(json.loads(created.input_parameters or "")) == 2
    after = merge_task(created, codec.task_update(task_update(inputs={"parameters": [{"parameter_key": "b"}]})), LATER)
    assert after.input_parameters == '[{"value":2,"parameterKey":"a"},{"parameterKey":"b"}]'


@given(PARAMETERS, st.lists(PARAMETERS, max_size=3))
def test_merging_again_changes_nothing(first: list[dict[str, Any]], updates: list[list[dict[str, Any]]]) -> None:
    text = parameters.to_text(sent_parameters(first))
    for update in updates:
        sent = sent_parameters(update)
        text = parameters.merge(text, sent)
        assert parameters.merge(text, sent) == text


def test_an_update_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UnusableValue, match=r"task\.outputs\.parameters"):
        merge_task(FULL, codec.task_update(task_update(outputs={"parameters": [{"value": "\x00"}]})), LATER)


def parameter(key: str, value: Any, **fields: Any) -> dict[str, Any]:
    """A parameter as it is stored."""
    return {"value": value, "parameterKey": key} | fields


def sent_parameters(update: list[dict[str, Any]]) -> list[parameters.Parameter]:
    """The parameters of a request."""
    return parameters_from_request(task_update(inputs={"parameters": update}).inputs.parameters, "inputs")


def merged(stored: list[dict[str, Any]], update: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters after a merge; compared by their members, not by the order of these."""
    text = parameters.merge(json.dumps(stored), sent_parameters(update))
    result: list[dict[str, Any]] = json.loads(text or "[]")
    return result
