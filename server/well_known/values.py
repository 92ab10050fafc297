"""Value and Struct: any JSON a client may put into parameters, metadata, specs. The modules of the codec call this."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from server.rules.unusable import UnusableValue
from storage.documents.plain import LIST_LEVELS, OBJECT_LEVELS, VALUE_DEPTH, plain_number


def plain_value(value: Value, field: str, depth: int = 0) -> Any:
    """Return a Value as plain JSON, object keys sorted.

    Raises UnusableValue for NaN, infinities and values nested deeper than VALUE_DEPTH.
    """
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        number = value.number_value
        if not isfinite(number):
            raise UnusableValue(f"{field} contains NaN or an infinity, which JSON cannot hold")
        return plain_number(number)
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return plain_values(value.struct_value.fields, field, depth + OBJECT_LEVELS)
    if kind == "list_value":
        depth += LIST_LEVELS
        _check_depth(depth, field)
        return [plain_value(item, field, depth) for item in value.list_value.values]
    return None


def plain_values(values: Mapping[str, Value], field: str, depth: int = 0) -> dict[str, Any]:
    """Return a map of Values, such as the fields of a Struct, as plain JSON. Raises UnusableValue as `plain_value`."""
    _check_depth(depth, field)
    return {key: plain_value(values[key], field, depth) for key in sorted(values)}


def set_value(target: Any, plain: Any) -> None:
    """Write plain JSON into a Value; None becomes null."""
    # Exact types, since the decoder makes no others: isinstance costs more, and treats bool as int.
    kind = type(plain)
    if kind is str:
        target.string_value = plain
    elif kind is float or kind is int:
        target.number_value = plain
    elif kind is bool:
        target.bool_value = plain
    elif kind is dict:
        set_struct(target.struct_value, plain)
    elif kind is list:
        values = target.list_value.values
        if not plain:
            target.list_value.SetInParent()
        for item in plain:
            set_value(values.add(), item)
    else:
        target.null_value = 0


def set_struct(target: Struct, plain: Mapping[str, object]) -> None:
    """Write a plain JSON object into a Struct, which is present afterwards even when empty."""
    if not plain:
        target.SetInParent()
        return
    set_values(target.fields, plain)


def set_values(target: Mapping[str, Value], plain: Mapping[str, object]) -> None:
    """Write a plain JSON object into a map of Values."""
    for key, item in plain.items():
        set_value(target[key], item)


def _check_depth(depth: int, field: str) -> None:
    if depth > VALUE_DEPTH:
        raise UnusableValue(f"{field} is nested too deeply")
