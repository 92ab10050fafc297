"""The time of what is recorded: that of this process's clock, in UTC, never the same twice.

Tasks are listed by the time of their creation. Two that are made one after the other must not have the same time, nor a later one
an earlier time because the clock was set back in between.
"""

import time
from datetime import datetime, timezone

from lineal._recorder.locks import lock

_MICROSECONDS = 1_000_000

_last = 0


def now() -> int:
    """Return the time in microseconds since 1970; later than every time that was returned before."""
    global _last
    with lock:
        _last = max(time.time_ns() // 1_000, _last + 1)
        return _last


def moment(microseconds: int) -> datetime:
    """Return such a time as a datetime, which has all its digits."""
    seconds, rest = divmod(microseconds, _MICROSECONDS)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest)
