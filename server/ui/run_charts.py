"""Curves and confusion matrices as pages draw them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from storage.record import record

SIDE = 200
"""How long the sides of a curve's drawing are."""

LISTED = 100
"""How many points of a curve are listed in a table."""

HEATS = 4
"""How many shades a cell of a matrix may have, in addition to none."""


@record
class Curve:
    """A curve of GetRunReport, its points for an SVG polyline, the area under it, and those points that are listed."""

    curve: Any
    line: str
    area: float
    listed: Sequence[Any]


def curve_of(curve: Any) -> Curve:
    """Return the drawing of a curve; the area is by trapezoids, from the corner (0, 0) to (1, 1)."""
    points = sorted((point.false_positive_rate, point.true_positive_rate) for point in curve.points)
    line = " ".join(f"{x * SIDE:.1f},{(1 - y) * SIDE:.1f}" for x, y in points)
    whole = [(0.0, 0.0), *points, (1.0, 1.0)]
    area = sum((x - before) * (y + below) / 2 for (before, below), (x, y) in pairwise(whole))
    step = -(-len(curve.points) // LISTED)
    return Curve(curve, line, area, curve.points[:: max(step, 1)])


def heat_of(matrix: Any) -> list[list[int]]:
    """Return the shade of each cell of a matrix: 0 for nothing, HEATS for the most of its row."""
    heats = []
    for row in matrix.rows:
        most = max((abs(count) for count in row.counts), default=0.0)
        heats.append([0 if not count or not most else max(1, round(abs(count) / most * HEATS)) for count in row.counts])
    return heats
