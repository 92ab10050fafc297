"""Requests that say only what a test cares about. Every builder takes further fields by name."""

import json
import uuid
from typing import Any

from google.protobuf import json_format, struct_pb2, timestamp_pb2
from lineal.v2beta1 import artifact_pb2, run_pb2

Task: Any = run_pb2.PipelineTask  # takes parts as plain objects and enums by name, which its stub does not know
IOType = artifact_pb2.IOType
ArtifactType = artifact_pb2.Artifact.ArtifactType


def unique(word: str = "x") -> str:
    """Return a word that no other test uses."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def a_task(name: str = "train", **fields: Any) -> run_pb2.PipelineTask:
    """A running step; without a scope path, so that each creation makes another one."""
    return Task(**{"name": name, "type": "RUNTIME", "state": "RUNNING", **fields})


def a_root(state: str = "RUNNING", **fields: Any) -> run_pb2.PipelineTask:
    """The task above all others of its run."""
    return a_task("ROOT", **{"type": "ROOT", "scope_path": "root", "state": state, **fields})


def a_parameter(key: str = "alpha", value: Any = 1.0, **fields: Any) -> Any:
    """A parameter with a number, or with a text where one is given."""
    kind = "string_value" if isinstance(value, str) else "number_value"
    return Task.InputOutputs.IOParameter(
        **{"parameter_key": key, "value": {kind: value}, "type": "RUNTIME_VALUE_INPUT", **fields}
    )


def with_inputs(*parameters: Any, **fields: Any) -> run_pb2.PipelineTask:
    """A task message with input parameters and nothing else, as updates send it."""
    return Task(inputs=Task.InputOutputs(parameters=parameters), **fields)


def empty_parameters(count: int) -> Any:
    """So many inputs of two bytes each, read from bytes: made one by one, a million of them take seconds."""
    return Task.InputOutputs.FromString(b"\x0a\x00" * count)


def zeros(count: int) -> struct_pb2.Value:
    """A list of so many zeros, read from bytes for the same reason."""
    zero = struct_pb2.Value(number_value=0).SerializeToString()
    item = b"\x0a" + bytes([len(zero)]) + zero
    return struct_pb2.Value(list_value=struct_pb2.ListValue.FromString(item * count))


def an_artifact(name: str = "model", **fields: Any) -> artifact_pb2.Artifact:
    """A model."""
    return artifact_pb2.Artifact(**{"name": name, "namespace": "team", "type": "Model", **fields})


def a_link(run_id: str, task_id: str, artifact_id: str, **fields: Any) -> artifact_pb2.ArtifactTask:
    """The use of an artifact by a task."""
    chosen = {"type": "COMPONENT_INPUT", "key": "data", "producer": {"task_name": "prepare"}, **fields}
    return artifact_pb2.ArtifactTask(run_id=run_id, task_id=task_id, artifact_id=artifact_id, **chosen)


async def new_run(api: Any, **fields: Any) -> str:
    """Create a run and return its id."""
    run = await api.CreateRun(run=a_run(**fields))
    return str(run.run_id)


async def new_task(api: Any, run_id: str, name: str = "train", **fields: Any) -> str:
    """Create a task and return its id."""
    task = await api.CreateTask(run_id=run_id, task=a_task(name, **fields))
    return str(task.task_id)


async def new_tasks(api: Any, run_id: str, count: int, **fields: Any) -> list[str]:
    """Create tasks and return their ids, in order of creation."""
    return [await new_task(api, run_id, f"task-{number}", **fields) for number in range(count)]


async def new_artifact(api: Any, run_id: str, task_id: str, name: str = "model", **fields: Any) -> str:
    """Create an artifact as an output of a task and return its id."""
    artifact = await api.CreateArtifact(
        run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact(name, **fields)
    )
    return str(artifact.artifact_id)


async def new_run_and_task(api: Any) -> tuple[str, str]:
    """Create a run with one task and return both ids."""
    run_id = await new_run(api)
    return run_id, await new_task(api, run_id)


async def get_task(api: Any, run_id: str, task_id: str, **fields: Any) -> run_pb2.PipelineTask:
    """Read a task."""
    task: run_pb2.PipelineTask = await api.GetTask(run_id=run_id, task_id=task_id, **fields)
    return task


async def run_state(api: Any, run_id: str) -> str:
    """Return the name of a run's state."""
    run = await api.GetRun(run_id=run_id)
    return str(run_pb2.RuntimeState.Name(run.state))


def a_spec(parameters: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A pipeline specification whose root takes the parameters: {"rounds": {"parameterType": "NUMBER_INTEGER"}}."""
    root: dict[str, Any] = {"dag": {"tasks": {}}}
    if parameters:
        root["inputDefinitions"] = {"parameters": parameters}
    return {"pipelineInfo": {"name": "train"}, "root": root, "schemaVersion": "2.1.0", **fields}


def a_struct(plain: dict[str, Any]) -> struct_pb2.Struct:
    """A plain object as a message."""
    return json_format.ParseDict(plain, struct_pb2.Struct())


def a_series(*values: float | str, **others: Any) -> dict[str, Any]:
    """The metadata of a metric with these values, one a second."""
    return {"series": [{"step": n, "time": 1.7e9 + n, "value": value} for n, value in enumerate(values)], **others}


def a_run(display_name: str = "a run", **fields: Any) -> run_pb2.Run:
    """A run without a pipeline; pipeline_spec and parameters may be given as plain objects."""
    if "pipeline_spec" in fields:
        fields["pipeline_spec"] = a_struct(fields["pipeline_spec"])
    parameters = fields.pop("parameters", {})
    run = run_pb2.Run(display_name=display_name, **fields)
    for name, value in parameters.items():
        json_format.ParseDict(value, run.runtime_config.parameters[name])
    return run


def moment(text: str) -> timestamp_pb2.Timestamp:
    """An RFC 3339 time as a message."""
    time = timestamp_pb2.Timestamp()
    time.FromJsonString(text)
    return time


def where(key: str, operation: str, **value: Any) -> str:
    """A filter with one predicate: where("name", "EQUALS", string_value="train")."""
    return json.dumps({"predicates": [{"key": key, "operation": operation, **value}]})
