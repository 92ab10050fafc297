"""Many rows of a table that are written at once. A dialect has one of these; the tables' files call it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
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
    union_all,
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

JOINED_CHARACTERS = 1_000_000
"""How much text goes into one statement that updates several rows."""

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


class JoinedRows(ManyRows):
    """MariaDB and MySQL get one UPDATE for several rows, joined with their values; their drivers send one for each row otherwise.

    `lengths` are the numbers of rows for which there are statements: the last row is repeated up to the next of them. What has more
    text than JOINED_CHARACTERS is sent row by row, since a statement must not become too large.
    """

    def __init__(self, insert_or_skip: Callable[[Table, Sequence[str]], Insert], lengths: Sequence[int]) -> None:
        super().__init__(insert_or_skip)
        self._lengths = lengths

    async def update(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """See ManyRows."""
        if len(rows) < 2 or _characters(rows) > JOINED_CHARACTERS:
            await super().update(connection, table, rows)
            return
        names, most = tuple(rows[0]), self._lengths[-1]
        for start in range(0, len(rows), most):
            some = list(rows[start : start + most])
            length = next(step for step in self._lengths if step >= len(some))
            some += some[-1:] * (length - len(some))
            statement = self._held((table, length, *names), partial(_joined, table, names, length))
            values = {f"{name}_{place}": row[name] for place, row in enumerate(some) for name in names}
            await connection.execute(statement, values)


def _joined(table: Table, names: Sequence[str], length: int) -> Update:
    types = {name: table.c.id.type if name == ROW_ID else table.c[name].type for name in names}
    rows = [
        select(*(bindparam(f"{name}_{place}", type_=types[name]).label(name) for name in names))
        for place in range(length)
    ]
    wanted = union_all(*rows).subquery("wanted")
    changed = {table.c[name]: wanted.c[name] for name in names if name != ROW_ID}
    return update(table).where(table.c.id == wanted.c[ROW_ID]).values(changed)


def _characters(rows: Sequence[Row]) -> int:
    return sum(len(value) for row in rows for value in row.values() if isinstance(value, str))


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
