"""What callers give, checked when they give it: names, values of parameters, numbers of metrics.

Every function returns what is recorded. They raise TypeError for a value of the wrong type and ValueError for one that the server
would refuse; both begin with the name of the argument, such as `parameters['lr']`. Nothing has been recorded then.
"""

import math
import numbers
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard, cast

NAME_CHARACTERS = 128
"""Of tasks, artifacts and experiments."""

DISPLAY_NAME_CHARACTERS = 1_024
"""Of runs, and of tasks for people."""

KEY_CHARACTERS = 191
"""Of inputs, outputs and parameters."""

URI_CHARACTERS = 2_048
NAMESPACE_CHARACTERS = 63

LEVELS = 90
"""How deep a value may be nested: a list takes two levels, a mapping three."""

EXACT_INTEGERS = 2**53
"""Up to here, every whole number is a number of JSON, which are doubles."""

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""The values of JSON."""


def plain(value: Any, path: str, level: int = 0) -> Plain:
    """Return a value as plain JSON, copied: mappings, lists and tuples, numbers (NumPy's too), text, paths, bool and None."""
    kind: Any = value.__class__
    if kind is str:
        return text(value, path)
    if value is None or kind is bool:
        return cast(Plain, value)
    if kind is int and -EXACT_INTEGERS <= value <= EXACT_INTEGERS:
        return cast(int, value)
    if isinstance(value, numbers.Real):
        return _number(value, path)
    if is_list(value):
        _check_level(level + 2, path)
        return [plain(item, f"{path}[{index}]", level + 2) for index, item in enumerate(value)]
    if is_mapping(value):
        _check_level(level + 3, path)
        return _mapping(value, path, level + 3)
    if isinstance(value, str):
        return text(value, path)
    if isinstance(value, os.PathLike):
        return text(os.fspath(cast(Any, value)), path)
    if _is_scalar(value):
        return plain(value.item(), path, level)
    raise TypeError(f"{path}: {kind.__name__} has no form in JSON; use None, bool, a number, text, a list or a mapping")


def is_list(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Return whether a value is a list of JSON."""
    return isinstance(value, list | tuple)


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether a value is a mapping."""
    return isinstance(value, Mapping)


def is_iterable(value: Any) -> TypeGuard[Iterable[Any]]:
    """Return whether a value can be iterated over."""
    return isinstance(value, Iterable)


def mapping(value: Any, path: str) -> dict[str, Plain]:
    """Return a mapping of names to plain JSON; None is an empty one."""
    if value is None:
        return {}
    if not is_mapping(value):
        raise TypeError(f"{path}: must be a mapping, not {type(value).__name__}")
    return _mapping(value, path, 3)


def parameters(value: Any, path: str) -> dict[str, Plain]:
    """Return a mapping whose names are those of inputs or parameters."""
    values = mapping(value, path)
    for name in values:
        key(name, f"{path}[{name!r}]")
    return values


def text(value: Any, path: str, *, limit: int | None = None, required: bool = False) -> str:
    """Return a text of at most `limit` characters."""
    if not isinstance(value, str):
        raise TypeError(f"{path}: must be text, not {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{path}: the text has a character that is not valid Unicode") from None
    if "\x00" in value:
        raise ValueError(f"{path}: the text has a NUL character")
    if limit is not None and len(value) > limit:
        raise ValueError(f"{path}: is longer than {limit} characters")
    if required and not value:
        raise ValueError(f"{path}: must not be empty")
    return value


def name(value: Any, path: str) -> str:
    """Return the name of a task or artifact."""
    return text(value, path, limit=NAME_CHARACTERS, required=True)


def key(value: Any, path: str) -> str:
    """Return the name of an input, an output or a parameter."""
    return text(value, path, limit=KEY_CHARACTERS, required=True)


def whole(value: Any, path: str) -> int:
    """Return a whole number; NumPy's are such numbers too."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{path}: must be a whole number, not {type(value).__name__}")
    return int(value)


def index(value: Any, path: str) -> int:
    """Return a whole number that is not negative."""
    number = whole(value, path)
    if not 0 <= number < 2**63:
        raise ValueError(f"{path}: must be at least 0, not {number}")
    return number


def metric(value: Any, path: str) -> float:
    """Return the number of a metric, which may be NaN or infinite. Tensors with one number are such numbers too."""
    if isinstance(value, str | bytes | bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{path}: must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{path}: the number is too large") from None


def _mapping(value: Mapping[Any, Any], path: str, level: int) -> dict[str, Plain]:
    items: dict[str, Plain] = {}
    for name, item in value.items():
        where = f"{path}[{name!r}]"
        if not isinstance(name, str):
            raise TypeError(f"{where}: a name must be text, not {type(name).__name__}")
        items[text(name, where)] = plain(item, where, level)
    return items


def _number(value: numbers.Real, path: str) -> int | float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{path}: the number is too large") from None
    if not math.isfinite(number):
        raise ValueError(f"{path}: {number} is not a number that JSON has; only metrics may be NaN or infinite")
    if not isinstance(value, numbers.Integral):
        return number
    if int(number) != int(value):
        raise ValueError(f"{path}: {value} has too many digits for a number of JSON; use text")
    return int(value)


def _check_level(level: int, path: str) -> None:
    if level > LEVELS:
        raise ValueError(f"{path}: is nested too deeply; a value has at most {LEVELS} levels")


def _is_scalar(value: Any) -> bool:
    """Return whether a value is a single one of NumPy's or a tensor library's."""
    return getattr(value, "ndim", None) == 0 and hasattr(value, "item")
