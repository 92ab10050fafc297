"""Columns of data frames, each of a type that pandas computes with. `frames` calls this; pandas is imported when it does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas


class Kind(NamedTuple):
    """What the cells of a column are, and the name of the type that pandas gives it. Absent cells are None."""

    name: str
    dtype: str
    categories: tuple[str, ...] = ()


TEXT = Kind("text", "str")
_GIVEN_TEXT = Kind("given text", "str")
NUMBER = Kind("number", "float64")
INTEGER = Kind("integer", "Int64")
TIME = Kind("time", "datetime64[us, UTC]")
DURATION = Kind("duration", "timedelta64[us]")
OBJECT = Kind("object", "object")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def category(names: Sequence[str]) -> Kind:
    """Return the kind of a column that has one of some names, and is sorted in their order."""
    return Kind("category", "category", tuple(dict.fromkeys(names)))


def import_pandas() -> Any:
    """Return pandas. Raises ImportError that says how to install it."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("data frames need pandas: pip install 'lineal[pandas]'") from error
    return pandas


def made(kind: Kind, cells: Sequence[Any]) -> pandas.Series[Any]:
    """Return the column of these cells."""
    pandas_module = import_pandas()
    if kind.name == "time":
        numbers = [None if each is None else (each - _EPOCH) // _MICROSECOND for each in cells]
        return _of_microseconds(numbers, "datetime64[us]").dt.tz_localize("UTC")
    if kind.name == "duration":
        numbers = [None if each is None else each // _MICROSECOND for each in cells]
        return _of_microseconds(numbers, "timedelta64[us]")
    if kind.name == "category":
        # A newer server may have further names; they are sorted behind those that are known.
        further = sorted({each for each in cells if each is not None and each not in kind.categories})
        dtype = pandas_module.CategoricalDtype([*kind.categories, *further])
        return pandas_module.Series(pandas_module.Categorical(cells, dtype=dtype))
    if kind.name == "text":
        # The contract has no absent texts: a field without one is empty.
        cells = [each or None for each in cells]
    return pandas_module.Series(list(cells), dtype=kind.dtype)


def of_values(cells: Sequence[Any]) -> pandas.Series[Any]:
    """Return the column of values of which nobody says what they are: numbers, truth values or texts if all of them are."""
    present = [each for each in cells if each is not None]
    kinds = {type(each) for each in present}
    if kinds == {bool}:
        return made(Kind("bool", "boolean"), cells)
    if kinds == {str}:
        return made(_GIVEN_TEXT, cells)
    if kinds == {int}:
        return made(INTEGER, cells)
    if kinds and kinds <= {int, float}:
        return made(NUMBER, cells)
    return made(OBJECT, cells)


def _of_microseconds(numbers: Sequence[int | None], dtype: str) -> pandas.Series[Any]:
    pandas_module = import_pandas()
    import numpy

    absent = numpy.iinfo("int64").min  # what NaT is
    return pandas_module.Series(
        numpy.array([absent if each is None else each for each in numbers], "int64").view(dtype)
    )
