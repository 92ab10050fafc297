"""What passes between the tasks of a recorded run, added to the nodes of its graph.

An artifact passes from the task that is linked to it as an output to those that are linked to it as an input. A parameter
passes from the task that it names as its producer. What crosses the boundary of a DAG becomes an output or an
input of that DAG, under the key that was recorded for the DAG itself, if there is one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from server.recorded_spec.tree import ARTIFACTS, PARAMETERS, Constant, Input, Node, Output, Source, Tree
from server.recorded_spec.types import artifact_type, constant_of, parameter_type
from server.rules.links import OUTPUT_TYPES
from storage.documents import parameters
from storage.documents.parameters import NO_VALUE, Producer
from storage.documents.plain import compact
from storage.model import IOType, LinkOutline, TaskType
from storage.record import record

_WORK_MAX = 1_000_000
"""Maximum number of steps between a node and its parent, in total: a graph of deep groups must not take a minute."""

ENTRIES_MAX = 50_000
"""Maximum number of inputs and outputs of all nodes; a page draws fewer."""

_CANDIDATES_MAX = 20
"""How many producers of one artifact are considered as the source of an input."""

_ITEMS = frozenset({IOType.ITERATOR_INPUT, IOType.ITERATOR_INPUT_RAW})
_ROOT = "ROOT"  # the root's name as a producer


class _TooMuch(Exception):
    """The graph exceeds one of the limits."""


@record
class _Parameter:
    key: str
    type: int
    producer: str
    value: Any

    @property
    def mark(self) -> int:
        """A number that is the same for equal values."""
        return hash(compact(self.value))


class Flow:
    """Adds links and parameters to the nodes of one tree; `is_cut` says that some were left out."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self.is_cut = tree, False
        self._work = self._entries = 0
        self._links: dict[Node, list[LinkOutline]] = {}
        self._producers: dict[str, dict[tuple[Node, str], None]] = {}  # of an artifact: nodes and their keys, in order
        self._marks: dict[tuple[Node, bool], dict[int, str]] = {}  # of a node's inputs or outputs: mark → key
        self._by_key: dict[str, list[Node]] = {}
        # Keys of a DAG's inputs by their source, and of its outputs by the output within it.
        self._inner_keys: dict[tuple[Node, str, Source | str], str] = {}
        self._outer_keys: dict[tuple[Node, str, Output], str] = {}

    def add(self, links: Sequence[LinkOutline]) -> None:
        """Add everything, outer nodes first, so that the recorded inputs of a DAG exist when the nodes within it need them."""
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

    # Each node on its own.

    def _define(self, node: Node) -> None:
        for link in self._links.get(node, ()):
            if link.type in OUTPUT_TYPES:
                self._producers.setdefault(link.artifact_id, {})[(node, link.key)] = None
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
        """Set which outputs within a DAG its own outputs come from."""
        for link in self._links.get(node, ()) if node.children else ():
            for child, key in self._producers[link.artifact_id] if link.type in OUTPUT_TYPES else ():
                if child.parent is node:
                    self._select(node, ARTIFACTS, link.key, Output(child.key, key))
        for parameter in _parameters(node, of_outputs=True) if node.children else ():
            producer = node.children.get(parameter.producer)
            if producer is not None:
                self._select(
                    node, PARAMETERS, parameter.key, Output(producer.key, self._output_key(producer, parameter))
                )

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
        producer_node = self._producer(node, link.artifact_id, producer)
        if producer_node is not None:
            dag, maker_node, key = producer_node
            self._pull(
                node, ARTIFACTS, link.key, definition, dag, self._push(maker_node, ARTIFACTS, key, definition, dag)
            )
            return
        root = self._tree.root
        name = self._inner_keys.get((root, ARTIFACTS, link.artifact_id)) or _free_key(
            link.key, root.input_types[ARTIFACTS]
        )
        self._inner_keys[(root, ARTIFACTS, link.artifact_id)] = name
        self._add_type(root.input_types[ARTIFACTS], name, definition)
        self._pull(node, ARTIFACTS, link.key, definition, root, Input(name))

    def _producer(self, node: Node, artifact_id: str, producer: str) -> tuple[Node, Node, str] | None:
        """Return the innermost DAG around a node and its artifact's producer, the producer, and its key for the artifact.

        Of several producers, the one that the link names is preferred, then the nearest.
        """
        best: tuple[tuple[bool, int, int], tuple[Node, Node, str]] | None = None
        for producer_node, key in list(self._producers.get(artifact_id, ()))[:_CANDIDATES_MAX]:
            dag = self._common_dag(node, producer_node)
            if dag is None:
                continue
            rank = (producer_node.key == producer, dag.depth, -producer_node.depth)
            if best is None or rank > best[0]:
                best = rank, (dag, producer_node, key)
        return best[1] if best else None

    def _add_parameter(self, node: Node, parameter: _Parameter) -> None:
        definition = parameter_type(parameter.value)
        for dag, branch in self._levels(node) if parameter.producer else ():
            producer = dag.children.get(parameter.producer)
            if producer is not None and producer is not branch:
                output = Output(producer.key, self._output_key(producer, parameter))
                self._pull(node, PARAMETERS, parameter.key, definition, dag, output)
                return
            if parameter.producer == (_ROOT if dag.parent is None else dag.key):
                key = self._input_key(dag, parameter)
                if key is not None:
                    self._pull(node, PARAMETERS, parameter.key, definition, dag, Input(key))
                    return
        for producer in self._by_key.get(parameter.producer, ())[:_CANDIDATES_MAX]:
            common = self._common_dag(node, producer)
            if common is not None:
                key = self._output_key(producer, parameter)
                output = self._push(producer, PARAMETERS, key, definition, common)
                self._pull(node, PARAMETERS, parameter.key, definition, common, output)
                return
        if parameter.key not in node.inputs[PARAMETERS]:  # iterations differ in their constants
            self._add_input(node, PARAMETERS, parameter.key, definition, Constant(constant_of(parameter.value)))

    def _output_key(self, producer: Node, parameter: _Parameter) -> str:
        """Return the output that a parameter came from: the one with its value, the only one, or the one with its name."""
        marks, types = self._marks.get((producer, True), {}), producer.output_types[PARAMETERS]
        key = marks.get(parameter.mark) or (next(iter(types)) if len(types) == 1 else parameter.key)
        self._add_type(types, key, parameter_type(parameter.value))
        return key

    def _input_key(self, dag: Node, parameter: _Parameter) -> str | None:
        """Return the input of a DAG that a parameter came from: the one with its value, or the one with its name."""
        key = self._marks.get((dag, False), {}).get(parameter.mark)
        if key is None and parameter.key in dag.input_types[PARAMETERS]:
            key = parameter.key
        return key if key in dag.input_types[PARAMETERS] else None

    # From one DAG to another.

    def _levels(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """Yield the DAGs around a node, the nearest first, each with its child on the path to this node."""
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
        """Pass an output up to a DAG around its node, through the DAGs between."""
        for dag, branch in self._levels(node):
            inner_output = Output(branch.key, key)
            if dag is outer_dag:
                return inner_output
            outer_key = self._outer_keys.get((dag, kind, inner_output))
            key = outer_key or _free_key(f"{branch.key}-{key}", dag.output_types[kind])
            if outer_key is None:
                self._add_type(dag.output_types[kind], key, type)
                self._select(dag, kind, key, inner_output)
        raise AssertionError("the node is not in the DAG")

    def _pull(self, node: Node, kind: str, key: str, type: dict[str, Any], outer_dag: Node, source: Source) -> None:
        """Pass a source in a DAG down to an input of a node in it, through the DAGs between."""
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
        """Add an input, under another key if the key already has another source; return the key."""
        if node.inputs[kind].get(key) == source:
            return key
        key = _free_key(key, node.inputs[kind])
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


def _free_key(key: str, keys: dict[str, Any]) -> str:
    """Return the key, with a number appended if it is taken."""
    place, free = 1, key
    while free in keys:
        place += 1
        free = f"{key}-{place}"
    return free
