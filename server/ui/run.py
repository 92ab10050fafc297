"""The page of one run: what broke, and below it the graph and the tasks of one level, what it made, and its metrics."""

import asyncio
import json
from typing import Any

from google.protobuf.json_format import MessageToDict

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.rendering import render
from server.ui.run_charts import curve_of, heat_of
from server.ui.run_rows import cells_of, rows_of
from server.ui.run_verdict import verdict_of
from server.ui.series_chart import chart_of
from server.ui.visit import Visit

ITERATIONS_ON_PAGE = 1_000
"""How many iterations are shown as squares, of all loops on a page together."""

GRAPH_MAX = 150
"""How many tasks are drawn as a graph: of more, nobody could follow the edges."""

_INT64_MAX = 2**63 - 1


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show a run; `level`, `iteration` and `page` in the query say which of its tasks."""
    run_id, asked = visit.values["run_id"], _asked(visit)
    run = await desk.ask("RunReportService.GetRunReport", run_id=run_id)
    level = await desk.ask("RunReportService.GetRunLevel", run_id=run_id, **asked)
    rows = rows_of(visit, level, squares_max=ITERATIONS_ON_PAGE)
    has_edges = any(row.waits_for for row in rows)
    return render(
        visit,
        "run.html",
        run=run,
        verdict=verdict_of(run, visit.now),
        level=level,
        rows=rows,
        has_edges=has_edges,
        has_graph=has_edges and sum(bool(row.task.key) for row in rows) <= GRAPH_MAX,
        squares=cells_of(visit, level.iterations, level.path[-1].task_id) if level.HasField("iterations") else (),
        series=[chart_of(each) for each in run.series],
        curves=[curve_of(curve) for curve in run.roc_curves],
        matrices=[(matrix, heat_of(matrix)) for matrix in run.confusion_matrices],
        groups=[step.task_id for step in level.path],
        watch="" if run.progress.finished else visit.to("apis", "lineal", "v1", "runs", run_id, "progress"),
        rest=visit.to("apis", "lineal", "v1", "runs", run_id, "report"),
        full=visit.to("apis", "v2beta1", "runs", run_id, view="FULL"),
    )


def _asked(visit: Visit) -> dict[str, Any]:
    """Return what the query says of the level. Raises Refused for an iteration that is not a number."""
    asked: dict[str, Any] = {"parent_task_id": visit.text("level"), "page_token": visit.text("page")}
    if visit.text("iteration"):
        asked["iteration"] = visit.number("iteration", 0, at_least=0, at_most=_INT64_MAX)
    return asked


async def specification_page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show the specification of a run: its own, or that of its version, or the one that is made from what was recorded."""
    run = await desk.ask("RunService.GetRun", **visit.values)
    spec, version = run.pipeline_spec, run.pipeline_version_reference
    rest = visit.to("apis", "v2beta1", "runs", run.run_id)
    if not run.HasField("pipeline_spec") and version.pipeline_version_id:
        ids = {"pipeline_id": version.pipeline_id, "pipeline_version_id": version.pipeline_version_id}
        spec = (await desk.ask("PipelineService.GetPipelineVersion", **ids)).pipeline_spec
        rest = visit.to("apis", "v2beta1", "pipelines", version.pipeline_id, "versions", version.pipeline_version_id)
    # In a thread: a specification can have megabytes, and would block the event loop for every other call.
    text = await asyncio.to_thread(_readable, spec)
    name = run.display_name or run.run_id
    back = visit.to("runs", run.run_id)
    return render(visit, "specification.html", name=name, text=text, rest=rest, back=back)


def _readable(spec: Any) -> str:
    return json.dumps(MessageToDict(spec), indent=2, ensure_ascii=False)
