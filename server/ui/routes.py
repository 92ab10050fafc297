"""The routes of the UI's pages, and the page for requests that lead to none. The composition root calls this."""

from collections.abc import Sequence

from server.api import Api
from server.calls.accept import preferred
from server.calls.call import Shared
from server.calls.dispatcher import Dispatcher
from server.calls.http_calls import JSON_TYPE, HttpResponse
from server.calls.statuses import Status
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.plain_routes import Route, closed_to_others
from server.doors.http.responses import failure_status
from server.doors.http.routes import ANY_VERB
from server.ui.calls import Office, office
from server.ui.facts import Facts
from server.ui.table import PAGES, Page
from server.ui.visit import Refused, Visit

READS = ("GET", "HEAD")


def ui_routes(facts: Facts, shared: Shared, dispatcher: Dispatcher, apis: Sequence[Api]) -> list[Route]:
    """Return the routes."""
    shared_by_all = office(facts, shared, dispatcher, apis)
    routes: list[Route] = []
    for entry in PAGES:
        verbs = (*READS, "POST") if entry.takes_form else READS
        routes += [
            (verbs, entry.path, _handler(entry, shared_by_all)),
            ((ANY_VERB,), entry.path, closed_to_others(*verbs)),
        ]
    return routes


def browser_error(request: HttpRequest, status: Status, http_status: int) -> HttpResponse | None:
    """Return the page for a request that leads to no page; None for clients that prefer JSON, or do not say what they prefer."""
    accept = request.headers.get("accept", "")
    if preferred(accept, (JSON_TYPE, "text/html")) != "text/html":
        return None
    response = _error_page(Visit(request), status, http_status=http_status)
    response.headers += (("vary", "Accept"),)
    return response


def _error_page(visit: Visit, status: Status, *, http_status: int | None = None) -> HttpResponse:
    from server.ui.rendering import error_page  # with the templates' engine, when the first page is shown

    return error_page(visit, status, http_status=http_status)


def _handler(entry: Page, office: Office) -> HttpHandler:
    async def show(request: HttpRequest) -> HttpResponse:
        visit = Visit(request)
        try:
            return await entry.make(visit, office.desk(request))
        except Refused as error:
            return _error_page(visit, error.status)
        except Exception as error:  # noqa: BLE001 - whatever fails becomes a page for whoever looks at it
            return _error_page(visit, failure_status(error, entry.path))

    return show
