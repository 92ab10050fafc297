"""Tasks that are written as JSON from their rows are what the REST door makes of their messages."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.apis.kfp import codec
from server.doors.rest.json_writer import message_json
from server.well_known import json_text
from storage.model import ChildTask, LinkedArtifact, Task
from tests.server import reference_codec
from tests.server.codec_messages import NUMBER, PLAIN, a_task, linked, value
from tests.server.codec_rows import LINKS, MOMENT, TASK


def members(text: str) -> Any:
    """JSON with the order of keys, but for those of maps, which is free; numbers as they are written."""
    return json.loads(text, object_pairs_hook=_pairs, parse_float=lambda digits: ("number", digits))


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    return [(key, sorted(item, key=repr) if key in ("metadata", "custom_properties") else item) for key, item in pairs]


def in_any_order(plain: Any) -> Any:
    """The same without the order of keys within values."""
    if isinstance(plain, list):
        items = [in_any_order(item) for item in plain]
        return sorted(items, key=repr) if items and all(isinstance(item, tuple) for item in items) else items
    if isinstance(plain, tuple):
        return (plain[0], in_any_order(plain[1]))
    return plain


@pytest.mark.usefixtures("decoders")
@given(task=TASK, links=LINKS, basic=st.booleans())
def test_a_task_is_written_as_the_door_writes_its_message(task: Task, links: list[LinkedArtifact], basic: bool) -> None:
    children = [ChildTask("c1", "é", "t1"), ChildTask("", "", "t1")][: len(links)]
    expected = reference_codec.task_of(task, artifacts=links, children=children, basic=basic)
    try:
        text = codec.JSON.make(task, links, children, basic=basic)
    except codec.NoJson:
        assert any(entry.error.details for entry in expected.state_history)
        return
    written = message_json(expected)
    assert len(text) == len(written)
    assert in_any_order(members(text)) == in_any_order(members(written))


def test_the_texts_are_the_same_where_maps_have_one_entry() -> None:
    task = a_task(
        display_name='é" \u2028',
        finished_at=7_000_000,
        state=4,
        type=99,
        parent_task_id="",
        pods='[{"name":"n","uid":"u","type":"DRIVER"},{}]',
        status_metadata='{"message":"m","customProperties":{"c":true}}',
        state_history='[{"updateTime":"2026-12-01T11:25:26.997Z","state":"FAILED","error":{"code":3,"message":"e"}}]',
        type_attributes='{"iterationIndex":"0","downloadToWorkspace":false}',
        input_parameters='[{"value":-0.0,"type":"OUTPUT","producer":{"iteration":"-1"}},{"value":3,"parameterKey":"k"}]',
        output_parameters='[{"value":null},{}]',
    )
    links, children = [linked("a1"), linked("a2", type=2)], [ChildTask("c1", "n", "t1")]
    expected = message_json(reference_codec.task_of(task, artifacts=links, children=children))
    assert codec.JSON.make(task, links, children, basic=False) == expected


@given(MOMENT)
def test_a_moment_is_written_as_the_door_writes_it(moment: int) -> None:
    message = reference_codec.task_of(a_task(created_at=max(moment, 1)))
    assert json_text.moment(max(moment, 1)) == message_json(message.create_time)


@pytest.mark.parametrize("moment", [-(10**18), 253_402_300_800 * 10**6, 2**62])
def test_no_moment_outside_the_years_1_to_9999_is_written(moment: int) -> None:
    with pytest.raises(ValueError, match="year"):
        json_text.moment(moment)


@given(PLAIN)
def test_a_value_is_written_as_the_door_writes_it(plain: object) -> None:
    text, written = json_text.value(plain), message_json(value(plain))
    assert len(text) == len(written)
    assert in_any_order(members(text)) == in_any_order(members(written))


@given(NUMBER)
def test_a_number_is_written_as_the_door_writes_it(number: float) -> None:
    assert json_text.value(number) == message_json(value(number))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        json_text.value(number)
    assert json.loads(json_text.number(number)) in ("NaN", "Infinity", "-Infinity")
