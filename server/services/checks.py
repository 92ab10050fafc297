"""What a request may hold: presence, lengths, ids. Every service checks with these, so that limits are written once.

Lengths are in characters where a column counts characters, in bytes of UTF-8 where it is said.
"""

from collections.abc import Iterable

from server.errors import InvalidArgument, NotFound
from storage import lengths

ID_BYTES = lengths.ID
NAME = lengths.NAME
DISPLAY_NAME = lengths.DISPLAY_NAME
KEY = lengths.KEY
FINGERPRINT = lengths.FINGERPRINT
URI = lengths.URI
NAMESPACE = lengths.NAMESPACE
SERVICE_ACCOUNT = lengths.SERVICE_ACCOUNT
SCOPE_PATH_BYTES = 64 * 1024
TEXT_BYTES = 16 * 1024 * 1024


def require(condition: object, message: str) -> None:
    """Raise InvalidArgument with the message unless the condition holds."""
    if not condition:
        raise InvalidArgument(message)


def length(field: str, text: str, limit: int) -> None:
    """Raise InvalidArgument when a text has more than `limit` characters, or NUL, which no database keeps."""
    if len(text) > limit:
        raise InvalidArgument(f"{field} is longer than {limit} characters", field=field, limit=str(limit))
    no_nul(field, text)


def size(field: str, text: str, limit: int) -> None:
    """Raise InvalidArgument when a text takes more than `limit` bytes, or has NUL."""
    if len(text) > limit or (not text.isascii() and len(text.encode()) > limit):
        raise InvalidArgument(f"{field} is longer than {limit} bytes", field=field, limit=str(limit))
    no_nul(field, text)


def no_nul(field: str, text: str) -> None:
    """Raise InvalidArgument when a text has a NUL character."""
    if "\x00" in text:
        raise InvalidArgument(f"{field} contains a NUL character", field=field)


def can_be_id(text: str) -> bool:
    """Say whether a text could be the id of anything kept; others need not be looked for."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half a surrogate pair, as JSON within a text can spell it
        return False
    return 0 < size <= ID_BYTES and "\x00" not in text


def known_id(kind: str, text: str) -> str:
    """Return an id that may be looked up; a malformed one is an unknown one. Raises NotFound."""
    if not can_be_id(text):
        raise NotFound(f"{kind} {text[:ID_BYTES]!r} not found")
    return text


def bulk(field: str, count: int, limit: int) -> None:
    """Raise InvalidArgument for a bulk call with no items or too many."""
    require(count, f"{field} must not be empty")
    at_most(field, count, limit)


def at_most(field: str, count: int, limit: int) -> None:
    """Raise InvalidArgument for more items than the limit."""
    if count > limit:
        raise InvalidArgument(f"{field} has {count} items, the limit is {limit}", field=field, limit=str(limit))


def searchable_ids(texts: Iterable[str]) -> list[str]:
    """Return ids to search for; a malformed one is replaced by "", which matches nothing, so that a list never becomes empty."""
    return [text if can_be_id(text) else "" for text in texts]
