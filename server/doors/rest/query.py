"""Reads query strings into fields of a request, as KFP's gateway does. Binding calls this.

Names may have either spelling, with dots before the fields of messages; unknown names are ignored. A singular field may be
given only once. An empty value is not a valid number or enum value, and an empty string is the same as an absent one.
"""

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from server.doors.http.escapes import BadEscape, unescaped
from server.doors.rest.json_forms import is_map
from server.doors.rest.json_reader import fill
from server.errors import InvalidArgument

FieldPath = tuple[FieldDescriptor, ...]
"""The fields that lead from a message to one of its values."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = dict.fromkeys(("true", "True", "TRUE", "t", "T", "1"), True) | dict.fromkeys(
    ("false", "False", "FALSE", "f", "F", "0"), False
)
_AS_TEXT = ("google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask")
_WRAPPERS = "google/protobuf/wrappers.proto"


def pairs(query: str) -> list[tuple[str, str]]:
    """Return names and values of a query string, unescaped. Raises InvalidArgument for bad escapes and UTF-8."""
    return [
        (_unescape(name), _unescape(value))
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
    ]


def field_path(message: Any, name: str) -> FieldPath | None:
    """Return the path of a dotted name in a message type's descriptor, None for an unknown one.

    Raises InvalidArgument for a name that continues after a field that is not a singular message.
    """
    path: list[FieldDescriptor] = []
    for part in name.split("."):
        if path:
            message = path[-1].message_type
            if message is None or path[-1].is_repeated:
                parent = ".".join(step.name for step in path)
                raise _unfit(parent, "is not a message and has no fields")
        field = message.fields_by_name.get(part) or message.fields_by_camelcase_name.get(part)
        if field is None:
            return None
        path.append(field)
    return tuple(path)


def set_text(request: Message, path: FieldPath, texts: list[str]) -> None:
    """Set a field of a request from the texts given for it. Raises InvalidArgument if they do not fit."""
    *parents, field = path
    target: Any = request
    for parent in parents:
        target = getattr(target, parent.name)
    name = ".".join(step.name for step in path)
    if is_map(field):
        raise _unfit(name, "cannot be set in the query")
    if field.is_repeated:
        getattr(target, field.name).extend([_of_text(field, name, text) for text in texts])
        return
    if len(texts) > 1:
        raise _unfit(name, "is given more than once")
    if field.message_type is not None:
        _set_message(getattr(target, field.name), field.message_type, name, texts[0])
    elif texts[0] or field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        setattr(target, field.name, _of_text(field, name, texts[0]))


def _set_message(target: Any, message_type: Any, name: str, text: str) -> None:
    if message_type.full_name in _AS_TEXT:
        fill(target, text)
    elif message_type.file.name == _WRAPPERS:
        target.value = _of_text(message_type.fields_by_name["value"], name, text)
    else:
        raise _unfit(name, "cannot be set in the query")


def _of_text(field: FieldDescriptor, name: str, text: str) -> Any:
    if field.enum_type is not None:
        value = field.enum_type.values_by_name.get(text)
        if value is None and _INTEGER.fullmatch(text):
            value = field.enum_type.values_by_number.get(int(text))
        if value is None:
            raise _unfit(name, "is not a valid enum value")
        return value.number
    if field.cpp_type not in _READERS or field.type == FieldDescriptor.TYPE_BYTES:
        raise _unfit(name, "cannot be set in the query")
    try:
        return _READERS[field.cpp_type](text)
    except (ValueError, KeyError):
        raise _unfit(name, f"has the invalid value {text[:100]!r}") from None


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return read


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


_READERS: dict[int, Callable[[str], Any]] = {
    FieldDescriptor.CPPTYPE_STRING: str,
    FieldDescriptor.CPPTYPE_BOOL: _BOOLEANS.__getitem__,
    FieldDescriptor.CPPTYPE_INT32: _integer(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: _integer(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: _integer(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: _integer(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: _number,
}


def _unescape(text: str) -> str:
    try:
        return unescaped(text.replace("+", " "))
    except BadEscape as error:
        raise InvalidArgument(f"the query {error}", reason="INVALID_QUERY") from None


def _unfit(name: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"'{name[:100]}' {why}", reason="INVALID_QUERY")
