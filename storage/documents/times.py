"""Moments in stored JSON: RFC 3339 text ⇄ whole microseconds since 1970-01-01 UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def time_text(moment: int) -> str:
    """Return a moment in protobuf's JSON form: in UTC with 0, 3 or 6 digits after the second."""
    fraction = moment % 1_000_000
    seconds = (_EPOCH + timedelta(microseconds=moment - fraction)).replace(tzinfo=None).isoformat()
    if not fraction:
        return f"{seconds}Z"
    return f"{seconds}.{fraction // 1000:03d}Z" if fraction % 1000 == 0 else f"{seconds}.{fraction:06d}Z"


def moment_of(text: object) -> int | None:
    """Return the moment of a stored text, truncated to microseconds towards the past; None when it is not a time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
