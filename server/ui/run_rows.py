"""The tasks of a level as rows of a table: bars of their durations, squares for iterations, and what they wait for."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from server.ui.filters import duration, moment, state_word
from server.ui.visit import Visit
from storage.record import record

BAR_WIDTH = 100
"""How wide the drawing of bars is; a bar is at least 1 wide."""

INDENTS = 8
"""Rows deeper than this are not moved further to the right."""

SQUARES_MIN = 8
"""How many iterations a loop shows at least, on a page with many."""

FAILED_SQUARES = 8
"""How many iterations that failed a loop shows in addition to its first."""


@record
class Bar:
    """From where to where a task lasted, in parts of BAR_WIDTH."""

    x: str
    width: str


@record
class Cell:
    """An iteration as a square."""

    index: int
    state: str
    label: str
    address: str
    is_current: bool


@record
class Row:
    """A task of a level. `waits_for` has the keys of tasks that it waits for, with names of inputs; `group` leads into it."""

    task: Any
    indent: int
    duration: str
    bar: Bar | None
    cells: Sequence[Cell]
    cells_left: int
    waits_for: Mapping[str, Sequence[str]]
    group: str

    @property
    def sources(self) -> str:
        """The keys of the tasks that it waits for, as JSON for scripts."""
        return json.dumps(list(self.waits_for))

    @property
    def states(self) -> str:
        """The states of its iterations, as JSON for scripts."""
        return json.dumps([cell.state for cell in self.cells])


def rows_of(visit: Visit, level: Any, *, squares_max: int) -> list[Row]:
    """Return the rows of a level of GetRunLevel, with at most about so many squares together."""
    waits_for: dict[str, dict[str, Sequence[str]]] = {}
    for edge in level.edges:
        waits_for.setdefault(edge.target, {})[edge.source] = list(edge.inputs)
    spans = [_span(task, visit.now) for task in level.tasks]
    known = [span for span in spans if span is not None]
    start, end = min((span[0] for span in known), default=None), max((span[1] for span in known), default=None)
    loops = sum(task.HasField("iterations") for task in level.tasks)
    squares = max(squares_max // loops, SQUARES_MIN) if loops else 0
    rows = []
    for task, span in zip(level.tasks, spans, strict=True):
        cells = cells_of(visit, task.iterations, task.task_id, at_most=squares) if task.HasField("iterations") else ()
        is_group = task.task_id and (task.folded or cells or task.type in _GROUPS)
        rows.append(
            Row(
                task=task,
                indent=min(task.depth, INDENTS),
                duration=_duration(task, visit.now),
                bar=_bar(span, start, end),
                cells=cells,
                cells_left=max(0, task.iterations.count - len(cells)),
                waits_for=waits_for.get(task.key, {}) if task.key else {},
                group=level_address(visit, task.task_id) if is_group else "",
            )
        )
    return rows


_GROUPS = ("DAG", "LOOP", "CONDITION", "CONDITION_BRANCH", "EXIT_HANDLER", "ROOT")


def level_address(visit: Visit, task_id: str, iteration: int | None = None) -> str:
    """Return the address of the level that is in a task, or in an iteration of a loop."""
    return visit.changed(level=task_id, iteration=iteration, page=None) + "#tasks"


def cells_of(visit: Visit, iterations: Any, loop_id: str, *, at_most: int | None = None) -> list[Cell]:
    """Return squares for the first iterations of a loop, and for the first that failed of those after them."""
    shown = list(iterations.shown)
    if at_most is not None and len(shown) > at_most:
        failed = [each for each in shown[at_most:] if each.state == "FAILED"]
        shown = [*shown[:at_most], *failed[:FAILED_SQUARES]]
    selected = iterations.selected if iterations.HasField("selected") else None
    return [
        Cell(
            index=each.index,
            state=each.state,
            label=f"Iteration {each.index}: {state_word(each.state).lower()}",
            address=level_address(visit, loop_id, each.index),
            is_current=each.index == selected,
        )
        for each in shown
    ]


def _span(task: Any, now: datetime) -> tuple[datetime, datetime] | None:
    start = moment(task.started_at) or moment(task.created_at)
    end = moment(task.finished_at) or (now if task.state == "RUNNING" else start)
    return None if start is None or end is None else (start, max(start, end))


def _duration(task: Any, now: datetime) -> str:
    start = task.started_at if task.HasField("started_at") else task.created_at
    if task.HasField("finished_at"):
        return duration(start, task.finished_at)
    return f"{duration(start, now)} so far" if task.state == "RUNNING" else "–"


def _bar(span: tuple[datetime, datetime] | None, start: datetime | None, end: datetime | None) -> Bar | None:
    if span is None or start is None or end is None or end <= start:
        return None
    scale = BAR_WIDTH / (end - start).total_seconds()
    width = max(1.0, (span[1] - span[0]).total_seconds() * scale)
    x = min((span[0] - start).total_seconds() * scale, BAR_WIDTH - width)
    return Bar(f"{max(0.0, x):.2f}", f"{width:.2f}")
