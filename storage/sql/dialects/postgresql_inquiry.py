"""What PostgreSQL says of itself. The dialect calls this."""

from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.inquiry import Inquiry, Surroundings

# Users without the right to see the folder get no row, where SHOW would be an error.
_SURROUNDINGS = text(
    "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8,"
    " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')"
)
_LOCK = text(
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks JOIN pg_catalog.pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND datname = current_database() AND objsubid = 1"
    " AND (classid::bigint << 32) + objid::bigint = :key)"
)


class PostgreSQLInquiry(Inquiry):
    """Asks the server, which takes values of up to 1 GiB; the lengths of values are known without reading them."""

    growth: ClassVar[float] = 1.3

    def __init__(self, import_lock_key: int) -> None:
        self._key = import_lock_key

    async def surroundings(self, connection: AsyncConnection) -> Surroundings:
        """The clock at this moment, not that of the transaction's beginning."""
        now, folder = (await connection.execute(_SURROUNDINGS)).one()
        return Surroundings(now, folder=folder or "")

    async def is_importing(self, connection: AsyncConnection) -> bool:
        """A key of 64 bits is shown in two halves."""
        return bool((await connection.execute(_LOCK, {"key": self._key})).scalar())
