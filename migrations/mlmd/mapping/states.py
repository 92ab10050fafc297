"""States, end times and histories of a run's tasks. `kfp_v2` and `generic` call this.

In MLMD, a root, a group whose tasks all came from the cache, and an empty loop never end: their state is derived from the
tasks within them, and from the run if KFP's own database has it.
"""

from collections.abc import Iterable, Sequence

from migrations.mlmd.mapping.tree import Kind, Node, Tree
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import KfpRun
from migrations.mlmd.vocabulary.times import microseconds
from migrations.mlmd.vocabulary.values import integer_of
from storage.documents import histories
from storage.documents.enums import RUN_STATES, TASK_STATES
from storage.documents.histories import HistoryEntry
from storage.model import RunState, TaskState
from storage.record import record

UNSPECIFIED = TaskState.RUNTIME_STATE_UNSPECIFIED

STATES: dict[int, TaskState] = {
    1: UNSPECIFIED,  # NEW
    2: TaskState.RUNNING,
    3: TaskState.SUCCEEDED,  # COMPLETE
    4: TaskState.FAILED,
    5: TaskState.CACHED,
    6: TaskState.SKIPPED,  # CANCELED, by which KFP records a condition that was not met
}
"""MLMD's states; 0 is unknown."""

TERMINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CACHED, TaskState.SKIPPED})

_NEW = 1
_GOING = {RunState.PENDING.name, RunState.RUNNING.name, RunState.CANCELING.name, RunState.PAUSED.name}
_ENDED = {
    RunState.SUCCEEDED.name: TaskState.SUCCEEDED,
    RunState.SKIPPED.name: TaskState.SKIPPED,
    RunState.FAILED.name: TaskState.FAILED,
    RunState.CANCELED.name: TaskState.FAILED,  # tasks have no such state
}
_RUN_STATES = {
    TaskState.RUNNING: RunState.RUNNING,
    TaskState.SUCCEEDED: RunState.SUCCEEDED,
    TaskState.CACHED: RunState.SUCCEEDED,
    TaskState.SKIPPED: RunState.SUCCEEDED,
    TaskState.FAILED: RunState.FAILED,
}


@record
class Course:
    """The state of a task, and its times in microseconds."""

    state: TaskState
    created_at: int
    finished_at: int | None


def state_of(state: int | None, findings: Findings, subject: str) -> TaskState:
    """Return the state of a task from MLMD's state."""
    if state in STATES:
        return STATES[state]
    findings.add(Rule.STATES_UNKNOWN, subject)
    return UNSPECIFIED


def combined(states: Iterable[TaskState]) -> TaskState:
    """Return the state of a group of tasks, as the launcher computes it; an empty one has succeeded."""
    distinct = set(states)
    for state in (TaskState.RUNNING, TaskState.FAILED):
        if state in distinct:
            return state
    for state in (TaskState.CACHED, TaskState.SKIPPED):
        if distinct == {state}:
            return state
    return TaskState.SUCCEEDED


def courses(tree: Tree, kfp: KfpRun | None, findings: Findings, *, fallback: int) -> dict[int, Course]:
    """Return the course of each node, including folded ones; the fallback (microseconds) replaces missing creation times."""
    courses_by_node: dict[int, Course] = {}
    run_state = kfp.state if kfp else ""
    for node in reversed(tree.ordered):
        own_state = _own_state(node, run_state, findings)
        child_courses = [courses_by_node[child.id] for child in node.children]
        state = own_state
        if node is tree.root:
            state = _root_state(own_state, combined(course.state for course in child_courses), run_state)
        elif node.kind is Kind.DAG and _is_open(node, own_state):
            state = _group_state(node, own_state, [course.state for course in child_courses], run_state)
        if state is not own_state:
            findings.add(Rule.STATES_DERIVED, f"execution {node.id}")
        courses_by_node[node.id] = _course(node, state, own_state, child_courses, fallback, findings)
    root = courses_by_node[tree.root.id]
    if kfp and kfp.finished_at and root.state in TERMINAL:
        courses_by_node[tree.root.id] = Course(root.state, root.created_at, kfp.finished_at)
    return courses_by_node


