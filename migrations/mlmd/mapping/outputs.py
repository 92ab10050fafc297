"""The outputs of each task of a run, and those that groups pass on from their tasks, as the launcher records them.

MLMD records an output only for the task that made it; a group names the tasks whose outputs are its own. An output that is
passed on has the group's key and, as its producer, the task directly within the group. Its type is ITERATOR_OUTPUT if it is
one of several from a loop, ONE_OF_OUTPUT if it comes from a condition, OUTPUT otherwise. `kfp_v2` calls this.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from migrations.mlmd.mapping.parameters import output_parameters, output_type
from migrations.mlmd.mapping.selectors import Selector, artifact_selectors, parameter_selectors
from migrations.mlmd.mapping.tree import Node, Tree
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.values import parameters_of
from storage.documents.parameters import NO_VALUE, Parameter, Producer
from storage.model import IOType, TaskType


class Made(NamedTuple):
    """An artifact that is an output of a task, by its own events or passed on."""

    key: str
    artifact_id: int
    type: IOType
    producer: Producer


Entry = TypeVar("Entry", Parameter, Made)


@dataclass(slots=True)
class Outputs:
    """All outputs of one node; those of a folded iteration are passed on by its loop."""

    parameters: list[Parameter] = field(default_factory=list)
    artifacts: list[Made] = field(default_factory=list)
    own_count: int = 0  # the number of artifacts from the node's own events; the others come from its children


class _ByKey(Generic[Entry]):
    """The output parameters, or artifacts, of the nodes so far, by node and key."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[str, list[Entry]]] = {}

    def put(self, node: Node, entries: Iterable[Entry]) -> None:
        by_key: dict[str, list[Entry]] = {}
        for entry in entries:
            by_key.setdefault(entry.key, []).append(entry)
        self._entries[node.id] = by_key

    def get(self, node: Node, key: str) -> Sequence[Entry]:
        return self._entries[node.id].get(key, ())


def outputs_of(tree: Tree, output_events: dict[int, list[tuple[str, int]]], findings: Findings) -> dict[int, Outputs]:
    """Return the outputs of every node; `made` holds keys and artifact ids of the output events by execution id."""
    outputs_by_node: dict[int, Outputs] = {}
    parameters: _ByKey[Parameter] = _ByKey()
    artifacts: _ByKey[Made] = _ByKey()
    for node in reversed(tree.ordered):
        outputs = _own_outputs(node, output_events.get(node.id, ()))
        outputs.own_count = len(outputs.artifacts)
        if node.children:
            subject = f"execution {node.id}"
            children = _children_by_name(node)
            selectors = parameter_selectors(node.custom, findings, subject)
            outputs.parameters += _passed_on_outputs(node, children, selectors, parameters, _listed_parameter)
            selectors = artifact_selectors(node.custom, findings, subject)
            outputs.artifacts += _passed_on_outputs(node, children, selectors, artifacts, _listed_artifacts)
        parameters.put(node, outputs.parameters)
        artifacts.put(node, outputs.artifacts)
        outputs_by_node[node.id] = outputs
    return outputs_by_node


def _own_outputs(node: Node, output_events: Iterable[tuple[str, int]]) -> Outputs:
    producer = Producer(node.name, node.iteration)
    kind = output_type(producer)
    return Outputs(
        output_parameters(parameters_of(node.custom, "outputs"), producer),
        [Made(key, artifact_id, kind, producer) for key, artifact_id in output_events],
    )


def _children_by_name(node: Node) -> dict[str, list[Node]]:
    """Return the children by name, the latest first: only the last attempt of a task that was retried is used."""
    children: dict[str, list[Node]] = {}
    for child in sorted(node.children, key=lambda child: child.id, reverse=True):
        children.setdefault(child.name, []).append(child)
    return children


def _passed_on_outputs(
    node: Node,
    children: dict[str, list[Node]],
    selectors: Sequence[Selector],
    outputs: _ByKey[Entry],
    as_list: Callable[[Sequence[Entry]], list[Entry]],
) -> list[Entry]:
    """Return the outputs that a node passes on from its children.

    `as_list` combines the outputs of several iterations of an inner loop into one item.
    """
    if not selectors:
        return []
    iterations = sorted((child for child in node.children if child.folded), key=lambda child: child.index or 0)
    if iterations:
        return [entry for selector in selectors for child in iterations for entry in outputs.get(child, selector.key)]
    entries_of_node = []
    for selector in selectors:
        for child, entries in _select(node, children, selector, outputs):
            if node.folded and len(entries) > 1:
                entries = as_list(entries)
            entries_of_node += [_passed_on(entry, node, child, selector) for entry in entries]
    return entries_of_node


def _select(
    node: Node, children: dict[str, list[Node]], selector: Selector, outputs: _ByKey[Entry]
) -> list[tuple[Node, Sequence[Entry]]]:
    every_iteration = node.type is TaskType.LOOP and not node.folded
    for source in selector.sources:
        entries_by_iteration: dict[int | None, tuple[Node, Sequence[Entry]]] = {}
        for child in children.get(source.task_name, ()):
            entries = outputs.get(child, source.key)
            if entries and child.iteration not in entries_by_iteration:
                entries_by_iteration[child.iteration] = child, entries
        if entries_by_iteration:
            selection = list(entries_by_iteration.values())
            return sorted(selection, key=lambda one: one[0].iteration or 0) if every_iteration else selection[:1]
    return []


def _passed_on(entry: Entry, node: Node, child: Node, selector: Selector) -> Entry:
    kind, iteration = IOType.OUTPUT, node.iteration
    if node.folded:
        kind = IOType.ITERATOR_OUTPUT
    elif entry.type == IOType.ITERATOR_OUTPUT:
        kind, iteration = IOType.ITERATOR_OUTPUT, entry.producer.iteration if entry.producer else None
    elif entry.type == IOType.ONE_OF_OUTPUT or selector.one_of or node.type is TaskType.CONDITION_BRANCH:
        kind = IOType.ONE_OF_OUTPUT
    return entry._replace(key=selector.key, type=kind, producer=Producer(child.name, iteration))


def _listed_parameter(entries: Sequence[Parameter]) -> list[Parameter]:
    return [entries[0]._replace(value=[entry.value for entry in entries if entry.value is not NO_VALUE])]


def _listed_artifacts(entries: Sequence[Made]) -> list[Made]:
    return list(entries)
