"""A run of KFP v2: executions become tasks, events become links, and groups get the outputs that they pass on. `run` calls this."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from migrations.mlmd.mapping.artifact_inputs import InputOrigins
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.links import Links, ReadEvent, Side
from migrations.mlmd.mapping.logical_keys import with_logical_keys
from migrations.mlmd.mapping.outputs import Outputs, outputs_of
from migrations.mlmd.mapping.parameter_inputs import ParameterOrigins
from migrations.mlmd.mapping.parameters import output_type, parameters_text
from migrations.mlmd.mapping.pipeline_spec import Spec
from migrations.mlmd.mapping.run_context import RunContext
from migrations.mlmd.mapping.states import Course, courses, history_text
from migrations.mlmd.mapping.task_texts import (
    leftover_text,
    leftovers,
    pods_text,
    task_names,
    type_attributes_text,
)
from migrations.mlmd.mapping.tree import Kind, Node, Tree, build_tree
from migrations.mlmd.vocabulary.cleaning import clean_text
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import RunRows
from migrations.mlmd.vocabulary.values import PREFIXES, cut, parameters_of, text_of
from storage import lengths
from storage.documents.parameters import Producer
from storage.documents.plain import Plain
from storage.model import Artifact, IOType, Task, TaskState, TaskType
from storage.record import record

_CONSUMED = {
    "display_name",
    "task_name",
    "parent_dag_id",
    "iteration_index",
    "iteration_count",
    "total_dag_tasks",
    "parameter_producer_task",
    "artifact_producer_task",
    "cache_fingerprint",
    "pod_name",
    "pod_uid",
    "inputs",
    "outputs",
}
_REUSABLE = (TaskState.SUCCEEDED, TaskState.CACHED)


@record
class TaskRecords:
    """The tasks of a run, the course of its root, and the input values of the run."""

    tasks: Sequence[Task]
    course: Course
    inputs: dict[str, Plain]
    task_ids: Mapping[int, str]


def map_tasks(run: RunContext) -> TaskRecords:
    """Return the tasks and fill the links."""
    rows, findings = run.rows, run.findings
    spec = Spec.parsed(rows.kfp.pipeline_spec) if rows.kfp and run.types_from_spec else None
    tree = build_tree(rows.executions, findings, subject=f"context {rows.context.id}", spec=spec)
    courses_by_node = courses(tree, rows.kfp, findings, fallback=run.fallback)
    output_events: dict[int, list[tuple[str, int]]] = {}
    for event in run.events:
        if event.output:
            output_events.setdefault(event.event.execution_id, []).append((event.key, event.event.artifact_id))
    outputs = outputs_of(tree, output_events, findings)
    mapper = _Mapper(
        rows, tree, courses_by_node, outputs, run.ids, findings, run.links.run_id, run.namespace, ParameterOrigins()
    )
    tasks = with_logical_keys([mapper.task(node) for node in tree.tasks]) if spec else [*map(mapper.task, tree.tasks)]
    origins = InputOrigins(tree, outputs, run.events, rows.artifact_origins)
    _link(tree, run.events, outputs, run.artifacts, run.links, mapper, origins)
    return TaskRecords(
        tasks,
        courses_by_node[tree.root.id],
        parameters_of(tree.root.custom, "inputs"),
        {node.id: mapper.task_id(node.task) for node in tree.ordered if node.row is not None},
    )


@record
class _Mapper:
    rows: RunRows
    tree: Tree
    courses: Mapping[int, Course]
    outputs: Mapping[int, Outputs]
    ids: Ids
    findings: Findings
    run_id: str
    namespace: str
    origins: ParameterOrigins
    task_ids: dict[int, str] = field(default_factory=dict)

    def task_id(self, node: Node) -> str:
        id = self.task_ids.get(node.id)
        if id is None:
            id = self.ids.task(node.id) if node.row is not None else self.ids.root(self.rows.context.id)
            self.task_ids[node.id] = id
        return id

    def task(self, node: Node) -> Task:
        subject, course, findings = f"execution {node.id}", self.courses[node.id], self.findings
        name, display_name = task_names(node.name, text_of(node.custom.get("display_name")), findings, subject)
        end = course.finished_at if course.finished_at is not None else course.created_at
        return Task(
            id=self.task_id(node),
            run_id=self.run_id,
            created_at=course.created_at,
            updated_at=max(course.created_at, end),
            namespace=self.namespace,
            parent_task_id=self.task_id(node.parent.task) if node.parent is not None else None,
            name=name,
            display_name=display_name,
            type=node.type,
            state=course.state,
            started_at=course.created_at,
            finished_at=course.finished_at,
            cache_fingerprint=self._fingerprint(node, course.state),
            scope_path=clean_text(node.scope_path, findings, subject),
            pods=self._pods(node),
            status_metadata=self._leftovers(node),
            state_history=history_text(course),
            type_attributes=type_attributes_text(
                node.type,
                iteration=node.iteration,
                count=node.iteration_count,
                workspace=node.kind is Kind.WORKSPACE_IMPORTER,
            ),
            input_parameters=parameters_text(
                self.origins.inputs(node, parameters_of(node.custom, "inputs")), findings, subject
            ),
            output_parameters=parameters_text(self.outputs[node.id].parameters, findings, subject),
        )

    def _fingerprint(self, node: Node, state: TaskState) -> str:
        """Return the fingerprint of a task whose outputs may be reused."""
        if state not in _REUSABLE or node.type not in (TaskType.RUNTIME, TaskType.IMPORTER):
            return ""
        cached = self.rows.kfp.fingerprints.get(node.id, "") if self.rows.kfp else ""
        fingerprint = text_of(node.custom.get("cache_fingerprint")) or cached
        return cut(fingerprint, lengths.FINGERPRINT, self.findings, f"execution {node.id}")

    def _pods(self, node: Node) -> str | None:
        subject = f"execution {node.id}"
        name, uid = (text_of(node.custom.get(property)) for property in ("pod_name", "pod_uid"))
        return pods_text(clean_text(name, self.findings, subject), clean_text(uid, self.findings, subject))

    def _leftovers(self, node: Node) -> str | None:
        subject = f"execution {node.id}"
        properties = dict(node.standard)
        properties |= {name: value for name, value in node.custom.items() if not _is_consumed(name) and value != ""}
        if properties.get("namespace") == self.namespace:
            del properties["namespace"]
        for name in ("inputs", "outputs"):
            if name in node.custom and not isinstance(node.custom[name], dict):
                self.findings.add(Rule.PARAMETERS_UNREADABLE, f"{subject} {name}")
                properties[name] = node.custom[name]
        external_id = node.row.external_id if node.row is not None else ""
        return leftover_text(leftovers(properties, name=node.name, external_id=external_id), self.findings, subject)


def _is_consumed(name: str) -> bool:
    return name in _CONSUMED or name.startswith(tuple(PREFIXES.values()))


def _link(
    tree: Tree,
    events: Sequence[ReadEvent],
    outputs: Mapping[int, Outputs],
    artifacts: Mapping[int, Sequence[Artifact]],
    links: Links,
    mapper: _Mapper,
    origins: InputOrigins,
) -> None:
    inputs = {(event.event.execution_id, event.key, event.event.artifact_id) for event in events if not event.output}
    for event in events:
        node = tree.nodes[event.event.execution_id]
        artifact_id = event.event.artifact_id
        if event.output:
            producer = Producer(node.name, node.iteration)
            kind = output_type(producer)
        elif node.folded:
            # The loop has its own event for an input of all iterations; the other inputs are the items.
            if (node.task.id, event.key, artifact_id) in inputs:
                continue
            kind, producer = IOType.ITERATOR_INPUT, Producer(node.name, node.iteration)
        else:
            origin = origins.of(node, event.key, artifact_id)
            kind, producer = origin.type, Producer(origin.producer, node.iteration)
        side = Side(
            node.id,
            mapper.task_id(node.task),
            artifact_id,
            event.key,
            kind,
            producer,
            event_type=event.event.type,
        )
        links.add(side, artifacts[artifact_id])
    for node in tree.tasks:
        node_outputs = outputs[node.id]
        for output in node_outputs.artifacts[node_outputs.own_count :]:
            side = Side(
                node.id,
                mapper.task_id(node),
                output.artifact_id,
                output.key,
                output.type,
                output.producer,
                counts_repetition=False,
            )
            links.add(side, artifacts[output.artifact_id])
