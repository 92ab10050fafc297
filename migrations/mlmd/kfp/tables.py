"""The tables of KFP's own database that an import reads, in all releases. `database` calls this.

Column names are matched case-insensitively, since KFP mixes cases; columns that a release lacks read as NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    column,
    inspect,
    select,
    table,
)

from migrations.mlmd.read.foreign_tables import ForeignTable, read_columns
from migrations.mlmd.vocabulary.errors import SourceRefused

NAMES = "names"

RUNS, EXPERIMENTS, PIPELINES, VERSIONS, CACHE = "run_details", "experiments", "pipelines", "pipeline_versions", "tasks"

_REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    RUNS: ("uuid", "name"),
    EXPERIMENTS: ("uuid", "name"),
    PIPELINES: ("uuid", "name"),
    VERSIONS: ("uuid", "pipelineid"),
    # The newest releases of KFP have another table of this name, without a column for MLMD.
    CACHE: ("runuuid", "fingerprint", "mlmdexecutionid"),
}


@dataclass(frozen=True, slots=True)
class KfpTable(ForeignTable):
    """One table, which is treated as absent without the required columns."""

    def select(self, *names: str) -> Select[Any]:
        """Select columns by name."""
        return select(*(self[name] for name in names)).select_from(self.clause)

    def named(self, name: str) -> ColumnElement[bool]:
        """Return the condition that a column is among the bound NAMES."""
        return self.column(name).in_(bindparam(NAMES, type_=String(), expanding=True))


def read_tables(connection: Connection, label: str) -> dict[str, KfpTable]:
    """Return the tables by name. Raises SourceRefused for a database without KFP's runs."""
    actual_names = {name.lower(): name for name in inspect(connection).get_table_names()}
    tables = {
        name: _table(connection, actual_names.get(name), name, columns) for name, columns in _REQUIRED_COLUMNS.items()
    }
    if not tables[RUNS].has:
        raise SourceRefused(f"KFP's database {label} is not a database of KFP: it lacks the table {RUNS}")
    return tables


def _table(connection: Connection, actual: str | None, name: str, required_columns: tuple[str, ...]) -> KfpTable:
    if actual is None:
        return KfpTable(table(name), {}, False)
    columns = read_columns(connection, actual)
    return KfpTable(
        table(actual, *map(column, columns.values())), columns, all(one in columns for one in required_columns)
    )
