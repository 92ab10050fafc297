"""Plain JSON and its text: how numbers are written, how deep values may be nested, and tolerant reading.

Equal values become equal texts, whichever door they came through. Text is compact, keeps the order of keys, and never
contains NaN or an infinity.
"""

import json
from typing import Any

from storage.documents import typed

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""The values of JSON."""

EXACT_INTEGERS = 2**53
"""Doubles below this that are whole represent exactly one integer, so they are written without a fraction."""

VALUE_DEPTH = 90
"""How deep messages may be nested within a value: a list takes LIST_LEVELS, an object OBJECT_LEVELS.

Parsers of protobuf stop at 100, and up to seven levels of a response surround a value. Anything deeper could be written over
REST but never read back.
"""

LIST_LEVELS = 2
OBJECT_LEVELS = 3

# Nothing that is stored contains itself, and to look for that costs a quarter of the time.
compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
"""Returns plain JSON as text."""

# raw_decode skips the search for white space around the text, which costs more than reading a small column.
_raw_decode = json.JSONDecoder().raw_decode


def _decode(text: str) -> Any:
    try:
        return typed.decode(text)
    except typed.REFUSED:
        return _raw_decode(text)[0]


def plain_number(number: float) -> float:
    """Return the number as it is written: a whole number below 2**53 as int, except -0.0, which int does not have."""
    if number.is_integer() and -EXACT_INTEGERS < number < EXACT_INTEGERS and (number or str(number) == "0.0"):
        return int(number)
    return number


def canonical_text(plain: object) -> str:
    """Return text that is equal for equal JSON values, provided that their numbers come from `plain_number`."""
    return json.dumps(plain, sort_keys=True)


def entries_of(text: str | None) -> list[dict[str, Any]]:
    """Return the objects of a stored list; empty when there is none."""
    plain = _decode(text) if text else None
    return [entry for entry in plain if isinstance(entry, dict)] if isinstance(plain, list) else []


def exact_entries_of(text: str | None) -> list[dict[str, Any]]:
    """Return the objects of a stored list with every number from `plain_number`, so that values can be compared."""
    plain = _decode_exactly(text)[0] if text else None
    return [entry for entry in plain if isinstance(entry, dict)] if isinstance(plain, list) else []


def object_of(text: str | None) -> dict[str, Any] | None:
    """Return a stored object, None when there is none."""
    plain = _decode(text) if text else None
    return plain if isinstance(plain, dict) else None


def text_of(stored: object) -> str:
    """Return a stored text, "" when it is not text."""
    return stored if isinstance(stored, str) else ""


def integer_of(stored: object) -> int | None:
    """Return a stored int64, which may be text or a number; None when it is neither."""
    try:
        number = int(stored) if isinstance(stored, str | int | float) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _number_of(digits: str) -> float:
    return plain_number(float(digits))


_decode_exactly = json.JSONDecoder(parse_int=_number_of, parse_float=_number_of).raw_decode
