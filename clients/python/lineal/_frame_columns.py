"""Columns of data frames, each of a type that pandas computes with. `frames` calls this; pandas is imported when it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    series: Callable[..., pandas.Series[Any]] = import_pandas().Series
    if kind.name == "time":
        numbers = [None if each is None else (each - _EPOCH) // _MICROSECOND for each in cells]
        moments: pandas.Series[Any] = _of_microseconds(numbers, "datetime64[us]").dt.tz_localize("UTC")
        return moments
    if kind.name == "duration":
        numbers = [None if each is None else each // _MICROSECOND for each in cells]
        return _of_microseconds(numbers, "timedelta64[us]")
    if kind.name == "category":
        # A newer server may have further names; they are sorted behind those that are known.
        further = sorted({each for each in cells if each is not None and each not in kind.categories})
        dtype = import_pandas().CategoricalDtype([*kind.categories, *further])
        return series(import_pandas().Categorical(cells, dtype=dtype))
    if kind.name == "text":
        # The contract has no absent texts: a field without one is empty.
        cells = [each or None for each in cells]
    return series(list(cells), dtype=_dtype(kind))


def _dtype(kind: Kind) -> str:
    # Before pandas 3, "str" makes texts of what is absent.
    is_old = kind.dtype == "str" and int(import_pandas().__version__.partition(".")[0]) < 3
    return "string" if is_old else kind.dtype


def of_values(cells: Sequence[Any]) -> pandas.Series[Any]:
    """Return the column of values of which nobody says what they are: numbers, truth values or texts if all of them are."""
    present = [each for each in cells if each is not None]
    kinds: set[type[Any]] = {type(each) for each in present}
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
    import numpy

    series: Callable[..., pandas.Series[Any]] = import_pandas().Series
    absent = int(numpy.iinfo("int64").min)  # what NaT is
    counts: Any = numpy.array([absent if each is None else each for each in numbers], "int64")
    return series(counts.view(dtype))
