"""Decodes the `%XX` escapes in a segment of a path or a part of a query. Routes and query strings call this."""

import re
from urllib.parse import unquote_to_bytes

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadEscape(ValueError):
    """A part of a request target cannot be unescaped; the caller puts a subject in front of the message."""


def unescaped(text: str) -> str:
    """Return the text of a part of a request target. Raises BadEscape when an escape is malformed or not UTF-8."""
    if text.isascii() and "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise BadEscape("has a malformed escape")
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise BadEscape("is not UTF-8") from None
