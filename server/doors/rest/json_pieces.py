"""Large messages → JSON in pieces, so that the event loop can answer other calls while one is written. The REST door calls this.

The pieces together are what `json_writer.message_json` returns. Small parts of a message are written by it.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from server.calls.slices import in_slices
from server.doors.rest.compiled_writer import Writer, text
from server.doors.rest.json_forms import is_map, needs_json_format
from server.doors.rest.json_writer import LIST_ITEMS, OWN_FORM, Writers, message_json, writers

_AT_ONCE_BYTES = 64 * 1024
"""A message that is larger, serialized, is written in pieces."""


async def json_body(message: Message, *, int64_as_numbers: bool = False) -> bytes:
    """Return the message as compact JSON. Raises ValueError as `message_json` does."""
    if message.ByteSize() <= _AT_ONCE_BYTES:
        return message_json(message, int64_as_numbers=int64_as_numbers).encode()
    pieces: list[bytes] = []
    written = _message(message, writers(int64_as_numbers=int64_as_numbers))
    await in_slices(written, lambda piece: pieces.append(piece.encode()))
    return b"".join(pieces)


def _message(message: Any, of_types: Writers) -> Iterator[str]:
    descriptor = message.DESCRIPTOR
    if message.ByteSize() <= _AT_ONCE_BYTES:
        yield of_types.of(descriptor)(message)
    elif descriptor is Value.DESCRIPTOR and message.WhichOneof("kind") in ("struct_value", "list_value"):
        yield from _message(getattr(message, message.WhichOneof("kind")), of_types)
    elif descriptor is Struct.DESCRIPTOR:
        yield from _entries(message.fields, of_types)
    elif descriptor is ListValue.DESCRIPTOR:
        yield from _items(message.values, of_types)
    elif descriptor in OWN_FORM or needs_json_format(descriptor):
        yield of_types.of(descriptor)(message)
    else:
        yield from _fields(message, of_types)


def _fields(message: Any, of_types: Writers) -> Iterator[str]:
    separator = "{"
    for field, value in message.ListFields():
        yield separator
        separator = ","
        is_of_messages = field.message_type is not None
        if is_map(field):
            is_of_messages = field.message_type.fields_by_name["value"].message_type is not None
        if not is_of_messages:
            yield _only(field, of_types)(message)[1:-1]
            continue
        yield f'"{field.name}":'
        if is_map(field):
            yield from _entries(value, of_types)
        elif field.is_repeated:
            yield from _items(value, of_types)
        else:
            yield from _message(value, of_types)
    yield "}" if separator == "," else "{}"


def _entries(entries: Any, of_types: Writers) -> Iterator[str]:
    separator = "{"
    for key in entries:
        yield f"{separator}{text(key)}:"
        yield from _message(entries[key], of_types)
        separator = ","
    yield "}" if separator == "," else "{}"


def _items(items: Any, of_types: Writers) -> Iterator[str]:
    separator = "["
    for start in range(0, len(items), LIST_ITEMS):
        for piece in _together(items[start : start + LIST_ITEMS], of_types):
            yield separator
            yield from piece
            separator = ","
    yield "]" if separator == "," else "[]"


def _together(items: Iterable[Any], of_types: Writers) -> Iterator[Iterable[str]]:
    """Yield the items, each in pieces, and those that are small several at a time."""
    texts: list[str] = []
    size = 0
    for item in items:
        item_size = item.ByteSize()
        if texts and size + item_size > _AT_ONCE_BYTES:
            yield (",".join(texts),)
            texts, size = [], 0
        if item_size > _AT_ONCE_BYTES:
            yield _message(item, of_types)
        else:
            texts.append(of_types.of(item.DESCRIPTOR)(item))
            size += item_size
    if texts:
        yield (",".join(texts),)


@lru_cache(256)
def _only(field: FieldDescriptor, of_types: Writers) -> Writer:
    """Return what writes a message with this field alone."""
    return of_types.of_fields(field.containing_type, [field])
