"""Artifacts of a task: which are inputs, which outputs, and how they are grouped."""

from typing import Any

import pytest
from lineal.v2beta1 import run_pb2

from storage.model import LinkedArtifact
from tests.server.codec_messages import a_task, linked, task_message

COLLECTED, ITERATOR_OUTPUT, OUTPUT = 5, 8, 9


def test_artifacts_of_one_key_type_and_producer_are_one_group_ordered_by_id() -> None:
    (group,) = outputs(linked("a2"), linked("a3"), linked("a1"))
    assert ids(group) == ["a1", "a2", "a3"]
    assert (group.artifact_key, group.type, group.producer.task_name) == ("out", OUTPUT, "train")


def test_another_key_type_or_producer_is_another_group() -> None:
    groups = outputs(
        linked("a1"),
        linked("a2", key="other"),
        linked("a3", type=10),
        linked("a4", producer='{"taskName":"prep"}'),
    )
    assert [ids(group) for group in groups] == [["a2"], ["a4"], ["a1"], ["a3"]]


def test_outputs_of_iterations_are_one_group_an_iteration_none_before_the_first() -> None:
    groups = outputs(
        linked("a1", type=ITERATOR_OUTPUT, iteration=10),
        linked("a2", type=ITERATOR_OUTPUT),
        linked("a3", type=ITERATOR_OUTPUT, iteration=0),
        linked("a4", type=ITERATOR_OUTPUT, iteration=0),
        linked("a5", type=ITERATOR_OUTPUT, iteration=2),
    )
    assert [ids(group) for group in groups] == [["a2"], ["a3", "a4"], ["a5"], ["a1"]]
    assert [iteration(group) for group in groups] == [None, 0, 2, 10]


def test_other_types_are_grouped_across_iterations_and_name_that_of_the_first() -> None:
    message = shown(linked("a1", type=COLLECTED, iteration=3), linked("a2", type=COLLECTED, iteration=1))
    (group,) = message.inputs.artifacts
    assert ids(group) == ["a2", "a1"]
    assert iteration(group) == 1


def test_the_iteration_of_the_column_wins_over_that_of_the_producer() -> None:
    producer = '{"taskName":"train","iteration":"7"}'
    by_column = linked("a1", type=ITERATOR_OUTPUT, iteration=4, producer=producer)
    by_producer = linked("a2", type=ITERATOR_OUTPUT, producer=producer)
    assert [iteration(group) for group in outputs(by_column, by_producer)] == [4, 7]


@pytest.mark.parametrize(
    ("type", "side"), [*((n, "inputs") for n in range(1, 8)), *((n, "outputs") for n in range(8, 12))]
)
def test_each_type_stands_on_its_side(type: int, side: str) -> None:
    message = shown(linked("a1", type=type))
    other = {"inputs": "outputs", "outputs": "inputs"}[side]
    assert [group.type for group in getattr(message, side).artifacts] == [type]
    assert not getattr(message, other).artifacts


@pytest.mark.parametrize("type", [0, 12, 99])
def test_a_type_that_this_version_does_not_know_is_an_input(type: int) -> None:
    assert [group.type for group in shown(linked("a1", type=type)).inputs.artifacts] == [type]


@pytest.mark.parametrize("producer", ["", "null"])
def test_a_link_without_producer_names_none(producer: str) -> None:
    (group,) = outputs(linked("a1", producer=producer))
    assert not group.HasField("producer")


def test_a_link_with_an_empty_producer_has_one() -> None:
    (group,) = outputs(linked("a1", producer="{}"))
    assert group.HasField("producer")


def shown(*artifacts: LinkedArtifact) -> run_pb2.PipelineTask:
    """The task with artifacts linked to it."""
    return task_message(a_task(), artifacts=artifacts)


def outputs(*artifacts: LinkedArtifact) -> list[Any]:
    """The groups among the outputs of a task."""
    return list(shown(*artifacts).outputs.artifacts)


def ids(group: Any) -> list[str]:
    """The ids of a group's artifacts."""
    return [artifact.artifact_id for artifact in group.artifacts]


def iteration(group: Any) -> int | None:
    """The iteration that a group names."""
    return group.producer.iteration if group.producer.HasField("iteration") else None
