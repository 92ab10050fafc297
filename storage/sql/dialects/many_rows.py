"""Many rows of a table that are written at once. A dialect has one of these; the tables' files call it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    String,
    Table,
    Update,
    bindparam,
    insert,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

WRITES_AT_ONCE = 2_000
"""How many rows are given to a driver at once, which prepares them in one piece; each further execution is a round trip."""

STATEMENTS_MAX = 256
"""How many statements are held; which columns change differs from one update to the next."""

ROW_ID = "row_id"
"""Under this name an update has the id of the row that it changes."""

Row = Mapping[str, Any]


def element_type(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """Return the type of a column, its length and order left out."""
    return String() if isinstance(column.type, String) else column.type


class ManyRows:
    """Writes rows that all have values for the same columns; without rows nothing is done. Statements are made once.

    The driver executes the statement of one row for each. `insert_or_skip` returns the one that skips rows.
    """

    def __init__(self, insert_or_skip: Callable[[Table, Sequence[str]], Insert]) -> None:
        self._insert_or_skip = insert_or_skip
        self._statements: dict[tuple[object, ...], Any] = {}

    async def insert(
        self, connection: AsyncConnection, table: Table, rows: Sequence[Row], skipping: Sequence[str] = ()
    ) -> None:
        """Insert rows; with `skipping`, leave out those whose unique key on these columns is taken."""

        def make() -> Insert:
            return self._insert_or_skip(table, skipping) if skipping else insert(table)

        for some in pieces(rows):
            statement = self.held((table, None, *skipping), make)
            await connection.execute(statement, some[0] if len(some) == 1 else some)

    async def update(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """Give existing rows, each found by its ROW_ID, other values."""

        def make() -> Update:
            values: dict[str, Any] = {name: bindparam(name) for name in changed_names(rows)}
            return update(table).where(table.c.id == bindparam(ROW_ID)).values(values)

        for some in pieces(rows):
            statement = self.held((table, *rows[0]), make)
            await connection.execute(statement, some[0] if len(some) == 1 else some)

    def held(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """Return the statement of a key, made when it is first asked for."""
        statement = self._statements.get(key)
        if statement is None:
            if len(self._statements) >= STATEMENTS_MAX:
                self._statements.clear()
            statement = self._statements[key] = make()
        return statement


def pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows, at most WRITES_AT_ONCE at a time."""
    for start in range(0, len(rows), WRITES_AT_ONCE):
        yield rows[start : start + WRITES_AT_ONCE]


def changed_names(rows: Sequence[Row]) -> list[str]:
    """Return the names of the columns that an update sets."""
    return [name for name in rows[0] if name != ROW_ID]
