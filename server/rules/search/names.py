"""Rows whose names are looked through, kind by kind: each newest first along an index, from where a page ended."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from server.rules.lineage.graph import ARTIFACT, EXPERIMENT, RUN, TASK
from server.rules.search.matching import Matcher, Node
from storage.contract import ReadTx
from storage.lineage import TaskNode
from storage.record import record
from storage.search import After, Along, TasksFrom

FIRST_ROWS = 100
ROWS = 500
"""How many rows are read at once, the first time and then."""
SLOW_ROWS = 64
"""How many are read at once where more has to be looked up of each."""
TASKS_OF_RUN = 50
RUNS_WITH_TASKS = 16
"""How many tasks of each of how many runs are read at once."""

FIRST_TIME = -(2**63)
_RUN_RANK, _ARTIFACT_RANK, _EXPERIMENT_RANK = range(3)


class NamePosition(NamedTuple):
    """A row that has been looked through: newest first, of equal times by kind; a run comes before its tasks.

    Times are in microseconds. Of a task it is the position of its run, and in this that of the task.
    """

    created_at: int
    rank: int = -1
    id: str = ""
    task_created_at: int = FIRST_TIME
    task_id: str = ""


@record
class Step:
    """A row that was looked through, and the node if it is meant."""

    position: NamePosition
    found: Node | None


@record
class _TasksOf:
    """Tasks of a run that are still to be read, after the one whose position this is."""

    position: NamePosition
    is_known: bool
    """Whether the run is known to be meant."""


class Source:
    """The rows of one kind."""

    rank: int

    def __init__(self, tx: ReadTx, matcher: Matcher, after: NamePosition) -> None:
        self._tx, self._reads = tx, tx.search
        self._matcher, self._question = matcher, matcher.question
        query = self._question.query
        self._rows = SLOW_ROWS if query.metrics or self._has_tasks() else ROWS
        self._limit = min(FIRST_ROWS, self._rows)
        self._is_done = False
        self._buffer: deque[Step | _TasksOf] = deque()
        if self.rank == after.rank:
            self._after = After(after.created_at, after.id)
        else:
            # At the same time, later kinds are still to come.
            self._after = After(after.created_at + (self.rank > after.rank >= 0))

    def has_to_read(self) -> bool:
        """Return whether the next row is not known yet."""
        return not self._is_done if not self._buffer else isinstance(self._buffer[0], _TasksOf)

    def head(self) -> Step | None:
        """Return the next row; None if all have been looked through, or the next one is not known yet."""
        first = self._buffer[0] if self._buffer else None
        return first if isinstance(first, Step) else None

    def drop(self) -> None:
        """Go on behind the next row."""
        self._buffer.popleft()

    async def read(self) -> None:
        """Read the next rows."""
        rows = await self._next(self._limit)
        self._is_done = len(rows) < self._limit
        self._limit = self._rows
        if rows:
            self._after = After(rows[-1].created_at, rows[-1].id)
            await self._add(rows)

    def _has_tasks(self) -> bool:
        return False

    async def _next(self, limit: int) -> Sequence[Node]:
        raise NotImplementedError

    async def _add(self, rows: Sequence[Node]) -> None:
        words = self._matcher.words
        # What was found by its id or uri came before.
        candidates = [row for row in rows if words.are_of(row) and not words.name(row)]
        fitting = await self._matcher.fitting(candidates) if candidates else set()
        for row in rows:
            self._buffer.append(Step(self._position(row), row if row.id in fitting else None))

    def _position(self, row: Node) -> NamePosition:
        return NamePosition(row.created_at, self.rank, row.id)


class Artifacts(Source):
    """Artifacts."""

    rank = _ARTIFACT_RANK

    async def _next(self, limit: int) -> Sequence[Node]:
        question = self._question
        return await self._reads.artifacts(question.namespace, after=self._after, since=question.since, limit=limit)


class Experiments(Source):
    """Experiments."""

    rank = _EXPERIMENT_RANK

    async def _next(self, limit: int) -> Sequence[Node]:
        return await self._reads.experiments(after=self._after, since=self._question.since, limit=limit)


class Runs(Source):
    """Runs, each followed by its tasks if tasks are wanted."""

    rank = _RUN_RANK

    def __init__(self, tx: ReadTx, matcher: Matcher, after: NamePosition) -> None:
        super().__init__(tx, matcher, after)
        if self._has_tasks() and after.rank == self.rank:
            self._buffer.append(_TasksOf(after, is_known=False))

    async def read(self) -> None:
        """Read tasks of runs that are waiting for them, otherwise the next runs."""
        if self._buffer:
            await self._read_tasks()
        else:
            await super().read()

    def _has_tasks(self) -> bool:
        return TASK in self._question.named

    async def _next(self, limit: int) -> Sequence[Node]:
        along, value = self._along()
        return await self._reads.runs(along, value, after=self._after, since=self._question.since, limit=limit)

    def _along(self) -> tuple[Along, str]:
        query, namespace = self._question.query, self._question.namespace
        for ids, along in ((self._matcher.pipelines, Along.PIPELINE), (self._matcher.experiments, Along.EXPERIMENT)):
            if len(ids) == 1:
                return along, next(iter(ids))
        if namespace is not None:
            return Along.NAMESPACE, namespace
        return (Along.STATE, query.state) if query.state else (Along.CREATED, "")

    async def _add(self, rows: Sequence[Node]) -> None:
        if not self._has_tasks():
            await super()._add(rows)
            return
        words, is_wanted = self._matcher.words, RUN in self._question.named
        fitting = await self._matcher.fitting(rows)
        for row in rows:
            is_found = is_wanted and row.id in fitting and words.are_of(row) and not words.name(row)
            self._buffer.append(Step(self._position(row), row if is_found else None))
            if row.id in fitting:
                self._buffer.append(_TasksOf(self._position(row), is_known=True))

    async def _read_tasks(self) -> None:
        waiting = [each for each in self._buffer if isinstance(each, _TasksOf)][:RUNS_WITH_TASKS]
        known = [each for each in waiting if each.is_known or await self._still_fits(each.position.id)]
        # A run that has more than that is read alone then.
        per_run = ROWS if len(waiting) == 1 else TASKS_OF_RUN
        froms = [
            TasksFrom(each.position.id, After(each.position.task_created_at, each.position.task_id)) for each in known
        ]
        tasks_of = await self._reads.tasks_of_runs(froms, per_run=per_run)
        buffer: deque[Step | _TasksOf] = deque()
        for each in self._buffer:
            if not isinstance(each, _TasksOf) or each not in waiting:
                buffer.append(each)
                continue
            steps = self._steps(each.position, tasks_of.get(each.position.id, ()))
            buffer.extend(steps)
            if len(steps) == per_run:
                buffer.append(_TasksOf(steps[-1].position, is_known=True))
        self._buffer = buffer

    def _steps(self, run: NamePosition, tasks: Sequence[TaskNode]) -> list[Step]:
        words = self._matcher.words
        steps = []
        for task in tasks:
            is_found = self._matcher.is_here(task) and words.are_of(task) and not words.name(task)
            position = NamePosition(run.created_at, run.rank, run.id, task.created_at, task.id)
            steps.append(Step(position, task if is_found else None))
        return steps

    async def _still_fits(self, run_id: str) -> bool:
        found = list((await self._reads.runs_by_id([run_id])).values())
        return bool(await self._matcher.fitting(found))


def sources(tx: ReadTx, matcher: Matcher, after: NamePosition) -> list[Source]:
    """Return the rows that may be meant, from after a position on."""
    question = matcher.question
    query, kinds = question.query, question.named
    chosen: list[type[Source]] = []
    if query.type is None and kinds & {RUN, TASK}:
        chosen.append(Runs)
    if ARTIFACT in kinds:
        chosen.append(Artifacts)
    if EXPERIMENT in kinds and query.type is None and not (query.state or query.pipeline or query.metrics):
        chosen.append(Experiments)
    return [each(tx, matcher, after) for each in chosen]
