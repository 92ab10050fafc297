"""asyncmy as the driver of MySQL and MariaDB: compiled, and several times as fast as one in pure Python."""

from asyncio import BaseTransport
from typing import Any, ClassVar

import asyncmy
from asyncmy.errors import MySQLError, OperationalError

from storage.sql.dialects.mysql_driver import MySQLDriver


class Asyncmy(MySQLDriver):
    """See MySQLDriver."""

    name: ClassVar[str] = "mysql+asyncmy"
    error: ClassVar[type[Exception]] = MySQLError

    def password(self, text: str) -> bytes:
        """As bytes, since the driver would write it in Latin-1."""
        return text.encode()

    async def connect(self, **arguments: Any) -> Any:
        """See MySQLDriver."""
        return await asyncmy.connect(**arguments)

    async def cursor(self, connection: Any) -> Any:
        """See MySQLDriver."""
        return connection.cursor()

    def no_answer(self, number: int) -> Exception:
        """See MySQLDriver."""
        return OperationalError(number, "the server does not answer")

    def transport(self, connection: Any) -> BaseTransport | None:
        """See MySQLDriver."""
        return getattr(connection, "_transport", None)


DRIVER = Asyncmy()
