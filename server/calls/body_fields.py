"""Checks JSON bodies that have no message type against a table of fields. Doors call `read_object`.

For APIs whose contract is JSON rather than protobuf. The result has only fields of the table, with the types it defines.
"""

import math
import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from server.errors import InvalidArgument
from server.rules import checks
from storage.record import record

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INT64 = 2**63
_SHOWN_CHARACTERS = 200


class FieldKind(Enum):
    """The type of a field. An int64 may be a number or a string of digits: JavaScript cannot represent all of them as numbers."""

    TEXT = auto()
    INT64 = auto()
    DOUBLE = auto()
    BOOLEAN = auto()
    OBJECT = auto()
    ANY = auto()


@record
class BodyField:
    """One field: its kind, whether it is required, whether it is a list of that kind, and the maximum length of a text.

    `fields` are those of an object; without them, an object may contain anything.
    """

    kind: FieldKind
    required: bool = False
    repeated: bool = False
    characters_max: int | None = None
    fields: "BodyFields | None" = None


BodyFields = Mapping[str, BodyField]
"""The fields of an object by name."""


def read_object(plain: Any, fields: BodyFields, *, ignores_unknown: bool, path: str = "") -> dict[str, Any]:
    """Return the fields of a decoded JSON object; those that are absent or null are left out.

    Raises InvalidArgument, which names the field, for a value that does not fit, a missing required field, a text that is too
    long or contains NUL and, unless they are ignored, unknown fields.
    """
    if type(plain) is not dict:
        raise _misfit(path, "must be an object")
    if not ignores_unknown:
        for name in plain.keys() - fields.keys():
            raise _misfit(_joined(path, name), "is unknown")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        value, place = plain.get(name), _joined(path, name)
        if value is None:
            if field.required:
                raise _misfit(place, "is required")
            continue
        if not field.repeated:
            values[name] = _read(value, field, place, ignores_unknown)
        elif type(value) is list:
            values[name] = [_read(item, field, f"{place}.{index}", ignores_unknown) for index, item in enumerate(value)]
        else:
            raise _misfit(place, "must be a list")
    return values


def _read(value: Any, field: BodyField, place: str, ignores_unknown: bool) -> Any:
    match field.kind:
        case FieldKind.TEXT:
            return _text(value, field, place)
        case FieldKind.INT64:
            return _int64(value, place)
        case FieldKind.DOUBLE:
            # bool is a subclass of int, but true is not a number.
            if type(value) not in (int, float) or not math.isfinite(number := _double(value)):
                raise _misfit(place, "must be a number")
            return number
        case FieldKind.BOOLEAN:
            if type(value) is not bool:
                raise _misfit(place, "must be true or false")
            return value
        case FieldKind.OBJECT:
            if field.fields is not None:
                return read_object(value, field.fields, ignores_unknown=ignores_unknown, path=place)
            if type(value) is not dict:
                raise _misfit(place, "must be an object")
    _check_texts(value, place)
    return value


def _text(value: Any, field: BodyField, place: str) -> str:
    if type(value) is not str:
        raise _misfit(place, "must be a string")
    if field.characters_max is not None:
        checks.max_characters(place, value, field.characters_max)
    _check_texts(value, place)
    return value


def _int64(value: Any, place: str) -> int:
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise _misfit(place, "must be a 64-bit integer")
    return value


def _double(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check_texts(value: Any, place: str) -> None:
    """Raise InvalidArgument for a text, at any depth, that a database or a message cannot store."""
    if isinstance(value, str):
        checks.no_nul(place, value)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _misfit(place, "has an unpaired surrogate") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key, place)
            _check_texts(item, place)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item, place)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _misfit(place: str, why: str) -> InvalidArgument:
    shown = place[:_SHOWN_CHARACTERS].encode(errors="replace").decode()
    return InvalidArgument(f"{shown or 'the body'} {why}", reason="INVALID_JSON")
