"""The damage that an import could do to rows that it wrote before, by removing, emptying or renaming them.

Planning calls this: a true-up keeps what would be damaged, and an import with --prune counts it.

An update empties a row if a value that Lineal has would be lost: a column would become NULL, an empty text or document, or
"unknown"; a document (parameters, metadata, …) would lose an entry, or an entry its value. It renames a row if a name, key,
URI or scope path would change, or what the row belongs to. A row can be both emptied and renamed. All other changes are
normal for a source that is in use: states, times, other values, more entries.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from migrations.mlmd.mapping.artifacts import STATE
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome, Tally
from migrations.mlmd.write.union import NOTHING, Label
from storage.documents.histories import HistoryEntry
from storage.documents.parameters import Parameter
from storage.documents.plain import compact
from storage.documents.tasks import Pod
from storage.model import NO_ITERATION, ArtifactType, RunState, TaskState

_NAMES: Mapping[Kind, Collection[str]] = {
    Kind.EXPERIMENT: ("namespace", "name"),
    Kind.PIPELINE: ("namespace", "name", "display_name"),
    Kind.VERSION: ("pipeline_id", "name", "display_name"),
    Kind.SPEC: (),
    Kind.RUN: ("namespace", "experiment_id", "pipeline_id", "pipeline_version_id", "display_name"),
    Kind.TASK: ("namespace", "run_id", "parent_task_id", "name", "display_name", "scope_path"),
    Kind.ARTIFACT: ("namespace", "name", "uri"),
    Kind.LINK: ("run_id", "task_id", "artifact_id", "key"),
}
"""The columns with names of a row, and those with what it belongs to."""

_GROUPS = {"experiment_id": Kind.EXPERIMENT, "pipeline_id": Kind.PIPELINE, "pipeline_version_id": Kind.VERSION}
"""What clients may delete although rows belong to it; such a row then belongs to what has the name now, which is no damage."""

_UNKNOWN: Mapping[tuple[Kind, str], Any] = {
    (Kind.RUN, "state"): RunState.RUNTIME_STATE_UNSPECIFIED.name,
    (Kind.TASK, "state"): int(TaskState.RUNTIME_STATE_UNSPECIFIED),
    (Kind.ARTIFACT, "type"): int(ArtifactType.Artifact),
    (Kind.LINK, "iteration"): NO_ITERATION,
}
"""The values of columns that are never empty, when the source has none."""

DOCUMENTS = {
    "runtime_config": 2,
    "plugins_input": 1,
    "state_history": 1,
    "pods": 1,
    "status_metadata": 2,
    "type_attributes": 1,
    "input_parameters": 1,
    "output_parameters": 1,
    "metadata": 1,
    "producer": 1,
}
"""The JSON columns, and how many levels of objects in them are Lineal's; everything below is a user's value."""

_NOT_COUNTED = ("logical_key", "uri_hash")
"""Keys move between tasks, and are dropped when two tasks share one; a hash changes with its URI."""

OF_THE_STATE = ("finished_at", "state_history", "cache_fingerprint")
"""What a change of the state may empty: a run that is retried has not ended, and its tasks cannot be reused."""

ENTRY_LABELS: Mapping[str, Label] = {
    "state_history": HistoryEntry.label,
    "pods": Pod.label,
    "input_parameters": Parameter.label,
    "output_parameters": Parameter.label,
}
"""The columns of lists, and what identifies an entry: the key of a parameter, the type of a pod, the state of a history."""

_EMPTY = (None, "")
_NAME_OF_METRIC = frozenset({"name"})

_PLACES_OF_LINK = [SHAPES[Kind.LINK].names.index(name) for name in ("task_id", "key", "artifact_id")]

DAMAGE_PERCENT = 1
"""How much of the rows that an import has it may remove, empty and rename without --yes."""

_VERBS = {Outcome.REMOVED: "remove", Outcome.EMPTIED: "empty", Outcome.RENAMED: "rename or move"}

ColumnChanges = Mapping[str, tuple[Any, Any]]
"""The columns of a row that an update changes, each with its value before and after the update."""


async def damage_of(
    ledger: Ledger, kind: Kind, before: Mapping[str, Row], after: Mapping[str, Row]
) -> dict[Outcome, list[str]]:
    """Return the ids of the rows in `before` that updates would empty, that they would rename, and of both together.

    `after` holds all rows that the source has of the kind.
    """
    moves = _moves(before, after) if kind is Kind.LINK else set()
    changes_by_id = {id: column_changes(kind, row, after[id]) for id, row in before.items() if id not in moves}
    deleted = await deleted_groups(ledger, changes_by_id.values())
    damage: dict[Outcome, list[str]] = {Outcome.EMPTIED: [], Outcome.RENAMED: [], Outcome.DAMAGED: []}
    for id, all_changes in changes_by_id.items():
        changes = {name: pair for name, pair in all_changes.items() if (name, pair[0]) not in deleted}
        outcomes = [Outcome.EMPTIED] * empties(kind, changes) + [Outcome.RENAMED] * renames(kind, changes)
        for outcome in (*outcomes, *[Outcome.DAMAGED] * bool(outcomes)):
            damage[outcome].append(id)
    return damage


def empties(kind: Kind, changes: ColumnChanges) -> bool:
    """Return whether changes of a row's columns remove a value."""
    return bool(emptied_columns(kind, changes))


