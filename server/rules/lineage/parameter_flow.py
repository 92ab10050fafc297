"""Parameters as a flow of data from task to task, found in the documents of the runs that a walk comes to.

One statement a run, and one more where a task has no recorded inputs: those of importers are only in the specification.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from server.rules.lineage.recorded_tasks import RecordedTask, RecordedTasks
from server.rules.lineage.run_flow import Origin, RunFlow, TooManyJoins
from server.rules.lineage.spec_texts import SPEC_CHARACTERS_MAX
from server.rules.lineage.specified_inputs import lacks_inputs, origins_of
from storage.contract import ReadTx
from storage.errors import RowNotFound
from storage.model import TaskOutline
from storage.record import record
from storage.slices import in_slices

TASKS_MAX = 5_000
"""How many tasks a run may have for its parameters to be followed."""

CHARACTERS_MAX = 16 * 1024 * 1024
"""How long the parameters of all tasks of a run may be together for all of them to be followed."""


class ParameterEdge(NamedTuple):
    """A parameter that passed from one task to another: the key of the input, and the iteration of the source."""

    source: str
    target: str
    key: str
    iteration: int | None


@dataclass(slots=True)
class Followed:
    """Edges, and why there may be more: tasks in runs that are too large, with too many neighbours, or not reached in time."""

    edges: list[ParameterEdge] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    too_many: list[str] = field(default_factory=list)
    too_late: list[str] = field(default_factory=list)


@record
class _Run:
    """What passed in a run, None if that is not known; `is_whole` says whether it is all."""

    flow: RunFlow | None
    is_whole: bool


class ParameterFlow:
    """The runs that one walk has come to; each is read once."""

    def __init__(self, tx: ReadTx) -> None:
        self._tx = tx
        self._runs: dict[str, _Run] = {}

    async def follow(
        self, run_ids: Mapping[str, str], *, is_up: bool, limit: int, is_late: Callable[[], bool]
    ) -> Followed:
        """Return where the parameters of tasks came from, or went to, at most so many of each task.

        `run_ids` has the runs of the tasks by the tasks' ids.
        """
        found = Followed()
        for run_id in dict.fromkeys(run_ids.values()):
            task_ids = [task_id for task_id in run_ids if run_ids[task_id] == run_id]
            if is_late():
                found.too_late += task_ids
                continue
            if run_id not in self._runs:
                self._runs[run_id] = await self._read(run_id)
            run = self._runs[run_id]
            if not run.is_whole:
                found.too_large += task_ids
            if run.flow is not None:
                add = partial(_add_neighbours, found, run.flow, is_up=is_up, limit=limit)
                await in_slices(task_ids, add)
        return found

    async def _read(self, run_id: str) -> _Run:
        outlines = await self._tx.lineage.parameters_of_run(run_id, limit=TASKS_MAX + 1, characters=CHARACTERS_MAX)
        if len(outlines) > TASKS_MAX:
            return _Run(None, is_whole=False)
        tasks = RecordedTasks()
        await in_slices(outlines, tasks.add)
        await in_slices(outlines, tasks.place)
        origins, is_known = await self._origins(run_id, [*filter(lacks_inputs, tasks.by_id.values())])
        flow = RunFlow(tasks, origins)
        try:
            await in_slices(tasks.by_id.values(), flow.add)
        except TooManyJoins:
            return _Run(None, is_whole=False)
        return _Run(flow, is_whole=is_known and not any(map(_is_cut, outlines)))

    async def _origins(
        self, run_id: str, tasks: Sequence[RecordedTask]
    ) -> tuple[Mapping[str, Mapping[str, Origin]], bool]:
        """Return where inputs that are not recorded come from, and whether that is known."""
        if not tasks:
            return {}, True
        try:
            spec = (await self._tx.runs.get(run_id, with_spec=True)).pipeline_spec or ""
        except RowNotFound:
            spec = ""
        if len(spec) > SPEC_CHARACTERS_MAX:
            return {}, False
        return origins_of(spec, tasks) if spec else {}, True


def _is_cut(outline: TaskOutline) -> bool:
    return "" in (outline.input_parameters, outline.output_parameters)


def _add_neighbours(found: Followed, flow: RunFlow, task_id: str, *, is_up: bool, limit: int) -> None:
    neighbours = flow.neighbours(task_id, is_up=is_up, limit=limit + 1)
    if len(neighbours) > limit:
        found.too_many.append(task_id)
    for other, key, iteration in neighbours[:limit]:
        source, target = (other, task_id) if is_up else (task_id, other)
        found.edges.append(ParameterEdge(source, target, key, iteration))
