"""The front page: what happened lately, and what needs a look; in an empty store how to fill it."""

from pathlib import Path
from typing import Any

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.filters import UNFINISHED
from server.ui.reach import reach_of
from server.ui.rendering import render
from server.ui.runs import watch_address
from server.ui.visit import Visit

LATEST = 15
"""How many of the latest runs are shown."""

QUIET_MAX = 10
"""How many of the quiet runs are shown."""

_CHECKOUT = Path(__file__).parents[2]
"""Where the program is, if it was not installed from a wheel."""

_EXAMPLE, _PROGRAMS = "examples/first_run.py", ".venv/bin/"


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show the overview of the store."""
    overview = await desk.ask("OverviewService.GetOverview", latest=LATEST)
    if not overview.states:
        return _empty(visit, desk)
    latest, quiet = list(overview.latest), list(overview.quiet)
    shown = {run.run_id: run for run in (*latest, *quiet[:QUIET_MAX])}
    return render(
        visit,
        "home.html",
        sentence=_sentence(overview),
        overview=overview,
        latest=latest,
        quiet=quiet,
        quiet_max=QUIET_MAX,
        watch=watch_address(visit, [id for id, run in shown.items() if run.state in UNFINISHED]),
    )


def _empty(visit: Visit, desk: Desk) -> HttpResponse:
    """Return the page of an empty store, whose commands work as they are printed: in a checkout from its folder."""
    return render(
        visit,
        "empty_store.html",
        reach=reach_of(visit, desk.facts),
        store=desk.facts.store,
        example=_EXAMPLE if (_CHECKOUT / _EXAMPLE).is_file() else "",
        programs=_PROGRAMS if (_CHECKOUT / _PROGRAMS / "lineal-server").is_file() else "",
    )


def _sentence(overview: Any) -> str:
    """Return what a visitor should know first."""
    failed, running, quiet = overview.failed_lately, overview.running, len(overview.quiet)
    parts = [
        f"{_runs(failed)} failed in the last 24 hours" if failed.count else "No run failed in the last 24 hours",
        f"{_runs(running)} running now" if running.count else "none is running now",
    ]
    if quiet:
        parts.append(f"{quiet if quiet < 100 else 'at least 100'} of them said nothing for an hour")
    return ", ".join(parts) + "."


def _runs(count: Any) -> str:
    number = f"more than {count.count}" if count.more else str(count.count)
    return f"{number} run" if number == "1" else f"{number} runs"
