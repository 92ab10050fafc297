"""Finds out which tables and columns of another program's database this user can read. `schema` and `kfp.tables` call this.

Databases hide from a user what he may not read, or list it all the same. Therefore everything is tried, with statements that
return no row.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Select, column, inspect, select, table, text
from sqlalchemy.exc import DBAPIError

from migrations.mlmd.read.foreign_tables import ForeignTable, read_columns
from migrations.mlmd.vocabulary.lacks import Cause, Lack

NO_ROW = text("1 = 0")

Forbids = Callable[[DBAPIError], bool]
"""Returns whether the database refused a statement because the user lacks a right; raises errors that say nothing of it."""


class Probe:
    """Reads tables, and notes what is missing of them."""

    def __init__(self, connection: Connection, forbids: Forbids, first_tables: Sequence[str]) -> None:
        self._connection = connection
        self._forbids = forbids
        self._names = {name.lower(): name for name in inspect(connection).get_table_names()}
        # Some databases fold the names of all tables.
        self._folds = any(self._names.get(name.lower()) == name.lower() for name in first_tables)

    def has(self, name: str) -> bool:
        """Return whether the database lists a table, in whatever case."""
        return name.lower() in self._names

    def read(self, name: str, columns: Sequence[str], keys: Sequence[str]) -> tuple[ForeignTable, list[Lack]]:
        """Return a table, and what is lacking of the given columns; without its keys, the table counts as absent.

        Names are matched case-insensitively; `name` and `columns` are spelled as their program does.
        """
        actual = self._names.get(name.lower()) or (name.lower() if self._folds else name)
        found, lacks = self._columns(name, actual, columns)
        is_whole = all(key.lower() in found for key in keys)
        return ForeignTable(table(actual, *map(column, found.values())), found, is_whole), lacks

    def _columns(self, name: str, actual: str, columns: Sequence[str]) -> tuple[dict[str, str], list[Lack]]:
        is_listed = self.has(name)
        cause = None if is_listed else self._refusal(actual, text("1"))
        if cause is not None:
            return {}, [Lack(name, Cause.HIDDEN if cause is Cause.FORBIDDEN else cause)]
        try:
            with self._connection.begin_nested():
                found = read_columns(self._connection, actual)
            causes = {one: Cause.MISSING for one in columns if one.lower() not in found}
        except DBAPIError as error:
            if not self._forbids(error):
                raise
            causes = {one: why for one in columns if (why := self._refusal(actual, column(one))) is not None}
            found = {one.lower(): one for one in columns if one not in causes}
        if not found and Cause.FORBIDDEN in causes.values():
            return {}, [Lack(name, Cause.FORBIDDEN)]
        return found, [Lack(name, cause, one) for one, cause in causes.items()]

    def _refusal(self, actual: str, what: object) -> Cause | None:
        statement: Select[tuple[object]] = select(what).select_from(table(actual)).where(NO_ROW)  # type: ignore[call-overload]
        try:
            with self._connection.begin_nested():
                self._connection.execute(statement)
        except DBAPIError as error:
            return Cause.FORBIDDEN if self._forbids(error) else Cause.MISSING
        return None
