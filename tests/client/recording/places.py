"""What the tests of recordings record: a run with tasks, artifacts, links and a metric."""

from typing import Any

from lineal._recording import ArtifactRef, Recording

NOWHERE = "127.0.0.1:1"
"""Where no server is."""

SUCCEEDED, FAILED, RUNNING = 2, 4, 1


def a_run(recording: Recording) -> tuple[str, str]:
    """Record a run with its ROOT task; return the ids of both."""
    run = recording.create_run({"display_name": "train"})
    return run, recording.create_task(run, {"name": "ROOT", "type": "ROOT", "state": "RUNNING"})


def a_task(recording: Recording, run: str, parent: str, name: str = "fit") -> str:
    """Record a task; return its id."""
    return recording.create_task(run, {"name": name, "type": "RUNTIME", "state": "RUNNING", "parent_task_id": parent})


def a_model(recording: Recording, run: str, task: str, **fields: Any) -> ArtifactRef:
    """Record a model that a task made."""
    artifact = {"name": "model", "type": "Model", "namespace": "team"} | fields
    return recording.create_artifact(run, task, key="model", artifact=artifact)


def a_metric(recording: Recording, run: str, task: str, name: str = "loss") -> ArtifactRef:
    """Record a metric."""
    artifact = {"name": name, "type": "Metric", "namespace": "team", "number_value": 0.0}
    return recording.create_artifact(run, task, key=name, artifact=artifact)


def an_output(name: str, value: Any) -> dict[str, Any]:
    """Return an update of a task with an output parameter."""
    return {"outputs": {"parameters": [{"parameter_key": name, "value": value, "type": "OUTPUT"}]}}


def values_of(artifact: Any) -> list[Any]:
    """Return the values of a metric's series, as they are in its metadata."""
    values = []
    for point in artifact.metadata["series"].list_value.values:
        value = point.struct_value.fields["value"]
        values.append(value.string_value or value.number_value)
    return values
