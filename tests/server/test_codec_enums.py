"""Enums of records have the numbers of the wire: rules check numbers of requests with them."""

from enum import IntEnum
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2

from storage.model import ArtifactType, IOType, PodType, RunState, StorageState, TaskState, TaskType

OF_THE_WIRE: dict[type[IntEnum], Any] = {
    ArtifactType: artifact_pb2.Artifact.ArtifactType,
    IOType: artifact_pb2.IOType,
    PodType: run_pb2.PipelineTask.TaskPodType,
    RunState: run_pb2.RuntimeState,
    StorageState: run_pb2.Run.StorageState,
    TaskState: run_pb2.PipelineTask.TaskState,
    TaskType: run_pb2.PipelineTask.TaskType,
}


@pytest.mark.parametrize("enum", OF_THE_WIRE, ids=lambda enum: enum.__name__)
def test_an_enum_of_records_has_the_numbers_of_the_wire(enum: type[IntEnum]) -> None:
    assert sorted(member.value for member in enum) == sorted(OF_THE_WIRE[enum].values())
