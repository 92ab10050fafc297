"""LineageService.CompareRuns: from ids in a request to rows of cells."""

from collections.abc import Sequence
from typing import Any

from lineal.v1 import lineage_pb2

from server.apis.lineal.nodes import write_run
from server.calls.call import Call
from server.errors import InvalidArgument
from server.rules import checks
from server.rules.comparison.compare import Asked, compare
from server.rules.comparison.rows import Row
from server.rules.lineage.graph import RUN
from storage import lengths
from storage.slices import in_slices

RUNS_MAX = 200
"""How many runs are compared at once."""

_LINKS_PER_ROW = 10
"""How many links take as long as a task of a run."""


async def compare_runs(call: Call, request: lineage_pb2.CompareRunsRequest) -> lineage_pb2.RunComparison:
    """Compare runs, which must exist and be seen by the caller, and each be named once."""
    run_ids = list(request.run_ids)
    checks.require(len(run_ids) >= 2, "run_ids must name at least 2 runs")
    checks.at_most("run_ids", len(run_ids), RUNS_MAX)
    seen: set[str] = set()
    for run_id in run_ids:
        if run_id in seen:
            raise InvalidArgument(f"run_ids names the run {run_id[: lengths.ID]!r} twice", field="run_ids")
        seen.add(run_id)
        checks.known_id("run", run_id)
    links_here = None if call.rows_max is None else call.rows_max * _LINKS_PER_ROW
    asked = Asked(run_ids, call.scope().namespace_filter, links_here, call.check_size)
    found = await call.store.read(lambda tx: compare(tx, asked))
    answer = lineage_pb2.RunComparison()
    for run in found.runs:
        write_run(run, answer.runs.add(ref=f"{RUN}/{run.id}"))
    for rows, target in (
        (found.params, answer.params),
        (found.metrics, answer.metrics),
        (found.inputs, answer.inputs),
        (found.outputs, answer.outputs),
    ):
        await _write(rows, target, only_differences=request.only_differences)
    return answer


async def _write(rows: Sequence[Row], target: Any, *, only_differences: bool) -> None:
    def write(row: Row) -> None:
        differs = row.differs
        if only_differences and not differs:
            return
        message = target.add(
            key=row.key, differs=differs, name=row.name, task=row.task, iteration=row.iteration, number=row.number
        )
        for cell in row.cells:
            if cell is None:
                message.cells.add()
            else:
                message.cells.add(set=True, text=cell.text, number=cell.number, ref=cell.ref)

    await in_slices(rows, write)
