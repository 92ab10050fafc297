"""Messages → bytes: one with a long list in slices, so that the event loop can answer other calls. The gRPC door calls this."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message

from storage.slices import in_slices

ITEMS_AT_ONCE = 500
"""A list that is longer is serialized in slices; a task takes ten microseconds."""

_LENGTH_DELIMITED = 2  # the wire type of messages


async def serialized(message: Message) -> bytes:
    """Return a message serialized; takes its long lists of messages out of it."""
    pieces: list[bytes] = []
    for name, tag in _lists_of(message.DESCRIPTOR):
        items = getattr(message, name)
        if len(items) > ITEMS_AT_ONCE:
            await _add_items(pieces, tag, items)
            message.ClearField(name)
    if not pieces:
        return message.SerializeToString()
    # Fields may come in any order, and of a list only the order of its items counts.
    return b"".join([message.SerializeToString(), *pieces])


async def _add_items(pieces: list[bytes], tag: bytes, items: Any) -> None:
    def add(item: Message) -> None:
        data = item.SerializeToString()
        pieces.append(tag + _varint(len(data)) + data)

    # Several wrappers of messages at a time: with many alive, making another takes long.
    for start in range(0, len(items), ITEMS_AT_ONCE):
        await in_slices(items[start : start + ITEMS_AT_ONCE], add)


@lru_cache(256)
def _lists_of(descriptor: Any) -> Sequence[tuple[str, bytes]]:
    """Return the names and tags of a type's lists of messages, without maps."""
    return [
        (field.name, _varint(field.number << 3 | _LENGTH_DELIMITED))
        for field in descriptor.fields
        if field.is_repeated and field.message_type is not None and not field.message_type.GetOptions().map_entry
    ]


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
