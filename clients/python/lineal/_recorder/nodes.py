"""A task as it is recorded: when it began, how it ended, and how that follows from the tasks within it.

`lineal.recorder.Task` is what programs hold; this is what happens. Times are microseconds.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lineal._recorder import clock, failures, messages
from lineal._recorder.locks import lock
from lineal._recorder.record import Record
from lineal._recorder.values import Plain
from lineal.v2beta1.artifact_pb2 import IOProducer

ROOT, RUNTIME, DAG, LOOP, IMPORTER = "ROOT", "RUNTIME", "DAG", "LOOP", "IMPORTER"
RUNNING, SUCCEEDED, SKIPPED, FAILED, CACHED = "RUNNING", "SUCCEEDED", "SKIPPED", "FAILED", "CACHED"

LEFT_BY_RUN = "the run ended before this task did"
LEFT_BY_PROGRAM = "the program ended before this task did"

_RECORDED = "__lineal_recorded__"
"""Set on an exception that has ended a task."""

_open: "dict[str, Node]" = {}
"""The tasks that this process has begun and not ended, by id, in the order in which they began."""


@dataclass
class Children:
    """How the tasks directly within one have ended."""

    states: set[str] = field(default_factory=set[str])
    failure: str = ""
    """The message that the first failed one of them gives the task around it."""


class Node:
    """One task of a run. Safe to use from several threads."""

    def __init__(
        self, record: Record, name: str, type: str, *, parent: "Node | None" = None, iteration: int | None = None
    ) -> None:
        self.record, self.name, self.type, self.parent, self.iteration = record, name, type, parent, iteration
        self.id = ""
        self.state = ""
        self.does_work = type == RUNTIME
        """Whether it was begun as a task that does something itself; with a task in it, its type becomes DAG."""
        self.iteration_count: int | None = None
        self.process_id = 0
        self._children = Children()
        self._failure: str | None = None
        self._created_at = 0

    @property
    def is_group(self) -> bool:
        """Whether the task only groups others, and has the state that theirs make."""
        return self.type in (ROOT, LOOP) or (self.type == DAG and not self.does_work)

    def create(self, fields: Mapping[str, Any], *, state: str = RUNNING) -> None:
        """Record that the task begins, or began and ended, if it does not begin as RUNNING."""
        self._created_at = clock.now()
        self.process_id = os.getpid()
        if self.parent is not None:
            self.parent.take_child()
        task: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "state": state,
            "create_time": clock.moment(self._created_at),
            **fields,
        }
        if self.parent is not None:
            task["parent_task_id"] = self.parent.id
        if state != RUNNING:
            task["end_time"] = task["create_time"]
        if attributes := self._attributes():
            task["type_attributes"] = attributes
        self.id = self.record.recording.create_task(self.record.run_id, task)
        self.state = state
        _open[self.id] = self

    def begun_id(self) -> str:
        """Return the id of the task. Raises RuntimeError before it has begun."""
        if not self.id:
            raise RuntimeError(f"task {self.name!r} has not begun: use it in a `with` statement, or call start()")
        return self.id

    def update(self, fields: Mapping[str, Any]) -> None:
        """Record a change of the task."""
        self.record.recording.update_task(self.record.run_id, self.begun_id(), fields)

    def add_outputs(self, values: Mapping[str, Plain]) -> None:
        """Record output parameters; one that was recorded before under the same name is replaced."""
        self.update({"outputs": self.output_parameters(values)})

    def output_parameters(self, values: Mapping[str, Plain]) -> messages.InputOutputs:
        """Return output parameters as they are recorded."""
        type, producer = "OUTPUT" if self.iteration is None else "ITERATOR_OUTPUT", self.producer
        return messages.parameters(messages.parameter(key, value, type, producer) for key, value in values.items())

    @property
    def producer(self) -> IOProducer:
        """What names the task as the producer of something."""
        return messages.producer(self.name, self.iteration)

    def set_iteration_count(self, count: int) -> None:
        """Record how many iterations a loop has."""
        self.iteration_count = count
        self.update({"type_attributes": self._attributes()})

    def fail(self, message: str) -> None:
        """Let the task end as FAILED, whatever else happens in it."""
        with lock:
            self._failure = self._failure or message

    def take_child(self) -> None:
        """A task begins within this one: only groups have such."""
        with lock:
            if self.type != RUNTIME:
                return
            self.type = DAG
        self.update({"type": DAG})

    def child_ended(self, child: "Node", message: str) -> None:
        """Take into account how a task within this one has ended."""
        with lock:
            self._children.states.add(child.state)
            if child.state == FAILED and not self._children.failure:
                self._children.failure = failures.of_child(child.name, child.iteration, message)

    def take_failure(self, message: str) -> None:
        """Take into account that a task within this one has failed in another process."""
        with lock:
            self._children.failure = self._children.failure or message

    def end(
        self, error: BaseException | None = None, *, message: str = "", properties: Mapping[str, Plain] | None = None
    ) -> None:
        """Record the end of the task.

        It is FAILED if it says so, if there is an error or a message, or if a task within it FAILED. A group otherwise is CACHED or
        SKIPPED if all within it are; all else SUCCEEDED, or CACHED as it began.
        """
        _open.pop(self.id, None)
        message = message or self._message(error)
        state = FAILED if message else self._good_state()
        task: dict[str, Any] = {"state": state, "end_time": clock.moment(max(clock.now(), self._created_at))}
        if message or properties:
            task["status_metadata"] = {"message": message, "custom_properties": dict(properties or {})}
        self.state = state
        self.update(task)
        if self.parent is not None:
            self.parent.child_ended(self, message)

    def _message(self, error: BaseException | None) -> str:
        with lock:
            if self._failure is not None:
                return self._failure
            inner = self._children.failure
        if error is not None and failures.is_failure(error):
            # What already ended a task within this one is told there in full.
            return inner if inner and _was_recorded(error) else _recorded(error)
        return inner

    def _good_state(self) -> str:
        if self.state == CACHED:
            return CACHED
        if self.type == LOOP and self.iteration_count == 0 and not self._children.states:
            return SKIPPED  # as KFP's driver records a loop over nothing
        if self.is_group and len(self._children.states) == 1:
            return next(iter(self._children.states))
        return SUCCEEDED

    def _attributes(self) -> dict[str, Any]:
        attributes = {"iteration_index": self.iteration, "iteration_count": self.iteration_count}
        return {name: number for name, number in attributes.items() if number is not None}


def _recorded(error: BaseException) -> str:
    # A class may forbid it; then the tasks further out are told in full, too.
    with contextlib.suppress(AttributeError, TypeError):
        setattr(error, _RECORDED, True)
    return failures.message_of(error)


def _was_recorded(error: BaseException) -> bool:
    return getattr(error, _RECORDED, False) is True


def has_open_nodes() -> bool:
    """Return whether this process has begun a task and not ended it."""
    return bool(_open)


def open_nodes(record: Record | None = None) -> "Iterable[Node]":
    """Return the open tasks of this process, those that began last first; all, or those of one run."""
    return [node for node in reversed(list(_open.values())) if record is None or node.record is record]


def _begin_anew_after_fork() -> None:
    # What the parent process has begun, it ends itself.
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_after_fork)
