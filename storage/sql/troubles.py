"""Says in the log why a database cannot be used, while calls fail for it: their callers are told only that it cannot.

The store calls this for each call that fails. A database that is down fails thousands of calls, of which one line is logged.
"""

import logging
import time

from sqlalchemy.exc import DBAPIError

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
