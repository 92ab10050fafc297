"""Which tasks of a specification have no recorded task: what a run that stopped has not reached."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from server.rules.lineage.recorded_tasks import LEVELS_MAX
from server.rules.run_report.places import Children, children_of
from server.rules.run_report.specification import Specification, SpecifiedTask
from storage.model import TaskState
from storage.record import record
from storage.run_report import TaskMark

UNREACHED_MAX = 200
"""How many tasks that have not been reached are shown; one that is missing in many iterations is one."""

_PLACES_MAX = 50_000


@record
class Unreached:
    """A task that has no recorded one in so many places: iterations of the loops around it, or copies of a group.

    `groups` are around the first, the outermost first, iterations as `name[iteration]`.
    """

    name: str
    groups: Sequence[str]
    places: int


@record
class _Group:
    name: str
    label: str


def unreached(spec: Specification, marks: Sequence[TaskMark]) -> list[Unreached]:
    """Return which tasks of a specification have not been recorded; of a group that has not, only the group."""
    children, tops = children_of(marks)
    outermost: dict[str, list[TaskMark]] = {}
    for top in tops:
        for name, tasks in chain.from_iterable(names.items() for names in children.get(top, {}).values()):
            outermost.setdefault(name, []).extend(tasks)
    found: dict[tuple[str, ...], Unreached] = {}
    for name, groups in islice(_missing(spec, spec.tasks_of(spec.root), outermost, children, ()), _PLACES_MAX):
        key = (*(group.name for group in groups), name)
        before = found.get(key)
        if before is not None:
            found[key] = replace(before, places=before.places + 1)
        elif len(found) < UNREACHED_MAX:
            found[key] = Unreached(name, [group.label for group in groups], 1)
    return list(found.values())


def _missing(
    spec: Specification,
    specified: Mapping[str, SpecifiedTask],
    recorded: Mapping[str, Sequence[TaskMark]],
    children: Children,
    groups: tuple[_Group, ...],
) -> Iterator[tuple[str, tuple[_Group, ...]]]:
    if len(groups) >= LEVELS_MAX:
        return
    for name, task in specified.items():
        if name not in recorded:
            yield name, groups
            continue
        if not task.is_group:
            continue
        inner = spec.tasks_of(task.component)
        for group in recorded[name]:
            # What is in a group that was left out on purpose was not meant to be reached.
            if group.state in (TaskState.SKIPPED, TaskState.CACHED):
                continue
            by_iteration = children.get(group.id, {})
            if task.is_loop:
                for index in sorted(each for each in by_iteration if each is not None):
                    iteration = _Group(name, f"{name}[{index}]")
                    yield from _missing(spec, inner, by_iteration[index], children, (*groups, iteration))
                continue
            found: dict[str, list[TaskMark]] = {}
            for names in by_iteration.values():
                for each, marks in names.items():
                    found.setdefault(each, []).extend(marks)
            yield from _missing(spec, inner, found, children, (*groups, _Group(name, name)))
