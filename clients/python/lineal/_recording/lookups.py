"""Looks up what an old call may have done: one that the server does not remember by its key any more."""

from typing import Any

from google.protobuf.message import Message

from lineal import errors
from lineal._calls import BY_NAME
from lineal._recording.batch import CREATE_ARTIFACTS, CREATE_RUN
from lineal._recording.caller import Caller, Taken
from lineal._recording.keys import id_of, part_key
from lineal._recording.merging import FINISHED
from lineal._recording.parts import count_of, part_of
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2


class Lookups:
    """Asks the server what it has."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def exists(self, name: str, request: Any, id: str) -> bool:
        """Return whether the run or task that a call makes is there."""
        if name == CREATE_RUN:
            return self._get("RunService.GetRun", run_pb2.GetRunRequest(run_id=id)) is not None
        return self._task(request.run_id, id) is not None

    def any_artifact(self, request: Any, key: str) -> bool:
        """Return whether one of the artifacts that a call makes is there: then it was done, as a whole."""
        count = len(request.artifacts) if hasattr(request, "artifacts") else 1
        return any(self._has_artifact(id_of(key, position)) for position in range(count))

    def artifacts(self, name: str, request: Any, key: str) -> list[str]:
        """Return the ids of the artifacts of a call that was done.

        One that is not there under its expected id has been found, not made, and is found again when it is sent alone.
        """
        count = count_of(name, request)
        ids: list[str] = []
        for position in range(count):
            id = id_of(key, position)
            ids.append(id if self._has_artifact(id) else self._found_again(name, request, key, position))
        return ids

    def keep_ends(self, request: task_pb2.UpdateTasksBulkRequest) -> None:
        """Take out of old updates what would move a finished task back to RUNNING."""
        for task_id, update in request.tasks.items():
            if update.state != task_pb2.PipelineTask.RUNNING:
                continue
            task = self._task(request.run_id, task_id)
            if task is not None and task.state in FINISHED:
                update.state = task_pb2.PipelineTask.RUNTIME_STATE_UNSPECIFIED

    def _found_again(self, name: str, request: Any, key: str, position: int) -> str:
        part = part_of(name, request, position, 1)
        again = part_key(key, position, 1)
        try:
            answer = self._caller.call(name, part, again)
        except Taken:
            return id_of(again)
        return str(answer.artifacts[0].artifact_id if name == CREATE_ARTIFACTS else answer.artifact_id)

    def _has_artifact(self, id: str) -> bool:
        return self._get("ArtifactService.GetArtifact", artifact_pb2.GetArtifactRequest(artifact_id=id)) is not None

    def _task(self, run_id: str, task_id: str) -> Any:
        request = task_pb2.GetTaskRequest(run_id=run_id, task_id=task_id, task_view=task_pb2.PipelineTask.BASIC)
        return self._get("RunService.GetTask", request)

    def _get(self, name: str, request: Message) -> Any:
        assert BY_NAME[name].http is not None
        try:
            return self._caller.call(name, request)
        except errors.NotFound:
            return None
