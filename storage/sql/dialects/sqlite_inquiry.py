"""What a SQLite file and its file system say. The dialect calls this."""

import fcntl
import os
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, cast, func
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.inquiry import Inquiry, Surroundings

IMPORT_LOCK = ".import-lock"
"""The end of the name of the file that an import locks."""


class FileInquiry(Inquiry):
    """Asks the file system; the file has the clock of this machine, and takes statements of any size that matters."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.folder = os.path.dirname(os.path.abspath(path))

    async def surroundings(self, connection: AsyncConnection) -> Surroundings:
        """The folder of the file."""
        return Surroundings(folder=self.folder)

    async def is_importing(self, connection: AsyncConnection) -> bool:
        """Tries the lock, in passing: an import that begins at this very moment may be refused, and says so."""
        return _is_locked(self._path + IMPORT_LOCK)

    def byte_length(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        """length() counts the characters of a text."""
        return func.length(cast(column, LargeBinary))

    async def longest_value(self, connection: AsyncConnection, table: str, column: str) -> int | None:
        """No value is longer than the file."""
        return _size(self._path) + _size(self._path + "-wal")


def _is_locked(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no import has run yet
    return False


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
