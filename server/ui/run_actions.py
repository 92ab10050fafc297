"""What can be done with runs on their pages: archive, unarchive, and delete after a confirmation. Forms post it to /runs.

Fields of a form: `run` (ids), `do` (archive, unarchive or delete), `confirmed` for a deletion that was asked back, and where to
go afterwards: `back`, the query of the list. The door refuses forms of other sites.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.ui.calls import Desk
from server.ui.list_filters import filter_text, one_of
from server.ui.rendering import redirect, render
from server.ui.visit import Refused, Visit, refused
from storage.record import record

RUNS_MAX = 200
"""How many runs one form may name."""


@record
class _Action:
    method: str
    done: str


_ACTIONS: Mapping[str, _Action] = MappingProxyType(
    {
        "archive": _Action("RunService.ArchiveRun", "archived"),
        "unarchive": _Action("RunService.UnarchiveRun", "unarchived"),
        "delete": _Action("RunService.DeleteRun", "deleted"),
    }
)


async def act(visit: Visit, desk: Desk) -> HttpResponse:
    """Do what a form says, and lead back to the list; a deletion is first asked back."""
    form = visit.form
    run_ids = list(dict.fromkeys(form.get("run", [])))
    action = _ACTIONS.get(form.get("do", [""])[0])
    if action is None:
        raise refused("the form does not say what to do: archive, unarchive or delete")
    if not run_ids:
        raise refused("no run is selected: go back and select some")
    if len(run_ids) > RUNS_MAX:
        raise refused(f"more than {RUNS_MAX} runs are selected")
    back = form.get("back", [""])[0]
    if action.done == "deleted" and not form.get("confirmed"):
        return await _ask_back(visit, desk, run_ids, back)
    count = await _all(desk, action, run_ids)
    query = {name: value for name, value in parse_qsl(back) if name not in ("page", "done")}
    return redirect(visit, visit.to("runs", **query, done=f"{action.done}.{count}"))


def sentence_of(done: str) -> str:
    """Return what to say of something that was done, as it stands in the address of the list; "" for nothing."""
    word, _, count = done.partition(".")
    if word not in {action.done for action in _ACTIONS.values()} or not (count.isascii() and count.isdigit()):
        return ""
    number = int(count[:9])
    return f"1 run was {word}." if number == 1 else f"{number} runs were {word}."


async def _all(desk: Desk, action: _Action, run_ids: list[str]) -> int:
    """Do it to every run, one after the other; one that is not there any more needs none of it. Returns how many there were."""
    count = 0
    for run_id in run_ids:
        try:
            await desk.ask(action.method, run_id=run_id)
            count += 1
        except Refused as error:
            if error.status.code == code_pb2.NOT_FOUND:
                continue
            status = error.status
            message = f"{count} of {len(run_ids)} runs were {action.done}, then one was refused: {status.message}"
            raise Refused(Status(status.code, status.reason, message)) from None
    return count


async def _ask_back(visit: Visit, desk: Desk, run_ids: list[str], back: str) -> HttpResponse:
    answer = await desk.ask(
        "OverviewService.ListRunSummaries", page_size=RUNS_MAX, filter=filter_text([one_of("run_id", run_ids)])
    )
    if not answer.runs:
        raise refused("none of these runs exists any more", code=code_pb2.NOT_FOUND, reason="NOT_FOUND")
    return render(visit, "delete_runs.html", runs=list(answer.runs), back=back)
