"""Series of metrics as pages draw them: an SVG of one line, in pieces where a value is not finite."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from server.ui.filters import number_text
from storage.record import record

WIDTH, HEIGHT = 300, 100
"""How large the drawing of a series is."""

LISTED = 100
"""How many points of a series are listed in a table."""

_Place = tuple[float, float]


@record
class Listed:
    """A point in the table: when it was logged, in microseconds since 1970, and its value as text; None is unknown or not finite."""

    step: int
    time: int | None
    value: float | None


@record
class SeriesChart:
    """A series of GetRunReport, with the points of its SVG polylines, and its places where a point stands alone.

    `last` is the last finite point; `words` say what is drawn.
    """

    series: Any
    lines: Sequence[str]
    dots: Sequence[_Place]
    last: Listed | None
    words: str
    listed: Sequence[Listed]


def chart_of(series: Any) -> SeriesChart:
    """Return the drawing of a series, by step, or by position where all steps are the same."""
    points = [_listed(point) for point in series.points]
    finite = [point for point in points if point.value is not None]
    pieces = list(_pieces(points))
    interval = -(-len(points) // LISTED)
    return SeriesChart(
        series=series,
        lines=[" ".join(f"{x:.1f},{y:.1f}" for x, y in piece) for piece in pieces if len(piece) > 1],
        dots=[piece[0] for piece in pieces if len(piece) == 1],
        last=finite[-1] if finite else None,
        words=_words(points, [point.value for point in points if point.value is not None], series.logged),
        listed=points[:: max(interval, 1)],
    )


def _listed(point: Any) -> Listed:
    return Listed(
        step=point.step,
        time=round(point.time * 1_000_000) if point.HasField("time") else None,
        value=point.value if point.HasField("value") else None,
    )


def _pieces(points: Sequence[Listed]) -> Iterable[list[_Place]]:
    """Yield the places of points that follow one another without a gap, (0, 0) being the upper left corner."""
    steps = [point.step for point in points]
    values = [point.value for point in points if point.value is not None]
    across = steps if len(set(steps)) > 1 else range(len(points))
    left, right = min(across, default=0), max(across, default=0)
    low, high = min(values, default=0.0), max(values, default=0.0)
    piece: list[_Place] = []
    for x, point in zip(across, points, strict=True):
        if point.value is not None:
            piece.append((WIDTH * _part(x, left, right), HEIGHT * (1 - _part(point.value, low, high))))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _part(number: float, lowest: float, highest: float) -> float:
    """Return where a number is between two others, from 0 to 1."""
    if not isfinite(highest - lowest):
        number, lowest, highest = number / 2, lowest / 2, highest / 2
    return (number - lowest) / (highest - lowest) if highest > lowest else 0.5


def _words(points: Sequence[Listed], values: Sequence[float], logged: int) -> str:
    counted = f"{logged} point{'' if logged == 1 else 's'}"
    if not values:
        return f"{counted}, none of them finite"
    steps = [point.step for point in points]
    gaps = "" if len(values) == len(points) else "; gaps are values that are not finite"
    return f"{counted}, steps {min(steps)} to {max(steps)}, values {number_text(min(values))} to {number_text(max(values))}{gaps}"
