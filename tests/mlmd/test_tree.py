"""Executions of KFP v2 become tasks: names, types, parents, iterations and scope paths, and what is broken is repaired."""

import json
from typing import Any

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.rows import ExecutionRow
from storage.model import TaskType
from tests.mlmd.builders import (
    CONTEXT_ID,
    DAG,
    IMPORTER,
    RUN_ID,
    a_group,
    a_root,
    an_execution,
    by_name,
    counts,
    mapped,
)

IDS = Ids()


@pytest.mark.parametrize(
    ("execution", "type"),
    [
        (an_execution(2, "train"), TaskType.RUNTIME),
        (an_execution(2, "condition-1"), TaskType.RUNTIME),
        (an_execution(2, "importer", type=IMPORTER), TaskType.IMPORTER),
        (an_execution(2, "importer", type="system.ImporterWorkspaceExecution"), TaskType.IMPORTER),
        (a_group(2, "inner"), TaskType.DAG),
        (a_group(2, "exit-handler-1"), TaskType.DAG),
        (a_group(2, "condition-branches-1"), TaskType.DAG),
        (a_group(2, "condition-12"), TaskType.CONDITION_BRANCH),
        (a_group(2, "condition-check"), TaskType.DAG),
        (a_group(2, "for-loop-1", iteration_count=3), TaskType.LOOP),
        (a_group(2, "for-loop-1", iteration_count=0), TaskType.LOOP),
        (an_execution(2, "odd", type=None, pod_name="p"), TaskType.RUNTIME),
        (an_execution(2, "odd", type=None, inputs={}), TaskType.RUNTIME),
        (an_execution(2, "odd", type=None, total_dag_tasks=2), TaskType.DAG),
        (an_execution(2, "odd", type=None), TaskType.IMPORTER),
        (an_execution(2, "odd", type="a.notebook"), TaskType.RUNTIME),
    ],
)
def test_an_execution_becomes_a_task_of_its_type(execution: ExecutionRow, type: TaskType) -> None:
    records = mapped([a_root(), execution])
    assert [task.type for task in records.tasks] == [TaskType.ROOT, type]
    assert records.findings.count(Rule.EXECUTIONS_OF_MISSING_TYPE) == (execution.type is None)


def test_the_root_is_called_root() -> None:
    (root,) = mapped([a_root()]).tasks
    assert (root.name, root.display_name, root.scope_path, root.parent_task_id) == ("ROOT", "", "root", None)
    assert (root.id, root.run_id) == (IDS.task(1), RUN_ID)


def test_tasks_have_parents_and_scope_paths() -> None:
    records = mapped(
        [a_root(), a_group(2, "inner"), a_group(3, "inner-most", parent=2), an_execution(4, "a", parent=3)]
    )
    tasks = by_name(records)
    assert tasks["a"].parent_task_id == IDS.task(3)
    assert tasks["a"].scope_path == "root.inner.inner-most.a"
    assert [task.name for task in records.tasks] == ["ROOT", "inner", "inner-most", "a"]


def attributes(text: str | None) -> Any:
    return json.loads(text) if text else None


def a_loop(id: int, name: str, items: int, *, parent: int = 1) -> list[ExecutionRow]:
    """A loop and its iterations, whose ids follow."""
    iterations = [a_group(id + 1 + index, name, parent=id, iteration_index=index) for index in range(items)]
    return [a_group(id, name, parent=parent, iteration_count=items), *iterations]


def test_iterations_are_folded_into_their_loop() -> None:
    inside = [an_execution(20, "step", parent=11), an_execution(21, "step", parent=12)]
    records = mapped([a_root(), *a_loop(10, "for-loop-1", 2), *inside])
    assert [task.name for task in records.tasks] == ["ROOT", "for-loop-1", "step", "step"]
    loop, *steps = records.tasks[1:]
    assert attributes(loop.type_attributes) == {"iterationCount": "2"}
    assert {step.parent_task_id for step in steps} == {loop.id}
    assert [attributes(step.type_attributes) for step in steps] == [{"iterationIndex": "0"}, {"iterationIndex": "1"}]
    assert {step.scope_path for step in steps} == {"root.for-loop-1.step"}
    assert records.task_ids[11] == records.task_ids[12] == loop.id
    assert counts(records.findings)[Rule.ITERATIONS_FOLDED] == 2


def test_in_nested_loops_the_innermost_iteration_counts() -> None:
    outer, inner = a_loop(10, "for-loop-1", 2), a_loop(20, "for-loop-2", 3, parent=12)
    records = mapped([a_root(), *outer, *inner, an_execution(30, "step", parent=23)])
    tasks = by_name(records)
    assert attributes(tasks["for-loop-2"].type_attributes) == {"iterationIndex": "1", "iterationCount": "3"}
    assert attributes(tasks["step"].type_attributes) == {"iterationIndex": "2"}
    assert tasks["step"].scope_path == "root.for-loop-1.for-loop-2.step"


def test_groups_within_an_iteration_hand_its_index_on() -> None:
    inside = [a_group(20, "condition-2", parent=12), an_execution(21, "step", parent=20)]
    tasks = by_name(mapped([a_root(), *a_loop(10, "for-loop-1", 2), *inside]))
    assert attributes(tasks["condition-2"].type_attributes) == {"iterationIndex": "1"}
    assert attributes(tasks["step"].type_attributes) == {"iterationIndex": "1"}
    assert tasks["step"].parent_task_id == tasks["condition-2"].id


