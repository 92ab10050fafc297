"""What several benchmarks send: the methods of a server, and typical tasks, artifacts and runs."""

from typing import Any

import grpc
from lineal.v2beta1 import artifact_pb2, run_pb2

PACKAGE = "/kubeflow.pipelines.backend.api.v2beta1."

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "bench"},
    "schemaVersion": "2.1.0",
    "root": {"dag": {"tasks": {}}},
}


class Rpcs:
    """The methods of one server, by name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        def rpc(service: str, name: str, request: type, answer: type) -> Any:
            path = f"{PACKAGE}{service}/{name}"
            return channel.unary_unary(path, request.SerializeToString, answer.FromString)

        runs, artifacts = "RunService", "ArtifactService"
        self.create_run = rpc(runs, "CreateRun", run_pb2.CreateRunRequest, run_pb2.Run)
        self.create_task = rpc(runs, "CreateTask", run_pb2.CreateTaskRequest, run_pb2.PipelineTask)
        self.update_task = rpc(runs, "UpdateTask", run_pb2.UpdateTaskRequest, run_pb2.PipelineTask)
        self.create_artifact = rpc(
            artifacts, "CreateArtifact", artifact_pb2.CreateArtifactRequest, artifact_pb2.Artifact
        )
        self.create_artifacts = rpc(
            artifacts,
            "CreateArtifactsBulk",
            artifact_pb2.CreateArtifactsBulkRequest,
            artifact_pb2.CreateArtifactsBulkResponse,
        )


def task(number: int, **fields: Any) -> run_pb2.PipelineTask:
    """Return a typical task: a few parameters, a pod, a state."""
    defaults = {"name": f"t{number}", "display_name": f"task {number}", "state": 1, "type": 2}
    new = run_pb2.PipelineTask(**defaults | {"scope_path": f"root.t{number}"} | fields)
    new.pods.add(name=f"pod-{number}", uid="5f6ae9d0-e5f8-4536-99f3-33e332a798ba", type=1)
    for index in range(4):
        parameter = new.inputs.parameters.add(parameter_key=f"p{index}", type=4)
        parameter.value.string_value = "value " * 4
        parameter.producer.task_name = "ROOT"
    return new


def artifact(run_id: str, task_id: str, number: int) -> artifact_pb2.CreateArtifactRequest:
    """Return a request for a dataset with a little metadata."""
    new = artifact_pb2.Artifact(name=f"a{number}", type=3, uri=f"s3://bucket/{number}", namespace="bench")
    new.metadata["rows"].number_value = 12.5
    return artifact_pb2.CreateArtifactRequest(artifact=new, run_id=run_id, task_id=task_id, producer_key="data")
