"""Merges a row of the import with the same row of the source, so that nothing is removed, emptied or renamed.

`plan` and verifying call this for rows that are as the import wrote them. `damage` decides for each column what would be lost;
what belongs together is kept together.
"""

from collections.abc import Collection, Mapping, Set
from typing import Any

from migrations.mlmd.mapping.artifacts import STATE
from migrations.mlmd.write.damage import (
    DOCUMENTS,
    ENTRY_LABELS,
    OF_THE_STATE,
    ColumnChanges,
    column_changes,
    lost_columns,
    no_label,
    object_without,
)
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.union import union
from storage.model import TaskType

_TOGETHER: Mapping[Kind, Collection[tuple[Set[str], Collection[str]]]] = {
    Kind.EXPERIMENT: [(frozenset({"name", "namespace"}), ("name", "namespace"))],
    Kind.PIPELINE: [(frozenset({"name", "namespace"}), ("name", "namespace"))],
    Kind.VERSION: [(frozenset({"name", "pipeline_id"}), ("name", "pipeline_id"))],
    Kind.SPEC: [],
    Kind.RUN: [(frozenset({"state"}), OF_THE_STATE)],
    Kind.TASK: [
        (frozenset({"state"}), OF_THE_STATE),
        (frozenset({"run_id", "parent_task_id", "scope_path", "name"}), ("logical_key",)),
    ],
    Kind.ARTIFACT: [(frozenset({"uri"}), ("uri_hash",)), (frozenset({"name"}), ("number_value",))],
    Kind.LINK: [],
}
"""If one of the first columns keeps its value, so do the others: unique names, keys, a metric's number, what a state implies."""

_FROM_TASKS = {"state", *OF_THE_STATE, "created_at", "started_at", "updated_at"}
"""What runs and groups get from the tasks within."""


def merged(
    kind: Kind,
    stored: Row,
    source: Row,
    deleted_groups: Set[tuple[str, str]] = frozenset(),
    *,
    keeps_state: bool = False,
) -> Row:
    """Return a stored row with everything that the source has, and what only the store has.

    `deleted_groups` is what rows belonged to but is no longer in the store, by column and id. With `keeps_state` the state of the
    row and its times stay, because the source has lost tasks from which they are derived. Merging the result with the same
    source gives the result.
    """
    changes = {
        name: pair
        for name, pair in column_changes(kind, stored, source).items()
        if (name, pair[0]) not in deleted_groups
    }
    lost = lost_columns(kind, changes)
    kept = _kept(kind, changes, {name for name in lost if name not in DOCUMENTS})
    kept |= _FROM_TASKS if keeps_state else set()
    values = dict(zip(SHAPES[kind].names, source, strict=True))
    for name in changes:
        before, after = changes[name]
        if name in kept:
            values[name] = before
        elif name in lost:
            values[name] = _united(name, before, after)
    return tuple(values.values())


def _kept(kind: Kind, changes: ColumnChanges, lost: set[str]) -> set[str]:
    """Return the columns that keep their value whole: those of which something would be lost, and what belongs to them."""
    kept = set(lost)
    for columns, others in _TOGETHER[kind]:
        if columns & lost:
            kept |= {name for name in others if name in changes}
    # A task that keeps its parent is no second root.
    if kind is Kind.TASK and "parent_task_id" in lost and changes.get("type", (0, 0))[1] == TaskType.ROOT:
        kept.add("type")
    return kept


def _united(name: str, before: Any, after: Any) -> Any:
    # The state of an artifact is dropped when it is published.
    stored = object_without(before, STATE) if name == "metadata" else before
    label = ENTRY_LABELS.get(name, no_label)
    return union(stored, after, levels=DOCUMENTS[name], label=label, is_sorted=name == "metadata")
