"""Plain values to request messages: what a caller wrote, checked against the message's fields.

Called by the generated methods of both clients. Raises TypeError for a value of the wrong type and ValueError for one that the
field cannot have; both begin with the path of the field, such as `run.runtime_config.parameters['lr']`.
"""

import datetime
import json
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeGuard, TypeVar, cast, runtime_checkable

from google.protobuf import json_format, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from lineal.v2beta1 import filter_pb2

AnyMessage = TypeVar("AnyMessage", bound=Message)

DEPTH_MAX = 100
"""Nesting of plain values; protobuf's parsers accept about as much. Without it, a list that contains itself would not end."""

_VALUE, _STRUCT, _LIST, _TIMESTAMP = (
    message.DESCRIPTOR.full_name
    for message in (struct_pb2.Value, struct_pb2.Struct, struct_pb2.ListValue, timestamp_pb2.Timestamp)
)
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


@runtime_checkable
class FilterExpression(Protocol):
    """What `filter=` accepts in addition to a Filter message, a mapping or JSON text: an expression of `lineal.filters`."""

    def to_json(self) -> str:
        """Return the Filter as JSON text."""
        ...


FilterLike = str | Mapping[str, Any] | filter_pb2.Filter | FilterExpression
"""What `filter=` accepts."""


def build(message: type[AnyMessage], fields: Mapping[str, Any]) -> AnyMessage:
    """Return a message with these fields; those that are None stay unset.

    A message is given as itself or as a mapping, an enum by name or number, a time as datetime with a time zone or as RFC 3339
    text, and what stands for JSON (Value, Struct) as plain Python.
    """
    request = message()
    _fill(request, fields, "", 0)
    return request


def filter_text(value: object) -> str:
    """Return a filter as JSON text. Raises TypeError for anything that is not a filter."""
    if isinstance(value, str):
        return value
    if isinstance(value, filter_pb2.Filter):
        return json_format.MessageToJson(value, indent=None)
    if isinstance(value, Mapping):
        return json.dumps(cast(Mapping[str, Any], value))
    if isinstance(value, FilterExpression):
        return value.to_json()
    raise TypeError(
        f"filter: {_kind(value)} is not a filter; use an expression of lineal.filters, a mapping or JSON text"
    )


def _fill(message: Message, fields: Mapping[Any, Any], path: str, depth: int) -> None:
    descriptor = message.DESCRIPTOR
    if depth > DEPTH_MAX:
        raise ValueError(f"{path}: nested more than {DEPTH_MAX} levels deep")
    chosen: dict[str, str] = {}
    for name, value in fields.items():
        field = cast(FieldDescriptor | None, descriptor.fields_by_name.get(name))
        where = f"{path}.{name}" if path else str(name)
        if field is None:
            names = ", ".join(each.name for each in descriptor.fields)
            raise ValueError(f"{where}: {descriptor.name} has no such field; its fields are {names}")
        if value is None and not _is(field, _VALUE):
            continue
        oneof = field.containing_oneof
        if oneof is not None and chosen.setdefault(oneof.name, where) != where:
            raise ValueError(f"{where}: cannot be given together with {chosen[oneof.name]}")
        _set(message, field, value, where, depth)


def _set(message: Message, field: FieldDescriptor, value: Any, path: str, depth: int) -> None:
    if _is_map(field):
        _set_map(message, field, value, path, depth)
    elif field.is_repeated:
        _set_list(message, field, value, path, depth)
    elif field.message_type is not None:
        target = getattr(message, field.name)
        target.SetInParent()
        _set_message(target, value, path, depth + 1)
    else:
        setattr(message, field.name, _scalar(field, value, path))


def _set_map(message: Message, field: FieldDescriptor, value: Any, path: str, depth: int) -> None:
    if not _is_mapping(value):
        raise TypeError(f"{path}: must be a mapping, not {_kind(value)}")
    key_field, value_field = (_descriptor(field).fields_by_name[name] for name in ("key", "value"))
    target = getattr(message, field.name)
    for key, item in value.items():
        where = f"{path}[{key!r}]"
        entry = _scalar(key_field, key, where)
        if value_field.message_type is not None:
            _set_message(target[entry], item, where, depth + 1)
        else:
            target[entry] = _scalar(value_field, item, where)


def _set_list(message: Message, field: FieldDescriptor, value: Any, path: str, depth: int) -> None:
    if not _is_list(value):
        raise TypeError(f"{path}: must be a list, not {_kind(value)}")
    target = getattr(message, field.name)
    for index, item in enumerate(value):
        where = f"{path}[{index}]"
        if field.message_type is not None:
            _set_message(target.add(), item, where, depth + 1)
        else:
            target.append(_scalar(field, item, where))


