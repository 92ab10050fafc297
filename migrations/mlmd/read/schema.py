"""MLMD's tables in every version of its schema, 0 to 10. The reader calls this.

1 adds MLMDEnv; 2 turns Type.is_artifact_type into type_kind; 3 adds contexts; 4 their ties to executions and artifacts; 5
states, names and times; 6 parents of types and contexts, type versions; 7 byte_value; 9 external_id; 10 proto_value and
bool_value. A column that a version lacks reads as NULL, a table as empty. Names are matched case-insensitively, since some
databases fold MLMD's names.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, column, inspect, select, table

from migrations.mlmd.read.foreign_tables import ForeignTable, read_columns
from migrations.mlmd.vocabulary.errors import SourceRefused

NEWEST = 10

_ENV, _VERSION = "mlmdenv", "schema_version"
_FIRST_TABLES = ("type", "artifact", "execution", "event")

ARTIFACT_KIND, EXECUTION_KIND, CONTEXT_KIND = 1, 0, 2

VALUE_COLUMNS = ("int_value", "double_value", "string_value", "byte_value", "proto_value", "bool_value")


class Schema:
    """The tables of one store."""

    def __init__(self, version: int, tables: Mapping[str, ForeignTable]) -> None:
        self.version = version
        self._tables = tables

    def __getitem__(self, name: str) -> ForeignTable:
        return self._tables[name]

    @property
    def has_runs(self) -> bool:
        """Whether the version can assign executions to contexts."""
        return all(self[name].has for name in ("context", "association"))

    @property
    def type_kind(self) -> ColumnElement[Any]:
        """The kind of a type; before version 2 there were only artifacts and executions, distinguished by a flag."""
        types = self["type"]
        return types["type_kind"] if "type_kind" in types.columns else types["is_artifact_type"].label("type_kind")


_TABLES: Mapping[str, tuple[str, ...]] = {
    "type": ("id", "name"),
    "artifact": ("id", "type_id", "uri"),
    "artifactproperty": ("artifact_id", "name", "is_custom_property"),
    "execution": ("id", "type_id"),
    "executionproperty": ("execution_id", "name", "is_custom_property"),
    "event": ("id", "artifact_id", "execution_id", "type"),
    "eventpath": ("event_id", "is_index_step", "step_index", "step_key"),
    "context": ("id", "type_id", "name"),
    "contextproperty": ("context_id", "name", "is_custom_property"),
    "association": ("id", "context_id", "execution_id"),
    "attribution": ("id", "context_id", "artifact_id"),
    "parentcontext": ("context_id", "parent_context_id"),
}
"""The tables that are read, with the columns that every version of them has."""


def read_schema(connection: Connection, label: str) -> Schema:
    """Return the schema of a store. Raises SourceRefused for a database without MLMD's tables and for a newer version."""
    inspector = inspect(connection)
    names = {name.lower(): name for name in inspector.get_table_names()}
    if any(name not in names for name in _FIRST_TABLES):
        raise SourceRefused(f"the source {label} is not an MLMD store: it lacks MLMD's tables")
    version = _version(connection, names)
    if version > NEWEST:
        raise SourceRefused(
            f"the source {label} has MLMD's schema version {version}, but only versions up to {NEWEST} are supported"
        )
    tables = {}
    for name, required_columns in _TABLES.items():
        actual = names.get(name)
        columns = read_columns(connection, actual) if actual is not None else {}
        if actual is not None and any(column_name not in columns for column_name in required_columns):
            raise SourceRefused(f"the source {label} is not an MLMD store: its table {actual} has different columns")
        clause = table(actual or name, *(column(item) for item in columns.values()))
        tables[name] = ForeignTable(clause, columns, actual is not None)
    return Schema(version, tables)


def _version(connection: Connection, names: Mapping[str, str]) -> int:
    if _ENV not in names:
        return 0
    env = table(names[_ENV], column(_VERSION))
    versions = [row[0] for row in connection.execute(select(env.c[_VERSION]))]
    numbers = [version for version in versions if isinstance(version, int)]
    # Without the row that has its version, a store is read according to the columns of its tables.
    return max(numbers, default=NEWEST)
