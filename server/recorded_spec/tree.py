"""Tasks of a run → the nodes of a graph: one node per task of a DAG, however many iterations of a loop ran it.

A node's key is the task's name, by which KFP's UI finds the task below its parent. Tasks with the same name and
parent are one node if they are iterations; otherwise each has its own node.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.documents.tasks import TypeAttributes
from storage.model import TaskOutline, TaskType
from storage.record import record

PARAMETERS, ARTIFACTS = "parameters", "artifacts"
"""The two kinds of inputs and outputs, by their names in a specification."""

_GROUPS = frozenset({TaskType.CONDITION_BRANCH, TaskType.CONDITION, TaskType.LOOP, TaskType.EXIT_HANDLER, TaskType.DAG})


@record
class Output:
    """An output of a task, named within the DAG that the task is in."""

    task: str
    key: str


@record
class Input:
    """An input of the DAG that a task is in."""

    key: str


@record
class Constant:
    """A value that was passed to a task."""

    value: Any


Source = Output | Input | Constant
"""The source of a task's input."""


def _by_kind() -> dict[str, dict[str, Any]]:
    return {PARAMETERS: {}, ARTIFACTS: {}}


@dataclass(slots=True, eq=False)
class Node:
    """A task of a DAG. By kind and key: sources of its inputs, types of its inputs and outputs, and for the outputs of a
    DAG the outputs within it that they come from. `flow` fills these, and `items`, the values that a loop iterates over.
    """

    key: str
    title: str
    type: int
    parent: "Node | None" = None
    depth: int = 0
    tasks: list[TaskOutline] = field(default_factory=list)
    children: "dict[str, Node]" = field(default_factory=dict)
    nodes_by_name: "dict[tuple[str, int], Node]" = field(
        default_factory=dict
    )  # task name, number of nodes with that name before it
    inputs: dict[str, dict[str, Source]] = field(default_factory=_by_kind)
    input_types: dict[str, dict[str, Any]] = field(default_factory=_by_kind)
    output_types: dict[str, dict[str, Any]] = field(default_factory=_by_kind)
    dag_outputs: dict[str, dict[str, dict[Output, None]]] = field(default_factory=_by_kind)
    dependencies: set[str] = field(default_factory=set)
    items: dict[str, list[Any]] = field(default_factory=dict)
    uri: str = ""

    @property
    def is_dag(self) -> bool:
        """Whether the node has children, or is of a type that can have them."""
        return bool(self.children) or self.parent is None or self.type in _GROUPS

    def ancestors(self) -> "Iterator[Node]":
        """Yield the nodes around this one, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def iteration_count(self) -> int:
        """Return how many iterations of a loop were recorded or announced."""
        counts = (_attributes(task).iteration_count for task in self.tasks)
        indexes = (_attributes(task).iteration_index for node in self.children.values() for task in node.tasks)
        return max([0, *(count or 0 for count in counts), *((index or 0) + 1 for index in indexes)])


@record
class Tree:
    """The root, and the node of each task by the task's id; a node comes before those within it."""

    root: Node
    nodes: dict[str, Node]

    def walk(self) -> Iterator[Node]:
        """Yield every node once, each before those within it."""
        queue = deque([self.root])
        while queue:
            node = queue.popleft()
            yield node
            queue.extend(node.children.values())


def tree_of(tasks: Sequence[TaskOutline]) -> Tree:
    """Return the tasks as a tree; those without a parent in the run, and one of each cycle, are below the root."""
    children_by_parent: dict[str, list[TaskOutline]] = {}
    for task in tasks:
        if task.parent_task_id is not None:
            children_by_parent.setdefault(task.parent_task_id, []).append(task)
    starts = _starts(tasks, children_by_parent)
    first = next((task for task in tasks if task.id in starts and task.type == TaskType.ROOT), None)
    root = Node(key="root", title="root", type=TaskType.ROOT)
    tree = Tree(root, {})
    top_parent = None
    if first is not None:
        root.tasks.append(first)
        tree.nodes[first.id], top_parent = root, first.id
    queue = deque([(root, [task for task in tasks if task.id in starts or task.parent_task_id == top_parent])])
    while queue:
        parent, children = queue.popleft()
        for task, node in _nodes_of(parent, [task for task in children if task.id not in tree.nodes]):
            tree.nodes[task.id] = node
            node.tasks.append(task)
            queue.append((node, children_by_parent.get(task.id, [])))
    return tree


def _starts(tasks: Sequence[TaskOutline], children_by_parent: dict[str, list[TaskOutline]]) -> set[str]:
    """Return the ids of tasks from which every other is reached: those without a parent in the run, and one of each cycle."""
    task_ids = {task.id for task in tasks}
    starts: set[str] = set()
    reached_ids: set[str] = set()
    parentless = [task for task in tasks if task.parent_task_id not in task_ids]
    for task in (*parentless, *tasks):
        if task.id in reached_ids:
            continue
        starts.add(task.id)
        stack = [task]
        while stack:
            one = stack.pop()
            if one.id not in reached_ids:
                reached_ids.add(one.id)
                stack.extend(children_by_parent.get(one.id, []))
    return starts


def _nodes_of(parent: Node, tasks: Sequence[TaskOutline]) -> Iterator[tuple[TaskOutline, Node]]:
    """Yield the children of one task with their nodes; iterations share the node that the first one created."""
    counts: dict[tuple[str, int | None], int] = {}
    numbered_tasks: list[tuple[TaskOutline, str, int]] = []
    for task in tasks:
        name = task.name or task.display_name or "task"
        identity = (name, _attributes(task).iteration_index)
        counts[identity] = counts.get(identity, 0) + 1
        numbered_tasks.append((task, name, counts[identity]))
    # First the nodes whose key is their name, which must not be taken by a key that is made for a second node.
    for task, name, number in sorted(numbered_tasks, key=lambda one: one[2] > 1):
        node = parent.nodes_by_name.get((name, number))
        if node is None:
            key = name if number == 1 else f"{name}-{number}"
            while key in parent.children:
                key += "-2"
            title = task.display_name or name
            node = Node(key=key, title=title, type=task.type, parent=parent, depth=parent.depth + 1)
            parent.children[key] = parent.nodes_by_name[(name, number)] = node
        yield task, node


def _attributes(task: TaskOutline) -> TypeAttributes:
    return TypeAttributes.from_text(task.type_attributes) or TypeAttributes()
