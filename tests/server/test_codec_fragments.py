"""Messages that are made of kept parts are those that are made anew."""

import contextlib
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.apis.kfp.codec import tasks
from server.calls.fragments import Fragments
from server.doors.rest.json_pieces import json_body
from server.rules.tasks import new_task
from storage.model import ChildTask, IOType, LinkedArtifact, Task
from tests.server.codec_messages import (
    ARTIFACT,
    NOW,
    PLAIN_OBJECT,
    TASK,
    a_run,
    a_task,
    an_artifact,
    linked,
    task_message,
    wire,
)

LINKED = st.lists(
    st.builds(lambda sent, type: artifact_of(sent, type), ARTIFACT, st.sampled_from([2, 8, 9])), max_size=3
)


@contextlib.contextmanager
def no_fragments() -> Iterator[None]:
    """Keep nothing, and use nothing that was kept."""
    Fragments.are_used = False
    try:
        yield
    finally:
        Fragments.are_used = True


def artifact_of(sent: object, type: int) -> LinkedArtifact:
    """The stored artifact that a client has sent, linked to task t1."""
    artifact = an_artifact(metadata=codec.metadata_text(sent), number_value=sent.number_value)  # type: ignore[arg-type, attr-defined]
    return replace(linked("a1", type=type), artifact=artifact)


def task_of(sent: run_pb2.PipelineTask) -> Task:
    """The stored task that a client has sent."""
    return new_task(codec.new_task(sent), task_id="t1", run_id="r1", namespace="", now=NOW)


@given(TASK, LINKED, st.booleans())
def test_a_task_is_the_same_the_first_time_each_time_again_and_without_fragments(
    sent: run_pb2.PipelineTask, links: list[LinkedArtifact], basic: bool
) -> None:
    def shown() -> bytes:
        task, artifacts = deepcopy((task_of(sent), links))
        return wire(task_message(task, artifacts=artifacts, children=[ChildTask("c", "n", "t1")], basic=basic))

    with no_fragments():
        expected = shown()
    assert [shown() for _ in range(3)] == [expected] * 3


@given(PLAIN_OBJECT, st.booleans())
def test_a_run_is_the_same_each_time_again_and_without_fragments(plain: dict[str, object], with_spec: bool) -> None:
    run = a_run(pipeline_spec=json.dumps(plain))
    with no_fragments():
        expected = wire(codec.run_message(run, with_spec=with_spec))
    assert [wire(codec.run_message(deepcopy(run), with_spec=with_spec)) for _ in "ab"] == [expected, expected]


@given(st.lists(TASK, min_size=1, max_size=3))
async def test_json_is_the_same_each_time_again_and_without_fragments(sent: list[run_pb2.PipelineTask]) -> None:
    padding = run_pb2.PipelineTask(display_name="x" * 16_000)  # what is short is not written in pieces
    message = run_pb2.ListTasksResponse(tasks=[*sent, padding, padding])
    with no_fragments():
        expected = await json_body(message)
    assert [await json_body(message), await json_body(message)] == [expected, expected]


@pytest.mark.parametrize("numbers", [(0.0, -0.0), (-0.0, 0.0)])
def test_zeros_of_both_signs_are_told_apart(numbers: tuple[float, float]) -> None:
    shown = []
    for number in numbers:
        link = replace(linked("zero"), artifact=an_artifact(id="zero", number_value=number))
        shown.append(task_message(a_task(), artifacts=[link]).outputs.artifacts[0].artifacts[0].number_value)
    assert [str(number) for number in shown] == [str(number) for number in numbers]


def test_rows_that_are_read_again_are_known() -> None:
    task, links = a_task(name="again" * 3, input_parameters='[{"value":"again"}]'), [linked("again" * 3)]
    for _ in "ab":
        task_message(task, artifacts=links)
    assert tasks.WIRE.kept.get(tasks.shown_content(*deepcopy((task, links)), (), basic=False)) is not None


def test_each_column_that_is_shown_makes_another_task() -> None:
    fields = {field: 7 for field in ("type", "state", "created_at", "finished_at")}
    texts = ("id", "run_id", "parent_task_id", "name", "display_name", "cache_fingerprint", "scope_path")
    columns = ("pods", "state_history", "input_parameters", "output_parameters")
    changes = fields | dict.fromkeys(texts, "other") | dict.fromkeys(columns, "[{}]")
    changes |= dict.fromkeys(("status_metadata", "type_attributes"), "{}")
    shown = [wire(task_message(a_task(**{field: value}))) for field, value in changes.items()]
    assert len({*shown, wire(task_message(a_task()))}) == len(changes) + 1


def test_a_number_of_an_enums_class_is_shown_as_any_other() -> None:
    link = linked("a1", type=IOType.OUTPUT)
    assert wire(task_message(a_task(), artifacts=[link])) == wire(
        task_message(a_task(), artifacts=[linked("a1", type=9)])
    )
