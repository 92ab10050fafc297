"""The drivers of MySQL and MariaDB: which one is installed, and what the dialect must know of it. The dialect calls this."""

import functools
import importlib
from abc import ABC, abstractmethod
from asyncio import BaseTransport
from typing import Any, ClassVar

from storage.errors import Unavailable

DRIVERS = ("asyncmy", "aiomysql")
"""Those that Lineal runs on, the fastest first; each has its module here. The second is pure Python, for where the first is not."""


class MySQLDriver(ABC):
    """What SQLAlchemy does not make the same of all drivers."""

    name: ClassVar[str]
    """SQLAlchemy's name of the dialect and driver."""
    error: ClassVar[type[Exception]]
    """What all errors of the driver are."""

    @abstractmethod
    def password(self, text: str) -> Any:
        """Return a password in the form that makes the driver send it in UTF-8."""

    @abstractmethod
    async def connect(self, **arguments: Any) -> Any:
        """Return a new connection; one that is cancelled before, or fails, leaves nothing open.

        With the argument `ssl` it is encrypted, or there is none. Raises the driver's errors and OSError.
        """

    @abstractmethod
    async def cursor(self, connection: Any) -> Any:
        """Return a new cursor of a connection, which reads all rows at once."""

    @abstractmethod
    def no_answer(self, number: int) -> Exception:
        """Return the driver's error for a server that does not answer, with a number."""

    @abstractmethod
    def transport(self, connection: Any) -> BaseTransport | None:
        """Return the transport of a connection, None if it is closed."""

    def is_open(self, connection: Any) -> bool:
        """Return whether the server has not closed a connection, as far as the driver has noticed."""
        transport = self.transport(connection)
        return transport is not None and not transport.is_closing()


@functools.cache
def installed_driver() -> MySQLDriver:
    """Return the first of the drivers that can be imported; raises Unavailable when there is none."""
    for name in DRIVERS:
        try:
            module = importlib.import_module(f"storage.sql.dialects.mysql_{name}")
        except ImportError:
            continue
        driver: MySQLDriver = module.DRIVER
        return driver
    raise Unavailable(f"no driver for MySQL and MariaDB is installed; install one of {', '.join(DRIVERS)}")
