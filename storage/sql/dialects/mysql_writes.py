"""How MariaDB and MySQL write at once, and many rows. The dialect hands these to the tables' files."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from sqlalchemy import ColumnElement, Insert, Select, Table, Update, bindparam, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Lock
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.dialects.many_rows import ROW_ID, ManyRows, Row

JOINED_CHARACTERS = 1_000_000
"""How much text goes into one statement that updates several rows."""


class FailingWhenLocked(WritesAtOnce):
    """MariaDB gives a statement up that would wait. MySQL, for which this is a comment, waits for as long as in a transaction."""

    prefix: ClassVar[str] = "/*M! SET STATEMENT innodb_lock_wait_timeout=0 FOR */ "

    def insert(self, table: Table) -> Insert:
        """See WritesAtOnce."""
        return insert(table)

    def held(self, rows: Select[tuple[str]], lock: Lock) -> Select[tuple[str]]:
        """See WritesAtOnce."""
        return rows.with_for_update(read=lock is Lock.SHARE)

    def free(self, table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """See WritesAtOnce."""
        return condition


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
            statement = self.held((table, length, *names), partial(_joined, table, names, length))
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
