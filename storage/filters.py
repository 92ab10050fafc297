"""Filters and sort texts of list requests → predicates and an order, from which SQL is made.

Filters are checked against the columns here: a filter that does not match them or is too large raises InvalidFilter, and no
text raises any other error. `storage.pages` reads filters with it, and `storage/sql` turns predicates into SQL.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum, IntEnum
from typing import Any

from storage import filter_message
from storage.errors import InvalidFilter, InvalidOrder
from storage.fields import Field, FieldKind, FieldSet, Order
from storage.filter_message import AFTER_LATEST, EARLIEST, INT32, SECOND, Operation, RawPredicate, excerpt, read_filter
from storage.record import record

__all__ = ["Operation", "Order", "Predicate", "canonical", "parse_filter", "parse_order", "restore"]

MAX_PREDICATES = 64
MAX_IN_VALUES = 1000
MAX_JSON_SUBSTRINGS = 4
"""How many IS_SUBSTRING predicates on JSON columns a filter may have: each reads up to 16 MiB of every row that it is given."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_INTEGERS = frozenset({"int_value", "long_value"})
_FORMS: dict[FieldKind, frozenset[str]] = {
    FieldKind.TEXT: frozenset({"string_value"}),
    FieldKind.JSON: frozenset({"string_value"}),
    FieldKind.NUMBERED_ENUM: _INTEGERS | {"string_value"},
    FieldKind.NAMED_ENUM: _INTEGERS | {"string_value"},
    FieldKind.TIME: _INTEGERS | {"timestamp_value"},
    FieldKind.NUMBER: _INTEGERS,
    FieldKind.TAG: frozenset({"string_value"}),
}


@record
class Predicate:
    """One comparison; the predicates of a filter must all hold.

    Values are as stored: text for TEXT and JSON, a number within 32 bits for NUMBERED_ENUM, a name for NAMED_ENUM, a
    float for NUMBER. There is one value, except for IN, which may have none and then matches nothing. A TIME compares with
    the interval that the given time covers, in microseconds: values are (start, end), end excluded; IN has such pairs,
    each of a whole second, or empty for a time that no row can have.
    """

    field: Field
    operation: Operation
    values: tuple[Any, ...]


class _Unknown(Enum):
    """Stands for an enum value that no row can have."""

    VALUE = 0


def parse_filter(
    text: str, fields: FieldSet, names: Mapping[str, str] = filter_message.PREDICATE_NAMES
) -> tuple[Predicate, ...]:
    """Return the predicates of a filter in the order they were sent, without those that every row satisfies.

    The INs of one column become one predicate with the values that all of them share. A text that is not a Filter
    message is URL-unescaped once. `names` are the allowed names of a predicate's fields. Raises InvalidFilter.
    """
    if text == "":
        return ()
    raw_predicates = read_filter(text, names)
    if len(raw_predicates) > MAX_PREDICATES:
        raise InvalidFilter(f"filter has {len(raw_predicates)} predicates, at most {MAX_PREDICATES} are allowed")
    predicates = [predicate for each in raw_predicates if (predicate := _predicate(each, fields)) is not None]
    count = sum(each.operation is Operation.IS_SUBSTRING and each.field.kind is FieldKind.JSON for each in predicates)
    if count > MAX_JSON_SUBSTRINGS:
        raise InvalidFilter(
            f"filter has {count} predicates IS_SUBSTRING on long documents, at most {MAX_JSON_SUBSTRINGS} are allowed"
        )
    return _merge_lists(predicates)


def parse_order(text: str, fields: FieldSet, default: Order) -> Order:
    """Return the order of a sort text, the default when it is blank. Raises InvalidOrder."""
    words = text.lower().split()
    if not words:
        return default
    field = fields.find(words[0])
    if field is None or not field.sortable:
        raise InvalidOrder(f"cannot sort by {excerpt(words[0])}")
    if words[1:] not in ([], ["asc"], ["desc"]):
        raise InvalidOrder(f"sort by {words[0]!r} must be followed by asc, desc or nothing")
    return Order(_first_of_column(field, fields), descending=words[1:] == ["desc"])


def canonical(predicates: Sequence[Predicate]) -> str:
    """Return a text that is the same for equal predicates, however their filters were written."""
    rows = [[each.field.column, each.operation.value, each.values] for each in predicates]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def restore(text: str, fields: FieldSet) -> tuple[Predicate, ...]:
    """Return the predicates of a text from `canonical`. Raises InvalidFilter when they do not belong to the fields."""
    by_column = {each.column: each for each in reversed(list(fields.values()))}
    try:
        rows = json.loads(text)
        return tuple(
            Predicate(
                by_column.get(column) or fields[column],
                Operation(operation),
                tuple(tuple(value) if isinstance(value, list) else value for value in values),
            )
            for column, operation, values in rows
        )
    except (ValueError, KeyError, TypeError):
        raise InvalidFilter("filter does not belong to this list") from None


