"""Routes that are neither API calls nor pages of the UI: OpenAPI documents, metrics, and the files that pages load.

The composition root passes the routes to the REST door.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial

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

    handlers = {"/metrics": figures, "/openapi.json": _sender(partial(read_asset, "openapi.json"))}
    handlers |= {f"/openapi/{api.name}.json": _sender(partial(_document, api.openapi)) for api in apis if api.openapi}
    handlers |= {f"/static/{name}": _sender(partial(read_asset, name)) for name in asset_names()}
    routes: list[Route] = []
    for path, handler in handlers.items():
        routes += [(READS, path, handler), ((ANY_VERB,), path, closed_to_others(*READS))]
    return routes


def _document(openapi: Callable[[], bytes]) -> Asset:
    return asset_of("openapi.json", openapi())


def _sender(read: Callable[[], Asset]) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return what sends a file, which is read and compressed when it is first asked for."""

    @cache
    def ready() -> Asset:
        asset = read()
        _ = asset.packed
        return asset

    async def send(request: HttpRequest) -> HttpResponse:
        # On a thread the first time: a large script takes fifty milliseconds to compress.
        asset = ready() if ready.cache_info().currsize else await asyncio.to_thread(ready)
        return asset.answer(request)

    return send
