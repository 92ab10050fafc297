"""With a pipeline spec, that decides on types, names of importers, origins of parameters; and tasks get logical keys."""

import json

import pytest

from migrations.mlmd.mapping.pipeline_spec import spec_text
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.rows import KfpRun
from storage.digests import logical_key
from storage.model import Task, TaskType
from tests.mlmd.builders import IMPORTER, RUN_ID, a_group, a_root, an_execution, by_name, mapped
from tests.mlmd.kfp_databases import SPEC

KFP = KfpRun(RUN_ID, state="SUCCEEDED", pipeline_spec=json.dumps(SPEC))


@pytest.fixture
def records() -> RunRecords:
    return mapped(executions(), kfp=KFP)


def executions() -> list[object]:
    return [
        a_root(inputs={"lr": 0.1}),
        an_execution(2, "Shown importer", type=IMPORTER),
        an_execution(3, "train", inputs={"lr": 0.1, "epochs": 3, "extra": 1}),
        a_group(4, "guard", inputs={"score": 1}),
        an_execution(5, "inner", parent=4, inputs={"score": 1}),
        a_group(6, "condition-1"),
        a_group(7, "each", iteration_count=1, inputs={"items": [7]}),
        a_group(8, "each", parent=7, iteration_index=0, inputs={"item": 7}),
        an_execution(9, "step", parent=8, inputs={"x": 7}),
        an_execution(10, "sum", inputs={"all": [7], "status": {}}),
        an_execution(11, "unknown", inputs={"y": 1}),
    ]


def origins(task: Task) -> dict[str, tuple[str, object]]:
    """Types and producers of a task's inputs."""
    return {
        entry["parameterKey"]: (entry["type"], entry.get("producer"))
        for entry in json.loads(task.input_parameters or "[]")
    }


def test_the_spec_decides_what_a_group_is(records: RunRecords) -> None:
    types = {name: TaskType(task.type).name for name, task in by_name(records).items()}
    assert types["guard"] == "CONDITION_BRANCH"
    assert types["condition-1"] == "DAG"
    assert types["each"] == "LOOP"


def test_an_importer_takes_the_name_that_the_spec_has_for_it(records: RunRecords) -> None:
    importer = by_name(records)["importer"]
    assert (importer.type, importer.scope_path) == (TaskType.IMPORTER, "root.importer")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ROOT", {"lr": ("RUNTIME_VALUE_INPUT", {"taskName": "ROOT"})}),
        (
            "train",
            {
                "epochs": ("RUNTIME_VALUE_INPUT", {"taskName": "ROOT"}),
                "extra": ("COMPONENT_DEFAULT_INPUT", None),
                "lr": ("COMPONENT_INPUT", {"taskName": "ROOT"}),
            },
        ),
        ("guard", {"score": ("TASK_OUTPUT_INPUT", {"taskName": "train"})}),
        ("inner", {"score": ("COMPONENT_INPUT", {"taskName": "train"})}),
        ("each", {"items": ("COMPONENT_INPUT", None)}),
        ("step", {"x": ("COMPONENT_INPUT", {"taskName": "each", "iteration": "0"})}),
        (
            "sum",
            {
                "all": ("COLLECTED_INPUTS", {"taskName": "each"}),
                "status": ("TASK_FINAL_STATUS_OUTPUT", {"taskName": "ROOT"}),
            },
        ),
        ("unknown", {"y": ("COMPONENT_INPUT", None)}),
    ],
)
def test_the_spec_says_where_an_input_came_from(
    records: RunRecords, name: str, wanted: dict[str, tuple[str, object]]
) -> None:
    assert origins(by_name(records)[name]) == wanted


def test_logical_keys_are_those_that_the_service_would_compute(records: RunRecords) -> None:
    for task in records.tasks:
        index = json.loads(task.type_attributes or "{}").get("iterationIndex")
        assert task.logical_key == logical_key(
            run_id=task.run_id,
            parent_task_id=task.parent_task_id,
            scope_path=task.scope_path,
            name=task.name,
            type=task.type,
            iteration_index=None if index is None else int(index),
        )


def test_tasks_that_were_tried_again_have_no_logical_key() -> None:
    rows = [a_root(), an_execution(2, "train"), an_execution(3, "train"), an_execution(4, "sum")]
    records = mapped(rows, kfp=KFP)
    assert [task.logical_key is None for task in records.tasks] == [False, True, True, False]


def test_without_a_spec_names_decide_and_no_keys_are_made() -> None:
    for records in (
        mapped(executions(), kfp=KfpRun(RUN_ID)),
        mapped(executions(), kfp=KFP, options=Options(types_from_spec=False)),
    ):
        tasks = by_name(records)
        assert tasks["guard"].type == TaskType.DAG
        assert tasks["condition-1"].type == TaskType.CONDITION_BRANCH
        assert "Shown importer" in tasks
        assert {task.logical_key for task in records.tasks} == {None}


def test_keys_of_a_spec_in_yaml_become_texts() -> None:
    spec = "pipelineInfo: {name: x}\nroot: {7: {true: a, null: b, 2020-01-01: c}}\n"
    assert json.loads(spec_text(spec) or "")["root"] == {"7": {"true": "a", "null": "b", "2020-01-01": "c"}}


def test_a_spec_that_contains_itself_is_none() -> None:
    assert spec_text("pipelineInfo: &a {name: *a}\nroot: {}\n") is None
