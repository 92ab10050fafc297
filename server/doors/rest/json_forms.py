"""Decides which message types json_reader and json_writer handle themselves; the others are left to json_format.

No request or response contains one of the others; the details of an error may.
"""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

_RARE_FILES = ("google/protobuf/duration.proto", "google/protobuf/field_mask.proto", "google/protobuf/wrappers.proto")
_RARE_KINDS = (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_GROUP)


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def has_value_form(descriptor: Any) -> bool:
    """Return whether a rare type is written as a single value, which within an Any has the key "value"."""
    return descriptor.file.name in _RARE_FILES


def needs_json_format(descriptor: Any) -> bool:
    """Return whether the JSON of a type, or of one of its own fields, is left to json_format."""
    return has_value_form(descriptor) or any(map(_is_rare, descriptor.fields))


def _is_rare(field: FieldDescriptor) -> bool:
    if field.enum_type is not None:
        return field.enum_type.full_name == "google.protobuf.NullValue"
    if is_map(field):
        assert field.message_type is not None
        entry = field.message_type.fields_by_name
        return entry["key"].cpp_type != FieldDescriptor.CPPTYPE_STRING or _is_rare(entry["value"])
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        # Without presence, -0.0 counts as set although it is falsy.
        return not field.has_presence and not field.is_repeated
    return field.type in _RARE_KINDS
