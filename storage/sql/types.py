"""Column types whose meaning is the same on every database; each dialect file has its database's spelling."""

from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.types import TypeEngine


class ByteString(String):
    """Text of bounded length (characters) that compares and sorts by its UTF-8 bytes."""

    __visit_name__ = "byte_string"


class ByteText(Text):
    """Text of any length that compares and sorts by its UTF-8 bytes; JSON columns are of this type."""

    __visit_name__ = "byte_text"


def length_of(type_: TypeEngine[Any]) -> int:
    """Characters a ByteString column holds."""
    assert isinstance(type_, ByteString)
    assert type_.length is not None
    return type_.length
