"""Reads plain JSON values into messages, as strictly as KFP's gateway does. The REST door calls this.

A field's name may have either spelling, and null means absent. Unknown fields, both spellings at once, wrong types, numbers
out of range and unknown enum values are refused. json_format is too lenient: it accepts both spellings at once, true for
1.0, and digits of any script. The functions that read a message type are built once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from server.doors.rest.json_body import unreadable
from server.doors.rest.json_forms import has_value_form, is_map, needs_json_format
from server.well_known.times import FIRST_SECOND, LAST_SECOND
from server.well_known.values import set_struct, set_value
from storage.record import record

Reader = Callable[[Any, Any], None]
"""Writes a plain JSON value into a message."""

Converter = Callable[[Any], Any]
"""Converts a plain JSON value to the value of a scalar field."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# No integer of 64 bits has more characters; the cost of parsing grows with the square of the length.
_INTEGER_CHARACTERS = 20
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_SHOWN_CHARACTERS = 500


class _Misfit(Exception):
    """A value does not fit its field; `path` has the names that lead to it, innermost first."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why, self.path = why, list[str]()


@record
class _Field:
    other_spelling: str | None
    oneof: str | None
    takes_null: bool
    reader: Reader


def fill(message: Message, plain: Any) -> None:
    """Write a decoded JSON value into an empty message. Raises InvalidArgument, which names the field that does not fit."""
    _guarded(lambda: _reader(message.DESCRIPTOR)(message, plain))


def scalar(field: FieldDescriptor, plain: Any) -> Any:
    """Convert a decoded JSON value to the value of a singular field that is not a message. Raises InvalidArgument."""
    return _guarded(lambda: _converter(field)(plain))


def _guarded(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except _Misfit as misfit:
        # A name may have an unpaired surrogate, which an error message cannot hold.
        place = ".".join(reversed(misfit.path))[:_SHOWN_CHARACTERS].encode(errors="replace").decode()
        raise unreadable(f"is not valid: {place or 'it'} {misfit.why}") from None
    except UnicodeEncodeError:
        raise unreadable("has an unpaired surrogate in a string") from None
    except OverflowError:
        raise unreadable("has a number that is too large") from None


def _reader(descriptor: Any) -> Reader:
    reader = _readers.get(descriptor)
    if reader is None:
        fields: dict[str, _Field] = {}
        reader = _readers[descriptor] = _read_rare if needs_json_format(descriptor) else _message_reader(fields)
        # Added only after the reader is stored: a type may contain itself.
        for field in descriptor.fields:
            fields[field.name] = _field(field, other_spelling=field.json_name)
            fields[field.json_name] = _field(field, other_spelling=field.name)
    return reader


def _message_reader(fields: Mapping[str, _Field]) -> Reader:
    def read(message: Any, plain: Any) -> None:
        for name, value in _object(plain).items():
            field = fields.get(name)
            if field is None:
                raise _at(name, _Misfit("is unknown"))
            if field.other_spelling in plain:
                raise _at(name, _Misfit("is given in both spellings"))
            if value is None and not field.takes_null:
                continue
            if field.oneof and message.WhichOneof(field.oneof):
                raise _at(name, _Misfit(f"is not the only field of {field.oneof}"))
            try:
                field.reader(message, value)
            except _Misfit as misfit:
                raise _at(name, misfit) from None

    return read


def _at(name: str, misfit: _Misfit) -> _Misfit:
    misfit.path.append(name)
    return misfit


def _field(field: FieldDescriptor, *, other_spelling: str) -> _Field:
    return _Field(
        other_spelling=None if field.name == field.json_name else other_spelling,
        oneof=field.containing_oneof.name if field.containing_oneof else None,
        takes_null=field.message_type is Value.DESCRIPTOR and not field.is_repeated,
        reader=_map_reader(field)
        if is_map(field)
        else _list_reader(field)
        if field.is_repeated
        else _one_reader(field),
    )


def _one_reader(field: FieldDescriptor) -> Reader:
    name = field.name
    if field.message_type is None:
        converter = _converter(field)
        return lambda message, plain: setattr(message, name, converter(plain))
    reader = _reader(field.message_type)

    def read(message: Any, plain: Any) -> None:
        part = getattr(message, name)
        part.SetInParent()
        reader(part, plain)

    return read


def _list_reader(field: FieldDescriptor) -> Reader:
    name = field.name
    add: Callable[[Any, Any], None]
    if field.message_type is None:
        converter = _converter(field)
        add = lambda items, plain: items.append(converter(plain))  # noqa: E731
    else:
        reader = _reader(field.message_type)
        add = lambda items, plain: reader(items.add(), plain)  # noqa: E731

    def read(message: Any, plain: Any) -> None:
        if type(plain) is not list:
            raise _Misfit("must be a list")
        items = getattr(message, name)
        for index, item in enumerate(plain):
            try:
                add(items, item)
            except _Misfit as misfit:
                raise _at(str(index), misfit) from None

    return read


def _map_reader(field: FieldDescriptor) -> Reader:
    assert field.message_type is not None
    name, value_field = field.name, field.message_type.fields_by_name["value"]
    put: Callable[[Any, str, Any], None]
    if value_field.message_type is None:
        converter = _converter(value_field)
        put = lambda entries, key, plain: entries.__setitem__(key, converter(plain))  # noqa: E731
    else:
        reader = _reader(value_field.message_type)
        put = lambda entries, key, plain: reader(entries[key], plain)  # noqa: E731

    def read(message: Any, plain: Any) -> None:
        entries = getattr(message, name)
        for key, item in _object(plain).items():
            try:
                put(entries, key, item)
            except _Misfit as misfit:
                raise _at(key, misfit) from None

    return read


def _converter(field: FieldDescriptor) -> Converter:
    if field.enum_type is None:
        return _converters[field.cpp_type]
    numbers = {name: value.number for name, value in field.enum_type.values_by_name.items()}

    def convert(plain: Any) -> int:
        if type(plain) is not str:
            return _int32(plain)
        if plain not in numbers:
            raise _Misfit("is not a valid enum value")
        return numbers[plain]

    return convert


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def convert(plain: Any) -> int:
        number = _whole(plain)
        if not low <= number <= high:
            raise _Misfit("is out of range")
        return number

    return convert


def _whole(plain: Any) -> int:
    if type(plain) is int:
        return plain
    if type(plain) is str and _NUMBER.fullmatch(plain):
        if len(plain) <= _INTEGER_CHARACTERS and plain.lstrip("-").isdecimal():
            return int(plain)
        plain = float(plain)
    if type(plain) is float and plain.is_integer():
        return int(plain)
    raise _Misfit("must be an integer")


def _double(plain: Any) -> float:
    if type(plain) is str:
        if plain in _NOT_FINITE:
            return _NOT_FINITE[plain]
        number = float(plain) if _NUMBER.fullmatch(plain) else None
        if number is not None and number in _NOT_FINITE.values():
            raise OverflowError
    else:
        number = float(plain) if type(plain) in (int, float) else None
    if number is None:
        raise _Misfit("must be a number")
    return number


def _text(plain: Any) -> str:
    if type(plain) is not str:
        raise _Misfit("must be a string")
    return plain


def _boolean(plain: Any) -> bool:
    if type(plain) is not bool:
        raise _Misfit("must be true or false")
    return plain


def _object(plain: Any) -> dict[str, Any]:
    if type(plain) is not dict:
        raise _Misfit("must be an object")
    return plain


def _read_time(target: Any, plain: Any) -> None:
    match = _TIME.fullmatch(plain) if type(plain) is str else None
    try:
        if match is None:
            raise ValueError
        whole, fraction, zone = match.groups()
        moment = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
        seconds = (moment - _EPOCH) // _SECOND
        if not FIRST_SECOND <= seconds <= LAST_SECOND:
            raise ValueError
    except ValueError:
        raise _Misfit("must be a time such as 2026-01-31T12:00:00Z") from None
    target.seconds, target.nanos = seconds, int((fraction or "").ljust(9, "0"))


def _read_list(target: Any, plain: Any) -> None:
    if type(plain) is not list:
        raise _Misfit("must be a list")
    for item in plain:
        set_value(target.values.add(), item)


def _read_any(target: Any, plain: Any) -> None:
    members = dict(_object(plain))
    if not members:
        return
    url = _text(members.pop("@type", None))
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        raise _at("@type", _Misfit("is unknown")) from None
    message = message_factory.GetMessageClass(descriptor)()
    if descriptor in _own_form or has_value_form(descriptor):
        if members.keys() != {"value"}:
            raise _Misfit("must have the field value, and no other")
        members = members["value"]
    _reader(descriptor)(message, members)
    target.type_url, target.value = url, message.SerializeToString()


def _read_rare(message: Any, plain: Any) -> None:
    try:
        json_format.ParseDict(plain, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise _Misfit(f"cannot be read: {error}") from None


_int32 = _integer(-(2**31), 2**31 - 1)
_converters: dict[int, Converter] = {
    FieldDescriptor.CPPTYPE_INT32: _int32,
    FieldDescriptor.CPPTYPE_UINT32: _integer(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: _integer(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: _integer(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
    FieldDescriptor.CPPTYPE_STRING: _text,
}
_own_form: dict[Descriptor, Reader] = {
    Timestamp.DESCRIPTOR: _read_time,
    Value.DESCRIPTOR: set_value,
    Struct.DESCRIPTOR: lambda target, plain: set_struct(target, _object(plain)),
    ListValue.DESCRIPTOR: _read_list,
    AnyMessage.DESCRIPTOR: _read_any,
}
_readers = dict(_own_form)
