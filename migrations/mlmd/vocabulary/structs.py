"""Structures in MLMD's tables: `mlmd-struct::` and the base64 of a serialized google.protobuf.Struct.

Decoded without protobuf, on which the migrations do not depend; there are only three small message types. The mapping calls this.
"""

import base64
import binascii
import struct
from collections.abc import Iterator

from storage.documents.plain import Plain

PREFIX = "mlmd-struct::"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Field numbers of google.protobuf.Value.
_NULL, _NUMBER, _STRING, _BOOL, _STRUCT, _LIST = 1, 2, 3, 4, 5, 6


class Undecodable(ValueError):
    """The text or the bytes are not a structure."""


def decode_struct(text: str) -> dict[str, Plain]:
    """Return the structure in a text that begins with PREFIX. Raises Undecodable."""
    try:
        data = base64.b64decode(text[len(PREFIX) :], validate=True)
        return _struct(data)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise Undecodable("not a serialized structure") from error


def _struct(data: bytes) -> dict[str, Plain]:
    fields: dict[str, Plain] = {}
    for number, wire_type, payload in _fields(data):
        if number == 1:
            key, value = _entry(_expect_bytes(wire_type, payload))
            fields[key] = value
    return fields


def _entry(data: bytes) -> tuple[str, Plain]:
    key, value = "", None
    for number, wire_type, payload in _fields(data):
        if number == 1:
            key = _expect_bytes(wire_type, payload).decode()
        elif number == 2:
            value = _value(_expect_bytes(wire_type, payload))
    return key, value


def _value(data: bytes) -> Plain:
    value: Plain = None
    for number, wire_type, payload in _fields(data):
        if number == _NUMBER:
            value = struct.unpack("<d", _expect_bytes(wire_type, payload, _FIXED64))[0]
        elif number == _STRING:
            value = _expect_bytes(wire_type, payload).decode()
        elif number == _BOOL:
            value = bool(_expect_number(wire_type, payload))
        elif number == _STRUCT:
            value = _struct(_expect_bytes(wire_type, payload))
        elif number == _LIST:
            value = _list(_expect_bytes(wire_type, payload))
        elif number == _NULL:
            value = None
    return value


def _list(data: bytes) -> list[Plain]:
    return [_value(_expect_bytes(wire_type, payload)) for number, wire_type, payload in _fields(data) if number == 1]


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise Undecodable("a field has no number")
        if wire_type == _VARINT:
            payload, place = _varint(data, place)
            yield number, wire_type, payload
            continue
        if wire_type == _BYTES:
            length, place = _varint(data, place)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise Undecodable("a field has an unknown wire type")
        if place + length > end:
            raise Undecodable("the data end within a field")
        yield number, wire_type, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise Undecodable("the data end within a number")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7


def _expect_bytes(wire_type: int, payload: bytes | int, expected_type: int = _BYTES) -> bytes:
    if wire_type != expected_type or isinstance(payload, int):
        raise Undecodable("a field has another wire type than its message declares")
    return payload


def _expect_number(wire_type: int, payload: bytes | int) -> int:
    if wire_type != _VARINT or not isinstance(payload, int):
        raise Undecodable("a field has another wire type than its message declares")
    return payload
