"""The series of a metric: its values by step, thinned so that a long training stays small. The recorder keeps one per metric.

    series = Series()
    series.append(None, time.time(), 0.93)
    client.update_artifact(artifact_id, metadata=series.metadata(), number_value=series.last_finite)

At most 10,000 points are reported. The stride is 1 at first; of the points, counted from 0 as they were logged, those are kept whose
number is a multiple of the stride. When 10,000 are kept, every second of them is dropped, and the stride doubles. The last point
is always reported, too.
"""

import math
from array import array
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

__all__ = ("POINTS_MAX", "STEP_MAX", "Point", "Series", "plain_value", "value_of")

POINTS_MAX = 10_000
"""How many points of a series are reported at most."""

STEP_MAX = 2**53
"""Steps lie between this and its negative: numbers of JSON are exact so far."""

AnySeries = TypeVar("AnySeries", bound="Series")

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Point(NamedTuple):
    """One value of a metric: its step, when it was logged in seconds since 1970, and the value, which may be NaN or infinite."""

    step: int
    time: float
    value: float


class Series:
    """The points of one metric, of which at most 10,000 are kept. Not safe to use from several threads.

    `count` is how many were logged, `stride` the distance between those that are kept, `last` the last one (None at first), and
    `last_finite` the last value that was neither NaN nor infinite (None if there was none).
    """

    __slots__ = ("_steps", "_times", "_values", "count", "last", "last_finite", "stride")

    def __init__(self) -> None:
        self.count = 0
        self.stride = 1
        self.last: Point | None = None
        self.last_finite: float | None = None
        self._steps, self._times, self._values = array("q"), array("d"), array("d")

    def append(self, step: int | None, time: float, value: float) -> int:
        """Add a point and return its step: without one, it is one more than that of the last point, and 0 at first."""
        if step is None:
            step = 0 if self.last is None else self.last.step + 1
        if not self.count % self.stride:
            self._steps.append(step)
            self._times.append(time)
            self._values.append(value)
            if len(self._steps) >= POINTS_MAX:
                self._thin()
        self.count += 1
        self.last = Point(step, time, value)
        if math.isfinite(value):
            self.last_finite = value
        return step

    def extend(self, steps: "array[int]", times: "array[float]", values: "array[float]") -> None:
        """Add points: arrays of one length, of the types "q", "d" and "d"."""
        first, count = 0, len(steps)
        while first < count:
            start = first + -self.count % self.stride
            end = min(count, start + (POINTS_MAX - len(self._steps) - 1) * self.stride + 1)
            kept = slice(start, end, self.stride)
            self._steps.extend(steps[kept])
            self._times.extend(times[kept])
            self._values.extend(values[kept])
            self.count += end - first
            first = end
            if len(self._steps) >= POINTS_MAX:
                self._thin()
        if count:
            self.last = Point(steps[-1], times[-1], values[-1])
            last_finite = next(filter(math.isfinite, reversed(values)), None)
            self.last_finite = self.last_finite if last_finite is None else last_finite

    def points(self) -> Iterator[Point]:
        """Yield the points to report, in the order in which they were logged."""
        yield from map(Point, self._steps, self._times, self._values)
        if self.last is not None and (self.count - 1) % self.stride:
            yield self.last

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of the metric's artifact: {"series": [{"step", "time", "value"}…], "points": count}."""
        series = [{"step": step, "time": time, "value": plain_value(value)} for step, time, value in self.points()]
        return {"series": series, "points": self.count}

    @classmethod
    def from_metadata(cls: type[AnySeries], metadata: Mapping[str, Any]) -> AnySeries:
        """Return the series of such metadata, which can be continued. Raises ValueError for metadata of another form."""
        series = cls()
        try:
            points = [
                Point(int(each["step"]), float(each["time"]), value_of(each["value"]))
                for each in metadata.get("series", [])
            ]
            count = int(metadata.get("points", len(points)))
        except (TypeError, KeyError, AttributeError, OverflowError, ValueError) as error:
            raise ValueError(f"the metadata are not those of a series: {error!r}") from None
        if count < len(points) or (count and not points):
            raise ValueError(f"the metadata are not those of a series: {len(points)} of {count} points")
        series._restore(points, count)
        return series

    def _restore(self, points: list[Point], count: int) -> None:
        while count - 1 >= (POINTS_MAX - 1) * self.stride:
            self.stride *= 2
        self.count = count
        self.last = points[-1] if points else None
        self.last_finite = next((each.value for each in reversed(points) if math.isfinite(each.value)), None)
        for each in points[: -(-count // self.stride)]:
            self._steps.append(each.step)
            self._times.append(each.time)
            self._values.append(each.value)

    def _thin(self) -> None:
        del self._steps[1::2], self._times[1::2], self._values[1::2]
        self.stride *= 2


def plain_value(value: float) -> float | str:
    """Return a value as it travels: JSON has no NaN and no infinities, which are "NaN", "Infinity" and "-Infinity"."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def value_of(plain: float | str) -> float:
    """Return the value that travelled. Raises ValueError for another text."""
    if isinstance(plain, str):
        if plain not in _WORDS:
            raise ValueError(f"{plain!r} is not a value of a series")
        return _WORDS[plain]
    return float(plain)
