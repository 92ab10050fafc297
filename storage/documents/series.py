"""A series of numbers in the metadata of a metric: {"series": [{"step", "time", "value"}, …], "points"}.

`step` is a whole number, `time` is in seconds since 1970, and `value` is a number or the text "NaN", "Infinity" or "-Infinity",
since JSON has no such numbers. `points` says how many there were before the series was thinned out. Other names may stand beside these.
"""

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""The texts that stand for numbers which JSON does not have."""

_SERIES, _POINTS = "series", "points"
_STEP, _TIME, _VALUE = "step", "time", "value"

_decode = json.JSONDecoder().raw_decode
_OPEN, _COLON, _COMMA = (re.compile(rf"\s*{mark}\s*") for mark in (r"\{", ":", ","))


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
            return int(value)
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


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == value // 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
