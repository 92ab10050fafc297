"""What an import would take from rows that it wrote before, by removing, emptying or renaming them. Loader, import and dry run
call this.

An update empties a row when a value that Lineal has would be gone: a column would be NULL, an empty text or document, or say
no more than "unknown"; a document (parameters, metadata, …) would lack an entry, or an entry its value. It renames a row when
a name, key, URI or scope path, or what the row belongs to, would be another one. A row can be both. All other changes are the
progress of a source that is in use: states, times, other values, more entries.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrations.mlmd.mapping.artifacts import STATE
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome, Tally
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
"""By what rows of a kind are known, and what they belong to."""

_GROUPS = {"experiment_id": Kind.EXPERIMENT, "pipeline_id": Kind.PIPELINE, "pipeline_version_id": Kind.VERSION}
"""What clients may delete from above a row; the row then belongs to what bears the name now, and has lost nothing."""

_UNKNOWN: Mapping[tuple[Kind, str], Any] = {
    (Kind.RUN, "state"): RunState.RUNTIME_STATE_UNSPECIFIED.name,
    (Kind.TASK, "state"): int(TaskState.RUNTIME_STATE_UNSPECIFIED),
    (Kind.ARTIFACT, "type"): int(ArtifactType.Artifact),
    (Kind.LINK, "iteration"): NO_ITERATION,
}
"""What stands in columns that are never empty when the source says nothing."""

_DOCUMENTS = {
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
"""The columns of JSON, and how many levels of objects in them are Lineal's; what is below is a value of the user's."""

_NOT_COUNTED = ("logical_key", "uri_hash")
"""Keys move from task to task, and go when two tasks share one; a hash goes with its URI."""

_OF_THE_STATE = ("finished_at", "state_history", "cache_fingerprint")
"""What a change of the state may take along: a run that is tried again has not ended, and its tasks cannot be reused."""

_LABELS_OF_ENTRIES = ("parameterKey", "type", "state")
"""By what the entries of a list are told apart: parameters by key, pods by type, a history by state."""

_EMPTY = (None, "")

_PLACES_OF_LINK = [SHAPES[Kind.LINK].names.index(name) for name in ("task_id", "key", "artifact_id")]

_VERBS = {Outcome.REMOVED: "remove", Outcome.EMPTIED: "empty", Outcome.RENAMED: "rename or move"}

Changed = Mapping[str, tuple[Any, Any]]
"""The columns of a row that an update changes: what is in them, and what would be."""


@dataclass(frozen=True, slots=True)
class Damage:
    """The ids of rows that updates would empty, and of those that they would rename."""

    emptied: Collection[str] = ()
    renamed: Collection[str] = ()


async def damage_of(ledger: Ledger, kind: Kind, before: Mapping[str, Row], after: Mapping[str, Row]) -> Damage:
    """Return what updates would do to the rows in `before`; `after` holds all rows that the source has of the kind."""
    if not before:
        return Damage()
    swapped = _swapped(before, after) if kind is Kind.LINK else set()
    changes = {id: _changes(kind, row, after[id]) for id, row in before.items() if id not in swapped}
    deleted = await _deleted_groups(ledger, changes.values())
    emptied, renamed = [], []
    for id, found in changes.items():
        kept = {name: (was, now) for name, (was, now) in found.items() if (name, was) not in deleted}
        if empties(kind, kept):
            emptied.append(id)
        if renames(kind, kept):
            renamed.append(id)
    return Damage(emptied, renamed)


def empties(kind: Kind, changed: Changed) -> bool:
    """Say whether a change of a row's columns takes a value away."""
    skipped = (*_NOT_COUNTED, *_OF_THE_STATE) if "state" in changed else _NOT_COUNTED
    return any(_lacks(kind, name, was, now) for name, (was, now) in changed.items() if name not in skipped)


def renames(kind: Kind, changed: Changed) -> bool:
    """Say whether a change of a row's columns gives it another name or place."""
    pairs = [changed[name] for name in _NAMES[kind] if name in changed]
    return any(was not in _EMPTY and now not in _EMPTY for was, now in pairs)


def damage_words(tally: Tally) -> str:
    """Return what an import would do to which rows, such as "remove 2 tasks and empty 3 runs"; "" when there is no damage."""
    parts = []
    for outcome, verb in _VERBS.items():
        counts = [f"{count} {label}" for kind, label in LABELS.items() if (count := tally.count(kind, outcome))]
        if counts:
            parts.append(f"{verb} {_listed(counts, ' and ')}")
    return _listed(parts, ", and " if any(" and " in part for part in parts) else " and ")


def _listed(words: list[str], last: str) -> str:
    return last.join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _link(row: Row) -> Row:
    return tuple(row[place] for place in _PLACES_OF_LINK)


def _swapped(before: Mapping[str, Row], after: Mapping[str, Row]) -> set[str]:
    """Return links whose task keeps the artifact under the key by another link: a new metric of an artifact moves their ids."""
    linked = {_link(row) for row in after.values()}
    return {id for id, row in before.items() if _link(row) != _link(after[id]) and _link(row) in linked}


def _changes(kind: Kind, before: Row, after: Row) -> Changed:
    columns = zip(SHAPES[kind].names, before, after, strict=True)
    return {name: (was, now) for name, was, now in columns if was != now}


async def _deleted_groups(ledger: Ledger, changes: Iterable[Changed]) -> set[tuple[str, str]]:
    """Return what rows belonged to and is no longer in the store, by column and id."""
    former: dict[str, set[str]] = {name: set() for name in _GROUPS}
    for changed in changes:
        for name in _GROUPS.keys() & changed.keys():
            former[name].add(changed[name][0])
    deleted = set[tuple[str, str]]()
    for name, ids in former.items():
        deleted.update((name, id) for id in ids - await ledger.present(_GROUPS[name], ids))
    return deleted


def _lacks(kind: Kind, name: str, was: Any, now: Any) -> bool:
    if name in _DOCUMENTS:
        return bool(_entries(name, was) - _entries(name, now))
    return was not in _EMPTY and (now in _EMPTY or now == _UNKNOWN.get((kind, name)))


def _entries(name: str, text: str | None) -> Counter[tuple[str, ...]]:
    """Return the entries of a document: the path of each, and once more the path of each that has a value."""
    entries = Counter(_paths(json.loads(text) if text else None, _DOCUMENTS[name]))
    if name == "metadata":
        # An artifact that is published is no longer pending.
        return Counter({path: times for path, times in entries.items() if path[:1] != (STATE,)})
    return entries


def _paths(plain: Any, levels: int) -> Iterator[tuple[str, ...]]:
    if levels and isinstance(plain, list):
        for entry in plain:
            label = next((str(entry[name]) for name in _LABELS_OF_ENTRIES if entry.get(name)), "")
            yield from ((label, *path) for path in ((), *_paths(entry, levels)))
    elif levels and isinstance(plain, dict):
        for key, value in plain.items():
            yield from ((key, *path) for path in ((), *_paths(value, levels - 1)))
    elif plain not in (None, "", [], {}):
        yield ()
