"""Removes unknown fields from a decoded JSON value. Binding calls this for APIs that ignore unknown fields."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from server.doors.rest.json_forms import is_map, needs_json_format

_OWN_FORM_PACKAGE = "google.protobuf."


def without_unknown(descriptor: Any, plain: Any) -> Any:
    """Return the value without unknown fields, at every depth; other values that do not fit are left for the reader to refuse."""
    if type(plain) is not dict or descriptor.full_name.startswith(_OWN_FORM_PACKAGE) or needs_json_format(descriptor):
        return plain
    fields: Mapping[str, FieldDescriptor] = {
        **{field.json_name: field for field in descriptor.fields},
        **descriptor.fields_by_name,
    }
    return {name: _within(fields[name], value) for name, value in plain.items() if name in fields}


def _within(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is None:
        return value
    if is_map(field):
        item_type = field.message_type.fields_by_name["value"].message_type
        if item_type is None or type(value) is not dict:
            return value
        return {key: without_unknown(item_type, item) for key, item in value.items()}
    if field.is_repeated:
        return [without_unknown(field.message_type, item) for item in value] if type(value) is list else value
    return without_unknown(field.message_type, value)
