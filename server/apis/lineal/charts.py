"""Curves and confusion matrices as messages: the reports of runs and of artifacts have them."""

from collections.abc import Iterable

from lineal.v1 import runs_pb2

from server.rules.run_report.charts import Matrix, Point


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
