"""Turns templates and values into pages. Every page of the UI calls `render`."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.messages import page
from server.pages.assets import relative_address_of
from server.ui.filters import FILTERS, UNFINISHED, duration
from server.ui.visit import Visit

_NEXT_STEPS = {
    400: "Something in the address does not fit: change the filters, or begin anew.",
    403: "You may not do this from here. Open the page on this server and try again, or ask whoever runs it.",
    404: "It may have been deleted, or its address may be mistyped. Look for it by its name or id in the search above.",
    421: "Open this server under a name that it allows, or ask whoever runs it to allow this one.",
    429: "It was too much for one page: ask for less, or try again later.",
    501: "This server does not have what the page needs.",
    503: "Load the page again in a moment. If it stays so, the page About says which database this server uses.",
    504: "It took too long. Load the page again in a moment, or ask for less.",
}
_ELSE = "Load the page again. If it stays so, whoever runs this server finds more in its log."
_TITLES = {
    400: "That does not work",
    403: "Not allowed",
    404: "Not found",
    421: "Not under this name",
    503: "Not now",
    504: "That took too long",
}


@cache
def environment() -> Environment:
    """Return the environment of all templates, which are compiled when they are first used and kept."""
    made = Environment(
        loader=FileSystemLoader(str(files("server.ui").joinpath("templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters |= FILTERS
    made.globals |= {"asset": relative_address_of, "duration": duration, "UNFINISHED": UNFINISHED}
    return made


def render(visit: Visit, template: str, *, status: int = 200, **values: Any) -> HttpResponse:
    """Return a page: a template with values, and with `visit` and `root`. Raises UndefinedError for a value that is missing."""
    html = environment().get_template(template).render(visit=visit, root=visit.root, **values)
    return page(html, status=status)


def error_page(visit: Visit, status: Status, *, http_status: int | None = None) -> HttpResponse:
    """Return the page that says why another is not shown, and what to do next."""
    code = http_status or status.http_status
    return render(
        visit,
        "error.html",
        status=code,
        code=code,
        heading=_TITLES.get(code, "That did not work"),
        message=status.message,
        next_step=_NEXT_STEPS.get(code, _ELSE),
    )


def redirect(visit: Visit, address: str) -> HttpResponse:
    """Return the answer that makes a browser go on to an address that `visit.to` made, as after a form that was done."""
    return HttpResponse(303, b"", "text/plain; charset=utf-8", (("location", address),))
