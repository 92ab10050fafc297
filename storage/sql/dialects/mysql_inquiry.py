"""What MySQL and MariaDB say of themselves. The dialect calls this."""

from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.inquiry import Inquiry, Surroundings

_SURROUNDINGS = text(
    "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), @@global.max_allowed_packet, @@datadir"
)
_LOCK = text("SELECT IS_USED_LOCK(CONCAT('lineal-import-', SHA1(DATABASE()))) IS NOT NULL")
_LONGEST = text(
    "SELECT character_octet_length FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :column"
)


class MySQLInquiry(Inquiry):
    """Asks the server."""

    growth: ClassVar[float] = 1.7

    async def surroundings(self, connection: AsyncConnection) -> Surroundings:
        """A session takes its limit from the global one when it begins."""
        microseconds, packet_bytes, folder = (await connection.execute(_SURROUNDINGS)).one()
        return Surroundings(int(microseconds) / 1e6, int(packet_bytes), "max_allowed_packet", str(folder))

    async def is_importing(self, connection: AsyncConnection) -> bool:
        """The lock's name contains the database, because names are server-wide."""
        return bool((await connection.execute(_LOCK)).scalar())

    async def longest_value(self, connection: AsyncConnection, table: str, column: str) -> int | None:
        """By the column's type. Sizes of tables do not help: the server's figures may be a day old."""
        longest = (await connection.execute(_LONGEST, {"table": table, "column": column})).scalar()
        return None if longest is None else int(longest)
