"""The series of metrics as pages draw them: a few hundred points of a series however long, spikes and gaps included."""

from collections.abc import Mapping, Sequence

from storage.contract import ReadTx
from storage.documents.series import MARK, Series, SeriesPoint

SERIES_MAX = 12
"""How many metrics of a run are drawn."""

SERIES_CHARACTERS = 1024 * 1024
"""How long the metadata of such a metric may be, as JSON: 10,000 points are less."""

SERIES_POINTS_MAX = 500
"""How many points of a series are drawn."""

_PER_SLICE = 5  # the first, the last, the lowest, the highest, and a gap


async def read_series(tx: ReadTx, artifact_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the metadata of those metrics that are drawn, by the ids of these, in the order of their names."""
    return await tx.run_report.metadata_with(artifact_ids, MARK, characters=SERIES_CHARACTERS, limit=SERIES_MAX)


def drawn_series(texts: Mapping[str, str]) -> dict[str, Series]:
    """Return the series in the metadata of metrics, by the ids of these; not of those that have none.

    Thousands of points take this milliseconds each: for much, it is called in a helper process.
    """
    found = {id: Series.from_text(text) for id, text in texts.items()}
    return {id: Series(thinned(series.points), series.logged) for id, series in found.items() if series is not None}


def thinned(points: Sequence[SeriesPoint]) -> Sequence[SeriesPoint]:
    """Return at most SERIES_POINTS_MAX points in their order, which look as all of them do.

    The series is cut into slices of equal length. Of each the first and the last point stay, the lowest and the highest, and one that is
    not finite.
    """
    if len(points) <= SERIES_POINTS_MAX:
        return points
    slices = SERIES_POINTS_MAX // _PER_SLICE
    kept: list[SeriesPoint] = []
    for number in range(slices):
        start, end = number * len(points) // slices, (number + 1) * len(points) // slices
        kept += [points[position] for position in _outstanding(points, start, end)]
    return kept


def _outstanding(points: Sequence[SeriesPoint], start: int, end: int) -> list[int]:
    positions = {start, end - 1}
    finite = [(value, position) for position in range(start, end) if (value := points[position].value) is not None]
    if finite:
        positions |= {min(finite)[1], max(finite)[1]}
    if len(finite) < end - start:
        positions.add(next(position for position in range(start, end) if points[position].value is None))
    return sorted(positions)
