"""The tasks of a run, and a lineage, as the lines of a tree. They are made of messages, and know neither terminal nor colours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from google.protobuf.message import Message

from lineal._texts import (
    TASK_STATES_FINISHED,
    duration_words,
    enum_name,
    first_line,
    number_words,
    printable,
    short_id,
    task_duration,
)
from lineal.v1 import lineage_pb2
from lineal.v2beta1 import task_pb2

__all__ = ["Part", "TreeLine", "lineage_lines", "task_lines"]

FAILED_ITERATIONS_SHOWN = 3
"""How many failed iterations of a folded loop are shown with their tasks."""


_READ_TOGETHER = frozenset({("note", "name"), ("name", "note"), ("iterations", "name"), ("ref", "note")})


class Part(NamedTuple):
    """A part of a line. `kind` is what it is: name, type, state, duration, iterations, message, number, uri, ref or note.

    In `TreeLine.pieces` also: branch, which is what leads to the node, and space.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class TreeLine:
    """One line of a tree: `prefix` has its branches, `parts` what is said of `node`.

    `node` is the task or the node of a lineage; None on lines about several, or about what was left out.
    """

    depth: int
    prefix: str
    node: Message | None
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The line without colours."""
        return "".join(piece.text for piece in self.pieces())

    def pieces(self) -> Iterator[Part]:
        """Yield all that the line consists of, from left to right, so that each can have its colour."""
        if self.prefix:
            yield Part("branch", self.prefix)
        before = ""
        for part in self.parts:
            if before:
                # What is said of a name is read with it: "taken by train [2]  RUNTIME  SUCCEEDED".
                yield Part("space", " " if (before, part.kind) in _READ_TOGETHER else "  ")
            yield part
            before = part.kind


class _Branch(NamedTuple):
    """What is to be shown at one place, and what is below it."""

    node: Message | None
    parts: tuple[Part, ...]
    below: Sequence[_Branch]


def task_lines(
    tasks: Iterable[task_pb2.PipelineTask], *, iterations: bool = False, now: datetime | None = None
) -> Iterator[TreeLine]:
    """Yield the tasks of a run as a tree, siblings in the order given. Tasks whose parent is not given are at the top.

    Loops are folded: their line says how many iterations are in which state, and only the first that failed are shown with
    their tasks. `iterations` shows them all. `now` is until when running tasks are timed.
    """
    return _lines(_TaskTree(tasks, unfolded=iterations, now=now).branches())


def lineage_lines(lineage: lineage_pb2.Lineage) -> Iterator[TreeLine]:
    """Yield a lineage as a tree: each start, what it came from, then what came of it.

    A node that has been shown with all that follows from it is not followed again, and says so. Where the walk stopped, a line
    says why.
    """
    tree = _LineageTree(lineage)
    for start in tree.starts():
        yield from tree.lines(start)
    for cut in lineage.cuts:
        if cut.at not in tree.nodes:
            yield TreeLine(0, "", None, (Part("ref", printable(cut.at)), Part("note", f"… {_cut_words(cut)}")))


def _lines(branches: Sequence[_Branch]) -> Iterator[TreeLine]:
    # A stack of its own: groups may be nested deeper than Python calls functions.
    stack = [(0, "", "", each) for each in reversed(branches)]
    while stack:
        depth, prefix, indent, branch = stack.pop()
        yield TreeLine(depth, prefix, branch.node, branch.parts)
        children = branch.below
        for number in range(len(children) - 1, -1, -1):
            is_last = number == len(children) - 1
            below = indent + ("   " if is_last else "│  ")
            stack.append((depth + 1, indent + ("└─ " if is_last else "├─ "), below, children[number]))


class _TaskTree:
    def __init__(self, tasks: Iterable[task_pb2.PipelineTask], *, unfolded: bool, now: datetime | None) -> None:
        self._tasks = {task.task_id: task for task in tasks}
        self._children: dict[str, list[task_pb2.PipelineTask]] = defaultdict(list)
        self._groups: dict[str, dict[int, list[task_pb2.PipelineTask]]] = {}
        self._unfolded = unfolded
        self._now = now
        for task in self._tasks.values():
            self._children[task.parent_task_id].append(task)

    def branches(self) -> list[_Branch]:
        """Return the tasks at the top, with all that is below them."""
        tops = [task for task in self._tasks.values() if task.parent_task_id not in self._tasks]
        return [self._branch(task) for task in tops]

    def _branch(self, top: task_pb2.PipelineTask) -> _Branch:
        """Return a task with what is below it. Children are made before their parents, from a list in which they come after."""
        order, at = [top], 0
        while at < len(order):
            order.extend(self._shown_children(order[at]))
            at += 1
        branches: dict[str, _Branch] = {}
        for task in reversed(order):
            branches[task.task_id] = _Branch(task, self._parts(task), self._below(task, branches))
        return branches[top.task_id]

    def _shown_children(self, task: task_pb2.PipelineTask) -> list[task_pb2.PipelineTask]:
        children = self._children[task.task_id]
        if not self._is_folded(task):
            return children
        failed = [index for index, group in self._iterations(task).items() if _state_of(group) == "FAILED"]
        shown = frozenset(failed[:FAILED_ITERATIONS_SHOWN])
        return [child for child in children if not _has_iteration(child) or _iteration(child) in shown]

    def _is_folded(self, task: task_pb2.PipelineTask) -> bool:
        return not self._unfolded and bool(self._iterations(task))

    def _iterations(self, task: task_pb2.PipelineTask) -> dict[int, list[task_pb2.PipelineTask]]:
        """Return the children of a loop by their iterations; none if the task is not a loop."""
        if task.type != task_pb2.PipelineTask.LOOP:
            return {}
        if task.task_id not in self._groups:
            groups: dict[int, list[task_pb2.PipelineTask]] = defaultdict(list)
            for child in self._children[task.task_id]:
                if _has_iteration(child):
                    groups[_iteration(child)].append(child)
            self._groups[task.task_id] = dict(sorted(groups.items()))
        return self._groups[task.task_id]

    def _below(self, task: task_pb2.PipelineTask, branches: dict[str, _Branch]) -> list[_Branch]:
        shown = self._shown_children(task)
        groups = self._iterations(task)
        if not groups:
            return [branches[child.task_id] for child in shown]
        below = [branches[child.task_id] for child in shown if not _has_iteration(child)]
        ids = {child.task_id for child in shown}
        for index, group in groups.items():
            if group[0].task_id not in ids:
                continue
            if len(group) == 1:
                below.append(branches[group[0].task_id])
            else:
                parts = (Part("iterations", f"[{index}]"), Part("state", _state_of(group)))
                below.append(_Branch(None, parts, [branches[child.task_id] for child in group]))
        left_out = sum(_state_of(group) == "FAILED" and group[0].task_id not in ids for group in groups.values())
        if left_out:
            below.append(_Branch(None, (Part("note", f"… {left_out} more that failed"),), ()))
        return below

    def _parts(self, task: task_pb2.PipelineTask) -> tuple[Part, ...]:
        state, kind = enum_name(task, "state"), enum_name(task, "type")
        name = task.display_name or task.name or kind or short_id(task.task_id)
        index = f"[{_iteration(task)}]" if _has_iteration(task) and self._is_in_loop(task) else ""
        span = task_duration(task, self._now)
        message = first_line(task.status_metadata.message) or first_line(_error(task))
        parts = [
            Part("iterations", index),
            Part("name", printable(name)),
            Part("type", "" if kind in ("RUNTIME", name) else kind),
            Part("state", state),
            Part("duration", "" if span is None or state in ("SKIPPED", "CACHED") else duration_words(span)),
            Part("iterations", self._iterations_words(task)),
            Part("message", printable(message) if state not in TASK_STATES_FINISHED - {"FAILED"} else ""),
        ]
        return tuple(part for part in parts if part.text)

    def _is_in_loop(self, task: task_pb2.PipelineTask) -> bool:
        """Whether its iteration is that of the group right around it: what is deeper in the iteration has the number, too."""
        parent = self._tasks.get(task.parent_task_id)
        return parent is None or len(self._iterations(parent).get(_iteration(task), ())) == 1

    def _iterations_words(self, task: task_pb2.PipelineTask) -> str:
        if task.type != task_pb2.PipelineTask.LOOP:
            return ""
        groups = self._iterations(task)
        total = max(task.type_attributes.iteration_count, len(groups))
        states = Counter(_state_of(group) for group in groups.values())
        listed = ", ".join(f"{count} {state.lower()}" for state, count in sorted(states.items()) if state)
        return f"{total} iteration{'' if total == 1 else 's'}" + (f": {listed}" if listed else "")


def _has_iteration(task: task_pb2.PipelineTask) -> bool:
    return task.type_attributes.HasField("iteration_index")


def _iteration(task: task_pb2.PipelineTask) -> int:
    return int(task.type_attributes.iteration_index)


def _state_of(tasks: Sequence[task_pb2.PipelineTask]) -> str:
    """Return the state of an iteration, as GetRunLevel has it."""
    states = {enum_name(task, "state") for task in tasks}
    for state in ("FAILED", "RUNNING"):
        if state in states:
            return state
    return states.pop() if len(states) == 1 else "SUCCEEDED"


def _error(task: task_pb2.PipelineTask) -> str:
    return next((each.error.message for each in reversed(task.state_history) if each.error.message), "")


_UPSTREAM = lineage_pb2.Direction.UPSTREAM
_DOWNSTREAM = lineage_pb2.Direction.DOWNSTREAM

_EDGE_WORDS: Mapping[tuple[int, int], tuple[str, str]] = {
    (lineage_pb2.EdgeKind.OUTPUT, _UPSTREAM): ("made by", ""),
    (lineage_pb2.EdgeKind.INPUT, _UPSTREAM): ("took", "as"),
    (lineage_pb2.EdgeKind.SAME_AS, _UPSTREAM): ("was written as", ""),
    (lineage_pb2.EdgeKind.PARAMETER, _UPSTREAM): ("got a parameter from", "as"),
    (lineage_pb2.EdgeKind.OUTPUT, _DOWNSTREAM): ("made", "as"),
    (lineage_pb2.EdgeKind.INPUT, _DOWNSTREAM): ("taken by", "as"),
    (lineage_pb2.EdgeKind.SAME_AS, _DOWNSTREAM): ("was read as", ""),
    (lineage_pb2.EdgeKind.PARAMETER, _DOWNSTREAM): ("gave a parameter to", "as"),
}
"""What is said before the name of a node that an edge leads to, and before the name of the input or output."""

_CUT_WORDS: Mapping[int, str] = {
    lineage_pb2.Cut.Reason.HOPS: "there is more: ask for more hops",
    lineage_pb2.Cut.Reason.NODES: "there is more: too many nodes",
    lineage_pb2.Cut.Reason.FANOUT: "there are more of these",
    lineage_pb2.Cut.Reason.TIME: "there may be more: time was up",
    lineage_pb2.Cut.Reason.WITHIN: "not followed: outside",
    lineage_pb2.Cut.Reason.HIDDEN: "not followed: hidden",
    lineage_pb2.Cut.Reason.TASKS: "parameters not followed: the run has too many tasks",
    lineage_pb2.Cut.Reason.CACHED: "not followed: taken from the cache",
}


def _cut_words(cut: lineage_pb2.Cut) -> str:
    return _CUT_WORDS.get(cut.reason, "there is more")


class _Step(NamedTuple):
    """A line below a node: what an edge leads to, or why nothing more is followed, with `ref` empty."""

    ref: str
    before: str
    after: str


class _LineageTree:
    def __init__(self, lineage: lineage_pb2.Lineage) -> None:
        self.nodes = {node.ref: node for node in lineage.nodes}
        self._edges: dict[tuple[str, int], dict[_Step, None]] = defaultdict(dict)
        self._cuts: dict[tuple[str, int], dict[_Step, None]] = defaultdict(dict)
        self._shown: set[tuple[str, int]] = set()
        for edge in lineage.edges:
            self._add(edge.target, edge.source, edge, _UPSTREAM)
            self._add(edge.source, edge.target, edge, _DOWNSTREAM)
        for cut in lineage.cuts:
            self._cuts[cut.at, cut.direction][_Step("", _cut_words(cut), "")] = None

    def _add(self, at: str, other: str, edge: lineage_pb2.Edge, direction: int) -> None:
        before, after = _EDGE_WORDS.get(
            (edge.kind, direction), ("comes from" if direction == _UPSTREAM else "leads to", "")
        )
        # An input that is called as what it takes says nothing more.
        key = f"{after} {printable(edge.key)}" if after and edge.key not in ("", self.nodes[other].name) else ""
        iteration = f"[{edge.iteration}]" if edge.HasField("iteration") else ""
        self._edges[at, direction][_Step(other, before, f"{key} {iteration}".strip())] = None

    def starts(self) -> list[str]:
        """Return the refs from which the walk went."""
        return [ref for ref, node in self.nodes.items() if node.depth == 0]

    def lines(self, start: str) -> Iterator[TreeLine]:
        """Yield a start, and what a walk from it found."""
        yield TreeLine(0, "", self.nodes[start], self._node_parts(self.nodes[start], _Step(start, "", "")))
        first = [(step, way) for way in (_UPSTREAM, _DOWNSTREAM) for step in self._steps(start, way)]
        self._shown.update((start, way) for _, way in first)
        # A stack of its own: a walk along versions of a uri may be longer than Python calls functions.
        stack = _pushed(1, "", first)
        while stack:
            depth, prefix, indent, step, way = stack.pop()
            node = self.nodes.get(step.ref)
            if node is None:
                yield TreeLine(depth, prefix, None, (Part("note", f"… {step.before}"),))
                continue
            parts = self._node_parts(node, step)
            is_shown = (step.ref, way) in self._shown
            below = [(each, way) for each in self._steps(step.ref, way)]
            if is_shown and below:
                yield TreeLine(depth, prefix, node, (*parts, Part("note", "(see above)")))
                continue
            self._shown.add((step.ref, way))
            yield TreeLine(depth, prefix, node, parts)
            stack.extend(_pushed(depth + 1, indent, below))

    def _steps(self, ref: str, direction: int) -> list[_Step]:
        """Return what leads away from the start only: an edge to a node nearer to it has been shown there."""
        away = -1 if direction == _UPSTREAM else 1
        depth = self.nodes[ref].depth * away
        steps = [step for step in self._edges[ref, direction] if self.nodes[step.ref].depth * away >= depth]
        return [*steps, *self._cuts[ref, direction]]

    @staticmethod
    def _node_parts(node: lineage_pb2.Node, step: _Step) -> tuple[Part, ...]:
        kind = "" if node.type == "hidden" and not node.name else node.type
        parts = [
            Part("note", step.before),
            Part("name", printable(node.name or node.type)),
            Part("note", step.after),
            Part("type", printable(kind)),
            Part("state", node.state),
            Part("number", number_words(node.number) if node.HasField("number") else ""),
            Part("uri", printable(node.uri)),
            Part("ref", printable(node.ref)),
        ]
        return tuple(part for part in parts if part.text)


def _pushed(depth: int, indent: str, steps: Sequence[tuple[_Step, int]]) -> list[tuple[int, str, str, _Step, int]]:
    """Return steps as a stack has them, the first on top, with their branches and what is before those below them."""
    last = len(steps) - 1
    return [
        (depth, indent + ("└─ " if number == last else "├─ "), indent + ("   " if number == last else "│  "), step, way)
        for number, (step, way) in reversed(list(enumerate(steps)))
    ]
