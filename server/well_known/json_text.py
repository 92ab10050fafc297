"""Values and times as the REST door writes them in JSON, without a message in between. The modules of the codec call this."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from math import isfinite
from typing import Any

__all__ = ["entries", "enum_names", "moment", "number", "quoted", "value"]

_SECONDS_KEPT = 1_024
_NOT_FINITE = {"inf": '"Infinity"', "-inf": '"-Infinity"', "nan": '"NaN"'}


@lru_cache(_SECONDS_KEPT)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"second {seconds} is not between the years 1 and 9999") from error


def moment(microseconds: int) -> str:
    """Return a Timestamp. Raises ValueError outside the years 1 to 9999."""
    seconds, rest = divmod(microseconds, 1_000_000)
    if rest % 1_000:
        return f'"{_second(seconds)}.{rest:06d}Z"'
    return f'"{_second(seconds)}.{rest // 1_000:03d}Z"' if rest else f'"{_second(seconds)}Z"'


def number(double: float) -> str:
    """Return a field that is a double."""
    digits = repr(float(double))
    return _NOT_FINITE.get(digits, digits)


def value(plain: Any) -> str:
    """Return a Value, given plain JSON. Raises ValueError for NaN and infinities."""
    kind = type(plain)
    if kind is str:
        return quoted(plain)
    if kind is float or kind is int:
        double = float(plain)
        if not isfinite(double):
            raise ValueError(f"{double} cannot be written as JSON")
        return repr(double)
    if kind is bool:
        return "true" if plain else "false"
    if kind is dict:
        return entries(plain)
    if kind is list:
        return f"[{','.join(map(value, plain))}]"
    return "null"


def entries(plain: Mapping[str, Any]) -> str:
    """Return a map of Values, given a plain JSON object."""
    return f"{{{','.join([f'{quoted(key)}:{value(item)}' for key, item in plain.items()])}}}"


class _EnumNames(dict[int, str]):
    def __missing__(self, number: int) -> str:
        return str(number)


def enum_names(enum: Any) -> Mapping[int, str]:
    """Return the names of an enum by number; a number without a name is written as a number."""
    return _EnumNames((value.number, f'"{value.name}"') for value in enum.DESCRIPTOR.values)
