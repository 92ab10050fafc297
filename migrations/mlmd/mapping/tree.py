"""The executions of a run of KFP v2 as a tree: kinds, parents, folded iterations, names, types and scope paths.

Damage is repaired here (missing types, parents and roots, and cycles), so that all other rules can rely on the tree.
`kfp_v2` calls this.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from migrations.mlmd.mapping.pipeline_spec import Spec, SpecTask
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import ExecutionRow
from migrations.mlmd.vocabulary.values import Properties, decode_properties, integer_of, text_of
from storage.documents.plain import Plain
from storage.model import TaskType
from storage.record import record

ROOT_NAME = "ROOT"
ROOT_SCOPE = "root"

CONDITION_BRANCH = re.compile(r"condition-\d+")
"""The compiler's names of If, Elif and Else; the group around them is named condition-branches-N."""


class Kind(Enum):
    """What an execution represents."""

    DAG = "system.DAGExecution"
    CONTAINER = "system.ContainerExecution"
    IMPORTER = "system.ImporterExecution"
    WORKSPACE_IMPORTER = "system.ImporterWorkspaceExecution"


IMPORTERS = (Kind.IMPORTER, Kind.WORKSPACE_IMPORTER)

_KINDS = {kind.value: kind for kind in Kind}
_DAG_PROPERTIES = {"total_dag_tasks", "iteration_count", "parameter_producer_task", "artifact_producer_task"}
_CONTAINER_PROPERTIES = {"pod_name", "pod_uid", "image", "cached_execution_id"}


@dataclass(slots=True)
class Node:
    """One execution in the tree. `id` is that of the execution; a synthetic root has the id 0 and no row."""

    id: int
    kind: Kind
    custom: Mapping[str, Plain]
    row: ExecutionRow | None
    standard: Mapping[str, Plain] = field(default_factory=dict)
    parent: "Node | None" = None
    children: "list[Node]" = field(default_factory=list)
    folded: bool = False  # an iteration of the loop that is its parent
    index: int | None = None  # which iteration of its loop a folded node is
    iteration: int | None = None  # the iteration a task belongs to: the innermost
    name: str = ""
    type: TaskType = TaskType.RUNTIME
    scope_path: str = ""
    spec: SpecTask | None = None  # the task in the pipeline spec

    @property
    def task(self) -> "Node":
        """The node that becomes a task: itself, or its loop when it is folded."""
        return self.parent if self.folded and self.parent is not None else self

    @property
    def iteration_count(self) -> int | None:
        """The number of iterations of a loop; None for other tasks."""
        return integer_of(self.custom.get("iteration_count"))


@record
class Tree:
    """A run's executions: the nodes by execution id, and in an order in which parents come before their children."""

    root: Node
    nodes: Mapping[int, Node]
    ordered: Sequence[Node]

    @property
    def tasks(self) -> Iterator[Node]:
        """The nodes that become tasks."""
        return (node for node in self.ordered if not node.folded)


def build_tree(
    executions: Sequence[ExecutionRow], findings: Findings, *, subject: str, spec: Spec | None = None
) -> Tree:
    """Return the tree of a run's executions, which are sorted by id; missing and damaged data is repaired.

    The types of groups and the names of importers are those of the pipeline spec, or derived from the names in MLMD.
    """
    nodes = {row.id: _node(row, findings) for row in executions}
    parent_ids = {node.id: integer_of(node.custom.get("parent_dag_id")) for node in nodes.values()}
    root = _root(nodes.values(), parent_ids, findings, subject)
    for node in nodes.values():
        if node is not root:
            node.parent = _parent(node, parent_ids[node.id], root, nodes, findings)
    _cut_cycles(nodes.values(), root, findings)
    for node in nodes.values():
        if node.parent is not None:
            node.parent.children.append(node)
    ordered = tuple(_in_order(root))
    for node in ordered:
        _place(node, spec, findings)
    return Tree(root, {0: root, **nodes} if root.row is None else nodes, ordered)


def _node(row: ExecutionRow, findings: Findings) -> Node:
    subject = f"execution {row.id}"
    properties = decode_properties(row.properties, findings, subject)
    kind = _KINDS.get(row.type or "")
    if kind is None:
        kind = _kind_of(row, properties)
        if row.type is None:
            findings.add(Rule.EXECUTIONS_OF_MISSING_TYPE, subject, kind=kind.value)
    return Node(row.id, kind, properties.custom, row, standard=properties.standard)


