"""Search results: runs, tasks, artifacts and experiments, by ids, uris, words and qualifiers."""

from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.nodes import address_of_node, id_of, kind_of
from server.ui.rendering import render
from server.ui.visit import Refused, Visit, refused

PAGE_SIZE = 50
"""How many results a page has."""

KINDS = (("run", "Runs"), ("task", "Tasks"), ("artifact", "Artifacts"), ("experiment", "Experiments"))
"""Kinds of results, and their names."""

_NAMES = {"run": "Run", "task": "Task", "artifact": "Artifact", "experiment": "Experiment"}


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show what a query finds; without one, what a query may say."""
    query, kind = visit.text("q"), visit.text("kind")
    if kind not in ("", *_NAMES):
        raise refused(f"there are no results of the kind {kind!r}")
    if not query:
        return _shown(visit, kind=kind)
    try:
        found = await desk.ask(
            "LineageService.Search",
            query=query,
            kinds=[kind] if kind else [],
            page_size=PAGE_SIZE,
            page_token=visit.text("page"),
        )
    except Refused as error:
        if error.status.code != code_pb2.INVALID_ARGUMENT:
            raise
        return _shown(visit, kind=kind, problem=error.status.message, status=400)
    return _shown(visit, kind=kind, found=found)


def _shown(visit: Visit, *, kind: str, found: object = None, problem: str = "", status: int = 200) -> HttpResponse:
    return render(
        visit,
        "search.html",
        status=status,
        query=visit.text("q"),
        kind=kind,
        kinds=KINDS,
        kind_names=_NAMES,
        found=found,
        problem=problem,
        address_of_node=address_of_node,
        id_of=id_of,
        kind_of=kind_of,
    )
