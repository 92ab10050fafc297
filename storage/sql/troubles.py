"""When the database fails a call: its caller is told only that it did, and the log says why.

The store calls this for each call that fails. A database that is down fails thousands of calls, of which one line is logged.
"""

import logging
import time

from sqlalchemy.exc import DBAPIError

from storage.errors import Conflict, ReadOnly, StorageError, Unavailable, Unusable, ValueRefused
from storage.sql.dialects.dialect import Dialect, Failure

QUIET_SECONDS = 10.0
"""How long a sentence is not repeated."""

_SENTENCES_MAX = 16

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())  # commands without a log print their own sentence


_OF_THE_DATABASE = (
    Failure.DISCONNECTED,
    Failure.READ_ONLY,
    Failure.FORBIDDEN,
    Failure.UNAVAILABLE,
    Failure.DAMAGED,
)


COLLISIONS: dict[Failure, str] = {
    Failure.DUPLICATE: "a row with the same key already exists",
    Failure.MISSING_PARENT: "a row that the request refers to does not exist",
}
"""What the last attempt of a write met that keeps colliding with others."""


class Troubles:
    """The troubles of one store with its database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._logged_at: dict[str, float] = {}
        self._left_out = 0

    def note(self, error: Exception) -> None:
        """Log why the database failed a call, if it was the database; as a warning, unless that was logged just now."""
        refusal: Exception | None
        if not isinstance(error, DBAPIError):
            refusal = self._dialect.closed(error) if isinstance(error, OSError) else None
        elif self._dialect.failure(error) not in _OF_THE_DATABASE:
            return
        else:
            # What has no statement failed while it connected.
            refusal = self._dialect.closed(error) if error.statement is None else self._dialect.refused(error)
        if refusal is not None:
            self._log(str(refusal))

    def _log(self, sentence: str) -> None:
        now = time.monotonic()
        if now - self._logged_at.get(sentence, -QUIET_SECONDS) < QUIET_SECONDS:
            self._left_out += 1
            return
        if len(self._logged_at) >= _SENTENCES_MAX:
            self._logged_at.clear()
        self._logged_at[sentence] = now
        more = f"; {self._left_out} calls have failed since the last such line" if self._left_out else ""
        self._left_out = 0
        log.warning("%s%s", sentence, more)


def error_of(failure: Failure) -> StorageError:
    """Return the error that the caller of a call gets, which may be a client: without why the database failed."""
    if failure is Failure.TOO_LARGE:
        return ValueRefused("a value is too large for the database, or there are too many values")
    if failure is Failure.UNAVAILABLE:
        return Unavailable("the database cannot be used at the moment")
    if failure is Failure.FORBIDDEN:
        return Unavailable("the database does not let the server in, or not do this")
    if failure is Failure.READ_ONLY:
        return ReadOnly()
    if failure is Failure.DAMAGED:
        return Unusable("the database file is damaged")
    if failure is Failure.DISCONNECTED:
        return Unavailable("the connection to the database keeps breaking")
    return Conflict(COLLISIONS.get(failure, "concurrent writes kept colliding; try again"))
