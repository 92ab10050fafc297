"""How changes of one task become one: the rules by which the server merges an update, applied before it is sent.

What is absent in the later one stays. Parameters are merged: one with the same type, key, producer and iteration replaces the
earlier in its place.
"""

from collections.abc import Hashable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from lineal.v2beta1 import artifact_pb2, task_pb2

_DISTINCT_BY_VALUE = frozenset(
    (
        artifact_pb2.COLLECTED_INPUTS,
        artifact_pb2.ITERATOR_INPUT,
        artifact_pb2.ITERATOR_INPUT_RAW,
        artifact_pb2.ITERATOR_OUTPUT,
    )
)

_TEXTS = ("name", "display_name", "cache_fingerprint")
_MESSAGES = ("end_time", "status_metadata", "type_attributes")

FINISHED = frozenset(
    (
        task_pb2.PipelineTask.SUCCEEDED,
        task_pb2.PipelineTask.SKIPPED,
        task_pb2.PipelineTask.FAILED,
        task_pb2.PipelineTask.CACHED,
    )
)
"""States in which a task stays."""


class Merged:
    """A task into which updates are merged before it is sent. Parameters are found by an index: there may be many of both."""

    def __init__(self, task: task_pb2.PipelineTask) -> None:
        self.task = task
        self._places: tuple[dict[Hashable, int], ...] | None = None

    def update(self, update: task_pb2.PipelineTask) -> None:
        """Merge an update."""
        task = self.task
        for name in _TEXTS:
            if text := getattr(update, name):
                setattr(task, name, text)
        for name in _MESSAGES:
            if update.HasField(name):  # pyright: ignore[reportArgumentType]
                getattr(task, name).CopyFrom(getattr(update, name))
        if update.state:
            task.state = update.state
        if update.type:
            task.type = update.type
        if update.HasField("parent_task_id"):
            task.parent_task_id = update.parent_task_id
        if update.pods:
            del task.pods[:]
            task.pods.extend(update.pods)
        self._merge_parameters(update)

    def update_new(self, update: task_pb2.PipelineTask, at: float) -> None:
        """Merge an update into a task that has not been created; `at` is when it was recorded, in seconds since 1970.

        The server will see the last state only. So that its history has all of them, it is written here.
        """
        task = self.task
        if update.state and update.state != task.state:
            if task.state and not task.state_history:
                task.state_history.add(state=task.state, update_time=task.create_time)
            when = update.end_time if update.HasField("end_time") else timestamp(at)
            if task.state_history:
                when = max(when, task.state_history[-1].update_time, key=_nanoseconds)
            task.state_history.add(state=update.state, update_time=when)
        self.update(update)

    def _merge_parameters(self, update: task_pb2.PipelineTask) -> None:
        pairs = (
            (self.task.inputs.parameters, update.inputs.parameters),
            (self.task.outputs.parameters, update.outputs.parameters),
        )
        if not any(later for _, later in pairs):
            return
        if self._places is None:
            self._places = tuple({_identity(each): place for place, each in enumerate(now)} for now, _ in pairs)
        for (now, later), places in zip(pairs, self._places, strict=True):
            for parameter in later:
                place = places.setdefault(_identity(parameter), len(now))
                (now.add() if place == len(now) else now[place]).CopyFrom(parameter)


def timestamp(seconds: float) -> Timestamp:
    """Return a time, to the microsecond."""
    microseconds = round(seconds * 1_000_000)
    return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)


def _nanoseconds(when: Timestamp) -> int:
    return when.seconds * 1_000_000_000 + when.nanos


def _identity(parameter: Any) -> Hashable:
    name, iteration, value = None, None, None
    if parameter.HasField("producer"):
        name = parameter.producer.task_name
        iteration = parameter.producer.iteration if parameter.producer.HasField("iteration") else None
    if iteration is None and parameter.type in _DISTINCT_BY_VALUE and parameter.HasField("value"):
        value = parameter.value.SerializeToString(deterministic=True)
    return parameter.type, parameter.parameter_key, name, iteration, value
