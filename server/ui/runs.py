"""The list of runs: filters that stand in the address, pages, and what can be done with the runs that are selected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.calls.http_calls import HttpResponse
from server.ui import run_actions
from server.ui.calls import Desk
from server.ui.filters import UNFINISHED
from server.ui.list_filters import (
    AGES,
    NAMES_MAX,
    Predicate,
    equals,
    filter_text,
    not_before,
    one_of,
    since_of,
)
from server.ui.rendering import render
from server.ui.visit import Visit, refused

PAGE_SIZE = 40
"""How many runs a page has."""

STATES = ("RUNNING", "FAILED", "SUCCEEDED", "CANCELED", "PENDING", "CANCELING", "PAUSED", "SKIPPED")
"""The states that can be chosen."""

ARCHIVED = (("", "Not archived"), ("only", "Archived"), ("all", "Both"))
"""Values of the filter for archived runs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The filters of a page, as they stand in its address; empty ones are not set. Both times are ages, dates or times."""

    state: str = ""
    pipeline: str = ""
    experiment: str = ""
    since: str = ""
    ended: str = ""
    archived: str = ""

    def query(self, **changed: str) -> dict[str, str]:
        """Return the query of this page with other values for some filters."""
        mine = {name: getattr(self, name) for name in self.__slots__}
        return mine | changed


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show a page of runs; a form that was sent does what it says, and leads back here."""
    if visit.is_post:
        return await run_actions.act(visit, desk)
    choice, created, ended = _choice(visit)
    answer = await desk.ask(
        "OverviewService.ListRunSummaries",
        page_size=PAGE_SIZE,
        page_token=visit.text("page"),
        sort_by="created_at desc",
        filter=filter_text(_predicates(choice, created, ended)),
    )
    pipelines = await desk.ask(
        "PipelineService.ListPipelines", page_size=NAMES_MAX, sort_by="created_at desc", skip_total_size=True
    )
    experiments = await desk.ask(
        "ExperimentService.ListExperiments",
        page_size=NAMES_MAX,
        sort_by="last_run_created_at desc",
        skip_total_size=True,
    )
    runs = list(answer.runs)
    return render(
        visit,
        "runs.html",
        runs=runs,
        next_page=answer.next_page_token,
        choice=choice,
        states=STATES,
        ages=AGES,
        archived_values=ARCHIVED,
        pipelines=_options(
            [(each.pipeline_id, each.display_name or each.name) for each in pipelines.pipelines],
            choice.pipeline,
            [(run.pipeline_id, run.pipeline_name) for run in runs],
        ),
        experiments=_options(
            [(each.experiment_id, each.display_name) for each in experiments.experiments],
            choice.experiment,
            [(run.experiment_id, run.experiment_name) for run in runs],
        ),
        done=run_actions.sentence_of(visit.text("done")),
        watch=watch_address(visit, [run.run_id for run in runs if run.state in UNFINISHED]),
    )


def watch_address(visit: Visit, run_ids: Sequence[str]) -> str:
    """Return the address of the request whose answer changes when one of these runs does, "" if there are none."""
    if not run_ids:
        return ""
    return visit.to(
        "apis", "lineal", "v1", "runs", page_size=len(run_ids), filter=filter_text([one_of("run_id", run_ids)])
    )


def _choice(visit: Visit) -> tuple[Choice, datetime | None, datetime | None]:
    choice = Choice(**{name: visit.text(name) for name in Choice.__slots__})
    if choice.state not in ("", *STATES):
        raise refused(f"there is no state {choice.state!r} of runs")
    if choice.archived not in dict(ARCHIVED):
        raise refused("archived is one of: only, all")
    return choice, since_of(visit, "since"), since_of(visit, "ended")


def _predicates(choice: Choice, created: datetime | None, ended: datetime | None) -> list[Predicate]:
    predicates: list[Predicate] = []
    if choice.state:
        predicates.append(equals("state", choice.state))
    if choice.pipeline:
        predicates.append(equals("pipeline_id", choice.pipeline))
    if choice.experiment:
        predicates.append(equals("experiment_id", choice.experiment))
    if created is not None:
        predicates.append(not_before("created_at", created))
    if ended is not None:
        predicates.append(not_before("finished_at", ended))
    if choice.archived != "all":
        predicates.append(equals("storage_state", "ARCHIVED" if choice.archived else "AVAILABLE"))
    return predicates


def _options(listed: list[tuple[str, str]], chosen: str, shown: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return what can be chosen, sorted by name: also what is chosen, though it may not be among the latest ones."""
    names = dict(listed)
    if chosen and chosen not in names:
        names[chosen] = next((name for id, name in shown if id == chosen and name), chosen)
    return sorted(names.items(), key=lambda entry: (entry[1].casefold(), entry[0]))