def history_text(course: Course) -> str | None:
    """Return the history of a course: running since its creation, and its end if it has ended."""
    if course.state is UNSPECIFIED:
        return None
    entries = [HistoryEntry(TaskState.RUNNING, course.created_at)]
    if course.state in TERMINAL:
        end = course.finished_at if course.finished_at is not None else course.created_at
        entries.append(HistoryEntry(course.state, end))
    return histories.to_text(entries, TASK_STATES)


def run_state(root: TaskState) -> str:
    """Return the state of a run whose ROOT task, or whose tasks together, have this one."""
    return _RUN_STATES.get(root, RunState.RUNTIME_STATE_UNSPECIFIED).name


def run_history(state: str, created_at: int, finished_at: int | None) -> str:
    """Return the history of a run without one in KFP's own database."""
    entries = []
    if state != RunState.RUNTIME_STATE_UNSPECIFIED.name:
        entries.append(HistoryEntry(RunState.RUNNING, created_at))
        if state != RunState.RUNNING.name:
            entries.append(HistoryEntry(RUN_STATES.number_of(state), finished_at or created_at))
    return histories.to_text(entries, RUN_STATES)


def _own_state(node: Node, run_state: str, findings: Findings) -> TaskState:
    if node.row is None:
        return UNSPECIFIED
    state = state_of(node.row.state, findings, f"execution {node.id}")
    if state is TaskState.RUNNING and node.kind is not Kind.DAG and run_state in _ENDED:
        findings.add(Rule.STATES_CLOSED, f"execution {node.id}")
        return _ENDED[run_state]
    return state


def _is_open(node: Node, own_state: TaskState) -> bool:
    """Return whether the state of a group is to be derived: it was left running, or is unknown."""
    return own_state is TaskState.RUNNING or (
        own_state is UNSPECIFIED and node.row is not None and node.row.state != _NEW
    )


def _root_state(own_state: TaskState, child_state: TaskState, run_state: str) -> TaskState:
    if run_state in _GOING:
        return TaskState.RUNNING
    end_state = _ENDED.get(run_state)
    if end_state is TaskState.SUCCEEDED and child_state in (TaskState.CACHED, TaskState.SKIPPED):
        return child_state
    return end_state or (own_state if own_state in TERMINAL else child_state)


def _group_state(node: Node, own_state: TaskState, child_states: Sequence[TaskState], run_state: str) -> TaskState:
    """Return the state of an open group; while the run is running, so is a group without all of its tasks."""
    if own_state is TaskState.RUNNING and run_state in _GOING:
        count = node.iteration_count if not node.folded else None
        task_count = count if count is not None else integer_of(node.custom.get("total_dag_tasks"))
        if task_count is not None and len({(child.name, child.index) for child in node.children}) < task_count:
            return TaskState.RUNNING
    return combined(child_states)


def _course(
    node: Node,
    state: TaskState,
    own_state: TaskState,
    child_courses: Sequence[Course],
    fallback: int,
    findings: Findings,
) -> Course:
    if node.row is None:
        created_at = min((course.created_at for course in child_courses), default=fallback)
        return Course(state, created_at, _latest(child_courses) if state in TERMINAL else None)
    created_at = microseconds(node.row.created, fallback, findings, f"execution {node.id}")
    if state not in TERMINAL:
        return Course(state, created_at, None)
    finished_at = microseconds(node.row.updated, created_at, findings, f"execution {node.id}")
    if state is not own_state:
        # The row of a group that was left running was written only at its beginning.
        finished_at = max(finished_at, _latest(child_courses) or finished_at)
    return Course(state, created_at, finished_at)


def _latest(courses: Sequence[Course]) -> int | None:
    return max((course.finished_at for course in courses if course.finished_at is not None), default=None)
