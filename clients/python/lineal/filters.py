"""Filters of list calls as Python expressions: `(F.state == "FAILED") & (F.created_at > moment)`.

They become the contract's Filter, and say at once what it cannot express. `parse` reads the same filters from text, as people
type them on a command line: `state=FAILED and created_at>2026-01-01`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NoReturn, cast

from google.protobuf import json_format

from lineal._filter_values import (
    NUMBER_KEYS,
    TIME_KEYS,
    FilterError,
    check_not_a_day,
    listed_value,
    plain_value,
)
from lineal.v2beta1 import filter_pb2

__all__ = ["Expression", "F", "FilterError", "Key", "Predicate", "parse"]

_Operation = filter_pb2.Predicate.Operation
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_INT32 = range(-(2**31), 2**31)

_SIGNS: Mapping[int, str] = {
    _Operation.EQUALS: "=",
    _Operation.NOT_EQUALS: "!=",
    _Operation.GREATER_THAN: ">",
    _Operation.GREATER_THAN_EQUALS: ">=",
    _Operation.LESS_THAN: "<",
    _Operation.LESS_THAN_EQUALS: "<=",
    _Operation.IS_SUBSTRING: "~",
    _Operation.IN: " in ",
}


@dataclass(frozen=True)
class Predicate:
    """One comparison of a key with a text, a whole number, or a time in UTC; with a tuple of texts or of numbers for IN.

    `operation` is a number of the contract's `Predicate.Operation`.
    """

    key: str
    operation: int
    value: str | int | datetime | tuple[str, ...] | tuple[int, ...]

    def __str__(self) -> str:
        """Return the predicate as `parse` reads it."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        shown = ", ".join(map(_quoted, values))
        shown = f"({shown})" if isinstance(self.value, tuple) else shown
        return f"{_quoted_key(self.key)}{_SIGNS[self.operation]}{shown}"


@dataclass(frozen=True)
class Expression:
    """Predicates that must all hold; without any, every row is kept. Made by comparing keys of `F`, combined with `&`.

    `str()` returns it as `parse` reads it. It has no truth value: `and`, `or`, `not` and chained comparisons raise TypeError,
    because Python would silently drop one of their sides.
    """

    predicates: tuple[Predicate, ...] = ()

    def __and__(self, other: object) -> Expression:
        """Return the expression that holds where both hold."""
        if not isinstance(other, Expression):
            return NotImplemented
        return Expression(self.predicates + other.predicates)

    def __or__(self, _other: object) -> NoReturn:
        """Raise TypeError: filters have no "or"."""
        raise TypeError("filters cannot say 'or': use F.key.in_([...]) for several values of one key, or list twice")

    __ror__ = __or__

    def __invert__(self) -> NoReturn:
        """Raise TypeError: filters have no "not"."""
        raise TypeError("filters cannot say 'not': use F.key != value, once for each value")

    def __bool__(self) -> NoReturn:
        """Raise TypeError: whether it holds differs from row to row."""
        raise TypeError(
            "a filter is neither true nor false: combine filters with &, each in parentheses, not with 'and'"
        )

    def __str__(self) -> str:
        """Return the expression as `parse` reads it."""
        return " and ".join(map(str, self.predicates))

    def to_message(self) -> filter_pb2.Filter:
        """Return the expression as the contract's message."""
        return filter_pb2.Filter(predicates=[_predicate_message(each) for each in self.predicates])

    def to_json(self) -> str:
        """Return the expression as the JSON text that list requests carry; "" for one without predicates."""
        if not self.predicates:
            return ""
        return _json(self.to_message())


