"""Where tasks are in a run: in which iterations, and which task of another run has the same place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from storage.documents import histories
from storage.documents.tasks import TypeAttributes
from storage.model import TaskState, TaskType
from storage.run_report import TaskMark, TaskRow

_RUNNING = (TaskState.RUNTIME_STATE_UNSPECIFIED, TaskState.RUNNING)


class Step(NamedTuple):
    """A task by its name and iteration: a part of the way from ROOT to a task."""

    name: str
    iteration: int | None


def attributes_of(text: str | None) -> TypeAttributes:
    """Return the stored attributes of a task."""
    return TypeAttributes.from_text(text) or TypeAttributes()


def iteration_of(row: TaskRow | TaskMark) -> int | None:
    """Return which iteration of the loop around it a task is."""
    return attributes_of(row.type_attributes).iteration_index if row.type_attributes else None


def ended_at(row: TaskRow) -> int | None:
    """Return when a task ended, as it says itself, or else when it came into its state; None if it is running."""
    if row.finished_at is not None or row.state in _RUNNING:
        return row.finished_at
    return histories.last_moment(row.state_history)


def steps_of(branch: Sequence[TaskRow]) -> list[Step]:
    """Return the way to the last task of a branch, without ROOT."""
    return [Step(row.name, iteration_of(row)) for row in branch if row.type != TaskType.ROOT]


def task_at(steps: Sequence[Step], marks: Iterable[TaskMark]) -> str | None:
    """Return the first task at the end of a way in another run, None if there is none.

    `marks` are those of ROOT and of all tasks with the names of the steps.
    """
    by_parent: dict[str | None, list[TaskMark]] = {}
    parents: set[str | None] = {None}
    for mark in marks:
        if mark.type == TaskType.ROOT:
            parents.add(mark.id)
        else:
            by_parent.setdefault(mark.parent_task_id, []).append(mark)
    found: list[TaskMark] = []
    for step in steps:
        beside = [mark for parent in parents for mark in by_parent.get(parent, ())]
        found = [mark for mark in beside if Step(mark.name, iteration_of(mark)) == step]
        parents = {mark.id for mark in found}
    return found[0].id if found else None


Children = Mapping[str | None, Mapping[int | None, Mapping[str, Sequence[TaskMark]]]]
"""Tasks by their parents, iterations and names."""


def children_of(marks: Iterable[TaskMark]) -> tuple[Children, list[str | None]]:
    """Return the tasks by where they are, and what is around the outermost: nothing, or ROOT tasks."""
    children: dict[str | None, dict[int | None, dict[str, list[TaskMark]]]] = {}
    tops: list[str | None] = [None]
    for mark in marks:
        if mark.type == TaskType.ROOT and mark.parent_task_id is None:
            tops.append(mark.id)
            continue
        of_iteration = children.setdefault(mark.parent_task_id, {}).setdefault(iteration_of(mark), {})
        of_iteration.setdefault(mark.name, []).append(mark)
    return children, tops
