"""Messages → JSON text, exact to the byte what json_format and json.dumps make of them, at a third of the cost.

Names are the protos' (snake_case), unset fields are left out, enums go by name, 64-bit integers are strings. The REST
door calls `json_text`. json_format asks every field of every message what it is; here that is asked once a message
type, and the answer kept as a function written and compiled for the type: a line or two a field, in order of numbers.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from json.encoder import encode_basestring as _text
from math import isfinite
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from server.doors.rest.json_forms import has_value_form, is_map, needs_json_format

Writer = Callable[[Any], str]

# How a value `v` of a kind stands within an f-string, and the function that writes one in a list or a map.
_KINDS: dict[int, tuple[str, Writer]] = {
    FieldDescriptor.CPPTYPE_STRING: ("{text(v)}", _text),
    FieldDescriptor.CPPTYPE_BOOL: ("{boolean(v)}", lambda v: "true" if v else "false"),
    FieldDescriptor.CPPTYPE_INT32: ("{v}", str),
    FieldDescriptor.CPPTYPE_UINT32: ("{v}", str),
    FieldDescriptor.CPPTYPE_INT64: ('"{v}"', lambda v: f'"{v}"'),
    FieldDescriptor.CPPTYPE_UINT64: ('"{v}"', lambda v: f'"{v}"'),
    FieldDescriptor.CPPTYPE_DOUBLE: ("{double(v)}", lambda v: _double(v)),
}
_NOT_FINITE = {"inf": '"Infinity"', "-inf": '"-Infinity"', "nan": '"NaN"'}
_DAYS_KEPT = 4096
_SIXTY = [f"{number:02d}" for number in range(60)]
_MINUTES = [f"{hour:02d}:{minute}" for hour in range(24) for minute in _SIXTY]


def json_text(message: Message) -> str:
    """Return the message as compact JSON; characters outside ASCII stay as they are.

    Raises ValueError for what JSON cannot hold: NaN and infinities in a Value, times outside the years 1 to 9999.
    """
    return _writer(message.DESCRIPTOR)(message)


# Stubs know two classes of descriptors, of which a process has one.
def _writer(descriptor: Any) -> Writer:
    writer = _writers.get(descriptor)
    if writer is None:
        writer = _as_json_format if needs_json_format(descriptor) else _compiled(descriptor)
        _writers[descriptor] = writer
    return writer


def _compiled(descriptor: Descriptor) -> Writer:
    """Return the function of a message type: `write(m)`, which reads each field and adds what is set to `s`."""
    names: dict[str, Any] = {"text": _text, "double": _double, "boolean": _KINDS[FieldDescriptor.CPPTYPE_BOOL][1]}
    # A type may contain itself, so it has a writer before it is written.
    _writers[descriptor] = lambda m: str(names["write"](m))
    lines = ["def write(m):", "    s = ''"]
    for field in sorted(descriptor.fields, key=lambda field: field.number):
        lines += [f"    {line}" for line in _field_lines(field, names)]
    lines.append("    return '{' + s[1:] + '}'")
    # The source is made of names from our own protos, never of what a client sent.
    exec("\n".join(lines), names)
    write: Writer = names["write"]
    return write


def _field_lines(field: FieldDescriptor, names: dict[str, Any]) -> list[str]:
    name, function = field.name, f"w{field.number}"
    if is_map(field):
        assert field.message_type is not None
        names[function] = _kind(field.message_type.fields_by_name["value"])[1]
        entries = f"','.join([f'{{text(k)}}:{{{function}(v[k])}}' for k in v])"
        return [f"v = m.{name}", f"if v: s += ',\"{name}\":{{' + {entries} + '}}'"]
    within, names[function] = _kind(field)
    if field.is_repeated:
        # A slice is a list made in one step; to iterate over the field itself costs twice as much.
        return [f"v = ','.join(map({function}, m.{name}[:]))", f"if v: s += f',\"{name}\":[{{v}}]'"]
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return [f"if m.HasField('{name}'): s += f',\"{name}\":{{{function}(m.{name})}}'"]
    within = within or f"{{{function}(v)}}"
    is_set = f"v or m.HasField('{name}')" if field.has_presence else "v"
    return [f"v = m.{name}", f"if {is_set}: s += f',\"{name}\":{within}'"]


def _kind(field: FieldDescriptor) -> tuple[str, Writer]:
    """Return how one value of a field is written: within an f-string ("" when by the function), and by a function."""
    if field.message_type is not None:
        return "", _writer(field.message_type)
    if field.enum_type is not None:
        return "", _EnumNames(field).__getitem__
    return _KINDS[field.cpp_type]


class _EnumNames(dict[int, str]):
    """The names of an enum by number, as JSON; a number without one is written as it is."""

    def __init__(self, field: FieldDescriptor) -> None:
        assert field.enum_type is not None
        super().__init__((number, f'"{value.name}"') for number, value in field.enum_type.values_by_number.items())

    def __missing__(self, number: int) -> str:
        return str(number)


def _double(number: float) -> str:
    digits = repr(number)
    return _NOT_FINITE.get(digits, digits)


@lru_cache(_DAYS_KEPT)
def _day(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    except OverflowError:
        raise ValueError(f"day {days} is not between the years 1 and 9999") from None


def _second(seconds: int) -> str:
    # Days come again in an answer, seconds do not; and a date by itself costs more than all the rest of a time.
    days, seconds = divmod(seconds, 86_400)
    minutes, seconds = divmod(seconds, 60)
    return f"{_day(days)}T{_MINUTES[minutes]}:{_SIXTY[seconds]}"


def _timestamp(moment: Any) -> str:
    nanos = moment.nanos
    if not nanos:
        return f'"{_second(moment.seconds)}Z"'
    if nanos < 0 or nanos >= 1_000_000_000:
        raise ValueError(f"a time has {nanos} nanoseconds")
    if nanos % 1_000_000 == 0:
        return f'"{_second(moment.seconds)}.{nanos // 1_000_000:03d}Z"'
    if nanos % 1_000 == 0:
        return f'"{_second(moment.seconds)}.{nanos // 1_000:06d}Z"'
    return f'"{_second(moment.seconds)}.{nanos:09d}Z"'


def _value(value: Any) -> str:
    # The commonest kinds are read without asking for the kind first, which costs as much as reading two.
    text = value.string_value
    if text:
        return _text(text)
    number = value.number_value
    if number:
        if not isfinite(number):
            raise ValueError(f"{number} cannot be written as JSON")
        return repr(number)
    kind = value.WhichOneof("kind")
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return _list(value.list_value)
    if kind == "number_value":
        return repr(number)
    return '""' if kind == "string_value" else "null"


def _struct(struct: Any) -> str:
    fields = struct.fields
    return "{" + ",".join([f"{_text(key)}:{_value(fields[key])}" for key in fields]) + "}"


def _list(values: Any) -> str:
    return "[" + ",".join(map(_value, values.values[:])) + "]"


def _any(wrapped: Any) -> str:
    url = wrapped.type_url
    if not url and not wrapped.value:
        return "{}"
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(url.rpartition("/")[2])
        message = message_factory.GetMessageClass(descriptor).FromString(wrapped.value)
    except (KeyError, DecodeError):
        # json_format gives up here; an error with a detail of a type that only its client knows must still be shown.
        return f'{{"@type":{_text(url)},"value":"{b64encode(wrapped.value).decode()}"}}'
    inner = json_text(message)
    if descriptor in _OWN_FORM or has_value_form(descriptor):
        return f'{{"@type":{_text(url)},"value":{inner}}}'
    return f'{{"@type":{_text(url)}}}' if inner == "{}" else f'{{"@type":{_text(url)},{inner[1:]}'


def _as_json_format(message: Message) -> str:
    plain = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


_OWN_FORM: dict[Descriptor, Writer] = {
    Timestamp.DESCRIPTOR: _timestamp,
    Value.DESCRIPTOR: _value,
    Struct.DESCRIPTOR: _struct,
    ListValue.DESCRIPTOR: _list,
    AnyMessage.DESCRIPTOR: _any,
}
_writers = dict(_OWN_FORM)
