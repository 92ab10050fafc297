"""Repairs what MLMD does to text on MySQL: it sends UTF-8 over a connection that it declares latin1.

In a utf8mb4 database the text is then encoded twice; in a latin1 one the columns hold UTF-8 and a connection that asks for
utf8mb4 gets the same twice encoded text. Whether a store is affected is decided once; a text that does not decode stays as it is.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, text

# MySQL's latin1 is Windows-1252, in which the five undefined bytes stand for themselves.
_UNDEFINED_BYTES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_BYTES = {bytes([byte]).decode("cp1252"): byte for byte in range(256) if byte not in _UNDEFINED_BYTES}
_BYTES |= {chr(byte): byte for byte in _UNDEFINED_BYTES}


def repaired(text: str) -> str:
    """Return the text that was encoded twice, or the text as it is when it was not."""
    return text if text.isascii() else _decoded(text) or text


def beyond_ascii(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition, in MySQL's words, that a text has characters beyond ASCII, whatever its column is encoded in."""
    as_utf8 = func.convert(column.op("USING")(text("utf8mb4")))
    return func.octet_length(as_utf8) != func.char_length(column)


def is_double_encoded(samples: Iterable[str]) -> bool:
    """Return whether most of a store's texts beyond ASCII decode a second time; False without any such text."""
    verdicts = [_decoded(sample) is not None for sample in samples if not sample.isascii()]
    return sum(verdicts) * 2 > len(verdicts)


def _decoded(text: str) -> str | None:
    try:
        return bytes(_BYTES[letter] for letter in text).decode()
    except (KeyError, UnicodeDecodeError):
        return None
