"""Compares the largest values of the source with what a statement of the store may hold.

Only some databases have such a limit, and columns whose type cannot hold as much are not looked at. The others are read once,
without sending a value.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.foreign_tables import ForeignTable
from storage.sql.dialects.inquiry import Inquiry, Surroundings

ESCAPED = 2
"""How many bytes of a statement one of a value may take: quotes and ends of lines are escaped."""

MEBIBYTE = 1024 * 1024

_VALUES = ("string_value", "byte_value", "proto_value")

OF_MLMD: Mapping[str, Sequence[str]] = {
    "artifact": ("uri",),
    "artifactproperty": _VALUES,
    "executionproperty": _VALUES,
    "contextproperty": _VALUES,
}
OF_KFP: Mapping[str, Sequence[str]] = {
    "run_details": ("pipelinespecmanifest", "runtimeparameters", "statehistory", "description"),
    "pipeline_versions": ("pipelinespec", "description"),
    "pipelines": ("description",),
    "experiments": ("description",),
}
"""The columns with texts and bytes of any length, by table."""

_OWNERS = ("artifact_id", "execution_id", "context_id", "id", "uuid")


async def too_large(
    connection: AsyncConnection,
    inquiry: Inquiry,
    tables: Mapping[str, ForeignTable],
    columns: Mapping[str, Sequence[str]],
    store: Surroundings,
) -> list[str]:
    """Return a warning for each column with a value that may not fit into a statement of the store."""
    warnings = list[str]()
    if store.statement_bytes is None:
        return warnings
    limit = store.statement_bytes // ESCAPED
    for name, column_names in columns.items():
        table = tables[name]
        large = [one for one in column_names if table.has and await _may_exceed(connection, inquiry, table, one, limit)]
        if not large:
            continue
        lengths = select(*(func.max(inquiry.byte_length(table.column(one))) for one in large))
        for one, longest in zip(large, (await connection.execute(lengths)).one(), strict=True):
            if longest is not None and longest > limit:
                row = await _row(connection, inquiry, table, one)
                warnings.append(_sentence(f"{table.clause.name}.{table.columns[one]}", row, longest, store))
    return warnings


async def _may_exceed(
    connection: AsyncConnection, inquiry: Inquiry, table: ForeignTable, column: str, limit: int
) -> bool:
    if column not in table.columns:
        return False
    longest = await inquiry.longest_value(connection, table.clause.name, table.columns[column])
    return longest is None or longest > limit


async def _row(connection: AsyncConnection, inquiry: Inquiry, table: ForeignTable, column: str) -> str:
    """Return which row has the longest value of a column."""
    names = [one for one in _OWNERS if one in table.columns][:1]
    names += ["name"] if names and names[0] not in ("id", "uuid") else []
    length = inquiry.byte_length(table.column(column))
    longest = select(*(table[one] for one in names)).where(length.is_not(None)).order_by(length.desc()).limit(1)
    row = (await connection.execute(longest)).one()
    return ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))


def _sentence(column: str, row: str, longest: int, store: Surroundings) -> str:
    needed = -(-longest * ESCAPED // MEBIBYTE) + 1
    return (
        f"the largest value of {column} ({row}) has {longest} bytes, and {store.statement_setting} of the store, which is "
        f"{store.statement_bytes}, may not be enough for it; set {store.statement_setting} to {needed}M or more"
    )
