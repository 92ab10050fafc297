"""The JSON forms of scalars and of Google's well-known messages, in responses and in requests. `schemas` calls this.

Responses have one form per type, which the REST door writes. Requests have every form that it reads: numbers may also be
text, and text must not contain NUL, which no database stores.
"""

import sys
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

Schema = dict[str, Any]


def reference(name: str) -> Schema:
    """Return a schema that refers to a named one."""
    return {"$ref": f"#/components/schemas/{name}"}


NO_NUL = r"^[^\u0000]*$"
TEXT: Schema = {"type": "string", "pattern": NO_NUL}
"""Any text in a request."""
TEXT_KEYS: Schema = {"propertyNames": {"pattern": NO_NUL}}
"""Keywords of an object with keys that the client chooses."""

# Patterns cannot compare numbers: these exclude the longest numbers, so as not to allow some that are too large.
_INT32_TEXT = r"^(0|-?[1-9][0-9]{0,8})$"
_INT64_TEXT = r"^(0|-?[1-9][0-9]{0,17}|-?[1-8][0-9]{18})$"
_DOUBLE_TEXT = r"^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?$"
# RFC 3339 with the years and fractions that a Timestamp can have.
_TIME_TEXT = (
    r"^([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


def _bounds(bits: int) -> Schema:
    return {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}


INT32 = _bounds(32)
"""Keywords of a 32-bit number."""
_INT64 = _bounds(64)
_DOUBLE = {"minimum": -sys.float_info.max, "maximum": sys.float_info.max}

OUTPUT_SCALARS: dict[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
}
"""Scalars in responses, by cpp_type."""

INPUT_SCALARS: dict[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": ["integer", "string"], **INT32, "pattern": _INT32_TEXT},
    FieldDescriptor.CPPTYPE_INT64: {"type": ["string", "integer"], "pattern": _INT64_TEXT, **_INT64},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": ["number", "string"], "pattern": _DOUBLE_TEXT, **_DOUBLE},
}
"""Scalars in requests, by cpp_type."""

OUTPUT_MESSAGES: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {"description": "Any JSON value."},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string", "description": "Name of the message's type, as a URL."}},
        "required": ["@type"],
        "description": "A message of any type, with its fields next to @type.",
    },
}
"""Well-known messages in responses, by full name."""

_VALUE, _OBJECT = "JsonValue", "JsonObject"

INPUT_MESSAGES: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time", "pattern": _TIME_TEXT},
    "google.protobuf.Struct": reference(_OBJECT),
    "google.protobuf.Value": reference(_VALUE),
    "google.protobuf.Any": {
        "type": "object",
        "properties": {
            "@type": {"type": "string", "enum": ["type.googleapis.com/google.protobuf.Struct"]},
            "value": reference(_OBJECT),
        },
        "required": ["@type", "value"],
        "additionalProperties": False,
        "description": "A message of any type that the server supports, such as Struct.",
    },
}
"""Well-known messages in requests, by full name."""

COMMON: dict[str, Schema] = {
    _VALUE: {
        "description": "Any JSON value whose texts have no NUL.",
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            TEXT,
            {"type": "array", "items": reference(_VALUE)},
            reference(_OBJECT),
        ],
    },
    _OBJECT: {
        "description": "Any JSON object whose texts have no NUL.",
        "type": "object",
        "additionalProperties": reference(_VALUE),
        **TEXT_KEYS,
    },
}
"""Schemas that INPUT_MESSAGES refer to: the document has to contain them."""
