"""History that is not of KFP v2: KFP v1 and TFX-like stores become runs of RUNTIME tasks."""

import json
from typing import Any

import pytest

from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.rows import ContextRow, ExecutionRow, KfpRun, PropertyRow, RunKind
from storage.model import IOType, TaskState, TaskType
from tests.mlmd.builders import (
    CREATED,
    INPUT,
    a_context,
    an_artifact,
    an_event,
    by_name,
    counts,
    mapped,
    properties,
)

V1, TFX = RunKind.KFP_V1, RunKind.GENERIC


def a_step(
    id: int = 1,
    *,
    type: str | None = "tfx.components.trainer.component.Trainer",
    name: str = "",
    state: int | None = 3,
    node: str = "",
    own: dict[str, Any] | None = None,
    **custom: Any,
) -> ExecutionRow:
    rows: tuple[PropertyRow, ...] = properties(own or {}, custom=False) + properties(custom)
    return ExecutionRow(id, type, name, state, CREATED, CREATED + 500, rows, "", node)


def a_v1_context(**custom: Any) -> ContextRow:
    return a_context(V1, "train-v1-abc", **custom)


@pytest.mark.parametrize(
    ("row", "name", "display_name"),
    [
        (a_step(), "Trainer", "Trainer"),
        (a_step(node="Pusher"), "Pusher", "Pusher"),
        (a_step(name="exec 1"), "exec 1", "exec 1"),
        (a_step(name="exec 1", node="Pusher"), "Pusher", "exec 1"),
        (a_step(own={"component_id": "Create data"}, node="n"), "Create data", "Create data"),
        (a_step(component_id="Create data"), "Create data", "Create data"),
        (a_step(type="components.Create data@sha256=ab12"), "Create data", "Create data"),
        (a_step(type="Trainer"), "Trainer", "Trainer"),
        (a_step(type=None), "execution-1", "execution-1"),
    ],
)
def test_a_task_is_called_by_component_node_name_or_type(row: ExecutionRow, name: str, display_name: str) -> None:
    records = mapped([row], context=a_context(TFX, "run-0"))
    (task,) = records.tasks
    assert (task.name, task.display_name, task.type, task.parent_task_id) == (
        name,
        display_name,
        TaskType.RUNTIME,
        None,
    )
    assert counts(records.findings).get(Rule.EXECUTIONS_OF_MISSING_TYPE, 0) == (row.type is None)


def test_properties_of_a_generic_execution_are_its_parameters() -> None:
    records = mapped([a_step(own={"n": 3}, c="v", s={"a": 1})], context=a_context(TFX, "run-0"))
    entries = json.loads(records.tasks[0].input_parameters or "")
    assert [(entry["parameterKey"], entry["value"], entry["type"]) for entry in entries] == [
        ("c", "v", "COMPONENT_INPUT"),
        ("n", 3, "COMPONENT_INPUT"),
        ("s", {"a": 1}, "COMPONENT_INPUT"),
    ]


def test_inputs_of_kfp_v1_have_a_prefix() -> None:
    step = a_step(own={"run_id": "r"}, kfp_pod_name="pod-1", other="x", **{"input:lr": "0.1", "input:name": "naïve"})
    (task,) = mapped([step], context=a_v1_context()).tasks
    entries = json.loads(task.input_parameters or "")
    assert [(entry["parameterKey"], entry["value"]) for entry in entries] == [("lr", "0.1"), ("name", "naïve")]
    assert json.loads(task.pods or "") == [{"name": "pod-1", "type": "EXECUTOR"}]
    assert json.loads(task.status_metadata or "") == {"customProperties": {"other": "x", "run_id": "r"}}


def test_a_run_keeps_the_properties_of_its_context() -> None:
    records = mapped([a_step()], context=a_context(TFX, "run-0", k=1, note="emoji 🚀"))
    assert records.run.runtime_config == '{"parameters":{"k":1,"note":"emoji 🚀"}}'
    assert records.run.display_name == "run-0"


def test_what_only_repeats_the_name_of_a_run_is_no_setting() -> None:
    row = a_v1_context(run_id="train-v1-abc", pipeline_name="train-v1-abc")
    assert mapped([a_step()], context=row).run.runtime_config is None


@pytest.mark.parametrize(
    ("states", "run"),
    [
        ([3, 3], "SUCCEEDED"),
        ([3, 4], "FAILED"),
        ([2, 4], "RUNNING"),
        ([5, 5], "SUCCEEDED"),
        ([3, None], "SUCCEEDED"),
        ([None, 1], "RUNTIME_STATE_UNSPECIFIED"),
    ],
)
def test_the_state_of_a_run_is_that_of_its_tasks(states: list[int | None], run: str) -> None:
    rows = [a_step(place + 1, state=state) for place, state in enumerate(states)]
    assert mapped(rows, context=a_context(TFX, "run-0")).run.state == run


@pytest.mark.parametrize(
    ("run_state", "task", "run"),
    [
        ("SUCCEEDED", TaskState.SUCCEEDED, "SUCCEEDED"),
        ("FAILED", TaskState.RUNTIME_STATE_UNSPECIFIED, "FAILED"),
        ("", TaskState.RUNTIME_STATE_UNSPECIFIED, "RUNTIME_STATE_UNSPECIFIED"),
    ],
)
def test_kfp_v1_recorded_no_states_but_those_of_runs(run_state: str, task: TaskState, run: str) -> None:
    kfp = KfpRun("r1", state=run_state) if run_state else None
    records = mapped([a_step(state=None)], context=a_v1_context(), kfp=kfp)
    assert (records.tasks[0].state, records.run.state) == (task, run)
    assert Rule.STATES_UNKNOWN not in counts(records.findings)


def test_links_name_the_task_of_the_run_that_made_the_artifact() -> None:
    rows = [a_step(1, name="gen"), a_step(2, name="train")]
    events = [an_event(1, 8), an_event(2, 8, INPUT), an_event(2, 9, INPUT)]
    records = mapped(rows, events, [an_artifact(8), an_artifact(9)], context=a_context(TFX, "run-0"))
    task = by_name(records)["train"]
    told = [(IOType(x.type).name, json.loads(x.producer)) for x in records.links if x.task_id == task.id]
    assert told == [("TASK_OUTPUT_INPUT", {"taskName": "gen"}), ("COMPONENT_INPUT", {})]
