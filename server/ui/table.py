"""The pages of the UI: one line each. The routes are made of it."""

from collections.abc import Awaitable, Callable

from server.calls.http_calls import HttpResponse
from server.late import Late
from server.ui.calls import Desk
from server.ui.visit import Visit
from storage.record import record

MakePage = Callable[[Visit, Desk], Awaitable[HttpResponse]]
"""Makes a page; see the package's docstring."""


@record
class Page:
    """The path of a page, as a template of `server.doors.http.routes`, and what makes it; one that takes a form is also posted to."""

    path: str
    make: MakePage
    takes_form: bool = False


def _late(name: str) -> Late:
    return Late(f"{__package__}.{name}")


PAGES: tuple[Page, ...] = (
    Page("/", _late("home:page")),
    Page("/search", _late("search:page")),
    Page("/runs", _late("runs:page"), takes_form=True),
    Page("/artifacts", _late("artifacts:page")),
    Page("/artifacts/{artifact_id}", _late("artifact:page")),
    Page("/artifacts/{artifact_id}/affected", _late("affected:page")),
    Page("/artifacts/{artifact_id}/affected.csv", _late("affected:sheet")),
    Page("/about", _late("about:page")),
    Page("/runs/{run_id}", _late("run:page")),
    Page("/runs/{run_id}/specification", _late("run:specification_page")),
    Page("/runs/{run_id}/tasks/{task_id}", _late("tasks:page")),
    Page("/docs", _late("docs:page")),
    Page("/docs/{name}", _late("docs:page")),
    Page("/experiments/{experiment_id}", _late("objects:experiment_page")),
    Page("/pipelines/{pipeline_id}", _late("objects:pipeline_page")),
    Page("/pipelines/{pipeline_id}/versions/{pipeline_version_id}", _late("objects:version_page")),
)
"""All pages."""
