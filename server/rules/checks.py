"""Checks of requests: presence, lengths, ids. Every service checks with these, so that limits are written once.

Lengths are in characters where a column counts characters, in bytes of UTF-8 where it is said.
"""

from collections.abc import Container, Iterable

from server.errors import InvalidArgument, NotFound
from storage import lengths
from storage.ids import can_be_id

TEXT_BYTES = 16 * 1024 * 1024


def require(condition: object, message: str) -> None:
    """Raise InvalidArgument with the message unless the condition holds."""
    if not condition:
        raise InvalidArgument(message)


def max_characters(field: str, text: str, limit: int) -> None:
    """Raise InvalidArgument when a text has more than `limit` characters, or NUL, which no database keeps."""
    if len(text) > limit:
        raise InvalidArgument(f"{field} is longer than {limit} characters", field=field, limit=str(limit))
    no_nul(field, text)


def max_bytes(field: str, text: str, limit: int) -> None:
    """Raise InvalidArgument when a text takes more than `limit` bytes, or has NUL."""
    if len(text) > limit or (not text.isascii() and len(text.encode()) > limit):
        raise InvalidArgument(f"{field} is longer than {limit} bytes", field=field, limit=str(limit))
    no_nul(field, text)


def no_nul(field: str, text: str) -> None:
    """Raise InvalidArgument when a text has a NUL character."""
    if "\x00" in text:
        raise InvalidArgument(f"{field} contains a NUL character", field=field)


def known_id(kind: str, text: str) -> str:
    """Return the id. Raises NotFound when the text cannot be one, since no row has it."""
    if not can_be_id(text):
        raise not_found(kind, text)
    return text


def not_found(kind: str, text: str) -> NotFound:
    """Return the error of an id that no row has."""
    return NotFound(f"{kind} {text[: lengths.ID]!r} not found")


def all_found(kind: str, ids: Iterable[str], rows: Container[str]) -> None:
    """Raise NotFound for the first id that no row has."""
    for id in ids:
        if id not in rows:
            raise not_found(kind, id)


def bulk(field: str, count: int, limit: int) -> None:
    """Raise InvalidArgument for a bulk call with no items or too many."""
    require(count, f"{field} must not be empty")
    at_most(field, count, limit)


def at_most(field: str, count: int, limit: int) -> None:
    """Raise InvalidArgument for more items than the limit."""
    if count > limit:
        raise InvalidArgument(f"{field} has {count} items, the limit is {limit}", field=field, limit=str(limit))
