"""Events become links: keys, types, producers, ids, and nothing twice."""

import json
from typing import Any

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.vocabulary.rows import EventRow, Origin
from storage.model import NO_ITERATION, IOType
from tests.mlmd.builders import (
    CREATED,
    DAG,
    INPUT,
    a_group,
    a_root,
    an_artifact,
    an_event,
    an_execution,
    by_name,
    counts,
    mapped,
)
from tests.mlmd.test_outputs import from_artifacts
from tests.mlmd.test_tree import a_loop

IDS = Ids()


def links_of(records: RunRecords, name: str) -> list[tuple[str, str, Any, int]]:
    """The links of the last task of a name: key, type, producer, iteration."""
    task = by_name(records)[name]
    return [
        (link.key, IOType(link.type).name, json.loads(link.producer), link.iteration)
        for link in records.links
        if link.task_id == task.id
    ]


def test_an_output_names_its_own_task() -> None:
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9)], [an_artifact(9)])
    assert links_of(records, "a") == [("out", "OUTPUT", {"taskName": "a"}, NO_ITERATION)]
    (link,) = records.links
    assert (link.id, link.artifact_id) == (IDS.of("event:2:9:4:out:0"), IDS.of("artifact:9"))


def test_an_input_from_beside_names_the_task_there() -> None:
    rows = [a_root(), an_execution(2, "a"), an_execution(3, "b")]
    records = mapped(rows, [an_event(2, 9), an_event(3, 9, INPUT, key="data")], [an_artifact(9)])
    assert links_of(records, "b") == [("data", "TASK_OUTPUT_INPUT", {"taskName": "a"}, NO_ITERATION)]


def test_an_input_from_a_group_beside_names_the_group() -> None:
    group = a_group(2, "inner", artifact_producer_task=from_artifacts("art", ("a", "out")))
    rows = [a_root(), group, an_execution(3, "a", parent=2), an_execution(4, "b")]
    records = mapped(rows, [an_event(3, 9), an_event(4, 9, INPUT, key="part")], [an_artifact(9)])
    assert links_of(records, "b") == [("part", "TASK_OUTPUT_INPUT", {"taskName": "inner"}, NO_ITERATION)]


def test_an_input_handed_in_names_the_task_that_made_it() -> None:
    rows = [a_root(), an_execution(2, "a"), a_group(3, "inner"), an_execution(4, "b", parent=3)]
    events = [an_event(2, 9), an_event(3, 9, INPUT, key="in"), an_event(4, 9, INPUT, key="data")]
    records = mapped(rows, events, [an_artifact(9)])
    assert links_of(records, "inner") == [("in", "TASK_OUTPUT_INPUT", {"taskName": "a"}, NO_ITERATION)]
    assert links_of(records, "b") == [("data", "COMPONENT_INPUT", {"taskName": "a"}, NO_ITERATION)]


def test_an_input_from_another_run_names_the_task_there() -> None:
    origin = Origin(3, "team-a", CREATED, "out", an_execution(90, "elsewhere"))
    records = mapped(
        [a_root(), an_execution(2, "b")], [an_event(2, 9, INPUT)], [an_artifact(9)], artifact_origins={9: origin}
    )
    assert links_of(records, "b") == [("out", "COMPONENT_INPUT", {"taskName": "elsewhere"}, NO_ITERATION)]


def test_an_input_that_nobody_made_names_nobody() -> None:
    records = mapped([a_root(), an_execution(2, "b")], [an_event(2, 9, INPUT)], [an_artifact(9)])
    assert links_of(records, "b") == [("out", "COMPONENT_INPUT", {}, NO_ITERATION)]


def test_inputs_from_the_iterations_of_a_loop_were_collected() -> None:
    chosen = {"artifact_producer_task": from_artifacts("all", ("step", "out"))}
    rows = [
        a_root(),
        a_group(2, "for-loop-1", iteration_count=2, **chosen),
        a_group(3, "for-loop-1", parent=2, iteration_index=0, **chosen),
        a_group(4, "for-loop-1", parent=2, iteration_index=1, **chosen),
        an_execution(5, "step", parent=3),
        an_execution(6, "step", parent=4),
        an_execution(7, "merge"),
        an_execution(8, "first"),
    ]
    events = [
        an_event(5, 20),
        an_event(6, 21),
        an_event(7, 20, INPUT, key="parts"),
        an_event(7, 21, INPUT, key="parts"),
        an_event(8, 20, INPUT, key="part"),
    ]
    records = mapped(rows, events, [an_artifact(20), an_artifact(21)])
    collected = ("parts", "COLLECTED_INPUTS", {"taskName": "for-loop-1"}, NO_ITERATION)
    assert links_of(records, "merge") == [collected, collected]
    assert links_of(records, "first") == [("part", "COLLECTED_INPUTS", {"taskName": "for-loop-1"}, NO_ITERATION)]


