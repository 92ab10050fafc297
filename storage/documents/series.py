"""A series of numbers in the metadata of a metric: {"series": [{"step", "time", "value"}, …], "points"}.

`step` is a whole number, `time` is in seconds since 1970, and `value` is a number or the text "NaN", "Infinity" or "-Infinity",
since JSON has no such numbers. `points` says how many there were before the series was thinned out. Other names may stand beside these.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, TypeGuard

from storage.documents.plain import object_of
from storage.record import record

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""The texts that stand for numbers which JSON does not have."""

MARK = '"series"'
"""What stands in the text of all metadata with a series."""

_SERIES, _POINTS = "series", "points"
_STEP, _TIME, _VALUE = "step", "time", "value"
_INT64, _YEAR_9999 = 2**63, 253_370_764_800

_decode = json.JSONDecoder().raw_decode
_OPEN, _COLON, _COMMA = (re.compile(rf"\s*{mark}\s*") for mark in (r"\{", ":", ","))


class SeriesPoint(NamedTuple):
    """A point: `time` is in seconds since 1970, None if there is none that a calendar has; `value` is None if it is not finite."""

    step: int
    time: float | None
    value: float | None


@record
class Series:
    """The points of a series in the order in which they are stored, and how many had been logged."""

    points: Sequence[SeriesPoint]
    logged: int

    @classmethod
    def from_text(cls, text: str | None) -> "Series | None":
        """Return the series in stored metadata, whoever made them; None if there is none. What is not a point is left out."""
        try:
            metadata = object_of(text) or {}
        except (ValueError, RecursionError):
            return None
        entries = metadata.get(_SERIES)
        points = list(_points(entries)) if isinstance(entries, list) else []
        return cls(points, max(len(points), _count(metadata.get(_POINTS)))) if points else None


def checked_length(metadata: Mapping[str, Any], field: str) -> int:
    """Return the length of the series in metadata that a client has sent, 0 if there is none.

    Raises ValueError, with a sentence that names the field and the first entry that is malformed.
    """
    series = metadata.get(_SERIES, [])
    if not isinstance(series, list):
        raise ValueError(f"{field}.{_SERIES} is not a list")
    for number, entry in enumerate(series):
        problem = _problem(entry)
        if problem:
            raise ValueError(f"{field}.{_SERIES}[{number}]{problem}")
    points = metadata.get(_POINTS, len(series))
    if not _is_whole(points) or points < len(series):
        raise ValueError(f"{field}.{_POINTS} is not a whole number of at least {len(series)}, the length of the series")
    return int(points)


def length_of(text: str | None) -> int:
    """Return the length of the series in stored metadata, whoever made them: 0 if there is none."""
    length = 0
    for name, value in _members(text or ""):
        # Names are stored in order: the series, which may be long, is not parsed where `points` says the length.
        if name == _POINTS and _is_whole(value) and value >= 0:
            return _count(value)
        if name == _SERIES and isinstance(value, list):
            length = len(value)
    return length


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of a JSON object one by one, nothing for other texts."""
    match = _OPEN.match(text)
    while match is not None and text.startswith('"', match.end()):
        name, end = _decode(text, match.end())
        colon = _COLON.match(text, end)
        if colon is None:
            return
        value, end = _decode(text, colon.end())
        yield name, value
        match = _COMMA.match(text, end)


def _problem(entry: object) -> str:
    """Return what is wrong with an entry of a series, to follow its place; nothing for a point."""
    if not isinstance(entry, dict):
        return " is not an object"
    if not _is_whole(entry.get(_STEP)):
        return f".{_STEP} is not a whole number"
    if not _is_number(entry.get(_TIME)):
        return f".{_TIME} is not a number"
    value = entry.get(_VALUE)
    if not _is_number(value) and value not in NOT_FINITE:
        return f".{_VALUE} is neither a number nor one of the texts {', '.join(NOT_FINITE)}"
    return ""


def _points(entries: Sequence[Any]) -> Iterator[SeriesPoint]:
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        step, time, value = entry.get(_STEP), entry.get(_TIME), entry.get(_VALUE)
        # Exact types first: of ten thousand points all have them, and checking everything of each takes ten times as long.
        if type(step) is not int:
            step = int(step) if _is_whole(step) else _INT64
        if type(value) is not float or value - value != 0.0:
            if not _is_number(value) and value not in NOT_FINITE:
                continue
            value = float(value) if _is_number(value) else None
        if type(time) is not float or not 0.0 <= time < _YEAR_9999:
            time = float(time) if _is_number(time) and 0 <= time < _YEAR_9999 else None
        if -_INT64 <= step < _INT64:
            yield SeriesPoint(step, time, value)


def _count(value: Any) -> int:
    """Return a number of points; 0 if it is none."""
    return min(int(value), _INT64 - 1) if _is_whole(value) and value > 0 else 0


def _is_whole(value: object) -> TypeGuard[int | float]:
    return _is_number(value) and value == value // 1


def _is_number(value: object) -> TypeGuard[int | float]:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # an integer that is larger than any double
        return False
