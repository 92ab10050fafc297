"""Reads by key on the thread of the event loop: they take less time than handing them to another thread. SQLite's threads call this.

Whatever might keep the loop waiting ends such a read, which is then repeated on a reading thread: time, large values, and locks.
"""

import math
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from storage.errors import StorageError
from storage.sql.dialects.refusals import causes
from storage.sql.kept_connection import KeptConnection
from storage.sql.thread_turns import Suspended, TakesLong, Transaction, TurnConnection, completed
from storage.tracebacks import release

AT_ONCE_SECONDS = 0.002
"""How long a read computes on the event loop, in which it reads a few hundred rows."""

WAIT_SECONDS = 0.01
"""How long it takes there at most, the disk and other processes included. A busy machine may stop any process for so long."""

VALUE_BYTES = 256 * 1024
"""How large a value is that may be read; copying one takes a tenth of a millisecond, in which the time is not looked at."""

_STEPS = 1_000  # of SQLite's machine, some 20 microseconds; looking at the time takes one

_PASSING = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Answer = TypeVar("Answer")


class LoopReads:
    """Reads on a connection of their own, one at a time. `connect` returns it, not yet opened."""

    def __init__(self, connect: Callable[[], KeptConnection]) -> None:
        self._connect = connect
        self._kept: KeptConnection | None = None
        self._opens = threading.Lock()
        self._computes_until = self._waits_until = math.inf

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._kept is not None and self._kept.driver is not None

    def open(self) -> None:
        """Open the connection, unless another thread does; if that fails, there is none."""
        if not self._opens.acquire(blocking=False):
            return
        try:
            kept = self._connect()
            kept.open()
            kept.driver.execute("PRAGMA busy_timeout = 0")
            kept.driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES)
            kept.driver.set_progress_handler(self._is_late, _STEPS)
            self._kept = kept
        except (DBAPIError, sqlite3.Error, StorageError, OSError) as error:
            release(error)
        finally:
            self._opens.release()

    def _is_late(self) -> bool:
        return time.thread_time() >= self._computes_until or time.perf_counter() >= self._waits_until

    def run(self, transaction: Transaction[Answer]) -> Answer:
        """Return the answer of a callback on one snapshot. Raises TakesLong, and what the callback raises."""
        kept = self._kept
        assert kept is not None
        self._computes_until = time.thread_time() + AT_ONCE_SECONDS
        self._waits_until = time.perf_counter() + WAIT_SECONDS
        try:
            return completed(transaction, TurnConnection(kept, _stays, until=self._waits_until))
        except Suspended:
            raise TakesLong from None
        except DBAPIError as error:
            codes = [getattr(each, "sqlite_errorcode", None) for each in causes(error)]
            if not any(code is not None and code & 0xFF in _PASSING for code in codes):
                self.close()
            release(error)
            raise TakesLong from None
        finally:
            self._computes_until = self._waits_until = math.inf
            kept.roll_back()

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.drop()


def _stays() -> bool:
    return False
