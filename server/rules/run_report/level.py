"""One level of a run: the tasks that are directly in a group, what is in them, and what passes between them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from server.rules import checks
from server.rules.run_report.places import attributes_of, steps_of
from server.rules.run_report.specification import Specification
from storage.contract import ReadTx
from storage.documents.tasks import beginning_of_attributes
from storage.lineage import DOERS
from storage.model import TaskState, TaskType
from storage.record import record
from storage.run_report import IterationState, TaskRow

ROWS_MAX = 200
"""How many tasks a level has per page, and about how many rows there are with what is in them."""

ITERATIONS_MAX = 1_000
"""How many iterations of a loop are shown."""

ITERATIONS_AMONG = 5_000
"""Among how many of the first tasks of a loop its iterations are looked for."""

_LEAST_AMONG, _LEAST_SHOWN = 100, 20

EDGES_MAX = 2_000
"""How many edges of a level are shown."""

EDGE_INPUTS_MAX = 20
"""How many inputs of an edge are named."""

DEPTH_MAX = 20
"""How many groups deep the rows of a level go."""

FIRST = (-(2**62), "")
"""Where a level begins."""


@record
class Iterations:
    """The iterations of a loop: how many there are, at least if `has_more`, and the states of the first by their indexes."""

    count: int = 0
    states: Mapping[int, int] = field(default_factory=dict)
    has_more: bool = False


@record
class Row:
    """A task, how many groups of the level are around it, and whether it is a group of which not all follows."""

    task: TaskRow
    depth: int
    is_folded: bool


@record
class Edge:
    """Something that passes from one task of a level to another, both by their keys."""

    source: str
    target: str
    inputs: Sequence[str]


@dataclass(slots=True)
class Level:
    """What is in a group. `keys` has the names by which edges call the tasks that are directly in it, by the tasks' ids.

    `selected` is the iteration that is shown if the group is a loop, and `next` the last task of the page if there are more.
    """

    path: Sequence[TaskRow] = ()
    selected: int | None = None
    tasks: Sequence[TaskRow] = ()
    rows: list[Row] = field(default_factory=list)
    loops: Mapping[str, Iterations] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    is_whole: bool = False
    next: tuple[int, str] | None = None

    @property
    def loop(self) -> TaskRow | None:
        """The group, if it is a loop."""
        return self.path[-1] if self.path and self.path[-1].is_loop else None


async def read_level(
    tx: ReadTx, run_id: str, parent_id: str, *, iteration: int | None, after: tuple[int, str], limit: int
) -> Level:
    """Read a page of a level of a run that the caller may see. Raises NotFound for a group that the run does not have."""
    level = Level()
    others: Sequence[TaskRow] = ()
    parent: str | None = parent_id or None
    if parent is None:
        others, parent = await _tops(tx, run_id, after, limit)
    else:
        heads = await tx.tasks.heads([checks.known_id("task", parent)])
        if parent not in heads or heads[parent].run_id != run_id:
            raise checks.not_found("task", parent)
    if parent is not None:
        level.path = await tx.run_report.branch(parent)
    loop = level.loop
    if loop is not None:
        level.loops = await _iterations(tx, run_id, [loop])
        level.selected = iteration if iteration is not None else _first_of_interest(level.loops[loop.id])
    if parent is not None:
        beginning = None if level.selected is None else beginning_of_attributes(level.selected)
        inner = await tx.run_report.level(run_id, parent, beginning=beginning, after=after, limit=limit + 1)
        others = [*others, *inner]
    level.tasks = others[:limit]
    level.next = (level.tasks[-1].created_at, level.tasks[-1].id) if len(others) > limit else None
    level.is_whole = after == FIRST and level.next is None
    level.keys = _keys(level.tasks)
    below = await _below(tx, run_id, level.tasks)
    level.rows = list(_rows(level.tasks, below, 0))
    loops = [row.task for row in level.rows if row.task.is_loop]
    level.loops = {**level.loops, **(await _iterations(tx, run_id, loops) if loops else {})}
    return level


async def _tops(tx: ReadTx, run_id: str, after: tuple[int, str], limit: int) -> tuple[Sequence[TaskRow], str | None]:
    """Return the outermost tasks but ROOT, and ROOT, whose tasks stand for it. What is beside ROOT is on the first page."""
    tops = await tx.run_report.level(run_id, None, beginning=None, after=FIRST, limit=limit + 1)
    root = next((row.id for row in tops if row.type == TaskType.ROOT), None)
    if root is None:
        if after != FIRST:
            tops = await tx.run_report.level(run_id, None, beginning=None, after=after, limit=limit + 1)
        return tops, None
    return [row for row in tops if row.id != root][: limit // 2] if after == FIRST else (), root


async def _iterations(tx: ReadTx, run_id: str, loops: Sequence[TaskRow]) -> dict[str, Iterations]:
    # Many loops of one level share what is shown of one.
    among = max(ITERATIONS_AMONG // len(loops), _LEAST_AMONG)
    shown = max(ITERATIONS_MAX // len(loops), _LEAST_SHOWN)
    states = await tx.run_report.iterations(run_id, [loop.id for loop in loops], among=among)
    by_loop: dict[str, dict[int, list[IterationState]]] = {loop.id: {} for loop in loops}
    seen = dict.fromkeys(by_loop, 0)
    for each in states:
        seen[each.loop_id] += each.count
        index = attributes_of(each.type_attributes).iteration_index
        if index is not None:
            by_loop[each.loop_id].setdefault(index, []).append(each)
    found: dict[str, Iterations] = {}
    for loop in loops:
        announced, recorded = attributes_of(loop.type_attributes).iteration_count or 0, by_loop[loop.id]
        found[loop.id] = Iterations(
            count=max(announced, len(recorded)),
            states={index: _state_of(recorded[index]) for index in sorted(recorded)[:shown]},
            has_more=seen[loop.id] >= among and announced <= len(recorded),
        )
    return found


def _state_of(tasks: Sequence[IterationState]) -> int:
    """Return the state of an iteration from those of its tasks."""
    states = {each.state for each in tasks}
    for decisive in (TaskState.FAILED, TaskState.RUNNING):
        if decisive in states:
            return decisive
    return states.pop() if len(states) == 1 else TaskState.SUCCEEDED


def _first_of_interest(iterations: Iterations) -> int | None:
    failed = (index for index, state in iterations.states.items() if state == TaskState.FAILED)
    return next(failed, next(iter(iterations.states), None))


async def _below(tx: ReadTx, run_id: str, tasks: Sequence[TaskRow]) -> dict[str, Sequence[TaskRow]]:
    """Return what is in groups, by their ids, as far as there is room; loops are left out, and groups that are too large."""
    below: dict[str, Sequence[TaskRow]] = {}
    room, groups = ROWS_MAX - len(tasks), _groups(tasks)
    for _ in range(DEPTH_MAX):
        if not groups or room <= 0:
            break
        groups = groups[:room]
        each_at_most = max(1, room // len(groups))
        inner: dict[str, list[TaskRow]] = {group.id: [] for group in groups}
        for row in await tx.run_report.children(run_id, list(inner), per_parent=each_at_most + 1):
            inner[str(row.parent_task_id)].append(row)
        whole = {id: rows for id, rows in inner.items() if len(rows) <= each_at_most}
        below |= whole
        room -= sum(map(len, whole.values()))
        groups = [group for rows in whole.values() for group in _groups(rows) if group.id not in below]
    return below


def _groups(tasks: Sequence[TaskRow]) -> list[TaskRow]:
    return [task for task in tasks if task.type not in DOERS and not task.is_loop]


def _rows(tasks: Sequence[TaskRow], below: dict[str, Sequence[TaskRow]], depth: int) -> Iterator[Row]:
    for task in tasks:
        is_group = task.type not in DOERS
        yield Row(task, depth, is_group and not task.is_loop and task.id not in below)
        # Each once: parents may form a cycle.
        yield from _rows(below.pop(task.id, ()), below, depth + 1)


def _keys(tasks: Sequence[TaskRow]) -> dict[str, str]:
    """Return a name for each task that no other has: the second of a name is called so in a recorded specification, too."""
    counts: dict[str, int] = {}
    keys: dict[str, str] = {}
    taken = {task.name for task in tasks}
    for task in tasks:
        name = task.name or task.display_name or "task"
        counts[name] = number = counts.get(name, 0) + 1
        key = name if number == 1 else f"{name}-{number}"
        while number > 1 and key in taken:
            key += "-2"
        taken.add(key)
        keys[task.id] = key
    return keys


def flow_of(level: Level, spec: Specification, *, is_recorded: bool) -> tuple[list[str], list[Edge]]:
    """Return the tasks of a level that a specification has and nobody recorded, and the edges between all of them.

    A specification that was made from the recorded tasks has no others.
    """
    specified = spec.tasks_at([step.name for step in steps_of(level.path)])
    known = set(level.keys.values())
    missing = [name for name in specified if name not in known] if level.is_whole and not is_recorded else []
    known.update(missing)
    edges = [
        Edge(source, target, inputs[:EDGE_INPUTS_MAX])
        for target, task in specified.items()
        if target in known
        for source, inputs in task.waits_for.items()
        if source in known and source != target
    ]
    return missing, edges[:EDGES_MAX]
