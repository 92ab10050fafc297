"""Examines a database for `lineal-server doctor`: its settings, those of Lineal's sessions, and what its user may do.

Nothing is changed: what the user may do is tried with statements that find no row, which a database refuses all the same.
"""

from collections.abc import Iterator

from sqlalchemy import Executable, Table, delete, false, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.dialect import Dialect, Failure
from storage.sql.tables import metadata

_READING = "SELECT"


async def examine(connection: AsyncConnection, dialect: Dialect) -> list[str]:
    """Return one sentence for each thing that is wrong; the connection must be one for writing, without a transaction."""
    sentences = await dialect.problems(connection)
    try:
        if not await dialect.is_writable(connection):
            return [*sentences, "it takes no writes: it is a replica, or was made read-only"]
        return [*sentences, *await _missing_rights(connection, dialect)]
    except DBAPIError as error:
        if dialect.failure(error) is Failure.READ_ONLY:
            return [*sentences, f"it {dialect.why_refused(error)}"]
        raise


async def _missing_rights(connection: AsyncConnection, dialect: Dialect) -> list[str]:
    tables: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        for right, statement in _statements(table):
            if not await _may(connection, dialect, statement):
                tables.setdefault(right, []).append(table.name)
                if right == _READING:
                    break  # the others read too
    return [f"its user may not {right} on {', '.join(names)}" for right, names in tables.items()]


def _statements(table: Table) -> Iterator[tuple[str, Executable]]:
    nothing = select(*table.columns).where(false())
    first = next(iter(table.columns))
    yield _READING, nothing
    yield "INSERT", insert(table).from_select(list(table.columns), nothing)
    yield "UPDATE", update(table).values({first: first}).where(false())
    yield "DELETE", delete(table).where(false())


async def _may(connection: AsyncConnection, dialect: Dialect, statement: Executable) -> bool:
    try:
        # An error ends the transaction on some databases.
        async with connection.begin_nested() as savepoint:
            await connection.execute(statement)
            await savepoint.rollback()
    except DBAPIError as error:
        if dialect.failure(error) is not Failure.FORBIDDEN:
            raise
        return False
    return True
