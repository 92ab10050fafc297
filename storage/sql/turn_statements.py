"""The statements of one turn, executed by the driver itself. SqlStore gives this to the tables' files where transactions run on threads."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement

from storage.sql.prepared import PreparedStatements, Rows, Values, announce, driver_error
from storage.sql.thread_turns import TurnConnection


class TurnStatements:
    """Executes statements that somebody holds by their text; what has no values was built for one call, and is SQLAlchemy's."""

    def __init__(self, turn: TurnConnection, statements: PreparedStatements) -> None:
        self._turn, self._statements = turn, statements

    async def execute(self, statement: ClauseElement, values: Values | Sequence[Values] | None = None) -> Any:
        """Execute a statement with values, or with each of several.

        Raises DBAPIError, as SQLAlchemy does, and CancelledError when the caller has left.
        """
        if values is None:
            return await self._turn.execute(statement)
        kept = self._turn.begun()
        driver = kept.driver
        if type(values) is dict or isinstance(values, Mapping):  # which takes a microsecond to find out
            prepared = self._statements.of(statement, values)
            text, arguments = prepared.bind(values)
            if kept.listeners:
                announce(kept.sql, text, arguments)
            try:
                cursor = driver.execute(text, arguments)
                return Rows(prepared.rows(cursor.fetchall()), cursor.rowcount)
            except kept.error as error:
                raise driver_error(text, error) from error
        if not values:
            return Rows([])
        text, all_arguments = self._statements.bind_many(statement, values)
        announce(kept.sql, text, all_arguments)
        try:
            return Rows([], driver.executemany(text, all_arguments).rowcount)
        except kept.error as error:
            raise driver_error(text, error) from error
