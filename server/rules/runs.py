"""The states of a run: which state follows from its ROOT task, which states are final, and their history."""

from server.rules.unusable import column
from storage.documents import histories
from storage.documents.enums import RUN_STATES
from storage.documents.histories import HistoryEntry
from storage.documents.plain import Plain
from storage.model import RunState, TaskState

FINISHED = {RunState.SUCCEEDED.name, RunState.SKIPPED.name, RunState.FAILED.name, RunState.CANCELED.name}
"""The states in which a run has a finish time."""

_FOLLOWS = {
    TaskState.RUNNING.value: RunState.RUNNING.name,
    TaskState.SUCCEEDED.value: RunState.SUCCEEDED.name,
    TaskState.CACHED.value: RunState.SUCCEEDED.name,
    TaskState.SKIPPED.value: RunState.SUCCEEDED.name,
    TaskState.FAILED.value: RunState.FAILED.name,
}


def after_root(run_state: str, root_state: int) -> str | None:
    """Return the state a run takes when its ROOT task changes to a state, None when it stays as it is."""
    followed = _FOLLOWS.get(root_state)
    if run_state == RunState.CANCELED.name or followed is None:
        return None
    if run_state == RunState.CANCELING.name:
        return RunState.CANCELED.name if followed in FINISHED else None
    return followed


def append_state(history: str, state: str, now: int, *, error: dict[str, Plain] | None = None) -> str:
    """Return a run's stored history with {now, state} at its end, unless that is the state of the last entry.

    `error` is a google.rpc.Status in protobuf's JSON form. Raises UnusableValue for a history that grew too large.
    """
    entry = HistoryEntry(RUN_STATES.number_of(state), now, error)
    longer = histories.append(history, entry, states=RUN_STATES)
    return history if longer is None or longer is history else column(longer, "run.state_history")
