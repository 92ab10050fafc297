"""How PostgreSQL writes at once, and many rows. The dialect hands these to the tables' files."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy import column as named
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.util import ClauseAdapter

from storage.contract import Lock
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.dialects.many_rows import ROW_ID, ManyRows, Row, changed_names, element_type, pieces


class SkippingLocked(WritesAtOnce):
    """PostgreSQL leaves out rows that are locked, where it is told to lock them."""

    def insert(self, table: Table) -> Insert:
        """See WritesAtOnce."""
        return postgresql.insert(table).on_conflict_do_nothing()

    def held(self, rows: Select[tuple[str]], lock: Lock) -> Select[tuple[str]]:
        """See WritesAtOnce."""
        return rows.with_for_update(read=lock is Lock.SHARE, key_share=lock is Lock.UPDATE, skip_locked=True)

    def free(self, table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """The rows are locked by a subquery: an UPDATE itself would wait for them."""
        same = table.alias("same")
        rows = select(same.c.id).where(ClauseAdapter(same).traverse(condition))
        return and_(condition, table.c.id == self.held(rows, Lock.UPDATE).scalar_subquery())


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

        for some in pieces(rows):
            statement = self.held((table, "lists", *rows[0], None, *skipping), make)
            await connection.execute(statement, _values(some))

    async def update(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """See ManyRows."""
        if len(rows) < 2:
            await super().update(connection, table, rows)
            return

        def make() -> Update:
            wanted = _lists({ROW_ID: table.c.id, **{name: table.c[name] for name in changed_names(rows)}})
            values = {name: wanted.c[name] for name in changed_names(rows)}
            return update(table).where(table.c.id == wanted.c[ROW_ID]).values(values)

        for some in pieces(rows):
            statement = self.held((table, "lists", *rows[0]), make)
            await connection.execute(statement, _values(some))


def _list(name: str) -> str:
    # The name of a column is reserved for one value.
    return f"all_{name}"


def _lists(columns: Mapping[str, ColumnElement[Any]]) -> FromClause:
    arrays = [bindparam(_list(name), type_=ARRAY(element_type(column))) for name, column in columns.items()]
    return func.unnest(*arrays).table_valued(*map(named, columns), name="wanted").render_derived()


def _values(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {_list(name): [row[name] for row in rows] for name in rows[0]}
