"""Filters to test with, written as clients write them."""

import json

from storage.fields import TASKS, FieldSet
from storage.filters import parse_filter

TIME = "2024-01-01T00:00:02Z"
ORDERINGS = ["GREATER_THAN", "GREATER_THAN_EQUALS", "LESS_THAN", "LESS_THAN_EQUALS"]
SCALAR = ["EQUALS", "NOT_EQUALS", *ORDERINGS]


def predicate(operation: object, key: str, **value: object) -> dict[str, object]:
    return {"operation": operation, "key": key, **value}


def filter_text(*predicates: object) -> str:
    return json.dumps({"predicates": list(predicates)})


def with_number(form: str, number: str) -> str:
    """A filter of a number as it is written, which Python could not keep."""
    return filter_text(predicate(1, "status", **{form: "@"})).replace('"@"', number)


def values(text: str, fields: FieldSet = TASKS) -> tuple[object, ...]:
    """What the only predicate of a filter compares with."""
    (only,) = parse_filter(text, fields)
    return only.values


NAMED = predicate("IS_SUBSTRING", "name", string_value="salt")
