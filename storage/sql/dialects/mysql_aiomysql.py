"""aiomysql over PyMySQL as the driver of MySQL and MariaDB: pure Python, for interpreters and processors without a wheel of asyncmy."""

import ssl
from asyncio import BaseTransport
from collections.abc import Mapping
from typing import Any, ClassVar

import aiomysql
from pymysql.constants import CLIENT, CR

from storage.sql.dialects.mysql_driver import MySQLDriver


class _Connection(aiomysql.Connection):  # type: ignore[misc]
    """A connection that is never made without the encryption that was asked for, and that can send bytes."""

    def escape(self, obj: Any) -> str:
        """Escape a value. Of bytes the driver itself calls a function that newer releases of PyMySQL do not have."""
        if isinstance(obj, bytes):
            # The driver encodes a statement so that these characters become the bytes again.
            return "_binary'" + str(self.escape_string(obj.decode("ascii", "surrogateescape"))) + "'"
        return str(super().escape(obj))

    async def _request_authentication(self) -> None:
        # The driver itself would go on in plain text, and whoever is in between could have the server appear so.
        if self._ssl_context is not None and not self.server_capabilities & CLIENT.SSL:
            raise aiomysql.OperationalError(CR.CR_SSL_CONNECTION_ERROR, "the server does not encrypt connections")
        await super()._request_authentication()


class Aiomysql(MySQLDriver):
    """See MySQLDriver."""

    name: ClassVar[str] = "mysql+aiomysql"
    error: ClassVar[type[Exception]] = aiomysql.Error

    def password(self, text: str) -> str:
        """As the text of which Latin-1, in which the driver writes it, makes the bytes of UTF-8."""
        return text.encode().decode("latin-1")

    async def connect(self, **arguments: Any) -> Any:
        """See MySQLDriver."""
        options = arguments.pop("ssl", None)
        connection = _Connection(**arguments, ssl=None if options is None else _tls(options))
        await connection._connect()
        return connection

    async def cursor(self, connection: Any) -> Any:
        """See MySQLDriver."""
        return await connection.cursor()

    def no_answer(self, number: int) -> Exception:
        """See MySQLDriver."""
        error: Exception = aiomysql.OperationalError(number, "the server does not answer")
        return error

    def transport(self, connection: Any) -> BaseTransport | None:
        """See MySQLDriver."""
        writer = connection._writer
        return None if writer is None else writer.transport

    def is_open(self, connection: Any) -> bool:
        """The driver's end stays open when the server has closed its own."""
        return super().is_open(connection) and not connection._reader.at_eof()


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    """Return what the options of a store URL mean, as they do to asyncmy: without an authority, any certificate is taken."""
    authority = options.get("ca")
    context = ssl.create_default_context(cafile=authority)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "cert" in options:
        context.load_cert_chain(options["cert"], options.get("key"))
    return context


DRIVER = Aiomysql()
