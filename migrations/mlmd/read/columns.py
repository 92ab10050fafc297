"""Statements over lists of ids, and the values in the rows that they return. The readers call this."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.schema import VALUE_COLUMNS
from migrations.mlmd.read.text_repair import repaired
from migrations.mlmd.vocabulary.rows import PropertyRow
from migrations.mlmd.vocabulary.values import integer_of

ID_CHUNK = 5000
"""How many ids one statement lists, as literals: databases limit the number of bound values and the length of a statement."""

IDS = "ids"


class Texts:
    """Reads columns of text, and repairs texts that were encoded twice."""

    def __init__(self, *, repair: bool) -> None:
        self.repairs = repair
        self._repair: Callable[[str], str] = repaired if repair else lambda text: text

    def text(self, raw: object) -> str | None:
        """Return a text column, None for NULL."""
        if raw is None:
            return None
        if isinstance(raw, str):
            return self._repair(raw)
        return raw.decode(errors="surrogateescape") if isinstance(raw, bytes) else str(raw)

    def text_or_empty(self, raw: object) -> str:
        """Return a text column, "" for NULL."""
        return self.text(raw) or ""

    def properties(self, table: ForeignTable) -> "PropertyReader":
        """Return the reader of a table of properties."""
        return PropertyReader(self, table)


class PropertyReader:
    """Reads one of the three tables of properties."""

    def __init__(self, texts: Texts, table: ForeignTable) -> None:
        self._texts = texts
        self.table = table

    def columns(self, owner: str) -> list[ColumnElement[Any]]:
        """Return the columns to select, the owner's id first."""
        names = (owner, "name", "is_custom_property", *VALUE_COLUMNS)
        return [self.table[name] for name in names]

    def group(self, rows: Iterable[Sequence[Any]]) -> dict[int, list[PropertyRow]]:
        """Return properties by their owner's id."""
        text, text_or_empty, repairs = self._texts.text, self._texts.text_or_empty, self._texts.repairs
        grouped: dict[int, list[PropertyRow]] = {}
        for owner, name, custom, integer, double, string, raw, proto, boolean in rows:
            # Most rows of a store are properties, and most texts are as they should be.
            value = string if type(string) is str and not repairs else text(string)
            key = name if type(name) is str and not repairs else text_or_empty(name)
            row = PropertyRow(key, bool(custom), integer, double, value, raw, proto, boolean)
            grouped.setdefault(owner, []).append(row)
        return grouped


def with_ids(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a column is among the ids of `fetch`."""
    return column.in_(bindparam(IDS, type_=BigInteger(), expanding=True, literal_execute=True))


async def fetch(connection: AsyncConnection, statement: Select[Any], ids: Sequence[int]) -> list[Sequence[Any]]:
    """Return the rows of a statement with the condition `with_ids`, sent once per ID_CHUNK ids."""
    rows: list[Sequence[Any]] = []
    for start in range(0, len(ids), ID_CHUNK):
        result = await connection.execute(statement, {IDS: list(ids[start : start + ID_CHUNK])})
        rows.extend(result.all())
    return rows


def integer(raw: object) -> int:
    """Return a number column, 0 for NULL and for anything that is not a number."""
    return raw if type(raw) is int else integer_of(raw) or 0
