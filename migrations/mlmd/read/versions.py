"""What an MLMD store has in each version of its schema, 0 to 10. `schema` calls this.

1 adds MLMDEnv; 2 turns Type.is_artifact_type into type_kind; 3 adds contexts; 4 their ties to executions and artifacts; 5
states, names and times; 6 parents of types and contexts, type versions; 7 byte_value; 9 external_id; 10 proto_value and
bool_value. Columns that are never read are not listed.
"""

from collections.abc import Iterable, Mapping

NEWEST = 10

ENV, VERSION = "MLMDEnv", "schema_version"

FIRST_TABLES = ("Type", "Artifact", "Execution", "Event")
"""The tables without which there is nothing to read."""

SIGNS = (ENV, "ArtifactProperty", "ExecutionProperty", "ContextProperty", "EventPath", "ParentContext", "ParentType")
"""Tables whose names no other program is likely to use."""

_VALUES = {"int_value": 0, "double_value": 0, "string_value": 0, "byte_value": 7, "proto_value": 10, "bool_value": 10}
_TIMES = {"create_time_since_epoch": 5, "last_update_time_since_epoch": 5}

COLUMNS: Mapping[str, Mapping[str, int]] = {
    "Type": {"id": 0, "name": 0, "is_artifact_type": 0, "type_kind": 2, "version": 6},
    "TypeProperty": {"type_id": 0},
    "ParentType": {"type_id": 6},
    "Artifact": {"id": 0, "type_id": 0, "uri": 0, "state": 5, "name": 5, **_TIMES, "external_id": 9},
    "Execution": {"id": 0, "type_id": 0, "last_known_state": 5, "name": 5, **_TIMES, "external_id": 9},
    "Context": {"id": 3, "type_id": 3, "name": 3, **_TIMES},
    "ArtifactProperty": {"artifact_id": 0, "name": 0, "is_custom_property": 0, **_VALUES},
    "ExecutionProperty": {"execution_id": 0, "name": 0, "is_custom_property": 0, **_VALUES},
    "ContextProperty": {"context_id": 3, "name": 3, "is_custom_property": 3, **_VALUES},
    "Event": {"id": 0, "artifact_id": 0, "execution_id": 0, "type": 0, "milliseconds_since_epoch": 0},
    "EventPath": {"event_id": 0, "is_index_step": 0, "step_index": 0, "step_key": 0},
    "ParentContext": {"context_id": 6, "parent_context_id": 6},
    "Association": {"id": 4, "context_id": 4, "execution_id": 4},
    "Attribution": {"id": 4, "context_id": 4, "artifact_id": 4},
    ENV: {VERSION: 1},
}
"""The columns of each table, with the version that added them; the table is as old as its first one."""

_UNTIL = {"is_artifact_type": 1}
"""The last version that has a column."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "Type": ("id", "name"),
    "Artifact": ("id", "type_id", "uri"),
    "ArtifactProperty": ("artifact_id", "name", "is_custom_property"),
    "Execution": ("id", "type_id"),
    "ExecutionProperty": ("execution_id", "name", "is_custom_property"),
    "Event": ("id", "artifact_id", "execution_id", "type"),
    "EventPath": ("event_id", "is_index_step", "step_index", "step_key"),
    "Context": ("id", "type_id", "name"),
    "ContextProperty": ("context_id", "name", "is_custom_property"),
    "Association": ("id", "context_id", "execution_id"),
    "Attribution": ("id", "context_id", "artifact_id"),
    "ParentContext": ("context_id", "parent_context_id"),
}
"""The tables that are read, with the columns that conditions use; without one of these, a table cannot be read at all."""


def is_in(version: int, table: str, column: str = "") -> bool:
    """Return whether a version of the schema has a table, or a column."""
    first = max(COLUMNS[table][column], _first_of(table)) if column else _first_of(table)
    return first <= version <= _UNTIL.get(column, NEWEST)


def version_of(columns: Mapping[str, Iterable[str]]) -> int:
    """Return the oldest version that has all columns that a store was found to have, by table: the least that it can be."""
    versions = (
        max(COLUMNS[table][one], _first_of(table))
        for table, names in columns.items()
        for one in names
        if one in COLUMNS[table]
    )
    return max(versions, default=0)


def _first_of(table: str) -> int:
    return next(iter(COLUMNS[table].values()))
