"""`%XX` in paths and queries → text, each part of them for itself. Routes and query strings call this."""

import re
from urllib.parse import unquote_to_bytes

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadEscape(ValueError):
    """A part of a target cannot be unescaped; the text says what is wrong with it, without a subject."""


def unescaped(text: str) -> str:
    """Return a part of a target as it was meant. Raises BadEscape for escapes that are none or no UTF-8."""
    if text.isascii() and "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise BadEscape("has a malformed escape")
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise BadEscape("is not UTF-8") from None
