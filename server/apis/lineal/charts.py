"""Curves, confusion matrices and series as messages: the reports of runs and of artifacts have them."""

from collections.abc import Iterable, Mapping

from lineal.v1 import runs_pb2

from server.calls.apart import APART_BYTES, apart
from server.rules.run_report.charts import Matrix, Point
from server.rules.run_report.series import drawn_series
from storage.documents.series import Series


def write_curve(points: Iterable[Point], target: runs_pb2.RocCurve) -> None:
    """Write the points of a curve."""
    for point in points:
        target.points.add(
            threshold=point.threshold,
            false_positive_rate=point.false_positive_rate,
            true_positive_rate=point.true_positive_rate,
        )


def write_matrix(matrix: Matrix, target: runs_pb2.ConfusionMatrix) -> None:
    """Write the classes and the rows of a matrix."""
    target.labels.extend(matrix.labels)
    for row in matrix.rows:
        target.rows.add(counts=row)


async def series_in(texts: Mapping[str, str]) -> dict[str, Series]:
    """Return the series in metadata, as they are drawn; of much, they are read in a helper process."""
    if sum(map(len, texts.values())) > APART_BYTES:
        return await apart(drawn_series, texts)
    return drawn_series(texts)


def write_series(series: Series, target: runs_pb2.MetricSeries) -> None:
    """Write the points of a series."""
    target.logged = series.logged
    for point in series.points:
        target.points.add(step=point.step, time=point.time, value=point.value)