def _set_message(target: Message, value: Any, path: str, depth: int) -> None:
    descriptor = target.DESCRIPTOR
    if isinstance(value, Message):
        if value.DESCRIPTOR.full_name != descriptor.full_name:
            raise TypeError(f"{path}: must be {descriptor.name}, not {value.DESCRIPTOR.name}")
        target.CopyFrom(value)
    elif descriptor.full_name == _VALUE:
        _set_value(cast(struct_pb2.Value, target), value, path, depth)
    elif descriptor.full_name == _STRUCT:
        _set_struct(cast(struct_pb2.Struct, target), value, path, depth)
    elif descriptor.full_name == _LIST:
        _set_items(cast(struct_pb2.ListValue, target), value, path, depth)
    elif descriptor.full_name == _TIMESTAMP:
        _set_time(cast(timestamp_pb2.Timestamp, target), value, path)
    elif _is_mapping(value):
        _fill(target, value, path, depth)
    else:
        raise TypeError(f"{path}: must be {descriptor.name} or a mapping, not {_kind(value)}")


def _set_value(target: struct_pb2.Value, value: Any, path: str, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueError(f"{path}: nested more than {DEPTH_MAX} levels deep")
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, numbers.Real):  # NumPy's among them
        target.number_value = _number(value, path)
    elif isinstance(value, str):
        target.string_value = _text(value, path)
    elif isinstance(value, Message):
        raise TypeError(f"{path}: must be plain Python, not {_kind(value)}")
    elif isinstance(value, Mapping):
        _set_struct(target.struct_value, value, path, depth + 1)
    elif isinstance(value, list | tuple):
        _set_items(target.list_value, value, path, depth + 1)
    else:
        raise TypeError(
            f"{path}: {_kind(value)} has no form in JSON; use None, bool, a number, text, a list or a mapping"
        )


def _set_struct(target: struct_pb2.Struct, value: Any, path: str, depth: int) -> None:
    if not _is_mapping(value):
        raise TypeError(f"{path}: must be a mapping, not {_kind(value)}")
    target.SetInParent()
    for key, item in value.items():
        where = f"{path}[{key!r}]"
        if not isinstance(key, str):
            raise TypeError(f"{where}: a key must be text, not {_kind(key)}")
        _set_value(target.fields[_text(key, where)], item, where, depth + 1)


def _set_items(target: struct_pb2.ListValue, value: Any, path: str, depth: int) -> None:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{path}: must be a list, not {_kind(value)}")
    target.SetInParent()
    for index, item in enumerate(cast(Sequence[Any], value)):
        _set_value(target.values.add(), item, f"{path}[{index}]", depth + 1)


def _set_time(target: timestamp_pb2.Timestamp, value: Any, path: str) -> None:
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{path}: the time has no time zone; use datetime.now(timezone.utc), for example")
        target.FromDatetime(value)
    elif isinstance(value, str):
        try:
            target.FromJsonString(value)
        except ValueError:
            raise ValueError(f"{path}: {value!r} is not a time as 2026-01-31T12:00:00Z") from None
    else:
        raise TypeError(f"{path}: must be a datetime or text, not {_kind(value)}")


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(cast(EnumDescriptor, field.enum_type), value, path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise TypeError(f"{path}: must be bool, not {_kind(value)}")
        return value
    if kind in _INTEGERS:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{path}: must be int, not {_kind(value)}")
        least, most = _INTEGERS[kind]
        if not least <= (number := int(value)) <= most:
            raise ValueError(f"{path}: {value} is not between {least} and {most}")
        return number
    if kind in _FLOATS:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{path}: must be a number, not {_kind(value)}")
        return _number(value, path)
    if field.type == FieldDescriptor.TYPE_BYTES:
        if not isinstance(value, bytes):
            raise TypeError(f"{path}: must be bytes, not {_kind(value)}")
        return value
    if not isinstance(value, str):
        raise TypeError(f"{path}: must be text, not {_kind(value)}")
    return _text(value, path)


def _enum(enum: EnumDescriptor, value: Any, path: str) -> int:
    if isinstance(value, str) and value in enum.values_by_name:
        return int(enum.values_by_name[value].number)
    if isinstance(value, int) and not isinstance(value, bool) and value in enum.values_by_number:
        return int(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        names = ", ".join(each.name for each in enum.values)
        raise ValueError(f"{path}: {value!r} is not a {enum.name}; there are {names}")
    raise TypeError(f"{path}: must be the name of a {enum.name}, not {_kind(value)}")


def _number(value: numbers.Real, path: str) -> float:
    """Return a number as double. Raises ValueError for NaN and infinities, and for a whole number that would be another one."""
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{path}: the number is too large") from None
    if not math.isfinite(number):
        raise ValueError(f"{path}: {number} is not a number that JSON has")
    if isinstance(value, numbers.Integral) and int(number) != int(value):
        raise ValueError(f"{path}: {value} has too many digits for a number of JSON; send it as text")
    return number


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{path}: the text has a character that is not valid Unicode") from None
    return value


def _is(field: FieldDescriptor, full_name: str) -> bool:
    return field.message_type is not None and field.message_type.full_name == full_name


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _descriptor(field: FieldDescriptor) -> Descriptor:
    return cast(Descriptor, field.message_type)


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Message)


def _kind(value: Any) -> str:
    return type(value).__name__
