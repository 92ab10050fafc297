"""Messages as they are sent, written by hand: texts of which each character is a byte. The modules of the codec call this.

To make a message of protobuf's, field by field, and to serialize it takes three times as long. Python puts texts together in one
step, as it does not bytes; so a *wire text* is what Latin-1 makes bytes of. Fields come in the order of their numbers, as protobuf
writes them; maps in that of the plain JSON.
"""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct as Layout
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

_VARINT, _DOUBLE, _SIZED = 0, 1, 2  # wire types
_WIRE_TYPES = {
    FieldDescriptor.CPPTYPE_STRING: _SIZED,
    FieldDescriptor.CPPTYPE_MESSAGE: _SIZED,
    FieldDescriptor.CPPTYPE_DOUBLE: _DOUBLE,
}
SIZES_KEPT = 4_096
_SECONDS_KEPT = 1_024
_UINT64 = 2**64 - 1
_double = Layout("<d").pack


def varint(number: int) -> str:
    """Return an integer, or the number of an enum, as it follows its tag; negative ones are those of int32 and int64."""
    number &= _UINT64
    digits = ""
    while number > 0x7F:
        digits += chr(number & 0x7F | 0x80)
        number >>= 7
    return digits + chr(number)


class _Sizes(dict[int, str]):
    def __missing__(self, size: int) -> str:
        digits = varint(size)
        if size < SIZES_KEPT:
            self[size] = digits
        return digits


SIZES = _Sizes()
"""Sizes in bytes as they follow a tag; those of small things are kept, at most SIZES_KEPT."""


def tags(message: Any, *names: str) -> tuple[str, ...]:
    """Return what fields of a message type begin with."""
    fields = message.DESCRIPTOR.fields_by_name
    return tuple([varint(fields[name].number << 3 | _WIRE_TYPES.get(fields[name].cpp_type, _VARINT)) for name in names])


def raw(text: str) -> str:
    """Return a text as its bytes in UTF-8. Raises UnicodeEncodeError for half of a surrogate pair."""
    return text if text.isascii() else text.encode().decode("latin-1")


def filled(tag: str, text: str) -> str:
    """Return a field with a text; it is absent when that is empty."""
    if not text:
        return ""
    content = text if text.isascii() else text.encode().decode("latin-1")
    return f"{tag}{SIZES[len(content)]}{content}"


def written(tag: str, text: str) -> str:
    """Return a field with a text that is present also when it is empty."""
    content = text if text.isascii() else text.encode().decode("latin-1")
    return f"{tag}{SIZES[len(content)]}{content}"


def sized(tag: str, content: str) -> str:
    """Return a field with a message, given its wire text."""
    return f"{tag}{SIZES[len(content)]}{content}"


def item(tag: str, data: bytes) -> bytes:
    """Return a field with a message that is serialized already, as bytes."""
    return f"{tag}{SIZES[len(data)]}".encode("latin-1") + data


def number(tag: str, value: int) -> str:
    """Return a field with an integer or the number of an enum; it is absent when that is 0."""
    return f"{tag}{chr(value) if 0 < value < 128 else varint(value)}" if value else ""


def double(tag: str, value: float) -> str:
    """Return a field with a double that is present also when it is 0."""
    return f"{tag}{_double(value).decode('latin-1')}"


_SECONDS, _NANOS = tags(Timestamp, "seconds", "nanos")
_NULL, _NUMBER, _STRING, _BOOL, _STRUCT, _LIST = tags(
    Value, "null_value", "number_value", "string_value", "bool_value", "struct_value", "list_value"
)
_NULL_VALUE, _FALSE, _TRUE = f"{_NULL}\0", f"{_BOOL}\0", f"{_BOOL}\1"
(_FIELDS,), (_VALUES,) = tags(Struct, "fields"), tags(ListValue, "values")
_KEY, _VALUE = tags(Struct.FieldsEntry, "key", "value")


_MORE = [chr(digits | 0x80) for digits in range(128)]


@lru_cache(_SECONDS_KEPT)
def _second(seconds: int) -> str:
    return number(_SECONDS, seconds)


def moment(microseconds: int) -> str:
    """Return a Timestamp."""
    seconds, rest = divmod(microseconds, 1_000_000)
    nanos = rest * 1_000
    if nanos < 2**28:
        return f"{_second(seconds)}{_NANOS}{varint(nanos)}" if nanos else _second(seconds)
    # Three of four have five digits of seven bits.
    return (
        f"{_second(seconds)}{_NANOS}{_MORE[nanos & 0x7F]}{_MORE[nanos >> 7 & 0x7F]}"
        f"{_MORE[nanos >> 14 & 0x7F]}{_MORE[nanos >> 21 & 0x7F]}{chr(nanos >> 28)}"
    )


def value(plain: Any) -> str:
    """Return a Value, given plain JSON; None is null."""
    kind = type(plain)
    if kind is str:
        content = plain if plain.isascii() else plain.encode().decode("latin-1")
        return f"{_STRING}{SIZES[len(content)]}{content}"
    if kind is float or kind is int:
        return f"{_NUMBER}{_double(plain).decode('latin-1')}"
    if kind is bool:
        return _TRUE if plain else _FALSE
    if kind is dict:
        return sized(_STRUCT, entries(_FIELDS, plain))
    if kind is list:
        return sized(_LIST, "".join([sized(_VALUES, value(item)) for item in plain]))
    return _NULL_VALUE


def entries(tag: str, plain: Mapping[str, Any]) -> str:
    """Return the entries of a map of Values, given a plain JSON object."""
    pieces = []
    for key, item in plain.items():
        item_value = value(item)
        content = f"{written(_KEY, key)}{_VALUE}{SIZES[len(item_value)]}{item_value}"
        pieces.append(f"{tag}{SIZES[len(content)]}{content}")
    return "".join(pieces)
