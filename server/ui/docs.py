"""API docs: an OpenAPI document with forms to try its calls, shown by Swagger UI from files of the package only."""

from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.rendering import render
from server.ui.visit import Visit, refused

TITLES = {"kfp": "Kubeflow Pipelines v2beta1", "lineal": "Lineal v1"}
"""What the documents of APIs are called; others are called as their API."""


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show the document of the API that the path names, by default of the first one."""
    names = desk.documents
    name = visit.values.get("name") or next(iter(names), "")
    if name not in names:
        raise refused("there is no OpenAPI document of this name", code=code_pb2.NOT_FOUND, reason="NOT_FOUND")
    apis = [(each, TITLES.get(each, each)) for each in names]
    return render(visit, "docs.html", name=name, apis=apis, words=visit.text("q"))
