"""Cuts what is to be done with a batch into pieces, each of which is written in a transaction of its own.

A run is written as a whole, with its tasks, links and artifacts, unless it alone has more rows than a piece may have. Whatever is
cut, rows come after those that they refer to. The writer of batches calls this.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from enum import IntEnum

from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.refusals import SourceOf, row_name
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.tally import LEFT_ALONE, Outcome, Tally
from storage.record import record

_RUN_ID = {kind: SHAPES[kind].names.index("run_id") for kind in (Kind.TASK, Kind.LINK)}
_PARENT_TASK = SHAPES[Kind.TASK].names.index("parent_task_id")
_FIRST = -1


@record
class Plan:
    """What is to be done with the rows of a batch, by kind: parents before what refers to them; and what becomes of all its rows."""

    changes: Sequence[Changes]
    tally: Tally
    places: Mapping[str, int] = field(default_factory=dict)
    """The places of runs and artifacts in the order of the runs; without them, the batch has no runs."""
    source_of: SourceOf = row_name
    refused: Mapping[Kind, Collection[str]] = field(default_factory=dict)
    """Rows that are left out, because the store's database has refused what they belong to."""


class _Step(IntEnum):
    REMOVE = 0
    UPDATE = 1
    CREATE = 2


@record
class _Entry:
    """One row: the place of its run, the position of its kind, and what is to be done."""

    place: int
    position: int
    step: _Step
    id: str

    @property
    def order(self) -> tuple[int, ...]:
        """The order in which rows are written: what is removed first, before what it refers to; the rest after that."""
        if self.step is _Step.REMOVE:
            return self.place, 0, -self.position
        return self.place, 1, self.position, self.step


class Pieces:
    """The rest of a plan, from which pieces are taken."""

    def __init__(self, plan: Plan) -> None:
        self._changes = plan.changes
        entries = [
            _Entry(_place(plan, changes, id, row), position, step, id)
            for position, changes in enumerate(plan.changes)
            for step, ids in _steps(changes)
            for id, row in ids
        ]
        self._entries = sorted(entries, key=lambda entry: entry.order)
        self._next = 0

    def __len__(self) -> int:
        """Return how many rows are left."""
        return len(self._entries) - self._next

    def take(self, limit: int) -> list[Changes]:
        """Return the next rows, about as many as the limit at most."""
        end = self._end(self._next + limit)
        ids: dict[int, dict[_Step, list[str]]] = {}
        for entry in self._entries[self._next : end]:
            ids.setdefault(entry.position, {}).setdefault(entry.step, []).append(entry.id)
        self._next = end
        return [_part(self._changes[position], of_kind) for position, of_kind in sorted(ids.items())]

    def _end(self, end: int) -> int:
        """Return where the piece ends that may have this end: after the last run that it contains whole."""
        entries, start = self._entries, self._next
        if end >= len(entries):
            return len(entries)
        whole = next((at for at in range(end, start, -1) if entries[at].place != entries[at - 1].place), None)
        if whole is not None:
            return whole
        while end < len(entries) and self._is_bound(end):
            end += 1
        return end

    def _is_bound(self, at: int) -> bool:
        """Return whether a row must be written with the one before it: logical keys move between the tasks of a run."""
        entry, before = self._entries[at], self._entries[at - 1]
        is_of_tasks = self._changes[entry.position].kind is Kind.TASK
        return is_of_tasks and entry.step is _Step.UPDATE and entry.order == before.order


def _steps(changes: Changes) -> Sequence[tuple[_Step, Collection[tuple[str, Row | None]]]]:
    return (
        (_Step.REMOVE, [(id, changes.before.get(id)) for id in changes.removals]),
        (_Step.UPDATE, changes.updates.items()),
        (_Step.CREATE, (_parents_first if changes.kind is Kind.TASK else dict)(changes.new_rows).items()),
    )


def _parents_first(tasks: Mapping[str, Row]) -> dict[str, Row]:
    """Return tasks, each after the one that it is within: if that one is refused, it is left out too."""
    ordered: dict[str, Row] = {}
    for id in tasks:
        chain: dict[str, Row] = {}
        while id in tasks and id not in ordered and id not in chain:
            chain[id] = tasks[id]
            id = tasks[id][_PARENT_TASK]
        ordered.update(reversed(chain.items()))
    return ordered


def _place(plan: Plan, changes: Changes, id: str, row: Row | None) -> int:
    """Return the place of a row's run: the first for specifications and lost rows, the last for rows of no run of the batch."""
    if changes.kind is Kind.SPEC or row is None:
        return _FIRST
    owner = row[_RUN_ID[changes.kind]] if changes.kind in _RUN_ID else id
    return plan.places.get(owner, len(plan.places))


def _part(changes: Changes, ids: Mapping[_Step, list[str]]) -> Changes:
    removals, updates, creations = (ids.get(step, []) for step in _Step)
    outcomes: dict[Outcome, Collection[str]] = {
        Outcome.CREATED: creations,
        Outcome.UPDATED: updates,
        Outcome.REMOVED: removals,
    }
    written = {*removals, *updates}
    for outcome, all_ids in changes.outcomes.items():
        if outcome not in outcomes and outcome not in LEFT_ALONE:
            outcomes[outcome] = [id for id in all_ids if id in written]
    return replace(
        changes,
        new_rows={id: changes.new_rows[id] for id in creations},
        updates={id: changes.updates[id] for id in updates},
        removals=removals,
        outcomes=outcomes,
        before={id: changes.before[id] for id in written if id in changes.before},
    )
