"""Writes that are one statement, which is a transaction by itself and its own COMMIT. Dialects of servers have one of these classes.

Such a statement waits for no lock: how long that takes is others' affair, and whoever leaves meanwhile would not know what became of
it. It leaves out what is locked, or fails; then nothing has happened, and the same is done in a transaction, which can wait.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from sqlalchemy import ColumnElement, Select, Table, and_, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.util import ClauseAdapter

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
