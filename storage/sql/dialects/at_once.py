"""Writes that are one statement, which is a transaction by itself and its own COMMIT. Dialects of servers have one of these classes.

Such a statement waits for no lock: how long that takes is others' affair, and whoever leaves meanwhile would not know what became of
it. It leaves out what is locked, or fails; then nothing has happened, and the same is done in a transaction, which can wait.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from sqlalchemy import ColumnElement, Select, Table
from sqlalchemy.sql.dml import Insert

from storage.contract import Lock


class WritesAtOnce(ABC):
    """How a server is told not to wait."""

    prefix: ClassVar[str] = ""
    """What each statement begins with."""

    @abstractmethod
    def insert(self, table: Table) -> Insert:
        """Return an INSERT; a row whose unique key is taken is skipped, or raises an error that says so."""

    @abstractmethod
    def held(self, rows: Select[tuple[str]], lock: Lock) -> Select[tuple[str]]:
        """Return a statement that locks the rows it selects, but for those that others have locked."""

    @abstractmethod
    def free(self, table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return a condition on rows that are to be changed, so that those are left out which others have locked."""
