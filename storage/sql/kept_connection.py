"""A connection that a thread keeps from one transaction to the next, with BEGIN and COMMIT executed by the driver itself.

Taking a connection from SQLAlchemy's pool, beginning, ending and giving it back takes as long as reading a task. For SQLAlchemy
the transaction on a kept connection never ends. Called by the threads on which transactions run.
"""

import contextlib
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage.sql.prepared import driver_error

SAVEPOINT = "one_of_a_group"


class KeptConnection:
    """A connection of an engine that begins no transactions by itself; opened when it is needed. `begin` is the statement."""

    def __init__(self, engine: Engine, *, begin: str) -> None:
        self._engine, self._begin = engine, begin
        dbapi: Any = engine.dialect.loaded_dbapi
        self.error: type[Exception] = dbapi.Error
        """The root of the driver's errors."""
        self._has_begun = self._is_unusable = False
        self.sql: Any = None
        """SQLAlchemy's connection, of which only the methods that execute may be called; None while there is none."""
        self.driver: Any = None
        """The driver's connection, None while there is none."""
        self.listeners: Any = ()
        """Who listens to the statements of the engine, and is to be told what the driver executes."""
        self.is_in_use = False
        """Whether a callback has the connection, or its transaction has not ended."""

    def open(self) -> None:
        """Open the connection if there is none; raises as connecting does."""
        if self.sql is None:
            connection = self._engine.connect()
            self.listeners = connection.dispatch.before_cursor_execute
            self.sql, self.driver = connection, connection.connection.driver_connection

    @property
    def has_begun(self) -> bool:
        """Whether a transaction was begun and has not been ended here."""
        return self._has_begun

    @property
    def is_lost(self) -> bool:
        """Whether the transaction has come to nothing: after some errors the database rolls it back by itself, as a whole."""
        return self._has_begun and (self._is_unusable or not self.driver.in_transaction)

    def begin(self) -> None:
        """Begin a transaction; raises DBAPIError."""
        self._execute(self._begin)
        self._has_begun = True

    def save(self) -> None:
        """Begin a part of the transaction that can be undone; raises DBAPIError."""
        self._execute(f"SAVEPOINT {SAVEPOINT}")

    def release(self, *, undo: bool) -> None:
        """End the part, and undo it if asked to. Where that fails, the transaction is lost."""
        try:
            if undo:
                self._execute(f"ROLLBACK TO {SAVEPOINT}")
            self._execute(f"RELEASE {SAVEPOINT}")
        except (DBAPIError, MemoryError):
            self._is_unusable = True

    def commit(self) -> None:
        """Commit the transaction if one has begun; raises DBAPIError, after which the connection must be dropped."""
        if self._has_begun:
            for listener in self.sql.dispatch.commit:
                listener(self.sql)
            self._execute("COMMIT")
            self._has_begun = False

    def roll_back(self) -> None:
        """End the use of the connection, and roll its transaction back if there is one; a connection that cannot is dropped."""
        self.is_in_use = False
        if not self._has_begun:
            return
        if self._is_unusable:
            self.drop()
            return
        self._has_begun = False
        try:
            if self.driver.in_transaction:
                self.driver.execute("ROLLBACK")
        except (self.error, MemoryError):
            self.drop()

    def drop(self) -> None:
        """Close the connection, whatever its transaction has come to; the next transaction opens another."""
        connection, self.sql, self.driver = self.sql, None, None
        self._has_begun = self._is_unusable = False
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, self.error):
                connection.invalidate()
            connection.close()

    def _execute(self, text: str) -> None:
        try:
            self.driver.execute(text)
        except self.error as error:
            raise driver_error(text, error) from error