def _merge_lists(predicates: Sequence[Predicate]) -> tuple[Predicate, ...]:
    # MariaDB takes minutes to plan a query with sixteen long INs on one column, and PostgreSQL binds no more than 32,767 values.
    result: list[Predicate] = []
    places: dict[str, int] = {}
    for each in predicates:
        if each.operation is Operation.IN:
            place = places.setdefault(each.field.column, len(result))
            if place < len(result):
                values = frozenset(each.values)
                intersection = tuple(value for value in result[place].values if value in values)
                result[place] = replace(result[place], values=intersection)
                continue
        result.append(each)
    return tuple(result)


def _first_of_column(field: Field, fields: FieldSet) -> Field:
    return next((each for each in fields.values() if each.column == field.column), field)


def _predicate(raw: RawPredicate, fields: FieldSet) -> Predicate | None:
    """Return the predicate with column values, None when every row satisfies it."""
    field = _find_field(raw.key, fields)
    operation = _find_operation(raw, field)
    values = tuple(_column_value(value, field) for value in raw.values)
    column_values = tuple(value for value in values if value is not _Unknown.VALUE)
    target = _first_of_column(field, fields)
    if operation is Operation.IN:
        # Repeated values are redundant, and each bound value counts towards the limit of a statement.
        return Predicate(target, operation, tuple(dict.fromkeys(column_values)))
    if operation is Operation.NOT_EQUALS and column_values and field.enum is not None:
        # An index finds the rows with one of some values, but not those without one.
        others = tuple(value for member in field.enum if (value := _stored(member, field)) not in column_values)
        return Predicate(target, Operation.IN, others)
    if not column_values:
        return None if operation is Operation.NOT_EQUALS else Predicate(target, Operation.IN, ())
    return Predicate(target, operation, column_values[0] if field.kind is FieldKind.TIME else column_values)


def _find_field(key: str, fields: FieldSet) -> Field:
    if key == "":
        raise InvalidFilter("a predicate has no key")
    field = fields.find(key)
    if field is None or not field.filterable:
        raise InvalidFilter(f"cannot filter by {excerpt(key)}")
    return field


def _find_operation(raw: RawPredicate, field: Field) -> Operation:
    try:
        operation = Operation(raw.operation)
    except ValueError:
        raise InvalidFilter(f"predicate on {field.key!r} has no operation") from None
    if raw.form is None:
        raise InvalidFilter(f"predicate on {field.key!r} has no value")
    if operation is Operation.IN and not raw.form.endswith("_values"):
        raise InvalidFilter(f"IN on {field.key!r} needs a list of values")
    if operation is not Operation.IN and raw.form.endswith("_values"):
        raise InvalidFilter(f"{operation.name} on {field.key!r} needs a single value")
    if operation is Operation.IS_SUBSTRING and field.kind not in (FieldKind.TEXT, FieldKind.JSON):
        raise InvalidFilter(f"IS_SUBSTRING does not apply to {field.key!r}, which is not text")
    if field.kind is FieldKind.TAG and operation is not Operation.EQUALS:
        raise InvalidFilter(f"{field.key!r} can only be compared with EQUALS")
    if len(raw.values) > MAX_IN_VALUES:
        raise InvalidFilter(f"IN on {field.key!r} has {len(raw.values)} values, at most {MAX_IN_VALUES} are allowed")
    if raw.form.removesuffix("s") not in _FORMS[field.kind]:
        raise InvalidFilter(f"{raw.form} cannot be compared with {field.key!r}, which is a {field.kind.value}")
    return operation


def _column_value(value: Any, field: Field) -> Any:
    """Return the value as the column stores it, or _Unknown.VALUE if no row can have it."""
    match field.kind:
        case FieldKind.NUMBERED_ENUM | FieldKind.NAMED_ENUM:
            return _enum_value(value, field)
        case FieldKind.TIME if isinstance(value, int):
            return tuple(min(max(edge * SECOND, EARLIEST), AFTER_LATEST) for edge in (value, value + 1))
        case FieldKind.NUMBER:
            return float(value)
    return value


def _enum_value(value: int | str, field: Field) -> int | str | _Unknown:
    assert field.enum is not None, f"{field.key} is an enum without its names"
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, str):
        member = field.enum.__members__.get(field.names.get(value, value))
    elif field.kind is FieldKind.NUMBERED_ENUM:
        return min(max(value, INT32[0]), INT32[1])
    else:
        member = next((each for each in field.enum if each == value), None)
    if member is None:
        return _Unknown.VALUE
    return _stored(member, field)


def _stored(member: IntEnum, field: Field) -> int | str:
    return member.value if field.kind is FieldKind.NUMBERED_ENUM else member.name
