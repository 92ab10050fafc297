"""Many rows of a table that are written at once. A dialect has one of these; the tables' files call it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Insert,
    String,
    Table,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import column as named
from sqlalchemy.dialects import postgresql
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

        for some in _pieces(rows):
            statement = self._held((table, None, *skipping), make)
            await connection.execute(statement, some[0] if len(some) == 1 else some)

    async def update(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """Give existing rows, each found by its ROW_ID, other values."""

        def make() -> Update:
            values: dict[str, Any] = {name: bindparam(name) for name in _changed(rows)}
            return update(table).where(table.c.id == bindparam(ROW_ID)).values(values)

        for some in _pieces(rows):
            statement = self._held((table, *rows[0]), make)
            await connection.execute(statement, some[0] if len(some) == 1 else some)

    def _held(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        statement = self._statements.get(key)
        if statement is None:
            if len(self._statements) >= STATEMENTS_MAX:
                self._statements.clear()
            statement = self._statements[key] = make()
        return statement


class UnnestedRows(ManyRows):
    """PostgreSQL gets one statement with a list for each column, which costs it and the driver less than one for each row."""

    async def insert(
        self, connection: AsyncConnection, table: Table, rows: Sequence[Row], skipping: Sequence[str] = ()
    ) -> None:
        """See ManyRows."""
        if len(rows) < 2:
            await super().insert(connection, table, rows, skipping)
            return

        def make() -> Insert:
            wanted = _lists({name: table.c[name] for name in rows[0]})
            statement = postgresql.insert(table).from_select(list(rows[0]), select(wanted))
            keys = [table.c[key] for key in skipping]
            return statement.on_conflict_do_nothing(index_elements=keys) if keys else statement

        for some in _pieces(rows):
            statement = self._held((table, "lists", *rows[0], None, *skipping), make)
            await connection.execute(statement, _values(some))

    async def update(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """See ManyRows."""
        if len(rows) < 2:
            await super().update(connection, table, rows)
            return

        def make() -> Update:
            wanted = _lists({ROW_ID: table.c.id, **{name: table.c[name] for name in _changed(rows)}})
            values = {name: wanted.c[name] for name in _changed(rows)}
            return update(table).where(table.c.id == wanted.c[ROW_ID]).values(values)

        for some in _pieces(rows):
            statement = self._held((table, "lists", *rows[0]), make)
            await connection.execute(statement, _values(some))


def _pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), WRITES_AT_ONCE):
        yield rows[start : start + WRITES_AT_ONCE]


def _changed(rows: Sequence[Row]) -> list[str]:
    return [name for name in rows[0] if name != ROW_ID]


def _list(name: str) -> str:
    # The name of a column is reserved for one value.
    return f"all_{name}"


def _lists(columns: Mapping[str, ColumnElement[Any]]) -> FromClause:
    arrays = [bindparam(_list(name), type_=ARRAY(element_type(column))) for name, column in columns.items()]
    return func.unnest(*arrays).table_valued(*map(named, columns), name="wanted").render_derived()


def _values(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {_list(name): [row[name] for row in rows] for name in rows[0]}
