"""What passes between the tasks of a recorded run, added to the nodes of its graph.

An artifact passes from the task that is linked to it as an output to those that are linked to it as an input. A parameter
passes from the task that it names as its producer. What crosses the border of a DAG becomes an output of that DAG or an
input of it, under the key that was recorded for the DAG itself where there is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from server.recorded_spec.tree import ARTIFACTS, PARAMETERS, Constant, Input, Node, Output, Source, Tree
from server.recorded_spec.types import artifact_type, constant_of, parameter_type
from server.rules.links import OUTPUT_TYPES
from storage.documents import parameters
from storage.documents.parameters import NO_VALUE, Producer
from storage.documents.plain import compact
from storage.model import IOType, LinkOutline, TaskType

_WORK_MAX = 1_000_000
"""Steps from a node to one above or below it, in total: a graph of deep groups must not take a minute."""

ENTRIES_MAX = 50_000
"""Maximum number of inputs and outputs of all nodes; a page draws fewer."""

_CANDIDATES_MAX = 20
"""How many tasks that put out one artifact are looked at for the one that an input came from."""

_ITEMS = frozenset({IOType.ITERATOR_INPUT, IOType.ITERATOR_INPUT_RAW})
_ROOT = "ROOT"  # what producers call the root


class _TooMuch(Exception):
    """The graph exceeds one of the limits."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    key: str
    type: int
    producer: str
    value: Any

    @property
    def mark(self) -> int:
        """A number that equal values share."""
        return hash(compact(self.value))


