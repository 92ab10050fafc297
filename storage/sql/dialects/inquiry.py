"""What a database says of itself and its surroundings: its clock, its limits, where it is, who imports. One subclass per kind.

The importer asks before it writes, and `lineal-server doctor`. Nothing is changed.
"""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.record import record


@record
class Surroundings:
    """What a database said; None and "" stand for what it did not say."""

    now: float | None = None
    """The time by the clock of its machine, in seconds since 1970."""
    statement_bytes: int | None = None
    """How large a statement may be, values included."""
    statement_setting: str = ""
    """What its operator sets to change that."""
    folder: str = ""
    """The folder with its data, on its own machine."""


class Inquiry:
    """Asks one kind of database."""

    folder: str = ""
    """The folder with the data, if that is known without asking."""
    growth: ClassVar[float] = 1.0
    """How much space rows of an import take with their indexes, compared with a file: as measured with 20,000 executions."""

    async def surroundings(self, connection: AsyncConnection) -> Surroundings:
        """Return what the database says of its surroundings."""
        raise NotImplementedError

    async def is_importing(self, connection: AsyncConnection) -> bool:
        """Return whether some process holds the lock for imports into this database."""
        raise NotImplementedError

    def byte_length(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        """Return the length of a text or of bytes, in bytes."""
        return func.octet_length(column)

    async def longest_value(self, connection: AsyncConnection, table: str, column: str) -> int | None:
        """Return how many bytes a value of a column can have by its type, or at most has; None if that is not known."""
        return None
