"""The pages of the UI: one line each. The routes are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.calls.http_calls import HttpResponse
from server.ui import about, affected, artifact, artifacts, docs, home, objects, run, runs, search, tasks
from server.ui.calls import Desk
from server.ui.visit import Visit

MakePage = Callable[[Visit, Desk], Awaitable[HttpResponse]]
"""Makes a page; see the package's docstring."""


@dataclass(frozen=True, slots=True)
class Page:
    """The path of a page, as a template of `server.doors.http.routes`, and what makes it; one that takes a form is also posted to."""

    path: str
    make: MakePage
    takes_form: bool = False


PAGES: tuple[Page, ...] = (
    Page("/", home.page),
    Page("/search", search.page),
    Page("/runs", runs.page, takes_form=True),
    Page("/artifacts", artifacts.page),
    Page("/artifacts/{artifact_id}", artifact.page),
    Page("/artifacts/{artifact_id}/affected", affected.page),
    Page("/artifacts/{artifact_id}/affected.csv", affected.sheet),
    Page("/about", about.page),
    Page("/runs/{run_id}", run.page),
    Page("/runs/{run_id}/specification", run.specification_page),
    Page("/runs/{run_id}/tasks/{task_id}", tasks.page),
    Page("/docs", docs.page),
    Page("/docs/{name}", docs.page),
    Page("/experiments/{experiment_id}", objects.experiment_page),
    Page("/pipelines/{pipeline_id}", objects.pipeline_page),
    Page("/pipelines/{pipeline_id}/versions/{pipeline_version_id}", objects.version_page),
)
"""All pages."""
