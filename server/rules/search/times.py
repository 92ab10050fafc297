"""Times in queries: a date, a time, or how long ago it is."""

import re
from datetime import UTC, date, datetime, timedelta

_SECOND = 1_000_000
_AGE = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})([Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)


def moment_of(text: str, *, now: int, is_end: bool) -> int | None:
    """Return a moment in microseconds since 1970, the first of a day, or the one after it if it is to be an end.

    A time without a zone is in UTC; one that is an end is part of what it ends. An age is counted from now, in microseconds.
    Returns None for a text that is none of these.
    """
    age = _AGE.fullmatch(text)
    if age is not None:
        return now - int(age[1]) * _SECONDS[age[2]] * _SECOND + is_end
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        if match[2] is None:
            day = date.fromisoformat(text)
            return _microseconds(datetime(day.year, day.month, day.day, tzinfo=UTC)) + (is_end * 86_400 * _SECOND)
        moment = datetime.fromisoformat(text.upper())
        return _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC)) + is_end
    except ValueError:
        return None


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
