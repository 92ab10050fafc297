"""The numbers that the enums of requests have."""

from lineal.v2beta1 import artifact_pb2, run_pb2

IO_TYPES = frozenset(artifact_pb2.IOType.values())
TASK_POD_TYPES = frozenset(run_pb2.PipelineTask.TaskPodType.values())
TASK_STATES = frozenset(run_pb2.PipelineTask.TaskState.values())
TASK_TYPES = frozenset(run_pb2.PipelineTask.TaskType.values())
