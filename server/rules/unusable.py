"""Values from clients that cannot be stored, and the limit of a JSON column. Codecs and rules raise UnusableValue.

The dispatcher turns it into INVALID_ARGUMENT with its text.
"""

import json
from collections.abc import Container

JSON_COLUMN_BYTES = 16 * 1024 * 1024
"""The most that one JSON column may hold, in bytes of UTF-8."""


class UnusableValue(ValueError):
    """Something in a request that cannot be stored; its text is made for the client and names the field."""


def check_enum(field: str, number: int, numbers: Container[int]) -> None:
    """Raise UnusableValue for a number that the enum does not have: its name could not be stored."""
    if number not in numbers:
        raise UnusableValue(f"{field} has the unknown enum value {number}")


def column(text: str, field: str) -> str:
    """Return the text of a JSON column. Raises UnusableValue for a NUL character and over JSON_COLUMN_BYTES."""
    # Characters are counted first: no character has more than four bytes, and encoding costs.
    if len(text) * 4 > JSON_COLUMN_BYTES and len(text.encode()) > JSON_COLUMN_BYTES:
        raise UnusableValue(f"{field} is larger than {JSON_COLUMN_BYTES} bytes")
    # The escape may also be six harmless characters after an escaped backslash, so a hit is looked at closely.
    if "\\u0000" in text and _has_nul(json.loads(text)):
        raise UnusableValue(f"{field} contains a NUL character")
    return text


def optional_column(text: str | None, field: str) -> str | None:
    """Return the text of a JSON column that may be absent. Raises UnusableValue as `column` does."""
    return None if text is None else column(text, field)


def _has_nul(plain: object) -> bool:
    if isinstance(plain, str):
        return "\x00" in plain
    if isinstance(plain, dict):
        return any("\x00" in key or _has_nul(value) for key, value in plain.items())
    return isinstance(plain, list) and any(map(_has_nul, plain))
