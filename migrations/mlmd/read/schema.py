"""MLMD's tables in every version of its schema. The reader calls this.

`versions` has what is in which version. A column that a version lacks reads as NULL, a table as empty; so does what the version
has and cannot be read, which `lacks` names: whoever imports must refuse that or say so. Names are matched case-insensitively,
since some databases fold MLMD's names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.probing import Probe
from migrations.mlmd.read.versions import COLUMNS, ENV, FIRST_TABLES, KEYS, NEWEST, SIGNS, VERSION, is_in, version_of
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.lacks import Lack, described

ARTIFACT_KIND, EXECUTION_KIND, CONTEXT_KIND = 1, 0, 2

VALUE_COLUMNS = ("int_value", "double_value", "string_value", "byte_value", "proto_value", "bool_value")


class Schema:
    """The tables of one store."""

    def __init__(self, version: int, tables: Mapping[str, ForeignTable], lacks: Sequence[Lack] = ()) -> None:
        self.version = version
        self.lacks = lacks
        """What this version has and cannot be read."""
        self.tables = tables
        """All tables that are read, by their name in lower case."""

    def __getitem__(self, name: str) -> ForeignTable:
        return self.tables[name]

    @property
    def has_runs(self) -> bool:
        """Whether the version can assign executions to contexts."""
        return all(self[name].has for name in ("context", "association"))

    @property
    def type_kind(self) -> ColumnElement[Any]:
        """The kind of a type; before version 2 there were only artifacts and executions, distinguished by a flag."""
        types = self["type"]
        return types["type_kind"] if "type_kind" in types.columns else types["is_artifact_type"].label("type_kind")


def read_schema(connection: Connection, database: Database) -> Schema:
    """Return the schema of a store.

    Raises SourceRefused for a database without MLMD's tables, for a newer version, and when a table cannot be read without which
    there is nothing to read.
    """
    probe = Probe(connection, database.forbids, FIRST_TABLES)
    if not all(map(probe.has, FIRST_TABLES)) and not any(map(probe.has, SIGNS)):
        hidden = "" if database.is_file else "shows this user no table of MLMD, or "
        raise SourceRefused(f"the source {database.label} {hidden}is not an MLMD store: it lacks MLMD's tables")
    tables, all_lacks = {}, list[Lack]()
    for name, columns in COLUMNS.items():
        tables[name.lower()], lacks = probe.read(name, tuple(columns), KEYS.get(name, tuple(columns)))
        all_lacks += lacks
    version = _version(connection, tables[ENV.lower()])
    if version is None:
        # Without the row that has its version, a store is read according to the columns of its tables.
        version = version_of({name: tables[name.lower()].columns for name in COLUMNS})
    if version > NEWEST:
        raise SourceRefused(
            f"the source {database.label} has MLMD's schema version {version}, but only versions up to {NEWEST} are supported"
        )
    schema = Schema(version, tables, [one for one in all_lacks if is_in(version, one.table, one.column)])
    for name in FIRST_TABLES:
        if schema[name.lower()].has:
            continue
        if version == 0 and probe.has(name) and not any(map(probe.has, SIGNS)):
            raise SourceRefused(
                f"the source {database.label} is not an MLMD store: its table {name} has different columns"
            )
        raise SourceRefused(
            f"{incomplete(database, schema)}; without {' and '.join(FIRST_TABLES)} nothing can be imported"
        )
    return schema


def incomplete(database: Database, schema: Schema) -> str:
    """Return the beginning of a sentence about a store that lacks something."""
    return f"the source {database.label}, of MLMD's schema version {schema.version}, is incomplete: {described(schema.lacks)}"


def _version(connection: Connection, env: ForeignTable) -> int | None:
    if not env.has:
        return None
    numbers = [row[0] for row in connection.execute(select(env[VERSION])) if isinstance(row[0], int)]
    return max(numbers, default=None)
