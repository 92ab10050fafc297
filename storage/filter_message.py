"""The wire's message Filter, read from its protobuf JSON without regard to the columns.

Reading is strict: unknown fields, duplicate fields and numbers out of range raise InvalidFilter, and no text makes it
raise any other error. Only `storage.filters` and `storage.fields` import this module.
"""

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from urllib.parse import unquote_to_bytes

from storage.errors import InvalidFilter
from storage.record import record

MAX_FILTER_BYTES = 64 * 1024

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Years 0001 to 9999, the range of the wire's Timestamp: no stored time is outside, so filters are clamped to it.
EARLIEST = -62_135_596_800 * SECOND
AFTER_LATEST = 253_402_300_800 * SECOND

INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# Hours are checked here because newer versions of Python read 24:00 as the next midnight.
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
# JSON escapes can encode half of a surrogate pair, which is not a character.
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_FILTER_FIELDS = {"predicates": "predicates"}
_VALUES_FIELDS = {"values": "values"}
PREDICATE_NAMES = {
    "operation": "operation",
    "key": "key",
    "int_value": "int_value",
    "intValue": "int_value",
    "long_value": "long_value",
    "longValue": "long_value",
    "string_value": "string_value",
    "stringValue": "string_value",
    "timestamp_value": "timestamp_value",
    "timestampValue": "timestamp_value",
    "int_values": "int_values",
    "intValues": "int_values",
    "long_values": "long_values",
    "longValues": "long_values",
    "string_values": "string_values",
    "stringValues": "string_values",
}
"""Names of a predicate's fields, in both spellings, and the field that each denotes."""

PREDICATE_NAMES_V1BETA1 = {**PREDICATE_NAMES, "op": "operation"}
"""KFP's first API calls the operation `op`; its clients send both words."""


class Operation(Enum):
    """How a column is compared; the numbers are those of the wire."""

    EQUALS = 1
    NOT_EQUALS = 2
    GREATER_THAN = 3
    GREATER_THAN_EQUALS = 5
    LESS_THAN = 6
    LESS_THAN_EQUALS = 7
    IN = 8
    IS_SUBSTRING = 9


@record
class RawPredicate:
    """A predicate of the message, not yet checked against the columns."""

    operation: int
    key: str
    form: str | None
    values: tuple[Any, ...]


class _Number(str):
    """A JSON number as it was written, so that nothing is rounded, and no huge number is ever constructed."""


def read_filter(text: str, names: Mapping[str, str]) -> list[RawPredicate]:
    """Return the predicates of a filter as sent; a text that is not a Filter message is URL-unescaped once.

    `names` are the allowed names of a predicate's fields. Raises InvalidFilter.
    """
    _check_size(text)
    try:
        return _read_message(text, names)
    except InvalidFilter:
        if not text.lstrip().startswith("{"):
            return _read_message(_unescape(text), names)
        with contextlib.suppress(InvalidFilter):
            return _read_message(_unescape(text), names)
        # An escaped filter has no brace, so this one is not escaped, and the first error is the more useful one.
        raise


def excerpt(text: str) -> str:
    """Return a client's text, shortened and escaped so that it can be repeated in an error."""
    return ascii(text[:80])[:80]


