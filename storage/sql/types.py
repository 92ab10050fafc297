"""Column types with the same meaning on every database; each dialect file has their DDL for its database."""

from typing import Any

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.types import TypeEngine


class ByteString(String):
    """Text of bounded length (characters) that compares and sorts by its UTF-8 bytes."""

    __visit_name__ = "byte_string"


class ByteText(Text):
    """Text of any length that compares and sorts by its UTF-8 bytes; JSON columns are of this type."""

    __visit_name__ = "byte_text"


class Bytes(LargeBinary):
    """Bytes, as many as the database can hold: SQLAlchemy's own DDL where that is so."""


def length_of(type_: TypeEngine[Any]) -> int:
    """Return the maximum length of a ByteString column, in characters."""
    assert isinstance(type_, ByteString)
    assert type_.length is not None
    return type_.length
