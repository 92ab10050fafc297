"""What the store's database refuses in a batch that is written in parts: values, rows, and what belongs to these rows.

`writing` fills it, the writer of batches reads it. Refused rows are also noted in the store, so that verifying does not take
them for damage: in the table of imported rows, under the negative number of their kind.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.write.row_kinds import LABELS, Kind, Row
from storage.record import record
from storage.sql.tables import imported_rows

_IDS_PER_STATEMENT = 5000

SourceOf = Callable[[Kind, Row], str]
"""Returns what a row was in the source, for reports."""


def row_name(kind: Kind, row: Row) -> str:
    """Return the name of a row whose place in the source is not known."""
    return f"{LABELS[kind]} {row[0]}"


@record
class Refusals:
    """The refusals of one batch."""

    source_of: SourceOf = row_name
    findings: Findings = field(default_factory=lambda: Findings(None))
    absent: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    """The rows that are not written, because they, or what they belong to, are refused."""


@dataclass(slots=True)
class ReusedIds:
    """The rows of a batch whose ids were those of other rows when these were imported."""

    is_permitted: bool = True
    """Whether those that have not been imported yet may be imported under ids of their own."""
    findings: Findings = field(default_factory=lambda: Findings(None))
    new: str = ""
    """One that has not been imported yet, as a sentence."""

    def add(self, names: Sequence[str], new: str) -> None:
        """Count rows; `new` is one of them that has not been imported yet, as a sentence."""
        self.findings.add(Rule.IDS_REUSED, *names, count=len(names))
        self.new = self.new or new


async def refused_ids(connection: AsyncConnection, import_id: int, kind: Kind, ids: Collection[str]) -> set[str]:
    """Return the ids, among the given ones, of rows of which the database refused something."""
    refused = set[str]()
    for chunk in _chunks(ids):
        statement = select(imported_rows.c.row_id).where(_of(import_id, kind), imported_rows.c.row_id.in_(chunk))
        refused.update((await connection.execute(statement)).scalars())
    return refused


async def note_refused(connection: AsyncConnection, import_id: int, kind: Kind, ids: Collection[str]) -> set[str]:
    """Note rows of which the database refused something; returns those that were not noted yet."""
    new_ids = set(ids) - await refused_ids(connection, import_id, kind, ids)
    notes = [{"import_id": import_id, "kind": -kind, "row_id": id, "digest": 0} for id in sorted(new_ids)]
    if notes:
        await connection.execute(insert(imported_rows), notes)
    return new_ids


async def forget_refused(connection: AsyncConnection, import_id: int) -> None:
    """Remove the notes of an import, when it reads its source from the beginning, which makes them anew, or is undone."""
    columns = imported_rows.c
    await connection.execute(delete(imported_rows).where(columns.import_id == import_id, columns.kind < 0))


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    sorted_ids = sorted(ids)
    for start in range(0, len(sorted_ids), _IDS_PER_STATEMENT):
        yield sorted_ids[start : start + _IDS_PER_STATEMENT]


def _of(import_id: int, kind: Kind) -> ColumnElement[bool]:
    return (imported_rows.c.import_id == import_id) & (imported_rows.c.kind == -kind)