def renames(kind: Kind, changes: ColumnChanges) -> bool:
    """Return whether changes of a row's columns give it another name or place."""
    return bool(renamed_columns(kind, changes))


def emptied_columns(kind: Kind, changes: ColumnChanges) -> set[str]:
    """Return the columns that lose a value, or an entry of their document."""
    omissions = (*_NOT_COUNTED, *OF_THE_STATE) if "state" in changes else _NOT_COUNTED
    return {name for name, pair in changes.items() if name not in omissions and _lacks(kind, name, *pair)}


def renamed_columns(kind: Kind, changes: ColumnChanges) -> set[str]:
    """Return the columns in which a row gets another name or place."""
    names = {name for name in _NAMES[kind] if name in changes}
    if kind is Kind.ARTIFACT and changes.get("number_value", (0,))[0] is None:
        # What gets its first number becomes a metric, which has the name of its number.
        names -= _NAME_OF_METRIC
    return {name for name in names if all(value not in _EMPTY for value in changes[name])}


def lost_columns(kind: Kind, changes: ColumnChanges) -> set[str]:
    """Return the columns that lose a value, an entry, a name or a place."""
    return emptied_columns(kind, changes) | renamed_columns(kind, changes)


def column_changes(kind: Kind, before: Row, after: Row) -> ColumnChanges:
    """Return the columns in which two rows of a kind differ."""
    columns = zip(SHAPES[kind].names, before, after, strict=True)
    changes = {name: (old, new) for name, old, new in columns if old != new}
    if kind is Kind.RUN and changes.get("display_name", ("",))[0] == before[0]:
        # A run of KFP v2 has its id as name while the source does not have its pipeline.
        changes["display_name"] = "", changes["display_name"][1]
    return changes


def object_without(text: str | None, name: str) -> str | None:
    """Return the text of an object without one of its entries."""
    plain = json.loads(text) if text else None
    if not isinstance(plain, dict) or name not in plain:
        return text
    return compact({key: value for key, value in plain.items() if key != name})


def damage_words(tally: Tally) -> str:
    """Return the damage in words, such as "remove 2 tasks and empty 3 runs"; "" without damage."""
    parts = []
    for outcome, verb in _VERBS.items():
        counts = [f"{count} {label}" for kind, label in LABELS.items() if (count := tally.count(kind, outcome))]
        if counts:
            parts.append(f"{verb} {_enumeration(counts, ' and ')}")
    return _enumeration(parts, ", and " if any(" and " in part for part in parts) else " and ")


def damage_share(tally: Tally, imported_count: int) -> str:
    """Return the damage in words, with its share of the rows that the import has."""
    count = tally.damage()
    share = 100 * count / max(imported_count, 1)
    return f"{damage_words(tally)}: {count} of {imported_count} rows, {share:.1f} %"


def damage_limit(imported_count: int) -> int:
    """Return how many rows an import may remove, empty and rename without being asked for that number."""
    return imported_count * DAMAGE_PERCENT // 100


def _enumeration(words: list[str], last: str) -> str:
    return last.join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _link(row: Row) -> Row:
    return tuple(row[place] for place in _PLACES_OF_LINK)


def _moves(before: Mapping[str, Row], after: Mapping[str, Row]) -> set[str]:
    """Return the links that only move to another id: an artifact that gets another metric moves the ids of its links."""
    links = {_link(row) for row in after.values()}
    return {id for id, row in before.items() if _link(row) != _link(after[id]) and _link(row) in links}


async def deleted_groups(ledger: Ledger, all_changes: Iterable[ColumnChanges]) -> set[tuple[str, str]]:
    """Return what rows belonged to but is no longer in the store, by column and id."""
    former_ids: dict[str, set[str]] = {name: set() for name in _GROUPS}
    for changes in all_changes:
        for name in _GROUPS.keys() & changes.keys():
            former_ids[name].add(changes[name][0])
    groups = set[tuple[str, str]]()
    for name, ids in former_ids.items():
        groups.update((name, id) for id in ids - await ledger.present(_GROUPS[name], ids))
    return groups


def _lacks(kind: Kind, name: str, before: Any, after: Any) -> bool:
    if name in DOCUMENTS:
        return bool(_entries(name, before) - _entries(name, after))
    return before not in _EMPTY and (after in _EMPTY or after == _UNKNOWN.get((kind, name)))


def _entries(name: str, text: str | None) -> Counter[tuple[str, ...]]:
    """Return how often each path is an entry of a document; an entry with a value is counted twice."""
    entries = Counter(_paths(json.loads(text) if text else None, DOCUMENTS[name], ENTRY_LABELS.get(name, no_label)))
    if name == "metadata":
        # The state of an artifact is dropped when it is published.
        return Counter({path: times for path, times in entries.items() if path[:1] != (STATE,)})
    return entries


def no_label(_: Mapping[str, Any]) -> str:
    """Return the label of an entry that has none."""
    return ""


def _paths(plain: Any, levels: int, label_of: Label) -> Iterator[tuple[str, ...]]:
    if levels and isinstance(plain, list):
        for entry in plain:
            label = label_of(entry)
            yield from ((label, *path) for path in ((), *_paths(entry, levels, label_of)))
    elif levels and isinstance(plain, dict):
        for key, value in plain.items():
            yield from ((key, *path) for path in ((), *_paths(value, levels - 1, label_of)))
    elif plain not in NOTHING:
        yield ()
