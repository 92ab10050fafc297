"""Values of filters: which a key takes, read from what Python or a text has. `filters` calls this."""

from __future__ import annotations

import enum
import numbers
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

TIME_KEYS = frozenset(
    {
        "create_time",
        "created_at",
        "end_time",
        "finished_at",
        "last_run_created_at",
        "last_update",
        "scheduled_at",
        "start_time",
    }
)
"""Keys that are compared with times: texts given for them are read as such."""

NUMBER_KEYS = frozenset({"number_value"})
"""Keys that are compared with whole numbers; texts given for them are read as such."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.(?P<fraction>[0-9]{1,9}))?(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)


class FilterError(ValueError):
    """A filter says something that the contract cannot express, or its text cannot be read.

    `position` is where in the text, counted in characters from 0; None if there is no text.
    """

    def __init__(self, message: str, *, text: str | None = None, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message}, at character {position + 1}")
        self.text = text
        self.position = position

    def pointer(self) -> str:
        """Return the text with a mark under the place that the error is about, "" if there is none."""
        if self.text is None or self.position is None:
            return ""
        line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in self.text)
        return f"{line}\n{' ' * self.position}^"


def check_not_a_day(key_name: str, value: object) -> None:
    """Refuse a day where one moment is meant, as for `=`: it would only find what happened in its first second."""
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if is_day or (key_name in TIME_KEYS and isinstance(value, str) and _DAY.fullmatch(value)):
        raise FilterError(f"{key_name} is a moment, and the day {value} has many: use >= and < with two days")


def plain_value(key_name: str, value: object) -> str | int | datetime:
    """Return a value as a text, a number within 64 bits, or a time in UTC."""
    if isinstance(value, enum.Enum):
        value = value.name
    if isinstance(value, str):
        return _read(key_name, value)
    if isinstance(value, Timestamp):
        value = _moment(key_name, value)
    if isinstance(value, datetime):
        return _in_utc(key_name, value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, bool) or value is None:
        raise FilterError(f"{key_name} cannot be compared with {value}: a filter takes texts, whole numbers and times")
    if isinstance(value, numbers.Real):
        return _whole(key_name, value)
    if isinstance(value, (list, tuple, set, frozenset)):
        raise FilterError(f"{key_name} cannot be compared with a list: use F.{key_name}.in_([...])")
    raise FilterError(
        f"{key_name} cannot be compared with {type(value).__name__}: a filter takes texts, whole numbers and times"
    )


def listed_value(key_name: str, value: object) -> str | int:
    """Return a value of an IN: lists have texts or numbers, so a time is the number of its second."""
    check_not_a_day(key_name, value)
    plain = plain_value(key_name, value)
    if isinstance(plain, datetime):
        if plain.microsecond:
            raise FilterError(f"{key_name}.in_() compares whole seconds, which {plain.isoformat()} is not")
        return (plain - _EPOCH) // timedelta(seconds=1)
    return plain


def _read(key_name: str, text: str) -> str | int | datetime:
    if not text.isascii() and _HALF_PAIR.search(text):
        raise FilterError(f"{key_name} is compared with a text that is not valid Unicode")
    if key_name in TIME_KEYS:
        return _whole(key_name, int(text)) if _WHOLE.fullmatch(text) else _moment_of_text(text, key_name)
    if key_name in NUMBER_KEYS:
        if not _WHOLE.fullmatch(text):
            raise FilterError(f"{key_name} is compared with whole numbers, which {text!r} is not")
        return int(text)
    return text


def _moment(key_name: str, value: Timestamp) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    except OverflowError:
        raise FilterError(f"{key_name} is compared with a time that is out of range") from None


def _in_utc(key_name: str, value: datetime) -> datetime:
    if value != value:  # pandas' NaT, which is a datetime
        raise FilterError(f"{key_name} cannot be compared with a time that is missing")
    if value.tzinfo is None or value.utcoffset() is None:
        raise FilterError(
            f"{key_name} is compared with a time without time zone: use datetime.now(timezone.utc) or .astimezone()"
        )
    in_utc = value.astimezone(timezone.utc)
    # A plain datetime, not one of pandas, which carries nanoseconds and is not equal to what was sent.
    return datetime(*in_utc.timetuple()[:6], in_utc.microsecond, tzinfo=timezone.utc)


def _whole(key_name: str, value: Any) -> int:
    if value != value or value in (float("inf"), float("-inf")) or int(value) != value:
        raise FilterError(f"{key_name} is compared with {value}, but filters take whole numbers only")
    if int(value) not in _INT64:
        raise FilterError(f"{key_name} is compared with {value}, which is out of range")
    return int(value)


def _moment_of_text(text: str, key: str) -> datetime:
    """Return the moment of a day or an RFC 3339 time, in UTC unless it says otherwise. A day is its first moment.

    Raises FilterError.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise FilterError(
            f"{key} is compared with times such as 2026-01-31 or 2026-01-31T12:00:00Z, which {text!r} is not"
        )
    clock = match["clock"] or "00:00"
    try:
        moment = datetime.strptime(
            f"{match['day']} {clock}", "%Y-%m-%d %H:%M:%S" if clock.count(":") == 2 else "%Y-%m-%d %H:%M"
        )
        moment += timedelta(microseconds=int((match["fraction"] or "").ljust(9, "0")) // 1000)
        return (moment - _offset(match["zone"])).replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise FilterError(f"{key} is compared with {text!r}, which is not a valid time") from None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z", "z"):
        return timedelta(0)
    assert zone is not None
    if int(zone[1:3]) > 23 or int(zone[4:]) > 59:
        raise ValueError(zone)
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return -span if zone[0] == "-" else span
