"""Writes messages as JSON, byte for byte as json_format and json.dumps do, at a third of the cost.

Fields have their names in the protos (snake_case), unset fields are omitted, enum values are written by name, 64-bit integers
as strings unless an API wants numbers. The REST door calls `message_json`. json_format inspects every field of every message;
here each message type is inspected once, and compiled to a function (`compiled_writer`). Types with a JSON form of their own,
such as times and Values, have handwritten functions below.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import isfinite
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from server.doors.rest.compiled_writer import Writer, compiled
from server.doors.rest.compiled_writer import text as _text
from server.doors.rest.json_forms import has_value_form, needs_json_format

LIST_ITEMS = 1_000
"""How many messages of a list are taken at once: with a million of protobuf's wrappers alive, making another takes very long."""

_DAYS_KEPT = 4096
_SIXTY = [f"{number:02d}" for number in range(60)]
_MINUTES = [f"{hour:02d}:{minute}" for hour in range(24) for minute in _SIXTY]


def message_json(message: Message, *, int64_as_numbers: bool = False) -> str:
    """Return the message as compact JSON; characters outside ASCII stay as they are.

    Raises ValueError for what JSON cannot express: NaN and infinities in a Value, times outside the years 1 to 9999.
    """
    return writers(int64_as_numbers=int64_as_numbers).of(message.DESCRIPTOR)(message)


def writers(*, int64_as_numbers: bool) -> "Writers":
    """Return the writers of all message types, in one of the two forms of 64-bit integers."""
    return _with_numbers if int64_as_numbers else _with_strings


class Writers:
    """The writers of message types, created on first use."""

    def __init__(self, *, int64_as_numbers: bool) -> None:
        self._int64_as_numbers = int64_as_numbers
        self._writers: dict[Any, Writer] = dict(OWN_FORM)

    # Any, as the stubs have two classes of descriptors, only one of which exists in a process.
    def of(self, descriptor: Any) -> Writer:
        """Return the writer of a type."""
        writer = self._writers.get(descriptor)
        if writer is None:
            if needs_json_format(descriptor):
                writer = _as_json_format
            else:
                # A type may contain itself, so it needs a writer while its own is being compiled.
                self._writers[descriptor] = lambda message: self._writers[descriptor](message)
                writer = compiled(descriptor, writer_of=self.of, int64_as_numbers=self._int64_as_numbers)
            self._writers[descriptor] = writer
        return writer

    def of_fields(self, descriptor: Any, fields: Sequence[FieldDescriptor]) -> Writer:
        """Return a new writer of some of a type's fields."""
        return compiled(descriptor, writer_of=self.of, int64_as_numbers=self._int64_as_numbers, fields=fields)


@lru_cache(_DAYS_KEPT)
def _day(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    except OverflowError:
        raise ValueError(f"day {days} is not between the years 1 and 9999") from None


def _second(seconds: int) -> str:
    # Only days are cached: they repeat within a response, and formatting a date costs more than formatting the rest.
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
    # The most common kinds are read without WhichOneof, which costs as much as reading two fields.
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
    items = values.values
    if len(items) <= LIST_ITEMS:
        return "[" + ",".join(map(_value, items[:])) + "]"
    return (
        "["
        + ",".join([_value(item) for at in range(0, len(items), LIST_ITEMS) for item in items[at : at + LIST_ITEMS]])
        + "]"
    )


def _any(wrapped: Any) -> str:
    url = wrapped.type_url
    if not url and not wrapped.value:
        return "{}"
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(url.rpartition("/")[2])
        message = message_factory.GetMessageClass(descriptor).FromString(wrapped.value)
    except (KeyError, DecodeError):
        # json_format raises here, but an error must be shown even if only its client knows the type of a detail.
        return f'{{"@type":{_text(url)},"value":"{b64encode(wrapped.value).decode()}"}}'
    inner = message_json(message)
    if descriptor in OWN_FORM or has_value_form(descriptor):
        return f'{{"@type":{_text(url)},"value":{inner}}}'
    return f'{{"@type":{_text(url)}}}' if inner == "{}" else f'{{"@type":{_text(url)},{inner[1:]}'


def _as_json_format(message: Message) -> str:
    plain = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


OWN_FORM: dict[Descriptor, Writer] = {
    Timestamp.DESCRIPTOR: _timestamp,
    Value.DESCRIPTOR: _value,
    Struct.DESCRIPTOR: _struct,
    ListValue.DESCRIPTOR: _list,
    AnyMessage.DESCRIPTOR: _any,
}
"""Writers of the types with a JSON form of their own."""

_with_strings, _with_numbers = Writers(int64_as_numbers=False), Writers(int64_as_numbers=True)