class Key:
    """A key of a list, to be compared. Each comparison returns an Expression."""

    __slots__ = ("_name",)
    __hash__ = None  # type: ignore[assignment]  # keys that are equal by `==` are expressions, so they cannot be in sets

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, value: object) -> Expression:  # type: ignore[override]
        """Keep rows whose value is this one."""
        return _compared(self._name, _Operation.EQUALS, value)

    def __ne__(self, value: object) -> Expression:  # type: ignore[override]
        """Keep rows that have another value. Rows without one are not kept."""
        return _compared(self._name, _Operation.NOT_EQUALS, value)

    def __lt__(self, value: object) -> Expression:
        """Keep rows whose value is less."""
        return _compared(self._name, _Operation.LESS_THAN, value)

    def __le__(self, value: object) -> Expression:
        """Keep rows whose value is this one or less."""
        return _compared(self._name, _Operation.LESS_THAN_EQUALS, value)

    def __gt__(self, value: object) -> Expression:
        """Keep rows whose value is greater."""
        return _compared(self._name, _Operation.GREATER_THAN, value)

    def __ge__(self, value: object) -> Expression:
        """Keep rows whose value is this one or greater."""
        return _compared(self._name, _Operation.GREATER_THAN_EQUALS, value)

    def in_(self, values: Iterable[object]) -> Expression:
        """Keep rows whose value is one of these; none, if there are none. All are texts, or all are numbers or times."""
        if isinstance(values, (str, bytes)):
            raise FilterError(f"{self._name}.in_() takes a list of values, not one text")
        try:
            listed = tuple(listed_value(self._name, each) for each in values)
        except TypeError:
            raise FilterError(f"{self._name}.in_() takes a list of values, not {type(values).__name__}") from None
        if len({isinstance(each, str) for each in listed}) > 1:
            raise FilterError(f"{self._name}.in_() takes texts or numbers, not both")
        return Expression((Predicate(self._name, _Operation.IN, listed),))  # type: ignore[arg-type]

    def contains(self, text: str) -> Expression:
        """Keep rows whose text contains this one, letter case included."""
        if not isinstance(cast(object, text), str):
            raise FilterError(f"{self._name}.contains() takes a text, not {type(text).__name__}")
        return Expression((Predicate(self._name, _Operation.IS_SUBSTRING, text),))

    def __and__(self, _other: object) -> NoReturn:
        """Raise TypeError: `&` binds closer than comparisons."""
        raise TypeError("& binds closer than comparisons: put each of them in parentheses, (F.a == 1) & (F.b == 2)")

    __rand__ = __or__ = __ror__ = __and__

    def __invert__(self) -> NoReturn:
        """Raise TypeError: filters have no "not"."""
        raise TypeError("filters cannot say 'not': use F.key != value, once for each value")

    def __bool__(self) -> NoReturn:
        """Raise TypeError: a key is nothing until it is compared."""
        raise TypeError(f"the key {self._name!r} is neither true nor false: compare it, as in F.{self._name} == value")

    def __contains__(self, _text: object) -> NoReturn:
        """Raise TypeError: Python makes a truth value of `in`."""
        raise TypeError(f"use F.{self._name}.contains(text) instead of 'in'")

    def __repr__(self) -> str:
        """Return it as it is written."""
        return f"F.{self._name}" if self._name.isidentifier() else f"F[{self._name!r}]"


class _Keys:
    """Every key by its name: `F.state`, `F["tags.team"]`. Which of them a list has is known to the server."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Key:
        # Names with an underscore are what notebooks, copy and pickle look for on any object.
        if name.startswith("_"):
            raise AttributeError(name)
        return Key(name)

    def __getitem__(self, name: str) -> Key:
        if not isinstance(cast(object, name), str) or not name:
            raise FilterError("the key of a filter is a text that is not empty")
        return Key(name)

    def __repr__(self) -> str:
        return "F"


F = _Keys()
"""The keys of filters: `F.state == "FAILED"`, `F["tags.team"] == "growth"`."""


def parse(text: str) -> Expression:
    """Return the expression of a text such as `state=FAILED and name~churn and state in (FAILED, CANCELED)`.

    Comparisons are `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` (contains) and `in (…)`, joined by `and`. Values with spaces or quotes
    stand in quotes, in which a backslash keeps the next character. Times are days or RFC 3339, in UTC unless they say otherwise.
    A blank text keeps every row. Raises FilterError, which says where.
    """
    from lineal._filter_text import read  # the command line needs it, a program seldom

    return Expression(tuple(read(text, _predicate_of_text)))


def _compared(key_name: str, operation: int, value: object) -> Expression:
    if operation in (_Operation.EQUALS, _Operation.NOT_EQUALS):
        check_not_a_day(key_name, value)
    return Expression((Predicate(key_name, operation, plain_value(key_name, value)),))


def _predicate_of_text(key_name: str, operation: str, value: str | tuple[str, ...]) -> Predicate:
    """Return the predicate of a text. Which kind of value is meant, the key says: `pipeline_id=123` compares a text."""
    number = next(each for each, sign in _SIGNS.items() if sign.strip() == operation)
    if isinstance(value, tuple):
        compared = Key(key_name).in_(value)
    elif number == _Operation.IS_SUBSTRING:
        compared = Key(key_name).contains(value)
    else:
        compared = _compared(key_name, number, value)
    return compared.predicates[0]


def _predicate_message(predicate: Predicate) -> filter_pb2.Predicate:
    message = filter_pb2.Predicate(operation=predicate.operation, key=predicate.key)  # type: ignore[arg-type]
    value = predicate.value
    if isinstance(value, tuple):
        _set_values(message, value)
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, datetime):
        span = value - _EPOCH
        message.timestamp_value.seconds = span // timedelta(seconds=1)
        message.timestamp_value.nanos = span.microseconds * 1000
        message.timestamp_value.SetInParent()
    elif value in _INT32:
        message.int_value = value
    else:
        message.long_value = value
    return message


def _set_values(message: filter_pb2.Predicate, values: tuple[str | int, ...]) -> None:
    texts = [each for each in values if isinstance(each, str)]
    if texts or (not values and message.key not in TIME_KEYS | NUMBER_KEYS):
        message.string_values.values.extend(texts)
        message.string_values.SetInParent()
    else:
        message.long_values.values.extend(each for each in values if isinstance(each, int))
        message.long_values.SetInParent()


def _json(message: filter_pb2.Filter) -> str:
    text: str = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None, ensure_ascii=False)
    return text


def _quoted(value: str | int | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted_key(name: str) -> str:
    from lineal._filter_text import is_plain_key

    return name if is_plain_key(name) else _quoted(name)