def _check_size(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidFilter("filter is not valid Unicode text") from None
    if size > MAX_FILTER_BYTES:
        raise InvalidFilter(f"filter has {size} bytes, at most {MAX_FILTER_BYTES} are allowed")


def _unescape(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise InvalidFilter("filter is neither JSON of a Filter nor URL-escaped: a % is not followed by two hex digits")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise InvalidFilter("filter is not valid Unicode text after URL-unescaping") from None


def _read_message(text: str, names: Mapping[str, str]) -> list[RawPredicate]:
    try:
        message = json.loads(
            text,
            object_pairs_hook=_distinct_members,
            parse_int=_Number,
            parse_float=_Number,
        )
    except RecursionError:
        raise InvalidFilter("filter is nested too deeply") from None
    except ValueError:
        raise InvalidFilter("filter is not JSON") from None
    members = _members(message, _FILTER_FIELDS, what="filter")
    return [_read_predicate(each, names) for each in _list(members.get("predicates", []), "predicates")]


def _distinct_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise InvalidFilter("filter has a duplicate field")
    return members


def _members(value: object, names: Mapping[str, str], *, what: str) -> dict[str, Any]:
    """Return the fields of a message by their proto names; null fields are left out."""
    if not isinstance(value, dict):
        raise InvalidFilter(f"{what} must be a JSON object")
    values: dict[str, Any] = {}
    for name, member in value.items():
        if name not in names:
            raise InvalidFilter(f"{what} has no field {excerpt(name)}")
        if names[name] in values:
            raise InvalidFilter(f"{what} has the field {names[name]} twice")
        values[names[name]] = member
    return {name: member for name, member in values.items() if member is not None}


def _read_predicate(value: object, names: Mapping[str, str]) -> RawPredicate:
    members = _members(value, names, what="predicate")
    operation = _operation(members.pop("operation", _Number(0)))
    key = _string(members.pop("key", ""), "key")
    if len(members) > 1:
        raise InvalidFilter(f"predicate on {excerpt(key)} has more than one value")
    for form, member in members.items():
        return RawPredicate(operation, key, form, _read_values(form, member))
    return RawPredicate(operation, key, None, ())


def _read_values(form: str, member: object) -> tuple[Any, ...]:
    if form.endswith("_values"):
        values = _members(member, _VALUES_FIELDS, what=form)
        return tuple(_SCALARS[form[:-1]](each, form) for each in _list(values.get("values", []), form))
    return (_SCALARS[form](member, form),)


def _operation(value: object) -> int:
    if isinstance(value, _Number):
        return _int32(value, "operation")
    if value == "OPERATION_UNSPECIFIED":
        return 0
    if isinstance(value, str) and value in Operation.__members__:
        return Operation[value].value
    raise InvalidFilter("operation is not one of " + ", ".join(Operation.__members__))


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidFilter(f"{what} must be a JSON list")
    return value


def _string(value: object, what: str) -> str:
    if not isinstance(value, str) or isinstance(value, _Number):
        raise InvalidFilter(f"{what} must be a string")
    if "\0" in value:
        raise InvalidFilter(f"{what} contains a NUL character")
    if _HALF_PAIR.search(value):
        raise InvalidFilter(f"{what} is not valid Unicode text")
    return value


def _int32(value: object, what: str) -> int:
    return _integer(value, what, bounds=INT32)


def _int64(value: object, what: str) -> int:
    return _integer(value, what, bounds=_INT64)


def _integer(value: object, what: str, *, bounds: tuple[int, int]) -> int:
    """Return the integer of a JSON number, or of a string with one; 4.0 and 4e0 are whole."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise InvalidFilter(f"{what} must be a whole number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidFilter(f"{what} is out of range") from None
    if not number:
        return 0
    # Checked first, because a short text such as 1e999999999 stands for a number of a billion digits.
    if number.adjusted() > 19:
        raise InvalidFilter(f"{what} is out of range")
    if number != number.to_integral_value():
        raise InvalidFilter(f"{what} must be a whole number")
    if not bounds[0] <= number <= bounds[1]:
        raise InvalidFilter(f"{what} is out of range")
    return int(number)


def _timestamp(value: object, what: str) -> tuple[int, int]:
    """Return the interval, in microseconds, that an RFC 3339 time covers."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidFilter(f"{what} must be a time such as 2024-01-31T12:00:00Z")
    clock, fraction, sign, hours, minutes = match.groups(default="")
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        local = datetime.fromisoformat(clock).replace(tzinfo=timezone(offset))
    except ValueError:
        raise InvalidFilter(f"{what} is not a valid date and time") from None
    start = (local - _EPOCH) // timedelta(seconds=1) * SECOND
    if int(minutes or 0) > 59 or not EARLIEST <= start < AFTER_LATEST:
        raise InvalidFilter(f"{what} is out of range")
    if int(fraction or 0) == 0:
        return start, start + SECOND
    start += int(fraction.ljust(9, "0")) // 1000
    return start, start + 1


_SCALARS: dict[str, Callable[[object, str], Any]] = {
    "int_value": _int32,
    "long_value": _int64,
    "string_value": _string,
    "timestamp_value": _timestamp,
}
