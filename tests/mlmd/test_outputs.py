"""Outputs of loops, conditions and nested groups are handed on to their parents as the live launcher would have."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.vocabulary.rows import EventRow, ExecutionRow
from storage.model import NO_ITERATION, IOType
from tests.mlmd.builders import (
    CANCELED,
    FAILED,
    OUTPUT,
    a_group,
    a_root,
    an_artifact,
    an_event,
    an_execution,
    by_name,
    counts,
    mapped,
)
from tests.mlmd.test_tree import a_loop

OnProgress = list[tuple[str, Any, str, str | None, int | None]]


def from_parameter(task: str, key: str = "Output") -> str:
    return json.dumps({"valueFromParameter": {"producerSubtask": task, "outputParameterKey": key}})


def from_one_of(*sources: tuple[str, str]) -> str:
    selectors = [{"producerSubtask": task, "outputParameterKey": key} for task, key in sources]
    return json.dumps({"valueFromOneof": {"parameterSelectors": selectors}})


def from_artifacts(key: str, *sources: tuple[str, str]) -> str:
    selectors = [{"producer_subtask": task, "output_artifact_key": output} for task, output in sources]
    return json.dumps({key: {"artifact_selectors": selectors}})


def put_out(records: RunRecords, name: str) -> OnProgress:
    """The output parameters of a task: key, value, type, producer, iteration."""
    entries = json.loads(by_name(records)[name].output_parameters or "[]")
    return [
        (
            entry["parameterKey"],
            entry["value"],
            entry["type"],
            entry["producer"].get("taskName"),
            int(entry["producer"]["iteration"]) if "iteration" in entry["producer"] else None,
        )
        for entry in entries
    ]


def linked(records: RunRecords, name: str) -> list[tuple[str, str, str, int]]:
    """The output links of a task: key, type, producer, iteration."""
    task = by_name(records)[name]
    return [
        (link.key, IOType(link.type).name, json.loads(link.producer).get("taskName"), link.iteration)
        for link in records.links
        if link.task_id == task.id and IOType(link.type).name.endswith("OUTPUT")
    ]


def a_step(id: int, name: str, value: Any, *, parent: int = 2, **custom: Any) -> ExecutionRow:
    return an_execution(id, name, parent=parent, outputs={"Output": value}, **custom)


def test_a_task_puts_out_what_it_published() -> None:
    records = mapped([a_root(), an_execution(2, "a", outputs={"n": 7.0, "b": [True, None], "t": "é"})])
    assert put_out(records, "a") == [
        ("b", [True, None], "OUTPUT", "a", None),
        ("n", 7, "OUTPUT", "a", None),
        ("t", "é", "OUTPUT", "a", None),
    ]


def test_in_kfps_first_releases_each_parameter_is_a_property() -> None:
    records = mapped([a_root(), an_execution(2, "a", **{"input:x": 1, "output:y": "z"})])
    task = by_name(records)["a"]
    assert task.input_parameters == '[{"value":1,"type":"COMPONENT_INPUT","parameterKey":"x"}]'
    assert put_out(records, "a") == [("y", "z", "OUTPUT", "a", None)]
    assert task.status_metadata is None


@pytest.mark.parametrize(
    ("group", "within", "wanted"),
    [
        (
            a_group(2, "inner", parameter_producer_task={"val": from_parameter("step")}),
            [a_step(3, "step", 16)],
            [("val", 16, "OUTPUT", "step", None)],
        ),
        (
            a_group(2, "condition-1", parameter_producer_task={"val": from_parameter("step")}),
            [a_step(3, "step", "x")],
            [("val", "x", "ONE_OF_OUTPUT", "step", None)],
        ),
        (
            a_group(2, "inner", parameter_producer_task={"val": from_parameter("step", "other")}),
            [a_step(3, "step", 16)],
            [],
        ),
        (
            a_group(2, "inner", parameter_producer_task={"val": from_parameter("step")}),
            [a_step(3, "step", "first", state=FAILED), a_step(4, "step", "second")],
            [("val", "second", "OUTPUT", "step", None)],
        ),
        (
            a_group(2, "inner", parameter_producer_task={"a": from_parameter("x"), "b": from_parameter("y")}),
            [a_step(3, "x", 1), a_step(4, "y", 2)],
            [("a", 1, "OUTPUT", "x", None), ("b", 2, "OUTPUT", "y", None)],
        ),
    ],
)
def test_a_group_puts_out_what_it_takes_from_a_task_within(
    group: ExecutionRow, within: Sequence[ExecutionRow], wanted: OnProgress
) -> None:
    records = mapped([a_root(), group, *within])
    assert put_out(records, group.properties[0].text) == wanted  # type: ignore[arg-type]


def test_outputs_climb_through_nested_groups() -> None:
    outer = a_group(2, "outer", parameter_producer_task={"out": from_parameter("inner", "val")})
    inner = a_group(3, "inner", parent=2, parameter_producer_task={"val": from_parameter("step")})
    records = mapped([a_root(), outer, inner, a_step(4, "step", 5, parent=3)])
    assert put_out(records, "outer") == [("out", 5, "OUTPUT", "inner", None)]
    assert put_out(records, "ROOT") == []


def test_the_root_puts_out_what_it_selects() -> None:
    records = mapped([a_root(parameter_producer_task={"out": from_parameter("a")}), a_step(2, "a", 3, parent=1)])
    assert put_out(records, "ROOT") == [("out", 3, "OUTPUT", "a", None)]


def test_of_a_one_of_the_branch_that_ran_counts() -> None:
    wrapper = a_group(
        2,
        "condition-branches-1",
        parameter_producer_task={"one": from_one_of(("condition-2", "p"), ("condition-3", "q"))},
    )
    skipped = a_group(3, "condition-2", parent=2, state=CANCELED, parameter_producer_task={"p": from_parameter("say")})
    taken = a_group(4, "condition-3", parent=2, parameter_producer_task={"q": from_parameter("say")})
    above = a_group(9, "never")
    records = mapped([a_root(), wrapper, skipped, taken, above, a_step(5, "say", "was tails", parent=4)])
    assert put_out(records, "condition-2") == []
    assert put_out(records, "condition-3") == [("q", "was tails", "ONE_OF_OUTPUT", "say", None)]
    assert put_out(records, "condition-branches-1") == [("one", "was tails", "ONE_OF_OUTPUT", "condition-3", None)]


def test_a_loop_puts_out_one_entry_for_each_iteration() -> None:
    chosen = {"parameter_producer_task": {"all": from_parameter("step")}}
    loop = [
        a_group(2, "for-loop-1", iteration_count=2, **chosen),
        a_group(3, "for-loop-1", parent=2, iteration_index=1, **chosen),
        a_group(4, "for-loop-1", parent=2, iteration_index=0, **chosen),
    ]
    records = mapped([a_root(), *loop, a_step(5, "step", "b", parent=3), a_step(6, "step", "a", parent=4)])
    assert put_out(records, "for-loop-1") == [
        ("all", "a", "ITERATOR_OUTPUT", "step", 0),
        ("all", "b", "ITERATOR_OUTPUT", "step", 1),
    ]
    assert put_out(records, "step") == [("Output", "a", "ITERATOR_OUTPUT", "step", 0)]


def test_a_group_around_a_loop_keeps_the_iterations() -> None:
    chosen = {"parameter_producer_task": {"all": from_parameter("step")}}
    group = a_group(2, "inner", parameter_producer_task={"out": from_parameter("for-loop-1", "all")})
    loop = [
        a_group(3, "for-loop-1", parent=2, iteration_count=2, **chosen),
        a_group(4, "for-loop-1", parent=3, iteration_index=0, **chosen),
        a_group(5, "for-loop-1", parent=3, iteration_index=1, **chosen),
    ]
    records = mapped([a_root(), group, *loop, a_step(6, "step", 1, parent=4), a_step(7, "step", 2, parent=5)])
    assert put_out(records, "inner") == [
        ("out", 1, "ITERATOR_OUTPUT", "for-loop-1", 0),
        ("out", 2, "ITERATOR_OUTPUT", "for-loop-1", 1),
    ]


def test_a_loop_around_a_loop_puts_out_lists() -> None:
    outer_chosen = {"parameter_producer_task": {"all": from_parameter("for-loop-2", "inner")}}
    inner_chosen = {"parameter_producer_task": {"inner": from_parameter("step")}}
    rows = [
        a_group(2, "for-loop-1", iteration_count=1, **outer_chosen),
        a_group(3, "for-loop-1", parent=2, iteration_index=0, **outer_chosen),
        a_group(4, "for-loop-2", parent=3, iteration_count=2, **inner_chosen),
        a_group(5, "for-loop-2", parent=4, iteration_index=0, **inner_chosen),
        a_group(6, "for-loop-2", parent=4, iteration_index=1, **inner_chosen),
        a_step(7, "step", 1, parent=5),
        a_step(8, "step", 2, parent=6),
    ]
    records = mapped([a_root(), *rows])
    assert put_out(records, "for-loop-1") == [("all", [1, 2], "ITERATOR_OUTPUT", "for-loop-2", 0)]


def test_a_condition_within_an_iteration_keeps_the_iteration() -> None:
    branch = a_group(20, "condition-2", parent=12, parameter_producer_task={"p": from_parameter("say")})
    records = mapped([a_root(), *a_loop(10, "for-loop-1", 2), branch, a_step(21, "say", "x", parent=20)])
    assert put_out(records, "condition-2") == [("p", "x", "ITERATOR_OUTPUT", "say", 1)]


def test_artifacts_are_handed_on_as_links() -> None:
    group = a_group(2, "inner", artifact_producer_task=from_artifacts("art", ("step", "out")))
    rows = [a_root(), group, an_execution(3, "step", parent=2)]
    records = mapped(rows, [an_event(3, 9)], [an_artifact(9)])
    assert linked(records, "step") == [("out", "OUTPUT", "step", NO_ITERATION)]
    assert linked(records, "inner") == [("art", "OUTPUT", "step", NO_ITERATION)]
    assert len({link.id for link in records.links}) == 2


def test_a_loop_links_the_artifacts_of_its_iterations() -> None:
    chosen = {"artifact_producer_task": from_artifacts("all", ("step", "out"))}
    rows = [
        a_root(),
        a_group(2, "for-loop-1", iteration_count=2, **chosen),
        a_group(3, "for-loop-1", parent=2, iteration_index=0, **chosen),
        a_group(4, "for-loop-1", parent=2, iteration_index=1, **chosen),
        an_execution(5, "step", parent=3),
        an_execution(6, "step", parent=4),
    ]
    events: list[EventRow] = [an_event(5, 8, OUTPUT), an_event(6, 9, OUTPUT)]
    records = mapped(rows, events, [an_artifact(8), an_artifact(9)])
    assert linked(records, "for-loop-1") == [
        ("all", "ITERATOR_OUTPUT", "step", 0),
        ("all", "ITERATOR_OUTPUT", "step", 1),
    ]


def test_of_a_one_of_artifact_the_branch_that_ran_counts() -> None:
    chosen = from_artifacts("one", ("condition-2", "p"), ("condition-3", "q"))
    rows = [
        a_root(),
        a_group(2, "condition-branches-1", artifact_producer_task=chosen),
        a_group(3, "condition-3", parent=2, artifact_producer_task=from_artifacts("q", ("say", "out"))),
        an_execution(4, "say", parent=3),
    ]
    records = mapped(rows, [an_event(4, 9)], [an_artifact(9)])
    assert linked(records, "condition-3") == [("q", "ONE_OF_OUTPUT", "say", NO_ITERATION)]
    assert linked(records, "condition-branches-1") == [("one", "ONE_OF_OUTPUT", "condition-3", NO_ITERATION)]


@pytest.mark.parametrize(
    "broken",
    [
        {"parameter_producer_task": "not JSON"},
        {"parameter_producer_task": {"out": "[1]"}},
        {"parameter_producer_task": {"out": "{}"}},
        {"artifact_producer_task": '{"art": {"artifact_selectors": 5}}'},
        {"artifact_producer_task": "[]"},
    ],
)
def test_selectors_that_cannot_be_read_are_counted(broken: dict[str, Any]) -> None:
    records = mapped([a_root(), a_group(2, "inner", **broken), a_step(3, "step", 1)])
    assert put_out(records, "inner") == []
    assert counts(records.findings)[Rule.SELECTORS_UNREADABLE] == 1


def test_a_selector_that_cannot_be_read_does_not_hide_the_others() -> None:
    selectors = {"a": "{}", "out": from_parameter("step")}
    records = mapped([a_root(), a_group(2, "inner", parameter_producer_task=selectors), a_step(3, "step", 1)])
    assert put_out(records, "inner") == [("out", 1, "OUTPUT", "step", None)]
    assert counts(records.findings)[Rule.SELECTORS_UNREADABLE] == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"Kind": {"ValueFromParameter": {"producer_subtask": "step", "output_parameter_key": "Output"}}},
        {"kind": {"value_from_parameter": {"ProducerSubtask": "step", "OutputParameterKey": "Output"}}},
    ],
)
def test_selectors_as_go_itself_writes_them_are_understood(spec: dict[str, Any]) -> None:
    group = a_group(2, "inner", parameter_producer_task={"out": json.dumps(spec)})
    records = mapped([a_root(), group, a_step(3, "step", 1)])
    assert put_out(records, "inner") == [("out", 1, "OUTPUT", "step", None)]


@pytest.mark.parametrize("name", ["inputs", "outputs"])
def test_parameters_that_cannot_be_read_are_kept_as_they_are(name: str) -> None:
    records = mapped([a_root(), an_execution(2, "a", **{name: "mlmd-struct::%%%"})])
    task = by_name(records)["a"]
    assert (task.input_parameters, task.output_parameters) == (None, None)
    assert json.loads(task.status_metadata or "") == {"customProperties": {name: "mlmd-struct::%%%"}}
    assert counts(records.findings)[Rule.PARAMETERS_UNREADABLE] == 1
