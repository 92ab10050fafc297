"""Tiny builders of MLMD's rows, for the tests of this folder: what a test does not name is ordinary."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.struct_pb2 import Struct

from migrations.mlmd.mapping.run import map_run
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.rows import (
    ArtifactRow,
    ContextRow,
    EventRow,
    ExecutionRow,
    KfpRun,
    Origin,
    PropertyRow,
    RunKind,
    RunRows,
)
from storage.model import Task

CONTEXT_ID = 7
RUN_ID = "0d6c3f52-4d1c-4d5e-9a53-1f3b7a4e9c11"
CREATED = 1_700_000_000_000
"""Milliseconds; an execution with the id n is made n seconds later."""

DAG, CONTAINER, IMPORTER = "system.DAGExecution", "system.ContainerExecution", "system.ImporterExecution"
RUNNING, COMPLETE, FAILED, CACHED, CANCELED = 2, 3, 4, 5, 6
INPUT, OUTPUT = 3, 4


def a_struct(values: Mapping[str, Any]) -> str:
    """A structure as MLMD's tables hold it."""
    message = Struct()
    message.update(values)
    return "mlmd-struct::" + base64.b64encode(message.SerializeToString()).decode()


def properties(values: Mapping[str, Any], *, custom: bool = True) -> tuple[PropertyRow, ...]:
    """Properties in the columns that MLMD chooses for their values."""
    return tuple(_property(name, value, custom) for name, value in values.items())


def an_execution(
    id: int,
    name: str = "",
    *,
    parent: int | None = 1,
    type: str | None = CONTAINER,
    state: int | None = COMPLETE,
    row_name: str = "",
    created: int | None = None,
    updated: int | None = None,
    **custom: Any,
) -> ExecutionRow:
    """An execution of KFP v2, by default a container within the root, whose id is 1."""
    values: dict[str, Any] = {"display_name": name, "task_name": name}
    if parent is not None:
        values["parent_dag_id"] = parent
    created = CREATED + id * 1000 if created is None else created
    return ExecutionRow(
        id,
        type,
        row_name,
        state,
        created,
        created + 500 if updated is None else updated,
        properties({**values, **custom}),
    )


def a_root(**custom: Any) -> ExecutionRow:
    """The root of a run, which MLMD leaves running."""
    return an_execution(1, "", parent=None, type=DAG, state=RUNNING, row_name=f"run/{RUN_ID}", **custom)


def a_group(id: int, name: str, *, parent: int = 1, state: int | None = COMPLETE, **custom: Any) -> ExecutionRow:
    """A group of tasks."""
    return an_execution(id, name, parent=parent, type=DAG, state=state, **custom)


def an_artifact(id: int, type: str | None = "system.Dataset", *, name: str | None = None, **custom: Any) -> ArtifactRow:
    """An artifact with custom properties."""
    uri = custom.pop("uri", f"minio://bucket/{id}")
    state = custom.pop("state", 2)
    return ArtifactRow(id, type, uri, state, name, CREATED + id, CREATED + id, properties(custom))


def an_event(execution_id: int, artifact_id: int, type: int = OUTPUT, *, key: str = "out", id: int = 0) -> EventRow:
    """An event whose path is one key."""
    id = id or execution_id * 1000 + artifact_id * 10 + type
    return EventRow(id, artifact_id, execution_id, type, CREATED, (key,) if key else ())


def a_context(kind: RunKind = RunKind.KFP_V2, name: str = RUN_ID, **custom: Any) -> ContextRow:
    """The context of a run."""
    types = {RunKind.KFP_V2: "system.PipelineRun", RunKind.KFP_V1: "KfpRun", RunKind.GENERIC: "pipeline_run"}
    values = {"namespace": "team-a", **custom} if kind is RunKind.KFP_V2 else custom
    return ContextRow(CONTEXT_ID, types[kind], kind, name, CREATED, CREATED, properties(values))


def run_rows(
    executions: Iterable[ExecutionRow],
    events: Sequence[EventRow] = (),
    artifacts: Iterable[ArtifactRow] = (),
    *,
    context: ContextRow | None = None,
    kfp: KfpRun | None = None,
    artifact_origins: Mapping[int, Origin] | None = None,
) -> RunRows:
    """A run with all that belongs to it; its artifacts are at origin in it unless told otherwise."""
    rows = {row.id: row for row in artifacts}
    by_id = {row.id: row for row in executions}
    made = {event.artifact_id: event for event in reversed(events) if event.type == OUTPUT}
    own_origins = {
        id: Origin(
            CONTEXT_ID,
            "team-a",
            CREATED,
            str(made[id].steps[0]) if id in made and made[id].steps else "",
            by_id.get(made[id].execution_id) if id in made else None,
        )
        for id in rows
    }
    return RunRows(
        context or a_context(),
        tuple(by_id.values()),
        tuple(events),
        rows,
        {**own_origins, **(artifact_origins or {})},
        kfp,
    )


def mapped(*arguments: Any, options: Options | None = None, **more: Any) -> RunRecords:
    """The records of a run made with `run_rows`."""
    return map_run(run_rows(*arguments, **more), options or Options())


def by_name(records: RunRecords) -> dict[str, Task]:
    """The tasks of a run by name; the last of several."""
    return {task.name: task for task in records.tasks}


def counts(findings: Findings) -> dict[Rule, int]:
    """The findings of a run by rule."""
    return {rule: findings.count(rule) for rule in Rule if findings.count(rule)}


def _property(name: str, value: Any, custom: bool) -> PropertyRow:
    if isinstance(value, dict):
        return PropertyRow(name, custom, text=a_struct(value))
    if isinstance(value, bool):
        return PropertyRow(name, custom, boolean=value)
    if isinstance(value, int):
        return PropertyRow(name, custom, integer=value)
    if isinstance(value, float):
        return PropertyRow(name, custom, double=value)
    return PropertyRow(name, custom, text=value)
