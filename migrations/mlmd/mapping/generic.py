"""History other than KFP v2's: runs of KFP v1 and of TFX-like stores become runs of RUNTIME tasks without parents.

KFP v1's metadata writer recorded inputs as properties named input:NAME, and the name of the pod. In other stores, the
properties of an execution are its arguments. `run` calls this.
"""

from collections.abc import Mapping, Sequence

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.kfp_v2 import TaskRecords
from migrations.mlmd.mapping.links import Links, ReadEvent, Side
from migrations.mlmd.mapping.parameters import input_parameters, parameters_text
from migrations.mlmd.mapping.run_context import RunContext
from migrations.mlmd.mapping.states import TERMINAL, Course, combined, history_text, state_of
from migrations.mlmd.mapping.task_texts import leftover_text, leftovers, pods_text, task_names
from migrations.mlmd.vocabulary.cleaning import clean_text
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.names import component_name, maker_name
from migrations.mlmd.vocabulary.rows import ExecutionRow, RunKind, RunRows
from migrations.mlmd.vocabulary.times import microseconds
from migrations.mlmd.vocabulary.values import PREFIXES, Properties, decode_properties, parameters_of, text_of
from storage.documents.parameters import Producer
from storage.documents.plain import Plain
from storage.model import Artifact, IOType, RunState, Task, TaskState, TaskType

_POD = "kfp_pod_name"


def map_tasks(run: RunContext) -> TaskRecords:
    """Return the tasks and fill the links. These runs have no spec."""
    tasks, names, courses = [], {}, []
    rows, findings, ids = run.rows, run.findings, run.ids
    for row in rows.executions:
        subject = f"execution {row.id}"
        if row.type is None:
            findings.add(Rule.EXECUTIONS_OF_MISSING_TYPE, subject, kind="execution")
        properties = decode_properties(row.properties, findings, subject)
        course = _course(row, rows, findings, run.fallback)
        task = _task(run, row, properties, course)
        tasks.append(task)
        names[row.id] = task.name
        courses.append(course)
    _link(rows, run.events, names, run.artifacts, run.links, ids)
    task_ids = {row.id: ids.task(row.id) for row in rows.executions}
    return TaskRecords(tasks, _run_course(courses, rows, run.fallback), {}, task_ids)


def _task(run: RunContext, row: ExecutionRow, properties: Properties, course: Course) -> Task:
    subject, findings = f"execution {row.id}", run.findings
    whole_name = component_name(row, properties)
    name, display_name = task_names(whole_name, row.name or whole_name, findings, subject)
    inputs, others = _inputs(run.rows.context.kind, properties)
    pod = clean_text(text_of(others.pop(_POD, "")) if isinstance(others.get(_POD), str) else "", findings, subject)
    end = course.finished_at if course.finished_at is not None else course.created_at
    return Task(
        id=run.ids.task(row.id),
        run_id=run.links.run_id,
        created_at=course.created_at,
        updated_at=max(course.created_at, end),
        namespace=run.namespace,
        name=name,
        display_name=display_name,
        type=TaskType.RUNTIME,
        state=course.state,
        started_at=course.created_at,
        finished_at=course.finished_at,
        pods=pods_text(pod, ""),
        status_metadata=leftover_text(
            leftovers(others, name=whole_name, external_id=row.external_id), findings, subject
        ),
        state_history=history_text(course),
        input_parameters=parameters_text(input_parameters(inputs), findings, subject),
    )


def _inputs(kind: RunKind, properties: Properties) -> tuple[dict[str, Plain], dict[str, Plain]]:
    """Return the parameters among an execution's properties, and the other properties."""
    if kind is not RunKind.KFP_V1:
        return {**properties.standard, **properties.custom}, {}
    others: dict[str, Plain] = dict(properties.standard)
    others |= {name: value for name, value in properties.custom.items() if not name.startswith(PREFIXES["inputs"])}
    return parameters_of(properties.custom, "inputs"), others


def _course(row: ExecutionRow, rows: RunRows, findings: Findings, fallback: int) -> Course:
    subject = f"execution {row.id}"
    if rows.context.kind is RunKind.KFP_V1 and row.state is None:
        # The metadata writer recorded no states; in a run that succeeded, all steps did.
        succeeded = rows.kfp is not None and rows.kfp.state == RunState.SUCCEEDED.name
        state = TaskState.SUCCEEDED if succeeded else TaskState.RUNTIME_STATE_UNSPECIFIED
    else:
        state = state_of(row.state, findings, subject)
    created_at = microseconds(row.created, fallback, findings, subject)
    finished_at = microseconds(row.updated, created_at, findings, subject) if state in TERMINAL else None
    return Course(state, created_at, finished_at)


def _run_course(courses: Sequence[Course], rows: RunRows, fallback: int) -> Course:
    """Return the course of all tasks together; without states of tasks, the run has none."""
    states = [course.state for course in courses if course.state is not TaskState.RUNTIME_STATE_UNSPECIFIED]
    state = combined(states) if states else TaskState.RUNTIME_STATE_UNSPECIFIED
    created_at = min((course.created_at for course in courses), default=fallback)
    return Course(state, created_at, max((course.finished_at or 0 for course in courses), default=0) or None)


def _link(
    rows: RunRows,
    events: Sequence[ReadEvent],
    names: Mapping[int, str],
    artifacts: Mapping[int, Sequence[Artifact]],
    links: Links,
    ids: Ids,
) -> None:
    makers: dict[int, str] = {}
    for link_event in events:
        if link_event.output:
            makers.setdefault(link_event.event.artifact_id, names[link_event.event.execution_id])
    for link_event in events:
        event = link_event.event
        if link_event.output:
            kind, producer = IOType.OUTPUT, names[event.execution_id]
        elif event.artifact_id in makers:
            kind, producer = IOType.TASK_OUTPUT_INPUT, makers[event.artifact_id]
        else:
            kind, producer = IOType.COMPONENT_INPUT, maker_name(rows.artifact_origins[event.artifact_id].maker)
        task_id = ids.task(event.execution_id)
        side = Side(
            event.execution_id, task_id, event.artifact_id, link_event.key, kind, Producer(producer), event.type
        )
        links.add(side, artifacts[event.artifact_id])