def _kind_of(row: ExecutionRow, properties: Properties) -> Kind:
    """Return the kind of an execution whose type is missing or unknown, by its properties, which differ for each kind."""
    names = properties.custom.keys()
    if row.name.startswith("run/") or names & _DAG_PROPERTIES:
        return Kind.DAG
    if row.type is not None or names & _CONTAINER_PROPERTIES or "inputs" in names:
        return Kind.CONTAINER
    return Kind.IMPORTER if "parent_dag_id" in names else Kind.CONTAINER


def _root(nodes: Iterable[Node], parent_ids: Mapping[int, int | None], findings: Findings, subject: str) -> Node:
    candidates = [node for node in nodes if node.kind is Kind.DAG and parent_ids[node.id] is None]
    run_roots = [node for node in candidates if node.row is not None and node.row.name.startswith("run/")]
    if not candidates:
        findings.add(Rule.ROOTS_MADE, subject)
        return Node(0, Kind.DAG, {}, None)
    root = (run_roots or candidates)[0]
    further_roots = [f"execution {node.id}" for node in candidates if node is not root]
    if further_roots:
        findings.add(Rule.EXTRA_ROOTS, *further_roots, count=len(further_roots))
    return root


def _parent(node: Node, parent_id: int | None, root: Node, nodes: Mapping[int, Node], findings: Findings) -> Node:
    parent = nodes.get(parent_id) if parent_id is not None else None
    if parent is None:
        # Further roots have already been counted.
        if parent_id is not None or node.kind is not Kind.DAG:
            findings.add(Rule.PARENTS_MISSING, f"execution {node.id}")
        return root
    return parent


def _cut_cycles(nodes: Iterable[Node], root: Node, findings: Findings) -> None:
    """Put the first execution of each cycle under the root; visits every node once."""
    ids_under_root = {root.id}
    for node in nodes:
        path: dict[int, Node] = {}
        at: Node | None = node
        while at is not None and at.id not in ids_under_root and at.id not in path:
            path[at.id] = at
            at = at.parent
        if at is not None and at.id in path:
            cycle = list(path.values())[list(path).index(at.id) :]
            first = min(cycle, key=lambda member: member.id)
            first.parent = root
            findings.add(Rule.PARENT_CYCLES, " → ".join(f"execution {member.id}" for member in cycle))
        ids_under_root.update(path)


def _in_order(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _place(node: Node, spec: Spec | None, findings: Findings) -> None:
    """Set the fields that depend on the parent, whose own fields are already set."""
    parent = node.parent
    if parent is None:
        node.name, node.type, node.scope_path = ROOT_NAME, TaskType.ROOT, ROOT_SCOPE
        node.spec = spec.root if spec else None
        return
    node.name = text_of(node.custom.get("task_name")) or text_of(node.custom.get("display_name")) or _row_name(node)
    if _is_iteration(node, parent):
        node.folded, node.index = True, integer_of(node.custom.get("iteration_index"))
        node.iteration, node.type, node.scope_path = node.index, TaskType.LOOP, parent.scope_path
        node.spec = parent.spec
        findings.add(Rule.ITERATIONS_FOLDED, f"execution {node.id}")
        return
    if spec is not None and parent.spec is not None:
        if node.kind in IMPORTERS:
            # MLMD has only the display name of an importer.
            node.name = spec.name_of_importer(parent.spec, node.name) or node.name
        node.spec = spec.within(parent.spec, node.name)
    node.iteration = _iteration(node, parent)
    node.type = _type(node)
    node.scope_path = f"{parent.scope_path}.{node.name}"


def _row_name(node: Node) -> str:
    return node.row.name if node.row is not None and node.row.name else f"execution-{node.id}"


def _is_iteration(node: Node, parent: Node) -> bool:
    return (
        node.kind is Kind.DAG
        and not parent.folded
        and parent.iteration_count is not None
        and integer_of(node.custom.get("iteration_index")) is not None
        and node.custom.get("task_name") == parent.custom.get("task_name")
    )


def _iteration(node: Node, parent: Node) -> int | None:
    """Return the innermost iteration: that of the folded parent, the task's own, or the one in which its group runs."""
    if parent.folded:
        return parent.index
    own_iteration = integer_of(node.custom.get("iteration_index"))
    if own_iteration is not None or parent.type is TaskType.LOOP:
        return own_iteration
    return parent.iteration


def _type(node: Node) -> TaskType:
    if node.kind is Kind.CONTAINER:
        return TaskType.RUNTIME
    if node.kind in IMPORTERS:
        return TaskType.IMPORTER
    if node.iteration_count is not None or (node.spec is not None and node.spec.is_loop):
        return TaskType.LOOP
    if node.spec is not None:
        return TaskType.CONDITION_BRANCH if node.spec.is_condition else TaskType.DAG
    return TaskType.CONDITION_BRANCH if CONDITION_BRANCH.fullmatch(node.name) else TaskType.DAG
