"""Compiles functions that write messages of one type as JSON, from generated Python source: a line or two per field.

For a message type with a text `name`, a repeated message `pods` and an optional int64 `count`, in order of their numbers:

    def write(m):
        s = ''
        v = m.name
        if v: s += f',"name":{text(v)}'
        v = ','.join(map(w2, m.pods[:]))
        if v: s += f',"pods":[{v}]'
        v = m.count
        if v or m.HasField('count'): s += f',"count":"{v}"'
        return '{' + s[1:] + '}'

`text` writes a JSON string, `w2` is the writer of the type of `pods`, field 2. The source contains only names from the server's
own protos, never input from a client. `json_writer` calls this, once per message type.
"""

from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as text
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from server.doors.rest.json_forms import is_map

__all__ = ["Writer", "compiled", "text"]

Writer = Callable[[Any], str]

WriterOf = Callable[[Any], Writer]
"""Returns the writer of a message type."""

_NOT_FINITE = {"inf": '"Infinity"', "-inf": '"-Infinity"', "nan": '"NaN"'}


def compiled(
    descriptor: Descriptor,
    *,
    writer_of: WriterOf,
    int64_as_numbers: bool = False,
    fields: Sequence[FieldDescriptor] | None = None,
) -> Writer:
    """Return the writer of a message type, or of some of its fields; those that are messages are written by `writer_of`."""
    kinds = {**_KINDS, **_INT64_AS_NUMBERS} if int64_as_numbers else _KINDS
    names: dict[str, Any] = {"text": text, "double": _double, "boolean": _boolean}
    lines = ["def write(m):", "    s = ''"]
    for field in sorted(descriptor.fields if fields is None else fields, key=lambda field: field.number):
        lines += [f"    {line}" for line in _field_lines(field, names, writer_of, kinds)]
    lines.append("    return '{' + s[1:] + '}'")
    exec("\n".join(lines), names)
    write: Writer = names["write"]
    return write


def _field_lines(field: FieldDescriptor, names: dict[str, Any], writer_of: WriterOf, kinds: "Kinds") -> list[str]:
    name, function = field.name, f"w{field.number}"
    if is_map(field):
        assert field.message_type is not None
        names[function] = _kind(field.message_type.fields_by_name["value"], writer_of, kinds)[1]
        entries = f"','.join([f'{{text(k)}}:{{{function}(v[k])}}' for k in v])"
        return [f"v = m.{name}", f"if v: s += ',\"{name}\":{{' + {entries} + '}}'"]
    inline, names[function] = _kind(field, writer_of, kinds)
    if field.is_repeated:
        # A slice is a list made in one step; iterating over the field itself costs twice as much.
        return [f"v = ','.join(map({function}, m.{name}[:]))", f"if v: s += f',\"{name}\":[{{v}}]'"]
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return [f"if m.HasField('{name}'): s += f',\"{name}\":{{{function}(m.{name})}}'"]
    inline = inline or f"{{{function}(v)}}"
    is_set = f"v or m.HasField('{name}')" if field.has_presence else "v"
    return [f"v = m.{name}", f"if {is_set}: s += f',\"{name}\":{inline}'"]


def _kind(field: FieldDescriptor, writer_of: WriterOf, kinds: "Kinds") -> tuple[str, Writer]:
    """Return how to write one value of a field: inside an f-string ("" if only the function can), and with a function."""
    if field.message_type is not None:
        return "", writer_of(field.message_type)
    if field.enum_type is not None:
        return "", _EnumNames(field).__getitem__
    return kinds[field.cpp_type]


class _EnumNames(dict[int, str]):
    """The names of an enum by number, as JSON; a number without a name is written as a number."""

    def __init__(self, field: FieldDescriptor) -> None:
        assert field.enum_type is not None
        super().__init__((number, f'"{value.name}"') for number, value in field.enum_type.values_by_number.items())

    def __missing__(self, number: int) -> str:
        return str(number)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _double(number: float) -> str:
    digits = repr(number)
    return _NOT_FINITE.get(digits, digits)


Kinds = dict[int, tuple[str, Writer]]
"""How a value `v` of a kind is written inside an f-string, and the function that writes one in a list or a map."""

_KINDS: Kinds = {
    FieldDescriptor.CPPTYPE_STRING: ("{text(v)}", text),
    FieldDescriptor.CPPTYPE_BOOL: ("{boolean(v)}", _boolean),
    FieldDescriptor.CPPTYPE_INT32: ("{v}", str),
    FieldDescriptor.CPPTYPE_UINT32: ("{v}", str),
    FieldDescriptor.CPPTYPE_INT64: ('"{v}"', lambda v: f'"{v}"'),
    FieldDescriptor.CPPTYPE_UINT64: ('"{v}"', lambda v: f'"{v}"'),
    FieldDescriptor.CPPTYPE_DOUBLE: ("{double(v)}", _double),
}
_INT64_AS_NUMBERS: Kinds = {FieldDescriptor.CPPTYPE_INT64: ("{v}", str), FieldDescriptor.CPPTYPE_UINT64: ("{v}", str)}
