"""The front page: what happened lately, and what needs a look."""

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.rendering import render
from server.ui.visit import Visit

LATEST = 15
"""How many of the latest runs are shown."""


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show the overview."""
    overview = await desk.ask("OverviewService.GetOverview", latest=LATEST)
    return render(visit, "home.html", overview=overview)
