"""About: which server this is, whether its database answers, and where everything else is."""

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.reach import reach_of
from server.ui.rendering import render
from server.ui.visit import Visit
from storage.errors import StorageError

LINKS = (
    ("docs", "API", "Every method, with a form to try it"),
    ("openapi.json", "OpenAPI", "The same for programs"),
    ("metrics", "Metrics", "Metrics for Prometheus"),
    ("healthz", "Health", "Whether the process is running"),
    ("readyz", "Readiness", "Whether the database answers"),
)
"""Address, name and meaning of what else is served."""


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show the facts of the server; it is shown without a database, too."""
    try:
        await desk.ready()
        is_ready = True
    except StorageError:
        is_ready = False
    reach = reach_of(visit, desk.facts)
    return render(visit, "about.html", facts=desk.facts, reach=reach, is_ready=is_ready, links=LINKS)