class Flow:
    """Adds links and parameters to the nodes of one tree; `is_cut` tells that some were left out."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self.is_cut = tree, False
        self._work = self._entries = 0
        self._links: dict[Node, list[LinkOutline]] = {}
        self._makers: dict[str, dict[tuple[Node, str], None]] = {}  # of an artifact: nodes and their keys, in order
        self._marks: dict[tuple[Node, bool], dict[int, str]] = {}  # of a node's inputs or outputs: mark → key
        self._by_key: dict[str, list[Node]] = {}
        # The names under which something is known in a DAG: what comes from around it, what comes from within it.
        self._inner_keys: dict[tuple[Node, str, Source | str], str] = {}
        self._outer_keys: dict[tuple[Node, str, Output], str] = {}

    def add(self, links: Sequence[LinkOutline]) -> None:
        """Add everything, outer nodes first: what a DAG was recorded to take is then there for those within."""
        nodes = list(self._tree.walk())
        for link in links:
            if link.task_id in self._tree.nodes:
                self._links.setdefault(self._tree.nodes[link.task_id], []).append(link)
        try:
            for node in nodes:
                self._by_key.setdefault(node.key, []).append(node)
                self._define(node)
            for node in nodes:
                self._select_outputs(node)
            for node in nodes:
                self._add_inputs(node)
        except _TooMuch:
            self.is_cut = True

    # What each node has by itself.

    def _define(self, node: Node) -> None:
        for link in self._links.get(node, ()):
            if link.type in OUTPUT_TYPES:
                self._makers.setdefault(link.artifact_id, {})[(node, link.key)] = None
                self._add_type(node.output_types[ARTIFACTS], link.key, artifact_type(link.artifact_type))
                node.uri = node.uri or link.uri or ""
        for of_outputs, types in ((True, node.output_types), (False, node.input_types)):
            marks = self._marks.setdefault((node, of_outputs), {})
            for parameter in _parameters(node, of_outputs=of_outputs):
                marks.setdefault(parameter.mark, parameter.key)
                if of_outputs or node.parent is None or parameter.type in _ITEMS:
                    self._add_type(types[PARAMETERS], parameter.key, parameter_type(parameter.value))
                if node.type == TaskType.LOOP and parameter.type in _ITEMS:
                    node.items.setdefault(parameter.key, []).append(parameter.value)

    def _select_outputs(self, node: Node) -> None:
        """Say which outputs within a DAG its own come from."""
        for link in self._links.get(node, ()) if node.children else ():
            for child, key in self._makers[link.artifact_id] if link.type in OUTPUT_TYPES else ():
                if child.parent is node:
                    self._select(node, ARTIFACTS, link.key, Output(child.key, key))
        for parameter in _parameters(node, of_outputs=True) if node.children else ():
            producer = node.children.get(parameter.producer)
            if producer is not None:
                self._select(node, PARAMETERS, parameter.key, Output(producer.key, self._key_of(producer, parameter)))

    def _select(self, dag: Node, kind: str, key: str, inner_output: Output) -> None:
        dag.dag_outputs[kind].setdefault(key, {})[inner_output] = None
        self._outer_keys.setdefault((dag, kind, inner_output), key)

    # Inputs.

    def _add_inputs(self, node: Node) -> None:
        for link in self._links.get(node, ()):
            if link.type not in OUTPUT_TYPES:
                self._add_artifact(node, link)
        for parameter in _parameters(node, of_outputs=False):
            is_item = node.type == TaskType.LOOP and parameter.type in _ITEMS
            if node.parent is not None and not is_item:
                self._add_parameter(node, parameter)

    def _add_artifact(self, node: Node, link: LinkOutline) -> None:
        definition = artifact_type(link.artifact_type)
        if node.parent is None:
            self._add_type(node.input_types[ARTIFACTS], link.key, definition)
            return
        producer = (Producer.from_text(link.producer) or Producer()).task_name
        maker = self._maker_of(node, link.artifact_id, producer)
        if maker is not None:
            dag, maker_node, key = maker
            self._pull(
                node, ARTIFACTS, link.key, definition, dag, self._push(maker_node, ARTIFACTS, key, definition, dag)
            )
            return
        root = self._tree.root
        name = self._inner_keys.get((root, ARTIFACTS, link.artifact_id)) or _free(link.key, root.input_types[ARTIFACTS])
        self._inner_keys[(root, ARTIFACTS, link.artifact_id)] = name
        self._add_type(root.input_types[ARTIFACTS], name, definition)
        self._pull(node, ARTIFACTS, link.key, definition, root, Input(name))

    def _maker_of(self, node: Node, artifact_id: str, producer: str) -> tuple[Node, Node, str] | None:
        """Return the DAG around a node and the one that put out its artifact, that one, and the key it has there.

        Of several the one that the link names goes first, then the nearest.
        """
        best: tuple[tuple[bool, int, int], tuple[Node, Node, str]] | None = None
        for maker, key in list(self._makers.get(artifact_id, ()))[:_CANDIDATES_MAX]:
            dag = self._common_dag(node, maker)
            if dag is None:
                continue
            rank = (maker.key == producer, dag.depth, -maker.depth)
            if best is None or rank > best[0]:
                best = rank, (dag, maker, key)
        return best[1] if best else None

    def _add_parameter(self, node: Node, parameter: _Parameter) -> None:
        definition = parameter_type(parameter.value)
        for dag, branch in self._levels(node) if parameter.producer else ():
            producer = dag.children.get(parameter.producer)
            if producer is not None and producer is not branch:
                output = Output(producer.key, self._key_of(producer, parameter))
                self._pull(node, PARAMETERS, parameter.key, definition, dag, output)
                return
            if parameter.producer == (_ROOT if dag.parent is None else dag.key):
                key = self._input_of(dag, parameter)
                if key is not None:
                    self._pull(node, PARAMETERS, parameter.key, definition, dag, Input(key))
                    return
        for producer in self._by_key.get(parameter.producer, ())[:_CANDIDATES_MAX]:
            common = self._common_dag(node, producer)
            if common is not None:
                key = self._key_of(producer, parameter)
                output = self._push(producer, PARAMETERS, key, definition, common)
                self._pull(node, PARAMETERS, parameter.key, definition, common, output)
                return
        if parameter.key not in node.inputs[PARAMETERS]:  # iterations differ in their constants
            self._add_input(node, PARAMETERS, parameter.key, definition, Constant(constant_of(parameter.value)))

    def _key_of(self, producer: Node, parameter: _Parameter) -> str:
        """Return the output that a parameter came from: that of its value, else the only one, else one of its name."""
        marks, types = self._marks.get((producer, True), {}), producer.output_types[PARAMETERS]
        key = marks.get(parameter.mark) or (next(iter(types)) if len(types) == 1 else parameter.key)
        self._add_type(types, key, parameter_type(parameter.value))
        return key

    def _input_of(self, dag: Node, parameter: _Parameter) -> str | None:
        """Return the input of a DAG that a parameter came from: that of its value, else one of its name."""
        key = self._marks.get((dag, False), {}).get(parameter.mark)
        if key is None and parameter.key in dag.input_types[PARAMETERS]:
            key = parameter.key
        return key if key in dag.input_types[PARAMETERS] else None

    # From one DAG to another.

    def _levels(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """Yield the DAGs around a node, the nearest first, each with the node in it that leads to this one."""
        while node.parent is not None:
            self._spend()
            yield node.parent, node
            node = node.parent

    def _common_dag(self, one: Node, other: Node) -> Node | None:
        """Return the innermost DAG around two nodes; None when one of them is the other, or around it."""
        dag_ids = {id(dag) for dag, _ in self._levels(one)}
        if one is other or id(other) in dag_ids:
            return None
        for dag, _ in self._levels(other):
            if dag is one:
                return None
            if id(dag) in dag_ids:
                return dag
        return None

    def _push(self, node: Node, kind: str, key: str, type: dict[str, Any], outer_dag: Node) -> Output:
        """Make an output known in a DAG around its node, through those between."""
        for dag, branch in self._levels(node):
            inner_output = Output(branch.key, key)
            if dag is outer_dag:
                return inner_output
            outer_key = self._outer_keys.get((dag, kind, inner_output))
            key = outer_key or _free(f"{branch.key}-{key}", dag.output_types[kind])
            if outer_key is None:
                self._add_type(dag.output_types[kind], key, type)
                self._select(dag, kind, key, inner_output)
        raise AssertionError("the node is not in the DAG")

    def _pull(self, node: Node, kind: str, key: str, type: dict[str, Any], outer_dag: Node, source: Source) -> None:
        """Make what is known in a DAG an input of a node in it, through the DAGs between."""
        dags: list[Node] = []
        for dag, _ in self._levels(node):
            if dag is outer_dag:
                break
            dags.append(dag)
        for dag in reversed(dags):
            name = self._inner_keys.get((dag, kind, source))
            source = Input(name or self._add_input(dag, kind, key, type, source))
        self._add_input(node, kind, key, type, source)

    def _add_input(self, node: Node, kind: str, key: str, type: dict[str, Any], source: Source) -> str:
        """Add an input, under another key where the key has another source; return the key."""
        if node.inputs[kind].get(key) == source:
            return key
        key = _free(key, node.inputs[kind])
        node.inputs[kind][key] = source
        self._inner_keys.setdefault((node, kind, source), key)
        self._add_type(node.input_types[kind], key, type)
        if isinstance(source, Output):
            node.dependencies.add(source.task)
        return key

    def _add_type(self, types: dict[str, Any], key: str, type: dict[str, Any]) -> None:
        if key not in types:
            self._entries += 1
            if self._entries > ENTRIES_MAX:
                raise _TooMuch
            types[key] = type

    def _spend(self) -> None:
        self._work += 1
        if self._work > _WORK_MAX:
            raise _TooMuch


def _parameters(node: Node, *, of_outputs: bool) -> Iterator[_Parameter]:
    for task in node.tasks:
        for stored in parameters.from_text(task.output_parameters if of_outputs else task.input_parameters):
            yield _Parameter(
                key=stored.key or "value",
                type=stored.type,
                producer=stored.producer.task_name if stored.producer else "",
                value=None if stored.value is NO_VALUE else stored.value,
            )


def _free(key: str, keys: dict[str, Any]) -> str:
    """Return the key, with a number behind it where it is taken."""
    place, free = 1, key
    while free in keys:
        place += 1
        free = f"{key}-{place}"
    return free
