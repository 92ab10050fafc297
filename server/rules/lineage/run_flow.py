"""What passes as a parameter between the tasks of one run.

A record names the producer of a parameter, not which of its outputs it was, and what crosses the border of a group is recorded
once on either side. So the tasks are joined at ports: the inputs and outputs of groups by their keys, the inputs of doers by
their keys, and what a doer puts out. A port's sources are found by names first, then by equal values.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import NamedTuple

from server.rules.lineage.recorded_tasks import ITEMS, Entry, Mark, RecordedTask, RecordedTasks, Values
from storage.model import IOType

JOINS_MAX = 200_000
"""How many pairs of ports of one run are kept."""

_ORDER_OR_CONSTANT = (IOType.TASK_FINAL_STATUS_OUTPUT, IOType.RUNTIME_VALUE_INPUT, IOType.COMPONENT_DEFAULT_INPUT)
_FROM_PARENT = (IOType.COMPONENT_INPUT, *ITEMS)
# How KFP's compiler names what it passes through groups: inputs after their source, items after what they are items of.
_CHANNEL, _ITEM_SUFFIX, _RAW_ITEM = "pipelinechannel--", "-loop-item", "loop-item-param-"


class TooManyJoins(Exception):
    """The parameters of a run are joined in too many ways."""


class Port(NamedTuple):
    """Where parameters enter or leave a task. All outputs of a doer are one port, without a key."""

    task_id: str
    is_output: bool
    key: str


class Neighbour(NamedTuple):
    """A task from which, or to which, a parameter passed: the key of the input, and the iteration of its source."""

    task_id: str
    key: str
    iteration: int | None


class Origin(NamedTuple):
    """Where an input comes from, as a specification says: the output of a task beside it, or, without one, an input of the group."""

    producer: str
    key: str


class RunFlow:
    """The joined ports of one run: `add` those of each task, then ask for neighbours.

    `origins` has the inputs of tasks whose parameters are not recorded.
    """

    def __init__(self, tasks: RecordedTasks, origins: Mapping[str, Mapping[str, Origin]]) -> None:
        self._tasks, self._origins = tasks, origins
        self._sources: dict[Port, dict[Port, None]] = {}
        self._targets: dict[Port, list[Port]] = {}
        self._joins = 0

    def add(self, task: RecordedTask) -> None:
        """Join the ports of a task with their sources. Raises TooManyJoins."""
        for key, entries in task.inputs.items():
            port, items = Port(task.id, False, key), []
            for entry in entries:
                if entry.type in ITEMS and entry.producer in ("", task.name):
                    items.append(entry)
                else:
                    self._join(port, _sources_of_input(task, entry))
            if items:
                self._join(port, _sources_of_items(task, key, items))
        for key, origin in self._origins.get(task.id, {}).items():
            self._join(Port(task.id, False, key), _sources_of_origin(task, origin))
        if not task.is_doer:
            for key, values in task.outputs.items():
                self._join(Port(task.id, True, key), _sources_of_output(task, key, values))

    def neighbours(self, task_id: str, *, is_up: bool, limit: int) -> Sequence[Neighbour]:
        """Return up to so many tasks from which, or to which, parameters of a task passed."""
        task = self._tasks.by_id.get(task_id)
        if task is None:
            return []
        starts = [Port(task_id, False, key) for key in (*task.inputs, *self._origins.get(task_id, ()))]
        if not is_up:
            starts = [Port(task_id, True, "")] if task.is_doer else [Port(task_id, True, key) for key in task.outputs]
        found: dict[Neighbour, None] = {}
        for start in dict.fromkeys(starts):
            for port in self._ends(start, self._sources if is_up else self._targets):
                source = self._tasks.by_id[port.task_id] if is_up else task
                found[Neighbour(port.task_id, start.key if is_up else port.key, source.iteration)] = None
                if len(found) >= limit:
                    return list(found)
        return list(found)

    def _ends(self, start: Port, joined: Mapping[Port, Iterable[Port]]) -> Iterator[Port]:
        """Yield the ports of doers that a port leads to, through groups."""
        seen, queue = {start}, deque([start])
        while queue:
            for port in joined.get(queue.popleft(), ()):
                if port in seen:
                    continue
                seen.add(port)
                if self._tasks.by_id[port.task_id].is_doer:
                    yield port
                else:
                    queue.append(port)

    def _join(self, port: Port, sources: Iterable[Port]) -> None:
        known = self._sources.setdefault(port, {})
        for source in sources:
            if source not in known:
                known[source] = None
                self._targets.setdefault(source, []).append(port)
                self._joins += 1
        if self._joins > JOINS_MAX:
            raise TooManyJoins


def _sources_of_input(task: RecordedTask, entry: Entry) -> Iterable[Port]:
    if entry.type in _ORDER_OR_CONSTANT or not entry.producer:
        return []
    if entry.type in _FROM_PARENT and task.parent is not None and entry.producer in task.parent.given:
        # The group's own input has the same producer, whatever else is called so beside the task.
        return [Port(task.parent.id, False, key) for key in _keys_given(task.parent, task.iteration, entry)]
    for group, within in task.levels():
        found = _producers(group, within, entry)
        if found:
            return found
    return []


def _keys_given(group: RecordedTask, iteration: int | None, entry: Entry) -> Sequence[str]:
    """Return which inputs of a group an input of a task in it may be: the one with its value, else any of its producer."""
    given = group.given[entry.producer]
    candidates = [*given.get(None, ()), *(given.get(iteration, ()) if iteration is not None else ())]
    candidates = candidates or list(chain.from_iterable(given.values()))
    equal = [each for each in candidates if each.mark is not None and each.mark == entry.mark] or candidates
    keys = list(dict.fromkeys(each.key for each in equal))
    return [entry.key] if entry.key in keys else keys


def _producers(group: RecordedTask, within: RecordedTask, entry: Entry) -> Iterable[Port]:
    """Return what an entry may come from in a group: tasks with the name of its producer, or groups that hand it on."""
    marks, lists = _marks([entry])
    named = [task for task in group.named(entry.producer, within.iteration) if task is not within]
    handed_on = [
        (task, output)
        for task, output in group.passed_beside(entry.producer, within.iteration)
        if task is not within and task.name != entry.producer
    ]
    equal = [(task, output) for task, output in handed_on if output.mark in marks]
    ports: dict[Port, None] = {}
    if equal or not named:
        ports |= dict.fromkeys(Port(task.id, True, output.key) for task, output in equal or handed_on)
        named = [task for task in named if any(values.may_be(marks, lists) for values in task.outputs.values())]
    for task in named:
        ports |= dict.fromkeys(_output_ports(task, entry.key, marks, lists))
    return ports


def _marks(entries: Iterable[Entry]) -> tuple[Set[Mark], Sequence[tuple[Mark, ...]]]:
    marks = {entry.mark for entry in entries if entry.mark is not None}
    return marks, [entry.list_marks for entry in entries if entry.list_marks]


def _output_ports(task: RecordedTask, key: str, marks: Set[Mark], lists: Sequence[tuple[Mark, ...]]) -> Iterable[Port]:
    """Return the outputs of a task that an input, or an output of the group around it, may be: by its name, else by its values."""
    if task.is_doer:
        return [Port(task.id, True, "")]
    named = [name for name in task.outputs if key == f"{_CHANNEL}{task.name}-{name}"]
    equal = named or [name for name, values in task.outputs.items() if values.may_be(marks, lists)]
    names = equal or list(task.outputs)
    return [Port(task.id, True, name) for name in ([key] if key in names else names)]


def _sources_of_items(task: RecordedTask, key: str, items: Sequence[Entry]) -> Iterable[Port]:
    """Return the inputs of a loop of which its items are: the one they are named after, else those whose list they are."""
    if key.endswith(_ITEM_SUFFIX) and key.removesuffix(_ITEM_SUFFIX) in task.inputs:
        return [Port(task.id, False, key.removesuffix(_ITEM_SUFFIX))]
    if _RAW_ITEM in key:
        return []
    marks = tuple(item.mark for item in sorted(items, key=lambda item: item.iteration or 0))
    return [
        Port(task.id, False, name)
        for name, entries in task.inputs.items()
        if name != key and any(entry.list_marks == marks for entry in entries)
    ]


def _sources_of_output(group: RecordedTask, key: str, values: Values) -> Iterable[Port]:
    by_maker: dict[tuple[str, int | None], list[Entry]] = {}
    for entry in values.entries:
        by_maker.setdefault((entry.producer, entry.iteration), []).append(entry)
    ports: dict[Port, None] = {}
    for (name, iteration), entries in by_maker.items():
        marks, _ = _marks(entries)
        makers = group.named(name, iteration)
        doers = [task for task in makers if task.is_doer]
        doers = [task for task in doers if any(each.may_be(marks, ()) for each in task.outputs.values())] or doers
        for task in (*doers, *(task for task in makers if not task.is_doer)):
            ports |= dict.fromkeys(_output_ports(task, key, marks, ()))
    return ports


def _sources_of_origin(task: RecordedTask, origin: Origin) -> Iterable[Port]:
    parent = task.parent
    if parent is None:
        return []
    if not origin.producer:
        return [Port(parent.id, False, origin.key)] if parent.id else []
    producers = parent.named(origin.producer, task.iteration)
    return [Port(producer.id, True, "" if producer.is_doer else origin.key) for producer in producers]
