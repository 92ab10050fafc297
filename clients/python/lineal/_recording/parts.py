"""The items of bulk calls: a call that was refused as a whole is sent in parts, until it is known which item is at fault."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from lineal._calls import BY_NAME
from lineal._recording.batch import CREATE_ARTIFACTS, CREATE_LINKS, UPDATE_TASKS
from lineal._recording.lines import Call

_FIELDS = {CREATE_ARTIFACTS: "artifacts", CREATE_LINKS: "artifact_tasks", UPDATE_TASKS: "tasks"}


def request_of(call: Call) -> Any:
    """Return the request of a call. Raises ValueError for one that this version cannot read."""
    if call.name not in BY_NAME:
        raise ValueError(f"there is no method {call.name}")
    request = BY_NAME[call.name].request()
    try:
        request.ParseFromString(call.request)
    except Exception as error:  # noqa: BLE001 - protobuf's DecodeError is another class in each implementation
        raise ValueError(f"the request of {call.name} cannot be read: {error}") from None
    return request


def count_of(name: str, request: Any) -> int:
    """Return how many items a request has; 1 if it is no bulk call."""
    return len(getattr(request, _FIELDS[name])) if name in _FIELDS else 1


def items_of(name: str, request: Any) -> Sequence[Any]:
    """Return the items: requests for artifacts, links, or (task_id, task) in the order of their ids."""
    if name == UPDATE_TASKS:
        return sorted(request.tasks.items())
    return getattr(request, _FIELDS[name]) if name in _FIELDS else [request]


def part_of(name: str, request: Any, first: int, count: int) -> Any:
    """Return a request with so many of the items, from the first one on."""
    if count == count_of(name, request):
        return request
    items = items_of(name, request)[first : first + count]
    part: Message = type(request)()
    if name == UPDATE_TASKS:
        part.run_id, part.task_view = request.run_id, request.task_view  # type: ignore[attr-defined]
        for task_id, task in items:
            part.tasks[task_id].CopyFrom(task)  # type: ignore[attr-defined]
    else:
        getattr(part, _FIELDS[name]).extend(items)
    return part


def subject_of(name: str, item: Any) -> str:
    """Return the id of the run or task that an item is about; that of a new one is told by its key, not here."""
    if name == UPDATE_TASKS:
        return str(item[0])
    if name in (CREATE_LINKS, CREATE_ARTIFACTS):
        return str(item.task_id)
    return str(getattr(item, "task_id", "") or getattr(item, "run_id", ""))


def runs_of(name: str, request: Any) -> set[str]:
    """Return the ids of the runs to which the items of a request belong; that of a new run is not known to it."""
    if name == UPDATE_TASKS:
        return {request.run_id}
    return {str(item.run_id) for item in items_of(name, request) if hasattr(item, "run_id")} or {""}
