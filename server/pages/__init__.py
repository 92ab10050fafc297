"""Routes that are neither API calls nor pages of the UI: OpenAPI documents, metrics, and the files that pages load.

The composition root passes the routes to the REST door.
"""

from collections.abc import Awaitable, Callable, Sequence

from server.api import Api
from server.calls.http_calls import HttpResponse
from server.doors.http.messages import HttpRequest
from server.doors.http.plain_routes import Route, closed_to_others
from server.doors.http.routes import ANY_VERB
from server.pages.assets import Asset, asset_names, asset_of, read_asset
from server.process.metrics import Metrics, content_type

READS = ("GET", "HEAD")


def page_routes(metrics: Metrics, apis: Sequence[Api]) -> list[Route]:
    """Return the routes."""

    async def figures(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, await metrics.text(), content_type())

    documents = {api.name: asset_of("openapi.json", api.openapi()) for api in apis if api.openapi}
    handlers = {"/metrics": figures, "/openapi.json": _sender(read_asset("openapi.json"))}
    handlers |= {f"/openapi/{name}.json": _sender(document) for name, document in documents.items()}
    handlers |= {f"/static/{name}": _sender(read_asset(name)) for name in asset_names()}
    routes: list[Route] = []
    for path, handler in handlers.items():
        routes += [(READS, path, handler), ((ANY_VERB,), path, closed_to_others(*READS))]
    return routes


def _sender(asset: Asset) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    async def send(request: HttpRequest) -> HttpResponse:
        return asset.answer(request)

    return send
