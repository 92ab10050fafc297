"""The list of artifacts, the newest first: filters that stand in the address, and pages."""

from dataclasses import dataclass
from typing import Any

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.list_filters import AGES, Predicate, contains, equals, filter_text, not_before, since_of
from server.ui.rendering import render
from server.ui.visit import Visit, refused

PAGE_SIZE = 50
"""How many artifacts a page has."""

TYPES = (
    "Model",
    "Dataset",
    "Metric",
    "ClassificationMetric",
    "SlicedClassificationMetric",
    "HTML",
    "Markdown",
    "Artifact",
)
"""The types that can be chosen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The filters of a page, as they stand in its address; empty ones are not set. `since` is an age, a date or a time."""

    type: str = ""
    name: str = ""
    uri: str = ""
    since: str = ""

    def query(self, **changed: Any) -> dict[str, Any]:
        """Return the query of this page with other values for some filters."""
        mine = {name: getattr(self, name) for name in self.__slots__}
        return mine | changed


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show a page of artifacts."""
    choice = Choice(**{name: visit.text(name) for name in Choice.__slots__})
    answer = await desk.ask(
        "ArtifactService.ListArtifacts",
        page_size=PAGE_SIZE,
        page_token=visit.text("page"),
        sort_by="created_at desc",
        filter=filter_text(_predicates(visit, choice)),
        skip_total_size=True,
    )
    return render(
        visit,
        "artifacts.html",
        artifacts=list(answer.artifacts),
        next_page=answer.next_page_token,
        choice=choice,
        types=TYPES,
        ages=AGES,
    )


def _predicates(visit: Visit, choice: Choice) -> list[Predicate]:
    predicates: list[Predicate] = []
    if choice.type not in ("", *TYPES):
        raise refused(f"there is no type {choice.type!r} of artifacts")
    if choice.type:
        predicates.append(equals("type", choice.type))
    predicates += [contains("name", word) for word in choice.name.split()]
    predicates += [contains("uri", word) for word in choice.uri.split()]
    if (created := since_of(visit, "since")) is not None:
        predicates.append(not_before("created_at", created))
    return predicates
