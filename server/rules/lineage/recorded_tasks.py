"""The tasks of one run as a tree, with the parameters that were recorded for them, ready to be matched with each other."""

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from storage.documents import parameters
from storage.documents.parameters import NO_VALUE, Parameter
from storage.documents.tasks import TypeAttributes
from storage.lineage import DOERS
from storage.model import IOType, TaskOutline, TaskType
from storage.record import record

Item = TypeVar("Item")

LEVELS_MAX = 100
"""How many groups may be around a task: parents that form a cycle must not keep a walk forever."""

ITEMS = frozenset({IOType.ITERATOR_INPUT, IOType.ITERATOR_INPUT_RAW})
"""The types of inputs that are the items of a loop, one for each iteration."""

Mark = int
"""Equal for equal values. A text that is JSON equals what it says, since values are passed on in either form."""


@record
class Entry:
    """An input or an output of a task. `mark` is None where the value is not known."""

    key: str
    type: int
    producer: str
    iteration: int | None
    mark: Mark | None
    list_marks: tuple[Mark, ...] | None

    @classmethod
    def of(cls, parameter: Parameter) -> "Entry":
        """Return the entry of a stored parameter."""
        producer, value = parameter.producer, parameter.value
        known = value is not NO_VALUE
        return cls(
            key=parameter.key,
            type=parameter.type,
            producer=producer.task_name if producer else "",
            iteration=producer.iteration if producer else None,
            mark=_mark(value) if known else None,
            list_marks=_list_marks(value) if known else None,
        )


@dataclass(slots=True)
class Values:
    """What was recorded under one key of a task's outputs: one value, or one for each iteration of a loop."""

    entries: list[Entry] = field(default_factory=list)
    marks: set[Mark] = field(default_factory=set)
    _in_order: tuple[Mark, ...] | None = None

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        self.entries.append(entry)
        if entry.mark is not None:
            self.marks.add(entry.mark)

    def may_be(self, marks: Set[Mark], lists: Iterable[tuple[Mark, ...]]) -> bool:
        """Return whether one of the values is among `marks`, or all of them together are one of the lists, in any order."""
        if not self.marks.isdisjoint(marks):
            return True
        for each in lists:
            if len(each) == len(self.entries):
                if self._in_order is None:
                    self._in_order = tuple(sorted(entry.mark for entry in self.entries if entry.mark is not None))
                if tuple(sorted(each)) == self._in_order:
                    return True
        return False


ByIteration = dict[int | None, list[Item]]
"""Things by the iteration that they belong to."""


@dataclass(slots=True, eq=False)
class RecordedTask:
    """A task with its entries by key.

    `given` has its inputs once more by their producers, and `passed` what the groups within it hand on, by the names of those
    who they have it from: both by iteration.
    """

    id: str
    name: str
    type: int
    iteration: int | None
    parent: "RecordedTask | None" = None
    inputs: dict[str, list[Entry]] = field(default_factory=dict)
    outputs: dict[str, Values] = field(default_factory=dict)
    given: dict[str, ByIteration[Entry]] = field(default_factory=dict)
    children: "dict[str, ByIteration[RecordedTask]]" = field(default_factory=dict)
    passed: "dict[str, ByIteration[tuple[RecordedTask, Entry]]]" = field(default_factory=dict)

    @property
    def is_doer(self) -> bool:
        """Whether the task does something itself."""
        return self.type in DOERS

    def named(self, name: str, iteration: int | None) -> "Sequence[RecordedTask]":
        """Return the tasks within this one that have a name: of an iteration if there are any, else all."""
        by_iteration = self.children.get(name, {})
        if iteration is not None and iteration in by_iteration:
            return by_iteration[iteration]
        return list(chain.from_iterable(by_iteration.values()))

    def passed_beside(self, producer: str, iteration: int | None) -> "Sequence[tuple[RecordedTask, Entry]]":
        """Return what groups within this one have from a task of a name and hand on, to others in the same iteration."""
        by_iteration = self.passed.get(producer, {})
        if iteration is None:
            return list(chain.from_iterable(by_iteration.values()))
        return [*by_iteration.get(None, ()), *by_iteration.get(iteration, ())]

    def levels(self) -> "Iterator[tuple[RecordedTask, RecordedTask]]":
        """Yield the groups around a task, the nearest first, each with what lies in it on the way to the task."""
        task = self
        for _ in range(LEVELS_MAX):
            if task.parent is None:
                return
            yield task.parent, task
            task = task.parent


@dataclass(slots=True)
class RecordedTasks:
    """The tasks of one run by their ids. `top` stands for what is around all of them."""

    by_id: dict[str, RecordedTask] = field(default_factory=dict)
    top: RecordedTask = field(default_factory=lambda: RecordedTask(id="", name="", type=TaskType.ROOT, iteration=None))

    def add(self, outline: TaskOutline) -> None:
        """Add a task with its parameters."""
        attributes = TypeAttributes.from_text(outline.type_attributes) or TypeAttributes()
        task = RecordedTask(outline.id, outline.name, outline.type, attributes.iteration_index)
        for entry in map(Entry.of, parameters.from_text(outline.input_parameters)):
            task.inputs.setdefault(entry.key, []).append(entry)
            of_iteration = entry.iteration if entry.type in ITEMS else None
            task.given.setdefault(entry.producer, {}).setdefault(of_iteration, []).append(entry)
        for entry in map(Entry.of, parameters.from_text(outline.output_parameters)):
            task.outputs.setdefault(entry.key, Values()).add(entry)
        self.by_id[task.id] = task

    def place(self, outline: TaskOutline) -> None:
        """Put a task into its parent; all tasks have been added."""
        task = self.by_id[outline.id]
        task.parent = parent = self.by_id.get(outline.parent_task_id or "", self.top)
        parent.children.setdefault(task.name, {}).setdefault(task.iteration, []).append(task)
        if not task.is_doer:
            for entry in chain.from_iterable(values.entries for values in task.outputs.values()):
                parent.passed.setdefault(entry.producer, {}).setdefault(task.iteration, []).append((task, entry))


def _mark(value: Any) -> Mark:
    return hash(
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )


def _list_marks(value: Any) -> tuple[Mark, ...] | None:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return tuple(map(_mark, value)) if isinstance(value, list) else None
