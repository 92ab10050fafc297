"""`lineal.compare`: runs side by side as a pandas DataFrame, what differs first. Needs pandas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lineal._frame_columns import import_pandas
from lineal.v1 import lineage_pb2

if TYPE_CHECKING:
    import pandas

    from lineal.client import Client

__all__ = ["compare", "frame_of_comparison"]

LEVELS = ("kind", "name", "task", "iteration")
"""The names of the levels of the index."""

_Row = tuple[tuple[str, str, str, str], Sequence[Any]]


def compare(runs: Iterable[Any], *, client: Client | None = None, only_differences: bool = False) -> pandas.DataFrame:
    """Return 2 to 200 runs, given by their ids or as messages, as a frame with a column per run, in their order.

    A row is a thing that runs have: its kind (`run`, `param`, `metric`, `input`, `output`), its name, and the task and iteration
    where the name alone is not unique. The name and state of each run come first, then what differs, then what is equal;
    `only_differences` leaves that out. Numbers are numbers, artifacts are uris, what a run does not have is None. Of more than 20
    runs, only numbers are compared. Without a `client`, one is made from LINEAL_* variables. Raises LinealError, and ImportError
    without pandas.
    """
    import_pandas()
    run_ids = [each if isinstance(each, str) else each.run_id for each in runs]
    if client is not None:
        comparison = client.compare_runs(run_ids=run_ids, only_differences=only_differences)
    else:
        from lineal.client import Client

        with Client() as own:
            comparison = own.compare_runs(run_ids=run_ids, only_differences=only_differences)
    return frame_of_comparison(comparison)


def frame_of_comparison(comparison: lineage_pb2.RunComparison) -> pandas.DataFrame:
    """Return the answer of CompareRuns as a frame, as `compare` does."""
    pandas_module = import_pandas()
    rows = [*_runs(comparison), *_rows(comparison, differs=True), *_rows(comparison, differs=False)]
    frame: pandas.DataFrame = pandas_module.DataFrame(
        [cells for _, cells in rows],
        index=pandas_module.MultiIndex.from_tuples([names for names, _ in rows], names=LEVELS),
        columns=pandas_module.Index([node.ref.partition("/")[2] for node in comparison.runs], name="run_id"),
        dtype=object,
    )
    return frame


def _runs(comparison: lineage_pb2.RunComparison) -> Iterator[_Row]:
    yield ("run", "name", "", ""), [node.name for node in comparison.runs]
    yield ("run", "state", "", ""), [node.state for node in comparison.runs]


def _rows(comparison: lineage_pb2.RunComparison, *, differs: bool) -> Iterator[_Row]:
    for kind, rows in (
        ("param", comparison.params),
        ("metric", comparison.metrics),
        ("input", comparison.inputs),
        ("output", comparison.outputs),
    ):
        for row in rows:
            if row.differs is differs:
                yield _names(kind, row), [_cell(cell) for cell in row.cells]


def _names(kind: str, row: lineage_pb2.RunComparison.Row) -> tuple[str, str, str, str]:
    return kind, row.name + (f" ({row.number})" if row.number else ""), row.task, row.iteration


def _cell(cell: lineage_pb2.RunComparison.Cell) -> Any:
    if not cell.set:
        return None
    if cell.HasField("number"):
        return _number(cell)
    return cell.text or cell.ref or None


def _number(cell: lineage_pb2.RunComparison.Cell) -> int | float:
    """Return a number as it was written: 5 is a whole one, a metric of 5.0 is not."""
    try:
        number = json.loads(cell.text)
    except ValueError:
        return cell.number
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    return number if is_number and number == cell.number else cell.number