def test_within_an_iteration_links_carry_its_index() -> None:
    rows = [a_root(), *a_loop(10, "for-loop-1", 2)]
    steps = [an_execution(20, "a", parent=12), an_execution(21, "b", parent=12)]
    records = mapped([*rows, *steps], [an_event(20, 9), an_event(21, 9, INPUT)], [an_artifact(9)])
    producer = {"taskName": "a", "iteration": "1"}
    assert links_of(records, "a") == [("out", "ITERATOR_OUTPUT", producer, 1)]
    assert links_of(records, "b") == [("out", "TASK_OUTPUT_INPUT", producer, 1)]


def test_an_item_of_a_loop_over_artifacts_is_an_input_of_the_loop() -> None:
    events = [
        an_event(10, 8, INPUT, key="list"),
        an_event(11, 8, INPUT, key="list"),
        an_event(11, 9, INPUT, key="list-item"),
    ]
    records = mapped([a_root(), *a_loop(10, "for-loop-1", 1)], events, [an_artifact(8), an_artifact(9)])
    assert links_of(records, "for-loop-1") == [
        ("list", "COMPONENT_INPUT", {}, NO_ITERATION),
        ("list-item", "ITERATOR_INPUT", {"taskName": "for-loop-1", "iteration": "0"}, 0),
    ]
    assert Rule.DUPLICATE_LINKS not in counts(records.findings)


def test_all_metrics_are_linked_under_one_key() -> None:
    metrics = an_artifact(9, "system.Metrics", a=1.0, b=2.0)
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9, key="metrics")], [metrics])
    assert [(link.id, link.artifact_id, link.key) for link in records.links] == [
        (IDS.of("event:2:9:4:metrics:0"), IDS.of("artifact:9"), "metrics"),
        (IDS.of("event:2:9:4:metrics:1"), IDS.of("artifact:9:b"), "metrics"),
    ]


def test_several_artifacts_under_one_key_are_all_linked() -> None:
    events = [an_event(2, 8, key="executor-logs"), an_event(2, 9, key="executor-logs")]
    records = mapped([a_root(), an_execution(2, "a")], events, [an_artifact(8), an_artifact(9)])
    assert len(links_of(records, "a")) == 2


@pytest.mark.parametrize(
    ("type", "kind", "wanted"),
    [
        (1, "DECLARED_OUTPUT", "OUTPUT"),
        (2, "DECLARED_INPUT", "COMPONENT_INPUT"),
        (5, "INTERNAL_INPUT", "COMPONENT_INPUT"),
        (6, "INTERNAL_OUTPUT", "OUTPUT"),
        (7, "PENDING_OUTPUT", "OUTPUT"),
    ],
)
def test_events_of_other_types_become_plain_inputs_and_outputs(type: int, kind: str, wanted: str) -> None:
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9, type)], [an_artifact(9)])
    ((_, found, _, _),) = links_of(records, "a")
    assert found == wanted
    assert records.findings.count(Rule.EVENTS_OF_OTHER_TYPES, kind) == 1


@pytest.mark.parametrize("type", [0, 8])
def test_events_of_unknown_types_are_skipped(type: int) -> None:
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9, type)], [an_artifact(9)])
    assert not records.links
    assert records.findings.count(Rule.EVENTS_OF_UNKNOWN_TYPE, str(type)) == 1


def test_an_event_of_a_missing_artifact_is_skipped() -> None:
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9)], [])
    assert not records.links
    assert records.findings.count(Rule.DANGLING_EVENTS) == 1


@pytest.mark.parametrize(
    ("steps", "key", "is_missing"),
    [
        (("examples", 0), "examples", False),
        ((0, "examples"), "examples", False),
        ((3,), "3", False),
        ((), "data", True),
        (("",), "data", True),
        (("k" * 300,), "k" * 191, False),
    ],
)
def test_a_key_is_the_first_in_the_path(steps: tuple[str | int, ...], key: str, is_missing: bool) -> None:
    event = EventRow(1, 9, 2, INPUT, CREATED, steps)
    records = mapped([a_root(), an_execution(2, "a")], [event], [an_artifact(9, display_name="data")])
    assert [link.key for link in records.links] == [key]
    assert counts(records.findings).get(Rule.EVENTS_WITHOUT_KEY, 0) == is_missing


def test_an_artifact_without_name_and_key_is_linked_all_the_same() -> None:
    records = mapped([a_root(), an_execution(2, "a")], [an_event(2, 9, INPUT, key="")], [an_artifact(9)])
    assert [link.key for link in records.links] == ["artifact"]


def test_a_repeated_link_is_skipped_and_counted() -> None:
    events = [an_event(2, 9, id=1), an_event(2, 9, id=2)]
    records = mapped([a_root(), an_execution(2, "a")], events, [an_artifact(9)])
    assert [link.id for link in records.links] == [IDS.of("event:2:9:4:out:0")]
    assert counts(records.findings)[Rule.DUPLICATE_LINKS] == 1


def test_links_of_a_missing_type_of_execution_are_kept() -> None:
    rows = [a_root(), an_execution(2, "a", type=None, pod_name="p"), an_execution(3, "g", type=DAG)]
    records = mapped(rows, [an_event(2, 9)], [an_artifact(9)])
    assert links_of(records, "a") == [("out", "OUTPUT", {"taskName": "a"}, NO_ITERATION)]
