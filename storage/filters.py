"""Filters and sort texts of list requests, as predicates and an order that SQL can be made from.

What a filter says is held against the columns here; what does not fit them or is too large raises InvalidFilter, and no
text makes it raise anything else. `storage.pages` reads filters with it, and `storage/sql` turns predicates into SQL.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from storage import filter_message
from storage.errors import InvalidFilter, InvalidOrder
from storage.fields import Field, FieldKind, FieldSet, Order
from storage.filter_message import AFTER_LATEST, EARLIEST, INT32, SECOND, Operation, Sent, read_filter, shown

__all__ = ["Operation", "Order", "Predicate", "canonical", "parse_filter", "parse_order", "restore"]

MAX_PREDICATES = 64
MAX_IN_VALUES = 1000

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


@dataclass(frozen=True, slots=True)
class Predicate:
    """One comparison; the predicates of a filter must all hold.

    Values are as stored: text for TEXT and JSON, a number within 32 bits for NUMBERED_ENUM, a name for NAMED_ENUM, a
    float for NUMBER. There is one value, but for IN, which may have none and then matches nothing. A TIME compares with
    the interval that the given time covers, in microseconds: values are (start, end), end excluded; IN has such pairs,
    each of a whole second, or empty where no time can be meant.
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
    """Return the predicates of a filter in the order they were sent, without those that every row meets.

    The INs of one column are one predicate, of the values that all of them share. A text that is a Filter message as
    it is, is taken so; any other is URL-unescaped once. `names` are those that a predicate's fields may have. Raises
    InvalidFilter.
    """
    if text == "":
        return ()
    sent = read_filter(text, names)
    if len(sent) > MAX_PREDICATES:
        raise InvalidFilter(f"filter has {len(sent)} predicates, at most {MAX_PREDICATES} are allowed")
    predicates = (_fit(each, fields) for each in sent)
    return _merged([each for each in predicates if each is not None])


def parse_order(text: str, fields: FieldSet, default: Order) -> Order:
    """Return the order that a sort text asks for, the default when it is blank. Raises InvalidOrder."""
    words = text.lower().split()
    if not words:
        return default
    field = fields.find(words[0])
    if field is None or not field.sortable:
        raise InvalidOrder(f"cannot sort by {shown(words[0])}")
    if words[1:] not in ([], ["asc"], ["desc"]):
        raise InvalidOrder(f"sort by {words[0]!r} must be followed by asc, desc or nothing")
    return Order(_first_of_column(field, fields), descending=words[1:] == ["desc"])


def canonical(predicates: Sequence[Predicate]) -> str:
    """Return a text that equal predicates share, however their filters were written."""
    rows = [[each.field.column, each.operation.value, each.values] for each in predicates]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def restore(text: str, fields: FieldSet) -> tuple[Predicate, ...]:
    """Return the predicates that `canonical` was given. Raises InvalidFilter when they do not belong to the fields."""
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


def _merged(predicates: Sequence[Predicate]) -> tuple[Predicate, ...]:
    # MariaDB plans for minutes where sixteen long INs meet on one column, and PostgreSQL binds no more than 32,767 values.
    merged: list[Predicate] = []
    lists: dict[str, int] = {}
    for each in predicates:
        if each.operation is Operation.IN:
            place = lists.setdefault(each.field.column, len(merged))
            if place < len(merged):
                allowed = frozenset(each.values)
                shared = tuple(value for value in merged[place].values if value in allowed)
                merged[place] = replace(merged[place], values=shared)
                continue
        merged.append(each)
    return tuple(merged)


def _first_of_column(field: Field, fields: FieldSet) -> Field:
    return next((each for each in fields.values() if each.column == field.column), field)


def _fit(sent: Sent, fields: FieldSet) -> Predicate | None:
    """The predicate as rows are compared with it; None when every row meets it."""
    field = _find_field(sent.key, fields)
    operation = _find_operation(sent, field)
    values = tuple(_stored(value, field) for value in sent.values)
    known = tuple(value for value in values if value is not _Unknown.VALUE)
    target = _first_of_column(field, fields)
    if operation is Operation.IN:
        # A value said again means nothing, and each one that is bound counts against what a statement can bind.
        return Predicate(target, operation, tuple(dict.fromkeys(known)))
    if not known:
        return None if operation is Operation.NOT_EQUALS else Predicate(target, Operation.IN, ())
    return Predicate(target, operation, known[0] if field.kind is FieldKind.TIME else known)


def _find_field(key: str, fields: FieldSet) -> Field:
    if key == "":
        raise InvalidFilter("a predicate has no key")
    field = fields.find(key)
    if field is None or not field.filterable:
        raise InvalidFilter(f"cannot filter by {shown(key)}")
    return field


def _find_operation(sent: Sent, field: Field) -> Operation:
    try:
        operation = Operation(sent.operation)
    except ValueError:
        raise InvalidFilter(f"predicate on {field.key!r} has no operation") from None
    if sent.form is None:
        raise InvalidFilter(f"predicate on {field.key!r} has no value")
    if operation is Operation.IN and not sent.form.endswith("_values"):
        raise InvalidFilter(f"IN on {field.key!r} needs a list of values")
    if operation is not Operation.IN and sent.form.endswith("_values"):
        raise InvalidFilter(f"{operation.name} on {field.key!r} takes a single value")
    if operation is Operation.IS_SUBSTRING and field.kind not in (FieldKind.TEXT, FieldKind.JSON):
        raise InvalidFilter(f"IS_SUBSTRING does not apply to {field.key!r}, which is no text")
    if field.kind is FieldKind.TAG and operation is not Operation.EQUALS:
        raise InvalidFilter(f"{field.key!r} takes EQUALS only")
    if len(sent.values) > MAX_IN_VALUES:
        raise InvalidFilter(f"IN on {field.key!r} has {len(sent.values)} values, at most {MAX_IN_VALUES} are allowed")
    if sent.form.removesuffix("s") not in _FORMS[field.kind]:
        raise InvalidFilter(f"{sent.form} does not fit {field.key!r}, which is a {field.kind.value}")
    return operation


def _stored(value: Any, field: Field) -> Any:
    """The value as the column holds it, or _Unknown.VALUE where no row can hold it."""
    match field.kind:
        case FieldKind.NUMBERED_ENUM | FieldKind.NAMED_ENUM:
            return _stored_enum(value, field)
        case FieldKind.TIME if isinstance(value, int):
            return tuple(min(max(edge * SECOND, EARLIEST), AFTER_LATEST) for edge in (value, value + 1))
        case FieldKind.NUMBER:
            return float(value)
    return value


def _stored_enum(value: int | str, field: Field) -> int | str | _Unknown:
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
    return member.value if field.kind is FieldKind.NUMBERED_ENUM else member.name
