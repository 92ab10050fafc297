"""The shape of data/expected/kfp_main.json: imported records told as it tells them. For the tests of this folder."""

import json
from collections import Counter
from typing import Any

from storage.model import ArtifactTask, ArtifactType, IOType, Task, TaskState, TaskType
from tests.mlmd.reading import DATA, Imported

OUTPUTS = {IOType.OUTPUT, IOType.ITERATOR_OUTPUT, IOType.ONE_OF_OUTPUT}


def expected() -> Any:
    """The document that kfp_main.sqlite must become."""
    return json.loads((DATA / "expected" / "kfp_main.json").read_text())


def told_tasks(imported: Imported) -> list[dict[str, Any]]:
    """Tasks by execution id, each with the inputs and outputs that MLMD itself recorded for it."""
    by_id = {task.id: task for task in imported.tasks}
    told = {}
    for run in imported.runs:
        for execution_id, task_id in run.task_ids.items():
            # A folded iteration names its loop, which the loop's own execution named first.
            told.setdefault(task_id, _told_task(execution_id, by_id[task_id]))
    return sorted(told.values(), key=lambda task: task["mlmd_id"])


def told_artifacts(imported: Imported) -> list[dict[str, Any]]:
    """Artifacts by MLMD's id, then id of ours."""
    sources = {id: mlmd_id for run in imported.runs for mlmd_id, ids in run.artifact_ids.items() for id in ids}
    return sorted(
        (
            {
                "mlmd_id": sources[artifact.id],
                "artifact_id": artifact.id,
                "type": ArtifactType(artifact.type).name,
                "name": artifact.name or None,
                "namespace": artifact.namespace,
                "uri": artifact.uri,
                "number_value": artifact.number_value,
                "metadata": json.loads(artifact.metadata or "{}"),
            }
            for artifact in imported.artifacts.values()
        ),
        key=lambda artifact: (artifact["mlmd_id"], artifact["artifact_id"]),
    )


def told_link(link: ArtifactTask) -> tuple[str, str, str, str]:
    """A link as an event: artifact, task, direction, key."""
    return link.artifact_id, link.task_id, "OUTPUT" if link.type in OUTPUTS else "INPUT", link.key


def told_summary(imported: Imported) -> dict[str, Any]:
    """The figures of an import, as far as the expected document has them."""
    artifacts = list(imported.artifacts.values())
    counts = imported.counts()
    return {
        "runs": len(imported.runs),
        "tasks": len(imported.tasks),
        "tasks_by_type": dict(Counter(TaskType(task.type).name for task in imported.tasks)),
        "tasks_by_state": dict(Counter(TaskState(task.state).name for task in imported.tasks)),
        "iteration_dags_folded": counts.get("ITERATIONS_FOLDED", 0),
        "artifacts": len(artifacts),
        "artifacts_by_type": dict(Counter(ArtifactType(artifact.type).name for artifact in artifacts)),
        "skipped_executions": imported.survey.executions - imported.survey.executions_in_runs,
        "dangling_events": counts.get("DANGLING_EVENTS", 0),
    }


def _told_task(execution_id: int, task: Task) -> dict[str, Any]:
    attributes = json.loads(task.type_attributes or "{}")
    pods = json.loads(task.pods or "[]")
    return {
        "mlmd_id": execution_id,
        "task_id": task.id,
        "run_id": task.run_id,
        "namespace": task.namespace,
        "name": task.name,
        "display_name": task.display_name,
        "type": TaskType(task.type).name,
        "state": TaskState(task.state).name,
        "parent_task_id": task.parent_task_id,
        "iteration_index": _number(attributes.get("iterationIndex")),
        "iteration_count": _number(attributes.get("iterationCount")),
        "cache_fingerprint": task.cache_fingerprint,
        "pod": pods[0]["name"] if pods else "",
        "inputs": _values(task.input_parameters),
        # Groups hand on outputs that MLMD did not record; those are tested by themselves.
        "outputs": _values(task.output_parameters) if task.type in (TaskType.RUNTIME, TaskType.IMPORTER) else {},
        "create_time": task.created_at // 1_000_000,
    }


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _values(parameters: str | None) -> dict[str, Any]:
    return {entry["parameterKey"]: entry["value"] for entry in json.loads(parameters or "[]")}
