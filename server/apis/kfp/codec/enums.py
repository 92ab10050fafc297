"""Enums of requests: a number that the enum does not have is refused, since it could not be kept by name."""

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.rules.unusable import UnusableValue


def check_enum(field: str, number: int, numbers: frozenset[int]) -> None:
    """Raise UnusableValue for a number that the enum does not have."""
    if number not in numbers:
        raise UnusableValue(f"{field} has the unknown enum value {number}")


ARTIFACT_TYPES = frozenset(artifact_pb2.Artifact.ArtifactType.values())
IO_TYPES = frozenset(artifact_pb2.IOType.values())
TASK_POD_TYPES = frozenset(run_pb2.PipelineTask.TaskPodType.values())
TASK_STATES = frozenset(run_pb2.PipelineTask.TaskState.values())
TASK_TYPES = frozenset(run_pb2.PipelineTask.TaskType.values())