def test_an_iteration_whose_loop_is_missing_stays_a_group() -> None:
    tasks = by_name(mapped([a_root(), a_group(11, "for-loop-1", parent=10, iteration_index=1)]))
    assert tasks["for-loop-1"].type == TaskType.DAG
    assert attributes(tasks["for-loop-1"].type_attributes) == {"iterationIndex": "1"}


@pytest.mark.parametrize(
    ("execution", "workspace"),
    [
        (an_execution(2, "i", type=IMPORTER), False),
        (an_execution(2, "i", type="system.ImporterWorkspaceExecution"), True),
    ],
)
def test_an_importer_says_whether_it_downloads(execution: ExecutionRow, workspace: bool) -> None:
    task = by_name(mapped([a_root(), execution]))["i"]
    assert attributes(task.type_attributes) == {"downloadToWorkspace": workspace}


def test_a_missing_parent_is_replaced_by_the_root() -> None:
    records = mapped([a_root(), an_execution(2, "a", parent=99), an_execution(3, "b", parent=None)])
    assert {task.parent_task_id for task in records.tasks} == {None, IDS.task(1)}
    assert counts(records.findings) == {Rule.PARENTS_MISSING: 2, Rule.STATES_DERIVED: 1}


def test_a_cycle_is_cut_at_its_first_execution() -> None:
    records = mapped(
        [
            a_root(),
            a_group(2, "a", parent=4),
            a_group(3, "b", parent=2),
            a_group(4, "c", parent=3),
            a_group(5, "d", parent=4),
        ]
    )
    parents = {task.name: task.parent_task_id for task in records.tasks}
    assert parents == {"ROOT": None, "a": IDS.task(1), "b": IDS.task(2), "c": IDS.task(3), "d": IDS.task(4)}
    assert counts(records.findings)[Rule.PARENT_CYCLES] == 1


def test_an_execution_that_is_its_own_parent_is_put_under_the_root() -> None:
    records = mapped([a_root(), a_group(2, "a", parent=2)])
    assert by_name(records)["a"].parent_task_id == IDS.task(1)
    assert counts(records.findings)[Rule.PARENT_CYCLES] == 1


def test_a_run_without_root_gets_one() -> None:
    records = mapped([an_execution(2, "a", parent=1), an_execution(3, "b", parent=2)])
    root, a, b = records.tasks
    assert (root.id, root.name, root.type) == (IDS.root(CONTEXT_ID), "ROOT", TaskType.ROOT)
    assert (a.parent_task_id, b.parent_task_id) == (root.id, a.id)
    assert counts(records.findings)[Rule.ROOTS_MADE] == 1


def test_further_roots_are_put_under_the_one_that_names_the_run() -> None:
    other = an_execution(0, "stray", parent=None, type=DAG)
    records = mapped([other, a_root()])
    assert by_name(records)["stray"].parent_task_id == IDS.task(1)
    assert by_name(records)["stray"].type == TaskType.DAG
    assert counts(records.findings)[Rule.EXTRA_ROOTS] == 1


@pytest.mark.parametrize(
    ("execution", "name", "display_name"),
    [
        (an_execution(2, "say", display_name="Say the note"), "say", "Say the note"),
        (an_execution(2, "", display_name="Shown"), "Shown", "Shown"),
        (an_execution(2, "", row_name="row"), "row", ""),
        (an_execution(2, ""), "execution-2", ""),
        (an_execution(2, "n" * 300), "n" * 128, "n" * 300),
    ],
)
def test_a_task_is_called_what_its_execution_says(execution: ExecutionRow, name: str, display_name: str) -> None:
    task = mapped([a_root(), execution]).tasks[1]
    assert (task.name, task.display_name) == (name, display_name)


def test_pods_are_those_that_executed() -> None:
    tasks = by_name(
        mapped([a_root(), an_execution(2, "a", pod_name="pod", pod_uid="u"), an_execution(3, "b", pod_name="")])
    )
    assert attributes(tasks["a"].pods) == [{"name": "pod", "uid": "u", "type": "EXECUTOR"}]
    assert tasks["b"].pods is None


def test_what_has_no_column_is_kept_in_status_metadata() -> None:
    left = {"plugins.mlflow": "x", "cached_execution_id": "12", "image": "", "namespace": "team-a"}
    tasks = by_name(mapped([a_root(), an_execution(2, "a", **left), an_execution(3, "n" * 200)]))
    assert attributes(tasks["a"].status_metadata) == {
        "customProperties": {"cached_execution_id": "12", "plugins.mlflow": "x"}
    }
    assert attributes(tasks["n" * 128].status_metadata) == {"customProperties": {"_mlmd_name": "n" * 200}}


def test_a_deep_and_wide_run_is_mapped_in_one_pass() -> None:
    chain = [a_group(id, f"g{id}", parent=id - 1) for id in range(2, 3000)]
    wide = [an_execution(id, f"t{id}") for id in range(3000, 8000)]
    records = mapped([a_root(), *chain, *wide])
    assert len(records.tasks) == 7999
