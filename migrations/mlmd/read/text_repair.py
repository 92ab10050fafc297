"""Repairs text that MLMD wrote to MySQL as UTF-8 over a connection declared as latin1.

In a utf8mb4 database the text is then double-encoded; in a latin1 database the columns contain UTF-8, and a utf8mb4
connection reads the same double-encoded text. Whether a store is affected is decided once; a text that does not decode is
kept unchanged.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, text

# MySQL's latin1 is Windows-1252, with the five undefined bytes mapped to themselves.
_UNDEFINED_BYTES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_BYTES = {bytes([byte]).decode("cp1252"): byte for byte in range(256) if byte not in _UNDEFINED_BYTES}
_BYTES |= {chr(byte): byte for byte in _UNDEFINED_BYTES}


def repaired(text: str) -> str:
    """Return the original of a double-encoded text, or the text unchanged if it was not double-encoded."""
    return text if text.isascii() else _decode_again(text) or text


def beyond_ascii(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition, for MySQL, that a text has non-ASCII characters, whatever the encoding of its column."""
    as_utf8 = func.convert(column.op("USING")(text("utf8mb4")))
    return func.octet_length(as_utf8) != func.char_length(column)


def is_double_encoded(samples: Iterable[str]) -> bool:
    """Return whether most of a store's non-ASCII texts decode a second time; False without any such text."""
    verdicts = [_decode_again(sample) is not None for sample in samples if not sample.isascii()]
    return sum(verdicts) * 2 > len(verdicts)


def _decode_again(text: str) -> str | None:
    try:
        return bytes(_BYTES[letter] for letter in text).decode()
    except (KeyError, UnicodeDecodeError):
        return None
