"""Large messages → JSON in pieces, so that the event loop can answer other calls while one is written. The REST door calls this.

The pieces together are what `json_writer.message_json` returns. Small parts of a message are written by it.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from server.calls.apart import APART_BYTES, SerializedMessage, apart
from server.calls.fragments import Fragments
from server.doors.rest.compiled_writer import Writer, text
from server.doors.rest.json_forms import is_map, needs_json_format
from server.doors.rest.json_writer import LIST_ITEMS, OWN_FORM, Writers, message_json, writers
from storage.slices import in_slices

_AT_ONCE_BYTES = 16 * 1024
"""A message that is larger, serialized, is written in pieces, each of which takes three milliseconds."""

_items_written = Fragments[str](5 / 16)
"""Items of lists as JSON, by their type and their bytes."""


async def json_body(message: Message | SerializedMessage, *, int64_as_numbers: bool = False) -> bytes:
    """Return the message as compact JSON. Raises ValueError as `message_json` does, Unavailable if a helper process is lost."""
    if isinstance(message, SerializedMessage):
        if len(message.data) > APART_BYTES:
            return await apart(_json_apart, message, int64_as_numbers)
        message = message.message()
    if not _is_large(message):
        return message_json(message, int64_as_numbers=int64_as_numbers).encode()
    pieces: list[bytes] = []
    written = _message(message, writers(int64_as_numbers=int64_as_numbers))
    await in_slices(written, lambda piece: pieces.append(piece.encode()))
    return b"".join(pieces)


def whole_json_body(message: Message | SerializedMessage | bytes, *, int64_as_numbers: bool = False) -> bytes:
    """Return the same at once, for a helper process; what is JSON already as it is."""
    if isinstance(message, bytes):
        return message
    if isinstance(message, SerializedMessage):
        message = message.message()
    # Not `message_json`: it keeps a wrapper of every part of the message until the end.
    pieces = _message(message, writers(int64_as_numbers=int64_as_numbers))
    return b"".join([piece.encode() for piece in pieces])


def _json_apart(serialized: SerializedMessage, int64_as_numbers: bool) -> bytes:
    return whole_json_body(serialized, int64_as_numbers=int64_as_numbers)


def _is_large(message: Any) -> bool:
    # Long lists first: to tell the size of a message, it is serialized as a whole.
    for name in _lists_of(message.DESCRIPTOR):
        if len(getattr(message, name)) > LIST_ITEMS:
            return True
    if message.DESCRIPTOR is Value.DESCRIPTOR and message.WhichOneof("kind") in ("struct_value", "list_value"):
        return _is_large(getattr(message, message.WhichOneof("kind")))
    return bool(message.ByteSize() > _AT_ONCE_BYTES)


@lru_cache(256)
def _lists_of(descriptor: Any) -> Sequence[str]:
    return [field.name for field in descriptor.fields if field.is_repeated and field.message_type is not None]


def _message(message: Any, of_types: Writers) -> Iterator[str]:
    """Yield a message that is large."""
    descriptor = message.DESCRIPTOR
    if descriptor is Value.DESCRIPTOR and message.WhichOneof("kind") in ("struct_value", "list_value"):
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
            yield from _one(value, of_types)
    yield "}" if separator == "," else "{}"


def _one(message: Any, of_types: Writers) -> Iterator[str]:
    if _is_large(message):
        yield from _message(message, of_types)
    else:
        yield of_types.of(message.DESCRIPTOR)(message)


def _entries(entries: Any, of_types: Writers) -> Iterator[str]:
    separator = "{"
    for key in entries:
        yield f"{separator}{text(key)}:"
        yield from _one(entries[key], of_types)
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
        data = item.SerializeToString()
        if texts and size + len(data) > _AT_ONCE_BYTES:
            yield (",".join(texts),)
            texts, size = [], 0
        if len(data) > _AT_ONCE_BYTES:
            yield _message(item, of_types)
        else:
            texts.append(_item(item, data, of_types))
            size += len(data)
    if texts:
        yield (",".join(texts),)


def _item(item: Any, data: bytes, of_types: Writers) -> str:
    """Return an item of a list, given its bytes: lists that are asked for again and again hardly change meanwhile."""
    key = _kind(item.DESCRIPTOR, of_types) + data
    written = _items_written.get(key)
    if written is None:
        written = of_types.of(item.DESCRIPTOR)(item)
        _items_written.keep(key, written)
    return written


@lru_cache(256)
def _kind(descriptor: Any, of_types: Writers) -> bytes:
    """Return what tells the items of a type in one form from others with the same bytes."""
    return f"{descriptor.full_name} {id(of_types)} ".encode()


@lru_cache(256)
def _only(field: FieldDescriptor, of_types: Writers) -> Writer:
    """Return what writes a message with this field alone."""
    return of_types.of_fields(field.containing_type, [field])
