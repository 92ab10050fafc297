"""Curves and matrices that KFP stores in the metadata of artifacts of the type ClassificationMetric."""

import json
import math
from collections.abc import Iterator
from typing import Any

from storage.record import record

POINTS_MAX = 1_000
"""How many points of a curve are shown."""

CLASSES_MAX = 50
"""How many classes of a confusion matrix are shown; of more, none is."""


@record
class Point:
    """A point of a curve; the rates are from 0 to 1. `threshold` is None if it is not finite."""

    threshold: float | None
    false_positive_rate: float
    true_positive_rate: float


@record
class Matrix:
    """How many of each class were taken for which: one row for each class."""

    labels: list[str]
    rows: list[list[float]]


@record
class Charts:
    """What is stored in one artifact: `points` is empty, and `matrix` None, where there is none that can be drawn."""

    points: list[Point]
    matrix: Matrix | None


def charts_of(metadata: str) -> Charts:
    """Return the charts in the metadata of an artifact, as JSON text."""
    try:
        stored = json.loads(metadata)
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict):
        return Charts([], None)
    return Charts(list(_points(stored.get("confidenceMetrics"))), _matrix(stored.get("confusionMatrix")))


def _points(stored: Any) -> Iterator[Point]:
    entries = _inner(stored)
    kept = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    # Of a long curve every n-th point, and the last.
    step = max(1, math.ceil(len(kept) / (POINTS_MAX - 1)))
    for number, entry in enumerate(kept):
        if number % step and number != len(kept) - 1:
            continue
        false_rate, true_rate = _rate(entry.get("falsePositiveRate", 0)), _rate(entry.get("recall", 0))
        if false_rate is not None and true_rate is not None:
            yield Point(_number(entry.get("confidenceThreshold", 0)), false_rate, true_rate)


def _matrix(stored: Any) -> Matrix | None:
    stored = _inner(stored)
    if not isinstance(stored, dict):
        return None
    specs, rows = stored.get("annotationSpecs"), stored.get("rows")
    if not isinstance(specs, list) or not isinstance(rows, list) or not 0 < len(specs) <= CLASSES_MAX:
        return None
    labels = [str(each.get("displayName", "")) if isinstance(each, dict) else "" for each in specs]
    counts = [list(map(_number, each.get("row") or ())) if isinstance(each, dict) else [] for each in rows]
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        return None
    numbers = [[number for number in row if number is not None] for row in counts]
    return Matrix(labels, numbers) if numbers == counts else None


def _inner(stored: Any) -> Any:
    """Return what is in a value that MLMD had wrapped."""
    while isinstance(stored, dict) and len(stored) == 1 and next(iter(stored)) in ("list", "struct"):
        stored = next(iter(stored.values()))
    return stored


def _number(stored: Any) -> float | None:
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return None
    try:
        number = float(stored)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _rate(stored: Any) -> float | None:
    number = _number(stored)
    return number if number is not None and 0 <= number <= 1 else None
