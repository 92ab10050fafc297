"""How the running tasks of a run end with it, when nobody reports their own ends: they become FAILED and say why.

Never SKIPPED or SUCCEEDED: RetryRun starts FAILED tasks again. Whoever ends a run calls this, with the run and all its tasks locked.
"""

from server.rules.tasks import append_state
from storage.contract import WriteTx
from storage.documents import histories
from storage.documents.enums import TASK_STATES
from storage.documents.histories import HistoryEntry
from storage.documents.tasks import StatusMetadata
from storage.model import CommonEnd, RunningTask, TaskEnd, TaskState
from storage.slices import in_slices

CANCELED = "the run was canceled before this task reported its end"
ABANDONED = "the run was given up, because nothing was reported for too long"

_STATE = TaskState.FAILED.value


async def end_running(tx: WriteTx, run_id: str, *, why: str, now: int) -> bool:
    """End all running tasks of a run; return whether there were any. `why` becomes their message."""
    running_tasks = await tx.tasks.running(run_id)
    if not running_tasks:
        return False
    ends: list[TaskEnd] = []

    def add(task: RunningTask) -> None:
        end = _end_of_its_own(task, why, now)
        if end is not None:
            ends.append(end)

    await in_slices(running_tasks, add)
    await tx.tasks.end(ends)
    if len(ends) < len(running_tasks):
        entry = histories.entry_text(HistoryEntry(_STATE, now), TASK_STATES)
        message = StatusMetadata(why).to_text()
        await tx.tasks.end_running(run_id, CommonEnd(_STATE, now, entry, message))
    return True


def _end_of_its_own(task: RunningTask, why: str, now: int) -> TaskEnd | None:
    """Return how a task ends that cannot end as the others do, or None.

    Such a task has properties that must not be lost, or its history ends later than now.
    """
    metadata = StatusMetadata.from_text(task.status_metadata) or StatusMetadata()
    moment = histories.not_before(task.state_history, now)
    if moment == now and not metadata.custom_properties:
        return None
    return TaskEnd(
        id=task.id,
        updated_at=now,
        state=_STATE,
        finished_at=moment,
        state_history=append_state(task.state_history, _STATE, moment),
        status_metadata=StatusMetadata(why, metadata.custom_properties).to_text(),
    )
