"""The text of JSON columns: how it is written, how large it may be, and how it is read.

Written text is compact and keeps the order it is given; the other modules of the codec build what is written and call
this. Reading is tolerant: an absent column, JSON null and an empty list mean the same, and what is not of the expected
shape counts as absent.
"""

import json
from collections.abc import Mapping
from typing import Any

from server.codec.unusable import UnusableValue
from storage.stored_json import compact, plain_number

JSON_COLUMN_BYTES = 16 * 1024 * 1024
"""The most that one JSON column may hold, in bytes of UTF-8."""

# raw_decode spares the search for white space around the text, which costs more than reading a small column does.
_decode = json.JSONDecoder().raw_decode


def column_text(plain: object, field: str) -> str:
    """Return the compact text of plain JSON. Raises UnusableValue for a NUL character and over JSON_COLUMN_BYTES."""
    text = compact(plain)
    # Characters are counted first: no character has more than four bytes, and encoding costs.
    if len(text) * 4 > JSON_COLUMN_BYTES and len(text.encode()) > JSON_COLUMN_BYTES:
        raise UnusableValue(f"{field} is larger than {JSON_COLUMN_BYTES} bytes")
    # The escape may also be six harmless characters after an escaped backslash, so a hit is looked at closely.
    if "\\u0000" in text and _has_nul(plain):
        raise UnusableValue(f"{field} contains a NUL character")
    return text


def json_list(text: str | None) -> list[dict[str, Any]]:
    """Return the objects of a stored list; empty when there is none."""
    plain = _decode(text)[0] if text else None
    return [entry for entry in plain if isinstance(entry, dict)] if isinstance(plain, list) else []


def json_object(text: str | None) -> dict[str, Any] | None:
    """Return a stored object, None when there is none."""
    plain = _decode(text)[0] if text else None
    return plain if isinstance(plain, dict) else None


def json_list_as_written(text: str | None) -> list[dict[str, Any]]:
    """Return the objects of a stored list, every number as `plain_number` writes it, so that values can be compared."""
    plain = json.loads(text, parse_int=_number_of_text, parse_float=_number_of_text) if text else None
    return [entry for entry in plain if isinstance(entry, dict)] if isinstance(plain, list) else []


def canonical_text(plain: object) -> str:
    """Return text that is equal for equal JSON values, provided their numbers are as written."""
    return json.dumps(plain, sort_keys=True)


def text_of(value: object) -> str:
    """Return a stored text, "" for any other value."""
    return value if isinstance(value, str) else ""


def integer_of(value: object) -> int | None:
    """Return a stored int64, which may be text or a number; None for any other value."""
    try:
        number = int(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def enum_of(value: object, numbers: Mapping[str, int]) -> int:
    """Return a stored enum's number; an unknown name is 0, an unknown number stays."""
    if isinstance(value, str):
        return numbers.get(value, 0)
    return value if isinstance(value, int) and -(2**31) <= value < 2**31 else 0


def enum_name(number: int, names: Mapping[int, str], *, field: str) -> str:
    """Return the name of an enum's number. Raises UnusableValue for a number that the enum does not have."""
    try:
        return names[number]
    except KeyError:
        raise UnusableValue(f"{field} has the unknown enum value {number}") from None


def _number_of_text(digits: str) -> float:
    return plain_number(float(digits))


def _has_nul(plain: object) -> bool:
    if isinstance(plain, str):
        return "\x00" in plain
    if isinstance(plain, dict):
        return any("\x00" in key or _has_nul(value) for key, value in plain.items())
    return isinstance(plain, list) and any(map(_has_nul, plain))
