"""Tables of other programs, whose versions differ in columns. `schema` (MLMD's tables) and `kfp.tables` (KFP's) build on this.

Column names are matched case-insensitively, since databases and programs mix cases; columns that a version lacks read as NULL.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, TableClause, null, select, table, text

from storage.record import record


@record
class ForeignTable:
    """One table with the names in the database; `has` says whether it exists."""

    clause: TableClause
    columns: Mapping[str, str]
    has: bool

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        """Return a column, or NULL if it is missing."""
        actual = self.columns.get(name)
        return null().label(name) if actual is None else self.clause.c[actual].label(name)

    def column(self, name: str) -> ColumnElement[Any]:
        """Return a column that every version of this table has, for use in conditions."""
        return self.clause.c[self.columns[name]]


def read_columns(connection: Connection, name: str) -> dict[str, str]:
    """Return the columns of a table: their names in lower case, and as the database has them."""
    # Read from the table itself: SQLAlchemy's inspector fails on types that only MLMD's schema has.
    nothing = select(text("*")).select_from(table(name)).where(text("1 = 0"))
    names = connection.execute(nothing).keys()
    return {name.lower(): name for name in names}
