"""What is affected if an artifact is bad: everything that came of it, and the runs in which it did, as a page and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from lineal.v1 import lineage_pb2

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.filters import moment
from server.ui.kinds import capitalized, counted, is_hidden, kind_word, name_of
from server.ui.nodes import address_of_node, id_of, kind_of
from server.ui.rendering import render
from server.ui.visit import Visit
from storage.record import record

NODES, HOPS, FANOUT = 5_000, 50, 500
"""How far a walk goes: as far as GetLineage does at most."""

ROWS_MAX = 200
"""How many artifacts, and how many runs, the page shows. The CSV has all that were found."""

HEAD = ("kind", "type", "name", "uri", "run", "steps", "recorded", "id")
"""The columns of the CSV: kind is artifact or run, or `cut` in a last row that says what is left out."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@record
class AffectedRun:
    """A run in which something came of an artifact, and after how many steps at first."""

    id: str
    name: str
    steps: int
    tasks: int


@record
class Affected:
    """What came of an artifact, models first, and its runs, the nearest first. `is_cut` says whether there may be more."""

    start: Any
    artifacts: Sequence[Any]
    runs: Sequence[AffectedRun]
    hidden: int
    is_cut: bool

    @property
    def cut(self) -> str:
        """What is left out, as a sentence; "" for nothing."""
        if self.is_cut:
            return (
                "This is not all: the walk stopped where more is affected than it follows "
                f"({NODES} tasks and artifacts, {HOPS} steps, {FANOUT} users of one artifact, two seconds)."
            )
        return "What you may not see, and what came of it, is left out." if self.hidden else ""


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show what is affected."""
    found = await _find(visit, desk)
    return render(
        visit,
        "affected.html",
        found=found,
        artifact_id=visit.values["artifact_id"],
        name=name_of(found.start),
        word=kind_word(found.start),
        counts=counted(found.artifacts),
        rows_max=ROWS_MAX,
        capitalized=capitalized,
        name_of=name_of,
        kind_word=kind_word,
        address_of_node=address_of_node,
        id_of=id_of,
    )


async def sheet(visit: Visit, desk: Desk) -> HttpResponse:
    """Return what is affected as CSV."""
    found = await _find(visit, desk)
    text = io.StringIO(newline="")
    # With a mark, without which spreadsheets read UTF-8 as something else.
    text.write("\ufeff")
    rows = csv.writer(text)
    rows.writerow(HEAD)
    for node in found.artifacts:
        when = moment(node.created_at)
        recorded = "" if when is None else when.isoformat()
        row = ("artifact", node.type, node.name, node.uri, node.run_name, node.depth, recorded, id_of(node.ref))
        rows.writerow(map(as_text, row))
    for run in found.runs:
        rows.writerow(map(as_text, ("run", "", run.name, "", run.name, run.steps, "", run.id)))
    if found.cut:
        rows.writerow(map(as_text, ("cut", "", found.cut, "", "", "", "", "")))
    headers = (
        ("content-disposition", 'attachment; filename="affected.csv"'),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    )
    return HttpResponse(200, text.getvalue().encode(), "text/csv; charset=utf-8", headers)


def as_text(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe comes before what begins like one."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text


async def _find(visit: Visit, desk: Desk) -> Affected:
    ref = f"artifact/{visit.values['artifact_id']}"
    answer = await desk.ask(
        "LineageService.GetLineage",
        start=[ref],
        direction=lineage_pb2.DOWNSTREAM,
        node_limit=NODES,
        hops=HOPS,
        fanout_limit=FANOUT,
        cached=True,
        run_names=True,
    )
    others = [node for node in answer.nodes if node.ref != ref]
    seen = [node for node in others if not is_hidden(node)]
    return Affected(
        start=next(node for node in answer.nodes if node.ref == ref),
        artifacts=sorted((node for node in seen if kind_of(node.ref) == "artifact"), key=_place),
        runs=_runs(node for node in seen if kind_of(node.ref) == "task"),
        hidden=len(others) - len(seen),
        is_cut=any(cut.reason != lineage_pb2.Cut.HIDDEN for cut in answer.cuts),
    )


def _place(node: Any) -> tuple[Any, ...]:
    return node.type != "Model", node.depth, node.created_at.seconds, node.created_at.nanos, node.ref


def _runs(tasks: Any) -> list[AffectedRun]:
    runs: dict[str, AffectedRun] = {}
    for task in tasks:
        id = id_of(task.run)
        known = runs.get(id)
        # Nodes come by depth.
        steps, tasks_before = (task.depth, 0) if known is None else (known.steps, known.tasks)
        runs[id] = AffectedRun(id, task.run_name, steps, tasks_before + 1)
    return sorted(runs.values(), key=lambda run: (run.steps, run.name, run.id))
