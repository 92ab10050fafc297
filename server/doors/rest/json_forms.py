"""Which message types json_reader and json_writer handle themselves; they leave the others to json_format.

Only those two call this. No request or response has a type of the other sort; the detail of an error may have one.
"""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

_RARE_FILES = ("google/protobuf/duration.proto", "google/protobuf/field_mask.proto", "google/protobuf/wrappers.proto")
_RARE_KINDS = (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_GROUP)


def is_map(field: FieldDescriptor) -> bool:
    """Say whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def has_value_form(descriptor: Any) -> bool:
    """Say whether a rare type is written as a single value, which within an Any stands under "value"."""
    return descriptor.file.name in _RARE_FILES


def needs_json_format(descriptor: Any) -> bool:
    """Say whether a type, or one of its own fields, has a JSON that is left to json_format."""
    return has_value_form(descriptor) or any(map(_is_rare, descriptor.fields))


def _is_rare(field: FieldDescriptor) -> bool:
    if field.enum_type is not None:
        return field.enum_type.full_name == "google.protobuf.NullValue"
    if is_map(field):
        assert field.message_type is not None
        entry = field.message_type.fields_by_name
        return entry["key"].cpp_type != FieldDescriptor.CPPTYPE_STRING or _is_rare(entry["value"])
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        # Without presence, -0.0 counts as set although it is false.
        return not field.has_presence and not field.is_repeated
    return field.type in _RARE_KINDS
